package raft

import "simrun/nodes"

// Match is up to where a leader knows a member's log to be durable and the same as its own; 0 of one it does not know.
func (c *Core) Match(id ID) uint64 {
	if id == c.opts.ID {
		return c.log.stable
	}
	if p := c.peer(id); p != nil && c.role == Leader {
		return p.match
	}
	return 0
}

// Heard says whether a member has answered this leader in its term, and within the last two election timeouts.
func (c *Core) Heard(id ID) bool {
	p := c.peer(id)
	return id == c.opts.ID || c.role == Leader && p != nil && p.round > 0 && c.now.Sub(p.heard) <= 2*c.opts.Election
}

// Campaign asks at once whether an election could be won, as if nothing had been heard for long. It does nothing to a
// leader, to a server without a vote, or where a leader's lease may rely on that this one votes for nobody yet; and it harms no
// leader that a majority hears of.
func (c *Core) Campaign(now nodes.Instant) {
	c.see(now)
	if c.role != Leader && (c.opts.Drift == 0 || !c.isSticky()) {
		c.campaign()
	}
}
