package raft

import "simrun/nodes"

// transfer is a leadership that is to be handed over.
type transfer struct {
	to    ID            // nobody while it is zero
	until nodes.Instant // when it is given up
	asked bool          // the successor was asked to campaign
}

// Transfer hands leadership to a voter (§3.10): as soon as its log is whole it is asked to campaign at once. New
// proposals are refused meanwhile, for an election timeout at most. Errors: ErrNotLeader; ErrTransferring;
// ErrMembers if it has no vote.
func (c *Core) Transfer(now nodes.Instant, to ID) error {
	c.see(now)
	switch {
	case c.role != Leader:
		return ErrNotLeader
	case to == c.opts.ID:
		return nil
	case c.transfer.to != 0:
		return ErrTransferring
	case !find(c.members.Voters, to):
		return ErrMembers
	}
	c.transfer = transfer{to: to, until: c.now.Add(c.opts.Election)}
	c.handOver()
	return nil
}

// handOver asks the successor to campaign once it has all that there is.
func (c *Core) handOver() {
	p := c.peer(c.transfer.to)
	if p == nil {
		c.transfer.to = 0
		return
	}
	if p.match == c.log.last() {
		c.transfer.asked = true
		c.noLease = true // it may still win long after this transfer was given up
		c.sendNow(Message{Type: TimeoutNow, To: p.id})
		return
	}
	c.feed(p)
}

// handleTimeoutNow campaigns at once, and says that it was asked to.
func (c *Core) handleTimeoutNow(m *Message) {
	if c.role != Follower || c.leader != m.From || !c.members.Votes(c.opts.ID) {
		return
	}
	c.forced = true
	c.elect()
}
