package gossip

import (
	"math/bits"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/ring"
)

// believe takes over what is said of a member, if it is to be believed rather than what is believed so far.
func (c *Core) believe(u Update) {
	if !u.valid() {
		return
	}
	if u.ID == c.self.ID {
		c.contradict(&u.Member)
		return
	}
	at, known := c.find(u.ID)
	switch {
	case !known && (u.State >= Dead || len(c.peers) >= c.opts.Most):
		return // who is gone and forgotten stays so
	case !known:
		p := &peer{Member: u.Member, by: u.By}
		c.peers = slices.Insert(c.peers, at, p)
		c.order = slices.Insert(c.order, c.turn+c.opts.Rand.IntN(len(c.order)-c.turn+1), u.ID)
		c.become(p, Unknown, u.By)
	case u.overrides(&c.peers[at].Member):
		p, was := c.peers[at], c.peers[at].State
		p.Member = u.Member
		c.become(p, was, u.By)
	case u.State == Suspect && c.peers[at].State == Suspect && u.Incarnation == c.peers[at].Incarnation:
		c.confirm(c.peers[at], u.By)
	}
}

// hear takes what a member says of another. Who is said to be dead is suspected, and those who say so share the suspicion:
// the halves of a partition that find each other again would else bury each other's members first.
func (c *Core) hear(u Update, from ring.ID) {
	if p := c.peer(u.ID); u.State == Dead && p != nil && p.State <= Suspect {
		u.State, u.By = Suspect, from
	}
	c.believe(u)
}

// contradict counts this member's incarnation on if something else is believed of it than it says.
func (c *Core) contradict(said *Member) {
	if !said.overrides(&c.self.Member) || said.Incarnation >= mostIncarnation {
		return
	}
	c.self.Incarnation = said.Incarnation + 1
	if said.State == Suspect {
		c.ail(1) // others heard no answer: it may be slow
	}
	c.spread(c.self)
}

// become begins what follows from a member's new state.
func (c *Core) become(p *peer, was State, by ring.ID) {
	p.doubts = doubts{}
	switch p.State {
	case Suspect:
		c.doubt(p, by)
	case Dead, Left:
		p.until = c.now.Add(c.opts.Grace)
	}
	c.spread(p)
	if was != p.State {
		c.out.Changes = append(c.out.Changes, Change{was, p.Member})
	}
}

// suspect says that a member did not answer.
func (c *Core) suspect(p *peer) {
	u := Update{Member: p.Member, By: c.self.ID}
	u.State = Suspect
	c.believe(u)
}

// doubts is a suspicion: since when, and who shares it.
//
// Invariant: by holds no one twice, and at most enough.
type doubts struct {
	from   nodes.Instant
	by     []ring.ID
	enough int           // so many more make it as short as it gets
	least  time.Duration // which is this
}

// slowest is how many times as long a suspicion lasts that nobody shares.
const slowest = 6

// shared is by how much of the difference, in thousandths, a suspicion is shorter when so many of enough share it:
// log(shared+1) / log(enough+1), from the Lifeguard paper.
var shared = [][]time.Duration{{1000}, {0, 1000}, {0, 631, 1000}, {0, 500, 792, 1000}}

func (d *doubts) until() nodes.Instant {
	most := d.least * slowest
	return d.from.Add(most - (most-d.least)/1000*shared[d.enough][len(d.by)])
}

// doubt begins a suspicion.
func (c *Core) doubt(p *peer, by ring.ID) {
	others := 0
	for _, o := range c.peers {
		if o.State == Alive {
			others++
		}
	}
	p.by = by
	p.doubts = doubts{from: c.now, enough: min(others, len(shared)-1),
		least: time.Duration(c.opts.Suspicion*digits(len(c.peers))) * c.opts.Interval}
	p.until = p.doubts.until()
}

// confirm counts one more who came to suspect a member by itself, and passes it on.
func (c *Core) confirm(p *peer, by ring.ID) {
	d := &p.doubts
	if by == p.by || len(d.by) >= d.enough || slices.Contains(d.by, by) {
		return
	}
	d.by = append(d.by, by)
	p.by, d.by[len(d.by)-1] = by, p.by // whom it was heard from first does not confirm itself
	p.until = d.until()
	c.spread(p)
}

// endSuspicions believes those to be dead who have not contradicted in time.
func (c *Core) endSuspicions() {
	for _, p := range c.peers {
		if p.State == Suspect && c.now >= p.until {
			u := Update{Member: p.Member}
			u.State = Dead
			c.believe(u)
		}
	}
}

// forget ends the memory of those who are gone for longer than the grace.
func (c *Core) forget() {
	c.peers = slices.DeleteFunc(c.peers, func(p *peer) bool {
		gone := p.State >= Dead && c.now >= p.until
		if gone {
			c.pending = slices.DeleteFunc(c.pending, func(o *peer) bool { return o == p })
			turn := slices.Index(c.order, p.ID)
			c.order = slices.Delete(c.order, turn, turn+1)
			if turn < c.turn {
				c.turn--
			}
			was := p.State
			p.State = Unknown
			c.out.Changes = append(c.out.Changes, Change{was, p.Member})
		}
		return gone
	})
}

// digits is the number of binary digits of a number of other members and this one: its logarithm, in whole numbers.
func digits(others int) int { return bits.Len(uint(others + 1)) }
