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
	errDisk      = errors.New("the disk takes no writes")
)

// answers is what the servers that were asked for a key know of it.
type answers struct {
	lore  lore             // together
	known map[ring.ID]lore // what each of them does
	whole int              // how many count
}

// consult asks those who keep a key what they know of it, until so many have answered as are wanted.
//
// A server whose copies are not whole yet is no answer, unless all that keep the key have answered: then there is nothing that
// nobody has told. With sloppy quorums it counts, and servers that do not keep the key are asked in the place of those
// that cannot be reached.
func (s *server) consult(key []byte, wanted int, g *gathering) (a answers, err error) {
	position := ring.Position(key)
	owners := s.members.ring.Owners(position)
	a.known = map[ring.ID]lore{}
	v := s.config.Versions
	until := s.env.Mark().Add(s.config.Timeout)
	if wanted == 1 && slices.Contains(owners, s.self.id) && (s.marks.whole || s.config.Sloppy) {
		owners = []ring.ID{s.self.id} // nobody else has to be asked
	}
	var spare []ring.ID
	hedge := until
	for _, id := range owners {
		g.ask(id, getVerb, key)
	}
	if s.config.Sloppy {
		spare = s.standIns(position)
		hedge = s.env.Mark().Add(s.config.Timeout / 2)
	}
	heard := 0
	for a.whole < wanted && (heard < len(owners) || len(owners) < s.config.Copies || s.config.Sloppy) {
		if g.open+a.whole < wanted && len(spare) > 0 {
			s.record.Reach(stoodInToRead)
			g.ask(spare[0], getVerb, key)
			spare = spare[1:]
		}
		r, any := g.next(min(hedge, until))
		if !any {
			if len(spare) == 0 || s.env.Mark() >= until {
				break
			}
			hedge = until
			for range min(wanted-a.whole, len(spare)) {
				s.record.Reach(stoodInToRead)
				g.ask(spare[0], getVerb, key)
				spare = spare[1:]
			}
			continue
		}
		l, whole, err := s.told(&r)
		if err != nil {
			continue
		}
		a.lore = v.merge(a.lore, l)
		a.known[r.from] = l
		if slices.Contains(owners, r.from) {
			heard++
		}
		if whole || s.config.Sloppy {
			a.whole++
		}
	}
	if a.whole < wanted && (heard < len(owners) || len(owners) < s.config.Copies || heard < wanted) {
		s.record.Reach(noQuorum)
		return a, fmt.Errorf("%w: %d of %d", errNoQuorum, a.whole, wanted)
	}
	return a, s.observe(a.lore)
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
	a, err := s.consult(key, q.read, g)
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
	if !s.config.Sloppy {
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
	if failed {
		return lore{}, errDisk
	}
	w := &writing{server: s, key: c.key, lore: l, owners: owners, quorum: q}
	if here && (s.config.Sloppy || slices.Contains(owners, s.self.id)) {
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
	a, err := s.consult(c.key, q.read, g)
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
	if s.config.Sloppy && !w.acked {
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
	if s.config.Sloppy {
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
		if r.status == done && s.config.Sloppy && !slices.Contains(w.owners, r.from) {
			w.ack(r.from)
		}
	}
}
