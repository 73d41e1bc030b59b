package raft

import (
	"time"

	"simrun/nodes"
)

// read is a question that waits for a majority to confirm that its leader still leads (§6.4).
type read struct {
	id, index, round uint64
}

// Read is a question that may be answered from the state machine once it has applied Index.
type Read struct{ ID, Index uint64 }

// Read asks, under an id of the caller's, from which index on the state machine answers linearizably. The answer
// comes in Output.Reads, or in Output.Refused if the server ceases to lead first. Reads that come before the next
// Output share a round of heartbeats. Errors: ErrNotLeader.
func (c *Core) Read(now nodes.Instant, id uint64) error {
	c.see(now)
	if c.role != Leader {
		return ErrNotLeader
	}
	c.reads = append(c.reads, read{id, max(c.commit, c.begun), c.round + 1})
	c.asked = true
	return nil
}

// LeaseRead is the index from which on the state machine answers linearizably, if the leader holds a lease: a
// majority answered a round of heartbeats so lately that none of it can have voted for another, by clocks that keep
// within Options.Drift.
func (c *Core) LeaseRead(now nodes.Instant) (index uint64, ok bool) {
	c.see(now)
	if c.role != Leader || c.opts.Drift == 0 || c.noLease || !c.leased || c.now.Sub(c.leaseFrom) >= c.lease() {
		return 0, false
	}
	return max(c.commit, c.begun), true
}

// lease is how long a lease lasts by the leader's clock, if its own is the fastest that is allowed and the
// follower's the slowest, so that the follower's Election ends soonest.
func (c *Core) lease() time.Duration {
	whole, drift := int64(nodes.PerMillion), int64(c.opts.Drift)
	if drift >= whole {
		return 0
	}
	return time.Duration(int64(c.opts.Election) / (whole + drift) * (whole - drift))
}

// confirm looks which round a majority has answered, renews the lease from its beginning, and answers the reads that
// waited for it.
func (c *Core) confirm() {
	answered := c.members.decided(func(id ID) uint64 {
		if id == c.opts.ID {
			return c.round
		}
		if p := c.peer(id); p != nil {
			return p.round
		}
		return 0
	})
	n := 0
	for n < len(c.rounds) && c.rounds[n].round <= answered {
		c.leaseFrom, c.leased = c.rounds[n].at, true
		n++
	}
	c.rounds = append(c.rounds[:0], c.rounds[n:]...)
	n = 0
	for n < len(c.reads) && c.reads[n].round <= answered {
		c.out.Reads = append(c.out.Reads, Read{c.reads[n].id, c.reads[n].index})
		n++
	}
	c.reads = append(c.reads[:0], c.reads[n:]...)
}
