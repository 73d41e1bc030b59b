package raft

import (
	"fmt"

	"simrun/nodes"
)

// began is a round of heartbeats and when it began.
type began struct {
	round uint64
	at    nodes.Instant
}

// overhead is what an entry takes besides its data: a multitude of empty ones is not nothing.
const overhead = 48

// mostRounds bounds how many unanswered rounds are remembered.
const mostRounds = 64

// Propose appends commands to the log and returns the index of the first. That they are committed is told by
// Output.Apply; that this server ceased to lead, by another entry in their place, or by none. Errors: ErrNotLeader,
// ErrTransferring, ErrFull; nothing was appended then.
func (c *Core) Propose(now nodes.Instant, commands ...[]byte) (first uint64, err error) {
	c.see(now)
	switch {
	case c.role != Leader:
		return 0, ErrNotLeader
	case c.transfer.to != 0:
		return 0, ErrTransferring
	}
	size := 0
	for _, data := range commands {
		size += len(data) + overhead
	}
	if c.pending > 0 && c.pending+size > c.opts.PendingBytes {
		return 0, ErrFull
	}
	first = c.log.last() + 1
	for _, data := range commands {
		c.append(Entry{Kind: Command, Data: data})
	}
	return first, nil
}

// append adds an entry of the leader's own term.
func (c *Core) append(e Entry) {
	if c.role != Leader {
		panic("raft: a " + c.role.String() + " appends an entry of its own")
	}
	e.Index, e.Term = c.log.last()+1, c.term
	c.log.append(e)
	c.pending += len(e.Data) + overhead
	c.dirty = true
	c.learn(&e)
}

// beat makes the leader heard, and begins a round.
func (c *Core) beat() {
	c.deadline = c.now.Add(c.opts.Heartbeat)
	c.round++
	c.asked = false
	if len(c.rounds) == mostRounds {
		copy(c.rounds, c.rounds[1:])
		c.rounds = c.rounds[:mostRounds-1]
	}
	c.rounds = append(c.rounds, began{c.round, c.now})
	for _, p := range c.peers {
		if p.pace == install && !p.moved {
			p.paused = false // the chunk, or the answer, was lost
		}
		p.moved = false
		if !c.feed(p) {
			c.nudge(p)
		}
	}
	c.confirm()
}

// feed sends a peer what it lacks, as far as it may, and says whether that was anything.
func (c *Core) feed(p *peer) (sent bool) {
	for !p.full(c.opts.Window) && (p.next <= c.log.last() || p.pace == install) {
		if p.pace != install && p.next <= c.log.base.Index {
			base := c.log.base
			p.pace, p.sending, p.offset = install, &base, 0
			p.flight = p.flight[:0]
		}
		sent = true
		if p.pace == install {
			c.sendChunk(p)
			return true
		}
		entries := c.batch(p.next)
		c.sendEntries(p, entries)
		p.next += uint64(len(entries))
		p.flight = append(p.flight, p.next-1)
		p.paused = p.pace == probe
	}
	return sent
}

// nudge sends a heartbeat that carries no entry. Where messages were lost it is refused, and so found out.
func (c *Core) nudge(p *peer) { c.sendEntries(p, nil) }

// batch is the entries of one message.
func (c *Core) batch(from uint64) []Entry {
	rest := c.log.from(from)
	n, size := 0, 0
	for n < len(rest) && n < c.opts.BatchEntries && (n == 0 || size+len(rest[n].Data) <= c.opts.BatchBytes) {
		size += len(rest[n].Data)
		n++
	}
	return rest[:n:n]
}

func (c *Core) sendEntries(p *peer, entries []Entry) {
	prev := p.next - 1
	term, known := c.log.term(prev)
	if !known {
		// Only a heartbeat at a peer that needs a snapshot: it is refused, and that is heard.
		prev = c.log.base.Index
		term = c.log.base.Term
	}
	c.sendNow(Message{Type: Append, To: p.id, Index: prev, LogTerm: term, Entries: entries, Commit: c.commit, Round: c.round})
}

// handleAppend takes a leader's entries.
func (c *Core) handleAppend(m *Message) {
	c.follow(m.From)
	reply := Message{Type: AppendReply, To: m.From, Round: m.Round}
	prev, entries := m.Index, m.Entries
	if prev < c.commit {
		// What is committed is the same everywhere, and may be in a snapshot here.
		skip := min(c.commit-prev, uint64(len(entries)))
		prev, entries = prev+skip, entries[skip:]
		if prev < c.commit {
			reply.Index = c.commit
			c.sendAfterSave(reply)
			return
		}
	} else if term, known := c.log.term(prev); !known || term != m.LogTerm {
		reply.Reject, reply.Prev = true, m.Index
		reply.Index = c.log.lastNotAfter(m.Index, m.LogTerm)
		reply.LogTerm, _ = c.log.term(reply.Index)
		c.sendAfterSave(reply)
		return
	}
	for i, e := range entries {
		if term, known := c.log.term(e.Index); known && term == e.Term {
			continue
		} else if known {
			c.unlearn(e.Index)
		}
		for _, e := range entries[i:] {
			c.log.append(e)
			c.learn(&e)
		}
		c.fresh = min(c.fresh, e.Index)
		c.dirty = true
		break
	}
	reply.Index = prev + uint64(len(entries))
	c.commitTo(min(m.Commit, reply.Index))
	c.sendAfterSave(reply)
}

// follow takes the sender for the leader of the term that it is.
func (c *Core) follow(leader ID) {
	if c.role == Leader || c.leader != 0 && c.leader != leader {
		panic(fmt.Sprintf("raft: term %d has two leaders, %d and %d", c.term, c.leader, leader))
	}
	if c.role != Follower {
		c.becomeFollower(c.term, leader)
	}
	c.leader = leader
	c.sticky = c.now.Add(c.opts.Election)
	c.postpone()
}

// unlearn takes away entries that another leader's have the place of.
func (c *Core) unlearn(from uint64) {
	if from <= c.commit {
		panic(fmt.Sprintf("raft: server %d is to give up entry %d, which is committed (%d)", c.opts.ID, from, c.commit))
	}
	c.log.truncate(from)
	c.replaced(from)
	c.fresh = min(c.fresh, from)
	for c.settings[len(c.settings)-1].index >= from {
		c.settings = c.settings[:len(c.settings)-1]
	}
	c.members = c.settings[len(c.settings)-1].members
}

// handleAppendReply learns how far a follower is.
func (c *Core) handleAppendReply(m *Message) {
	p := c.peer(m.From)
	if c.role != Leader || p == nil {
		return
	}
	c.answered(p, m)
	if m.Reject {
		if m.Prev <= p.match || p.pace == install {
			return // an old one
		}
		p.seek(c.log.agreement(m.Index, m.LogTerm) + 1)
		c.feed(p)
		return
	}
	if m.Index > c.log.last() {
		panic(fmt.Sprintf("raft: server %d has entry %d of a log that ends with %d", p.id, m.Index, c.log.last()))
	}
	p.agreed(m.Index)
	c.advance()
	if c.role != Leader {
		return
	}
	if p.id == c.transfer.to && !c.transfer.asked {
		c.handOver()
		return
	}
	c.feed(p)
}

// answered takes note of a sign of life.
func (c *Core) answered(p *peer, m *Message) {
	p.heard = c.now
	if m.Round > p.round {
		p.round = m.Round
		c.promised(p, m)
		c.confirm()
	}
}

// advance commits what a majority has, if an entry of this term is among it: an older one that a majority has may
// yet be overwritten (§3.6.2, figure 3.7).
func (c *Core) advance() {
	index := c.reached(c.log.stable, func(p *peer) uint64 { return p.match })
	if index <= c.commit {
		return
	}
	if term, _ := c.log.term(index); term != c.term {
		return
	}
	c.commitTo(index)
	c.settle()
	c.confirm()
}

// commitTo takes note of what is committed.
func (c *Core) commitTo(index uint64) {
	if index <= c.commit {
		return
	}
	if index > c.log.last() {
		panic(fmt.Sprintf("raft: entry %d is committed in a log that ends with %d", index, c.log.last()))
	}
	if c.role == Leader {
		for _, e := range c.log.from(c.commit + 1)[:index-c.commit] {
			if e.Term == c.term {
				c.pending -= len(e.Data) + overhead
			}
		}
	}
	c.commit = index
}
