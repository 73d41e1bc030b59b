package ringkv

import (
	"maps"
	"slices"

	"simrun/nodes"
	"simrun/nodes/ring"
)

// calls are what other servers were asked and have not answered.
//
// Invariant: pending has every call of a gathering that is open, and no other.
type calls struct {
	// last is the number of the latest. Each life begins somewhere else: an answer to a call of the one before may come yet.
	last    uint64
	pending map[uint64]*call
}

// call is something that a server was asked.
type call struct {
	gathering *gathering
	to        ring.ID
}

// reply is what it answered.
type reply struct {
	from   ring.ID
	status status
	body   []byte
}

// gathering is what several servers were asked, and what of it was answered so far.
type gathering struct {
	server  *server
	cond    nodes.Cond
	numbers []uint64
	open    int // calls without an answer
	replies []reply
	taken   int
}

func (s *server) gather() *gathering { return &gathering{server: s, cond: s.env.NewCond()} }

// ask asks a server. It never gives way. Who cannot be asked has lost it at once.
func (g *gathering) ask(to ring.ID, v verb, body []byte) {
	s := g.server
	g.open++
	if to == s.self.id {
		s.handle(v, s.self.id, body, func(st status, answer []byte) { g.take(reply{to, st, answer}) })
		return
	}
	s.calls.last++
	number := s.calls.last
	s.calls.pending[number] = &call{g, to}
	g.numbers = append(g.numbers, number)
	frame := append(appendEnvelope(nil, envelope{verb: v, number: number, from: s.self.id, to: to}), body...)
	if address := s.addressOf(to); address == "" || !s.link.Send(address, frame) {
		delete(s.calls.pending, number)
		g.take(reply{from: to, status: lost})
	}
}

func (g *gathering) take(r reply) {
	g.open--
	g.replies = append(g.replies, r)
	g.cond.Signal()
}

// next waits for the next answer until a time. There is none if all have answered, or the time is up.
func (g *gathering) next(until nodes.Instant) (r reply, any bool) {
	for g.taken == len(g.replies) {
		left := until.Sub(g.server.env.Mark())
		if g.open == 0 || left <= 0 || g.server.stopping {
			return reply{}, false
		}
		g.cond.WaitFor(left)
	}
	g.taken++
	return g.replies[g.taken-1], true
}

// end forgets what is not answered.
func (g *gathering) end() {
	for _, number := range g.numbers {
		delete(g.server.calls.pending, number)
	}
}

// fail ends all that is open.
func (c *calls) fail() {
	for _, number := range slices.Sorted(maps.Keys(c.pending)) {
		if k := c.pending[number]; k != nil {
			delete(c.pending, number)
			k.gathering.take(reply{from: k.to, status: lost})
		}
	}
}

// call asks one server, and waits for its answer.
func (s *server) call(to ring.ID, v verb, body []byte) ([]byte, bool) {
	g := s.gather()
	defer g.end()
	g.ask(to, v, body)
	r, any := g.next(s.env.Mark().Add(s.config.Timeout))
	return r.body, any && r.status == done
}

// receive takes a frame of another server.
func (s *server) receive(from string, payload []byte) {
	e, body, err := openEnvelope(payload)
	if err != nil {
		s.record.Reach(badFrame)
		s.env.Log().Warn("a frame cannot be read", "from", from, "err", err)
		return
	}
	if s.stopping {
		return
	}
	if e.verb == answerVerb {
		if c := s.calls.pending[e.number]; c != nil && c.to == e.from && e.to == s.self.id {
			delete(s.calls.pending, e.number)
			c.gathering.take(reply{e.from, e.status, body})
		}
		return
	}
	answer := func(st status, body []byte) {
		frame := append(appendEnvelope(nil, envelope{answerVerb, e.number, s.self.id, e.from, st}), body...)
		s.link.Send(from, frame)
	}
	if e.to != s.self.id {
		answer(refused, []byte("another is here now"))
		return
	}
	if s.env.Point(slowReply) {
		s.env.AfterFunc(lulls.Pick(s.env.Rand()), func() {
			if !s.stopping {
				s.handle(e.verb, e.from, body, answer)
			}
		})
		return
	}
	s.handle(e.verb, e.from, body, answer)
}
