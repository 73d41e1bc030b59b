package ringkv

import (
	"errors"
	"fmt"
	"slices"

	"simrun/nodes/ring"
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
