package ringkv

import (
	"encoding/binary"
	"fmt"
	"slices"

	"simrun/nodes"
	"simrun/nodes/ring"
	"simrun/nodes/ring/version"
)

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

// hint has what servers miss held for them: by servers that stand in for them with sloppy quorums, and that count. What nobody
// holds then, for nobody stands in or who does has not answered, this one does.
func (w *writing) hint(away []ring.ID) {
	s := w.server
	if w.quorum.sloppy && len(away) > 0 {
		away = w.hold(away, s.standIns(ring.Position(w.key)))
	}
	w.hold(away, slices.Repeat([]ring.ID{s.self.id}, len(away)))
}

// hold asks holders to hold what servers miss, each for one of them, and says for whom none does.
func (w *writing) hold(away, holders []ring.ID) (left []ring.ID) {
	s := w.server
	if len(away) == 0 || s.stopping {
		return nil
	}
	g := s.gather()
	defer g.end()
	asked := min(len(away), len(holders))
	e := []entry{{w.key, s.config.Versions.encode(w.lore)}}
	for i, id := range away[:asked] {
		if w.standsIn(holders[i]) {
			s.record.Reach(stoodInToWrite)
		}
		g.ask(holders[i], holdVerb, appendEntries(binary.AppendUvarint(nil, uint64(id)), e))
	}
	var took []ring.ID
	until := s.env.Mark().Add(s.config.Timeout / 2)
	for {
		r, any := g.next(until)
		if !any {
			break
		}
		if r.status != done {
			continue
		}
		took = append(took, r.from)
		if w.standsIn(r.from) {
			w.ack(r.from)
		}
	}
	for i, id := range away {
		if i >= asked || !slices.Contains(took, holders[i]) {
			left = append(left, id)
		}
	}
	return left
}

// standsIn says whether a hint that a server holds counts.
func (w *writing) standsIn(holder ring.ID) bool {
	return w.quorum.sloppy && !slices.Contains(w.owners, holder)
}
