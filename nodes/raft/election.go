package raft

import (
	"slices"
)

// ballot is what somebody answered to a campaign.
type ballot struct {
	from    ID
	granted bool
}

// campaign asks whether an election could be won, for whoever could not win would only disturb a leader (§9.6); or begins it.
func (c *Core) campaign() {
	c.postpone()
	if !c.mayLead() {
		c.leader = 0 // whoever was taken out is told nothing more, and must not send clients to who led then
		return
	}
	if c.forced = false; c.opts.NoPreVote {
		c.elect()
		return
	}
	c.role, c.leader = PreCandidate, 0
	c.canvass(Message{Type: PreVote, Term: c.term + 1})
}

// mayLead says whether the server has a vote in the configuration, or had one before a change that is not known to be
// committed: nobody else may have the entry that makes it one (§4.2.2).
func (c *Core) mayLead() bool {
	for i := len(c.settings) - 1; i >= 0; i-- {
		if c.settings[i].members.Votes(c.opts.ID) {
			return true
		}
		if c.settings[i].index <= c.commit {
			return false
		}
	}
	return false
}

// elect begins a term and asks for its votes.
func (c *Core) elect() {
	c.term++
	c.vote, c.dirty = c.opts.ID, true
	c.role, c.leader = Candidate, 0
	c.postpone()
	c.canvass(Message{Type: Vote, Term: c.term, Force: c.forced})
}

// canvass asks every voter. The candidate's own vote counts once it is durable, and nobody hears of the campaign
// before.
func (c *Core) canvass(m Message) {
	m.Index, m.LogTerm = c.log.last(), c.log.lastTerm()
	c.votes = c.votes[:0]
	for _, member := range c.members.All() {
		if member.ID == c.opts.ID || !c.members.Votes(member.ID) {
			continue
		}
		m.To = member.ID
		if m.Type == PreVote {
			c.sendNow(m)
		} else {
			c.sendAfterSave(m)
		}
	}
	if m.Type == PreVote {
		c.count(ballot{c.opts.ID, true})
	} else {
		c.gate(gated{own: true, message: Message{Type: VoteReply, Term: c.term}})
	}
}

// handleVote answers a candidate, or somebody who wonders whether to become one.
func (c *Core) handleVote(m *Message) {
	reply := Message{Type: VoteReply, To: m.From}
	// It may have come to this term by another message than a candidate's, while a leader's lease relies on it.
	free := c.vote == 0 && c.leader == 0 && (m.Force || !c.isSticky()) || c.vote == m.From
	if m.Type == PreVote {
		reply.Type = PreVoteReply
		free = m.Term > c.term && !c.isSticky()
	}
	if !free || !c.log.upToDate(m.Index, m.LogTerm) {
		reply.Reject = true
		c.sendAfterSave(reply)
		return
	}
	if m.Type == PreVote {
		reply.Term = m.Term
		c.sendNow(reply)
		return
	}
	if c.vote != m.From {
		c.vote, c.dirty = m.From, true
	}
	c.postpone()
	c.sendAfterSave(reply)
}

// handleVoteReply counts a vote.
func (c *Core) handleVoteReply(m *Message) {
	switch {
	case m.Type == PreVoteReply && c.role == PreCandidate && (m.Reject || m.Term == c.term+1),
		m.Type == VoteReply && c.role == Candidate:
		c.count(ballot{m.From, !m.Reject})
	}
}

// count adds a vote and ends the campaign where it is decided.
func (c *Core) count(b ballot) {
	if slices.ContainsFunc(c.votes, func(o ballot) bool { return o.from == b.from }) {
		return
	}
	if b.from != c.opts.ID && !c.members.Votes(b.from) {
		return
	}
	c.votes = append(c.votes, b)
	votes := func(granted bool) uint64 {
		return c.members.decided(func(id ID) uint64 {
			if slices.Contains(c.votes, ballot{id, granted}) {
				return 1
			}
			return 0
		})
	}
	switch {
	case votes(true) == 1 && c.role == PreCandidate:
		c.elect()
	case votes(true) == 1:
		c.becomeLeader()
	case votes(false) == 1:
		c.becomeFollower(c.term, 0)
	}
}

// becomeLeader begins a leader's term with an entry of its own: without one it could not tell what of earlier
// terms is committed (§3.6.2, §6.4).
func (c *Core) becomeLeader() {
	c.role, c.leader = Leader, c.opts.ID
	c.votes = nil
	c.peers, c.rounds, c.pending, c.transfer = nil, nil, 0, transfer{}
	c.checked = c.now
	c.meet()
	c.begun, c.leased, c.noLease = c.log.last()+1, 0, false
	c.append(Entry{Kind: NoOp})
	c.beat()
}

// lead does what a leader has to do by the clock.
func (c *Core) lead() {
	if c.transfer.to != 0 && c.now >= c.transfer.until {
		c.transfer.to = 0 // §3.10: it did not work, and clients should not wait for ever
	}
	if c.now < c.deadline {
		return
	}
	if c.now.Sub(c.checked) >= c.opts.Election {
		if !c.heardOfMajority() {
			c.becomeFollower(c.term, 0) // §6.2: clients had better look elsewhere
			return
		}
		c.checked = c.now
	}
	c.beat()
}

// heardOfMajority says whether a majority answered since the last time it was asked.
func (c *Core) heardOfMajority() bool {
	return c.reached(uint64(c.now), func(p *peer) uint64 { return uint64(p.heard) }) >= uint64(c.checked)
}
