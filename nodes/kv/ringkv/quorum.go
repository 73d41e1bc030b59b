package ringkv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"simrun/nodes"
	"simrun/nodes/ring"
	"simrun/nodes/ring/version"
)

// Errors of commands. What fails with another than errUncertain was not done.
var (
	errNoQuorum  = errors.New("not enough servers that keep the key can be reached")
	errUncertain = errors.New("fewer servers than wanted have taken the write; it may be seen, or not")
	errNoMemory  = errors.New("no memory")
)

// answers is what the servers that were asked for a key know of it.
type answers struct {
	lore    lore             // together
	known   map[ring.ID]lore // what each of them does
	whole   int              // how many of them had whole copies
	keepers int              // how many of them keep the key
}

// consultation is what becomes of asking those who keep a key what they know of it.
//
// A server whose copies are not whole yet is no answer, unless all that keep the key have answered: then there is nothing that
// nobody has told. With sloppy quorums it is one when no better comes, and servers that do not keep the key are asked in
// the place of those that cannot be reached.
type consultation struct {
	answers
	server *server
	key    []byte
	owners []ring.ID
	spare  []ring.ID // who stands in, and was not asked yet
	wanted int
	sloppy bool
	g      *gathering
}

// consult asks those who keep a key, until so many have answered as are wanted.
func (s *server) consult(key []byte, q quorum, g *gathering) (answers, error) {
	position := ring.Position(key)
	c := &consultation{server: s, key: key, owners: s.members.ring.Owners(position), wanted: q.read, sloppy: q.sloppy, g: g}
	c.known = map[ring.ID]lore{}
	if q.read == 1 && s.marks.whole && slices.Contains(c.owners, s.self.id) {
		c.owners = []ring.ID{s.self.id} // nobody else has to be asked
	}
	for _, id := range c.owners {
		g.ask(id, getVerb, key)
	}
	if c.sloppy {
		c.spare = s.standIns(position)
	}
	c.await()
	if !c.enough() {
		s.record.Reach(noQuorum)
		return c.answers, fmt.Errorf("%w: %d of %d", errNoQuorum, c.whole, c.wanted)
	}
	return c.answers, s.observe(c.lore)
}

// await takes answers until there are enough, or no more are to be had.
func (c *consultation) await() {
	s := c.server
	until := s.env.Mark().Add(s.config.Timeout)
	hedge := until
	if c.sloppy {
		hedge = s.env.Mark().Add(s.config.Timeout / 2)
	}
	if len(c.spare) > 0 && s.env.Point(hastyStandIn) {
		c.askSpare()
	}
	for c.whole < c.wanted && !c.complete() {
		for c.g.open+c.whole < c.wanted && len(c.spare) > 0 {
			c.askSpare()
		}
		r, any := c.g.next(min(hedge, until))
		switch {
		case any:
			c.take(&r)
		case hedge == until || c.g.open == 0 && len(c.spare) == 0 || c.sloppy && len(c.known) >= c.wanted:
			return
		default:
			hedge = until
			for range min(c.wanted-c.whole, len(c.spare)) {
				c.askSpare()
			}
		}
	}
}

func (c *consultation) askSpare() {
	c.server.record.Reach(stoodInToRead)
	c.g.ask(c.spare[0], getVerb, c.key)
	c.spare = c.spare[1:]
}

func (c *consultation) take(r *reply) {
	l, whole, err := c.server.told(r)
	if err != nil {
		return
	}
	c.lore = c.server.config.Versions.merge(c.lore, l)
	c.known[r.from] = l
	if slices.Contains(c.owners, r.from) {
		c.keepers++
	}
	if whole {
		c.whole++
	}
}

// complete says whether all who keep the key have answered, and the ring has as many as it is to have.
func (c *consultation) complete() bool {
	return c.keepers == len(c.owners) && c.keepers >= max(c.wanted, min(c.server.config.Copies, len(c.server.members.seeds)))
}

func (c *consultation) enough() bool {
	return c.whole >= c.wanted || c.complete() || c.sloppy && len(c.known) >= c.wanted
}

// told reads what a server answered.
func (s *server) told(r *reply) (l lore, whole bool, err error) {
	if r.status != done || len(r.body) == 0 {
		return l, false, errNoQuorum
	}
	l, err = s.config.Versions.decode(r.body[1:])
	return l, r.body[0] == 1, err
}

// standIns are those who stand in for who keeps a key, in their order, less those that cannot be reached.
func (s *server) standIns(position uint64) (ids []ring.ID) {
	for _, id := range s.members.ring.Fallbacks(position) {
		if s.reachable(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// read is what so many servers know of a key. Those of them that know less are told, before the answer if reads write back, and
// else after it.
func (s *server) read(key []byte, q quorum) (lore, error) {
	g := s.gather()
	a, err := s.consult(key, q, g)
	if err != nil {
		g.end()
		return lore{}, err
	}
	if s.config.WriteBack {
		err := s.writeBack(key, a, q)
		g.end()
		return a.lore, err
	}
	if g.open > 0 || len(a.known) > 1 {
		s.env.Go("read repair", func() { s.repair(key, a, g) })
	} else {
		g.end()
	}
	return a.lore, nil
}

// writeBack has what a read returns be on so many copies as a write has, before anybody sees it: so whoever reads later sees it
// too (Attiya, Bar-Noy & Dolev, "Sharing Memory Robustly in Message-Passing Systems", 1995).
func (s *server) writeBack(key []byte, a answers, q quorum) error {
	v := s.config.Versions
	if v.isNothing(a.lore) {
		return nil
	}
	have := 0
	g := s.gather()
	defer g.end()
	body := appendEntries(nil, []entry{{key, v.encode(a.lore)}})
	for _, id := range s.members.ring.Owners(ring.Position(key)) {
		if l, asked := a.known[id]; asked && v.covers(l, a.lore) {
			have++
			continue
		}
		g.ask(id, putVerb, body)
	}
	s.record.Sometimes(wroteBack, have < q.write)
	until := s.env.Mark().Add(s.config.Timeout)
	for have < q.write {
		r, any := g.next(until)
		if !any {
			return fmt.Errorf("%w to write back", errNoQuorum)
		}
		if r.status == done {
			have++
		}
	}
	return nil
}

// repair tells those who keep a key, and answer late or know less, what all know together.
func (s *server) repair(key []byte, a answers, g *gathering) {
	v := s.config.Versions
	until := s.env.Mark().Add(s.config.Timeout)
	for {
		r, any := g.next(until)
		if !any {
			break
		}
		if l, _, err := s.told(&r); err == nil && s.observe(l) == nil {
			a.lore, a.known[r.from] = v.merge(a.lore, l), l
		}
	}
	g.end()
	if v.isNothing(a.lore) || s.stopping {
		return
	}
	g = s.gather()
	body := appendEntries(nil, []entry{{key, v.encode(a.lore)}})
	for _, id := range s.members.ring.Owners(ring.Position(key)) {
		if l, heard := a.known[id]; heard && !v.covers(l, a.lore) {
			s.record.Reach(readRepaired)
			g.ask(id, putVerb, body)
		}
	}
	until = s.env.Mark().Add(s.config.Timeout)
	for {
		if _, any := g.next(until); !any {
			break
		}
	}
	g.end()
}

// change is what a client wants of a key.
type change struct {
	key     []byte
	deleted bool
	value   []byte
	seen    *lore // what it says it has seen; nil if it does not say
}

// write changes a key. The turn is given back once the write has its version, so that those after it have later ones.
func (s *server) write(c change, q quorum, giveTurn func()) (lore, error) {
	defer giveTurn()
	owners := s.members.ring.Owners(ring.Position(c.key))
	if !q.sloppy {
		there := 0
		for _, id := range owners {
			if s.reachable(id) {
				there++
			}
		}
		if there < q.write {
			s.record.Reach(noQuorum)
			return lore{}, fmt.Errorf("%w: %d of %d", errNoQuorum, there, q.write)
		}
	}
	seen, err := s.context(&c, q)
	if err != nil {
		return lore{}, err
	}
	if s.full() && !c.deleted {
		s.record.Reach(memoryFull)
		return lore{}, errNoMemory
	}
	here := s.config.Versions == Vector || slices.Contains(owners, s.self.id) // the dots of vectors have to be on a disk
	l, err := s.compose(&c, seen, here)
	if err != nil {
		return lore{}, err
	}
	saved := s.env.NewCond()
	over, failed := false, false
	finish := func(err error) {
		over, failed = true, err != nil
		saved.Broadcast()
	}
	if here {
		s.save(s.shelf.find(c.key), finish)
	} else { // the stamp has to be on a disk
		_, s.marks.floor, _ = s.config.Versions.newest(l)
		s.append(appendNotes(nil, s.marks), finish)
	}
	s.tell()
	giveTurn()
	for !over {
		if err := saved.Wait(); err != nil {
			return lore{}, errUncertain
		}
	}
	if failed { // it is here all the same, and goes to the disk once that has room again
		return lore{}, fmt.Errorf("%w: the disk takes no writes", errUncertain)
	}
	w := &writing{server: s, key: c.key, lore: l, owners: owners, quorum: q}
	if here && (q.sloppy || slices.Contains(owners, s.self.id)) {
		w.has = []ring.ID{s.self.id}
	}
	return l, w.run()
}

// context is what a write replaces: what its client says it has seen, else what so many servers know as a read asks. Where the
// last write wins by wall clocks nobody asks.
func (s *server) context(c *change, q quorum) (lore, error) {
	switch {
	case c.seen != nil:
		return *c.seen, s.observe(*c.seen)
	case s.config.Versions == LastWriteWins:
		return lore{}, nil
	}
	g := s.gather()
	defer g.end()
	a, err := s.consult(c.key, q, g)
	return a.lore, err
}

// compose makes the lore of a write, and makes it this server's copy if it is to have one.
func (s *server) compose(c *change, seen lore, here bool) (lore, error) {
	now := s.env.Now()
	if s.config.Versions != Vector {
		at := version.AtWall(now)
		if s.config.Versions == Hybrid {
			at = s.clock.Now(now)
		}
		l := lore{cell: version.Cell{At: at, By: s.self.id, Deleted: c.deleted, Value: c.value}}
		if here {
			it, _ := s.learn(c.key, l)
			l = s.shelf.read(it)
		}
		return l, nil
	}
	mine := version.Copy{}
	if it := s.shelf.find(c.key); it != nil {
		mine = version.Copy{Set: s.shelf.read(it).set, Epoch: it.epoch}
	}
	mine.Receive(s.self.id, seen.set, limits)
	fresh := mine.Epoch
	if fresh == 0 {
		fresh = s.freshEpoch()
	}
	_, err := mine.Write(version.Write{Node: s.self.id, Fresh: fresh, Context: seen.set.Seen, At: s.clock.Now(now), Deleted: c.deleted, Value: c.value}, limits)
	if err != nil {
		return lore{}, err
	}
	return s.shelf.read(s.shelf.put(c.key, lore{set: mine.Set}, mine.Epoch)), nil
}

// writing is a write that has its version, on its way to those who keep the key.
type writing struct {
	server *server
	key    []byte
	lore   lore
	owners []ring.ID
	quorum quorum

	has    []ring.ID // who has it, each once: as many as there are copies
	acked  bool
	result nodes.Cond
	over   bool
	err    error
}

// run sends the write, and says when as many have it as are wanted. It goes on after that until nobody is left to be told, or
// hints are held for them.
func (w *writing) run() error {
	s := w.server
	w.result = s.env.NewCond()
	s.env.Go("write", w.spread)
	for !w.acked && !w.over {
		if w.result.Wait() != nil {
			return errUncertain
		}
	}
	if w.acked {
		return nil
	}
	s.record.Reach(uncertain)
	return fmt.Errorf("%w: %d of %d", errUncertain, len(w.has), w.quorum.write)
}

func (w *writing) ack(from ring.ID) {
	if !slices.Contains(w.has, from) {
		w.has = append(w.has, from)
	}
	w.look()
}

func (w *writing) look() {
	if len(w.has) >= w.quorum.write && !w.acked {
		w.acked = true
		w.result.Signal()
	}
}

// spread tells everybody who keeps the key, and then sees to it that those who did not hear will.
func (w *writing) spread() {
	s := w.server
	g := s.gather()
	body := appendEntries(nil, []entry{{w.key, s.config.Versions.encode(w.lore)}})
	w.look()
	var away []ring.ID
	for _, id := range w.owners {
		switch {
		case id == s.self.id:
		case !s.reachable(id):
			away = append(away, id)
		default:
			g.ask(id, putVerb, body)
		}
	}
	until := s.env.Mark().Add(s.config.Timeout)
	if w.quorum.sloppy && !w.acked {
		until = s.env.Mark().Add(s.config.Timeout / 2)
	}
	for {
		r, any := g.next(until)
		if !any {
			break
		}
		if r.status == done {
			w.ack(r.from)
		}
	}
	g.end()
	for _, id := range w.owners {
		if id != s.self.id && !slices.Contains(w.has, id) && !slices.Contains(away, id) {
			away = append(away, id)
		}
	}
	w.hint(away)
	w.over = true
	w.result.Signal()
}

// hint has what servers miss held for them: by servers that stand in for them with sloppy quorums, and that count, else by
// this one.
func (w *writing) hint(away []ring.ID) {
	s := w.server
	if len(away) == 0 || s.stopping {
		return
	}
	var spare []ring.ID
	if w.quorum.sloppy {
		spare = s.standIns(ring.Position(w.key))
	}
	g := s.gather()
	defer g.end()
	e := []entry{{w.key, s.config.Versions.encode(w.lore)}}
	for _, id := range away {
		holder := s.self.id
		if len(spare) > 0 {
			holder, spare = spare[0], spare[1:]
			s.record.Reach(stoodInToWrite)
		}
		g.ask(holder, holdVerb, appendEntries(binary.AppendUvarint(nil, uint64(id)), e))
	}
	until := s.env.Mark().Add(s.config.Timeout / 2)
	for {
		r, any := g.next(until)
		if !any {
			return
		}
		if r.status == done && w.quorum.sloppy && !slices.Contains(w.owners, r.from) {
			w.ack(r.from)
		}
	}
}
