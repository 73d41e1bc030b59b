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
// majority answered a round of heartbeats so lately that none of it can have voted for another, by what it promised and by
// clocks that keep within Options.Drift.
func (c *Core) LeaseRead(now nodes.Instant) (index uint64, ok bool) {
	c.see(now)
	if c.role != Leader || c.opts.Drift == 0 || c.noLease || c.now >= c.leased {
		return 0, false
	}
	return max(c.commit, c.begun), true
}

// promise is for how long, in true time, this server gives nobody else its vote once it has heard from a leader, even if it
// restarts and even if its clock is the fastest that is allowed. It need not be the same for all: their Election may differ.
func (c *Core) promise() time.Duration {
	if c.opts.Drift == 0 {
		return 0 // it does not remember leaders when it restarts
	}
	return time.Duration(int64(c.opts.Election) / (int64(nodes.PerMillion) + int64(c.opts.Drift)) * int64(nodes.PerMillion))
}

// lease is how long a promise lasts by this server's clock, if that is the slowest that is allowed.
func (c *Core) lease(promise time.Duration) time.Duration {
	return time.Duration(int64(promise) / int64(nodes.PerMillion) * max(0, int64(nodes.PerMillion)-int64(c.opts.Drift)))
}

// promised takes note of how long a peer, that has answered a round, votes for nobody else from when that began.
func (c *Core) promised(p *peer, m *Message) {
	for _, r := range c.rounds {
		if r.round == m.Round {
			p.until = max(p.until, r.at.Add(c.lease(m.Promise)))
		}
	}
}

// confirm looks which round a majority has answered, renews the lease by what those have promised, and answers the reads
// that waited for it.
func (c *Core) confirm() {
	answered := c.reached(c.round, func(p *peer) uint64 { return p.round })
	n := 0
	for n < len(c.rounds) && c.rounds[n].round <= answered {
		n++
	}
	if n > 0 && c.opts.Drift > 0 {
		own := c.now.Add(c.lease(c.promise()))
		until := c.reached(uint64(own), func(p *peer) uint64 { return uint64(p.until) })
		c.leased = max(c.leased, nodes.Instant(until))
	}
	c.rounds = append(c.rounds[:0], c.rounds[n:]...)
	n = 0
	for n < len(c.reads) && c.reads[n].round <= answered {
		c.out.Reads = append(c.out.Reads, Read{c.reads[n].id, c.reads[n].index})
		n++
	}
	c.reads = append(c.reads[:0], c.reads[n:]...)
}
