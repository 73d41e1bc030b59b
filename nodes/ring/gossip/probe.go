package gossip

import (
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/ring"
)

// probe is the ping of this interval.
type probe struct {
	open     bool // it is not acknowledged yet
	target   ring.ID
	seq      uint64
	asked    int  // how many were asked to ping in this member's place
	nacks    int  // how many of them have told that they got no answer
	indirect bool // they were
	ask, end nodes.Instant
}

func (p *probe) due() nodes.Instant {
	if p.open && !p.indirect {
		return min(p.ask, p.end)
	}
	return p.end
}

// mostHealth is the slowest that a member gets: nine times.
const mostHealth = 8

// ail makes the member slower, or faster again: the less it trusts in its own ears, the longer it listens.
func (c *Core) ail(by int) { c.health = min(max(c.health+by, 0), mostHealth) }

// goOn does what the probe of this interval wants, or begins that of the next.
func (c *Core) goOn() {
	p := &c.probe
	if c.now >= p.end {
		c.endProbe()
		c.beginProbe()
	} else if p.open && !p.indirect && c.now >= p.ask {
		c.askOthers()
	}
}

func (c *Core) beginProbe() {
	slow := time.Duration(1 + c.health)
	c.probe = probe{ask: c.now.Add(c.opts.Timeout * slow), end: c.now.Add(c.opts.Interval * slow)}
	target := c.nextTarget()
	if target == nil {
		return
	}
	c.seq++
	c.probe.open, c.probe.target, c.probe.seq = true, target.ID, c.seq
	c.send(target, Message{Type: Ping, Seq: c.seq})
}

// nextTarget is who has its turn: everybody once in a round, and each round in another order (SWIM, §4.3).
func (c *Core) nextTarget() *peer {
	for range 2 {
		for c.turn < len(c.order) {
			p := c.peer(c.order[c.turn])
			c.turn++
			if p.State <= Suspect {
				return p
			}
		}
		c.turn = 0
		c.opts.Rand.Shuffle(len(c.order), func(i, j int) { c.order[i], c.order[j] = c.order[j], c.order[i] })
	}
	return nil
}

// askOthers has the target pinged by others, lest it be only the way there that is broken.
func (c *Core) askOthers() {
	c.probe.indirect = true
	for _, p := range c.some(c.opts.Relays, c.probe.target) {
		c.probe.asked++
		c.send(p, Message{Type: Ask, Seq: c.probe.seq, Target: c.probe.target})
	}
}

func (c *Core) endProbe() {
	p := &c.probe
	if !p.open {
		return
	}
	if p.asked == 0 {
		c.ail(1)
	} else {
		c.ail(p.asked - p.nacks) // who was asked and says nothing at all may not be heard for this member's fault
	}
	if target := c.peer(p.target); target != nil && target.State == Alive {
		c.suspect(target)
	} else if target != nil && target.State == Suspect {
		c.confirm(target, c.self.ID)
	}
}

func (c *Core) handleAck(seq uint64) {
	if c.probe.open && seq == c.probe.seq {
		c.probe.open = false
		c.ail(-1)
	}
	for i, r := range c.relays {
		if r.seq == seq {
			c.relays = slices.Delete(c.relays, i, i+1)
			if p := c.peer(r.asker); p != nil {
				c.send(p, Message{Type: Ack, Seq: r.theirs})
			}
			return
		}
	}
}

func (c *Core) handleNack(seq uint64) {
	if c.probe.open && seq == c.probe.seq && c.probe.nacks < c.probe.asked {
		c.probe.nacks++
	}
}

// relay is a ping in another's place.
type relay struct {
	asker  ring.ID
	theirs uint64 // the number by which the asker knows it
	seq    uint64
	until  nodes.Instant
}

// mostRelays bounds what others can make a member remember.
const mostRelays = 64

// handleAsk pings a member that this one knows itself; so nobody can be made to send to an address of somebody's choice.
func (c *Core) handleAsk(m *Message) {
	target := c.peer(m.Target)
	if target == nil || c.peer(m.From.ID) == nil || len(c.relays) >= mostRelays {
		return
	}
	c.seq++
	c.relays = append(c.relays, relay{m.From.ID, m.Seq, c.seq, c.now.Add(c.opts.Timeout)})
	c.send(target, Message{Type: Ping, Seq: c.seq})
}

// endRelays tells askers that no answer came.
func (c *Core) endRelays() {
	for len(c.relays) > 0 && c.now >= c.relays[0].until {
		if p := c.peer(c.relays[0].asker); p != nil {
			c.send(p, Message{Type: Nack, Seq: c.relays[0].theirs})
		}
		c.relays = slices.Delete(c.relays, 0, 1)
	}
}

// some are so many members that are believed to run, drawn, without one.
func (c *Core) some(n int, without ring.ID) []*peer {
	var among []*peer
	for _, p := range c.peers {
		if p.State <= Suspect && p.ID != without {
			among = append(among, p)
		}
	}
	n = min(n, len(among))
	for i := range n {
		k := i + c.opts.Rand.IntN(len(among)-i)
		among[i], among[k] = among[k], among[i]
	}
	return among[:n]
}
