package raft

import (
	"fmt"
	"slices"

	"simrun/nodes"
)

// pace is how a leader sends entries to a peer.
type pace uint8

const (
	probe     pace = iota // one message at a time, to find where the logs agree
	replicate             // many messages ahead of their answers
	install               // a snapshot, chunk by chunk
)

// peer is what a leader knows of another member.
//
// Invariants: match < next; match never falls within a term; at the pace of probe at most one message with entries is
// unanswered, at that of replicate at most Options.Window.
type peer struct {
	id    ID
	pace  pace
	match uint64 // entries up to here are durable there
	next  uint64 // the entry to send next
	// flight is the last index of each unanswered message with entries, oldest first.
	flight  []uint64
	paused  bool          // probe, install: wait for an answer, or for the next heartbeat
	heard   nodes.Instant // when it answered last
	round   uint64        // the last it answered
	until   nodes.Instant // by its promises it votes for nobody else before
	sending *Snapshot     // install: which
	offset  uint64        // install: how much has arrived
	moved   bool          // install: something has, since the last heartbeat
}

// String is the peer on one line.
func (p *peer) String() string {
	return fmt.Sprintf("%d %s match %d next %d unanswered %d", p.id,
		[...]string{"probe", "replicate", "install"}[p.pace], p.match, p.next, len(p.flight))
}

// peer is what is known of a member; nil if it is none, or this server itself.
func (c *Core) peer(id ID) *peer {
	for _, p := range c.peers { // they are few
		if p.id == id {
			return p
		}
	}
	return nil
}

// reached is the greatest figure that a majority has reached, by what a leader knows of the others, and of itself.
func (c *Core) reached(own uint64, theirs func(*peer) uint64) uint64 {
	return c.members.decided(func(id ID) uint64 {
		if id == c.opts.ID {
			return own
		}
		if p := c.peer(id); p != nil {
			return theirs(p)
		}
		return 0
	})
}

// meet makes peers what the configuration says.
func (c *Core) meet() {
	var peers []*peer
	for _, member := range c.members.All() {
		if member.ID == c.opts.ID {
			continue
		}
		p := c.peer(member.ID)
		if p == nil {
			p = &peer{id: member.ID, next: c.log.last() + 1, heard: c.now}
		}
		peers = append(peers, p)
	}
	c.peers = peers
}

// seek goes back to finding where the logs agree.
func (p *peer) seek(next uint64) {
	p.pace, p.next, p.paused, p.sending, p.offset = probe, max(next, p.match+1), false, nil, 0
	p.flight = p.flight[:0]
}

// agreed takes note that all up to that index is durable there.
func (p *peer) agreed(index uint64) {
	if index > p.match {
		p.match = index
	}
	p.next = max(p.next, p.match+1)
	n := 0
	for n < len(p.flight) && p.flight[n] <= index {
		n++
	}
	p.flight = slices.Delete(p.flight, 0, n)
	if p.pace == probe || p.pace == install && p.sending != nil && index >= p.sending.Index {
		p.pace, p.sending, p.offset = replicate, nil, 0
	}
	p.paused = false
}

// full says that nothing more is to be sent before an answer comes.
func (p *peer) full(window int) bool {
	return p.paused || p.pace == replicate && len(p.flight) >= window
}
