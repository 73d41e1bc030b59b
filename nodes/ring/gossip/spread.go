package gossip

import (
	"cmp"
	"math"
	"slices"
	"time"

	"simrun/nodes/ring"
)

// spread has what is believed of a member passed on from now on.
func (c *Core) spread(p *peer) {
	c.news++
	p.told, p.news = 0, c.news
	if !slices.Contains(c.pending, p) {
		c.pending = append(c.pending, p)
	}
}

// send says something to a member. Who is believed to be anything but alive is told so first.
func (c *Core) send(to *peer, m Message) {
	m.To, m.Address = to.ID, to.Address
	if to.State != Alive && m.Type != Sync {
		m.Updates = append(m.Updates, to.update())
	}
	c.post(m)
}

// reply says something to whoever sent a message, wherever it is now. If more is believed of it than it says, it is told.
func (c *Core) reply(to *Message, m Message) {
	m.To, m.Address = to.From.ID, to.From.Address
	if p := c.peer(to.From.ID); p != nil && p.overrides(&to.From) {
		m.Updates = append(m.Updates, p.update())
	}
	c.post(m)
}

// post lets a message go, with as much besides as it has room for: first what was passed on least, of that the newest.
func (c *Core) post(m Message) {
	m.From = c.self.Member
	if m.Type != Sync && m.Type != SyncReply { // those are full as it is
		room := c.room()
		for i := range m.Updates {
			room -= sizeOf(&m.Updates[i])
		}
		c.ride(&m, room)
	}
	c.out.Send = append(c.out.Send, m)
}

func (c *Core) ride(m *Message, room int) {
	slices.SortFunc(c.pending, func(a, b *peer) int {
		return cmp.Or(cmp.Compare(a.told, b.told), -cmp.Compare(a.news, b.news))
	})
	often := c.opts.Spread * digits(len(c.peers))
	for _, p := range c.pending {
		u := p.update()
		size := sizeOf(&u)
		if size > room {
			break
		}
		if p != c.self && p.ID != m.To { // these are in the message already
			room -= size
			m.Updates = append(m.Updates, u)
		}
		p.told++
	}
	c.pending = slices.DeleteFunc(c.pending, func(p *peer) bool { return p.told >= often })
}

func (p *peer) update() Update {
	u := Update{Member: p.Member}
	if p.State == Suspect {
		u.By = p.by
	}
	return u
}

// room is how much of a message is for updates.
func (c *Core) room() int {
	return c.opts.MessageBytes - headBytes - sizeOf(&Update{Member: c.self.Member})
}

// sizeOf is how many bytes an update takes.
func sizeOf(u *Update) int {
	var scratch [2*MaxAddress + MaxSite]byte
	return len(appendUpdate(scratch[:0], u))
}

// everybody is the end of the last page.
const everybody = ring.ID(math.MaxUint64)

// sync compares all with a member, and with somebody to whom contact was lost, if there is anybody.
func (c *Core) sync() {
	// Before it has joined a member has nobody else to ask, so it does not wait that long.
	every := c.opts.Interval
	for _, p := range c.some(1, 0) {
		every = c.opts.Interval * time.Duration(c.opts.SyncEvery)
		c.send(p, c.page(0))
	}
	c.syncAt = c.now.Add(every)
	c.syncLost()
}

// syncLost tries a member that is believed dead, or a seed at whose address nobody is known to be alive.
func (c *Core) syncLost() {
	var dead []*peer
	for _, p := range c.peers {
		if p.State == Dead {
			dead = append(dead, p)
		}
	}
	choice := c.opts.Rand.IntN(len(dead) + 1)
	if choice < len(dead) {
		c.send(dead[choice], c.page(0))
		return
	}
	for range c.opts.Seeds {
		address := c.opts.Seeds[c.seed%len(c.opts.Seeds)]
		c.seed++
		if address != c.self.Address && !c.hears(address) {
			m := c.page(0)
			m.Address = address
			c.post(m)
			return
		}
	}
}

// hears says whether somebody at an address is believed to be alive.
func (c *Core) hears(address string) bool {
	return slices.ContainsFunc(c.peers, func(p *peer) bool { return p.State == Alive && p.Address == address })
}

// page is what is believed of members after an ID, as many as fit.
func (c *Core) page(after ring.ID) Message {
	m := Message{Type: Sync, After: after, Through: everybody}
	room := c.room()
	for _, p := range c.peers {
		if p.ID <= after {
			continue
		}
		u := p.update()
		if room -= sizeOf(&u); room < 0 {
			m.Through = m.Updates[len(m.Updates)-1].ID
			break
		}
		m.Updates = append(m.Updates, u)
	}
	return m
}

func (c *Core) handleSync(m *Message) {
	mine := c.page(m.After)
	mine.Type = SyncReply
	mine.Through = min(mine.Through, m.Through)
	mine.To, mine.Address = m.From.ID, m.From.Address
	c.post(mine)
}

// handleSyncReply goes on with the next page, if there is one.
func (c *Core) handleSyncReply(m *Message) {
	if m.Through == everybody {
		return
	}
	next := c.page(m.Through)
	next.To, next.Address = m.From.ID, m.From.Address
	c.post(next)
}
