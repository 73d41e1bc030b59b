package raft

import (
	"fmt"
	"slices"

	"simrun/nodes"
)

// setting is a configuration and the entry that made it.
type setting struct {
	index   uint64
	members Members
}

// learn makes an entry's configuration count, if it has one: from when it is in the log, not from when it is
// committed (§4.1).
func (c *Core) learn(e *Entry) {
	if e.Kind != Configure {
		return
	}
	m, err := decodeMembers(e.Data)
	if err != nil {
		panic(fmt.Sprintf("raft: entry %d: %v", e.Index, err))
	}
	c.settings = append(c.settings, setting{e.Index, m})
	c.members = m
	if c.role == Leader {
		c.meet()
	}
}

// membersAt is the configuration as of an index.
func (c *Core) membersAt(index uint64) Members {
	i := len(c.settings) - 1
	for i > 0 && c.settings[i].index > index {
		i--
	}
	return c.settings[i].members
}

// Change asks for other members: any set of voters and learners in place of today's, by joint consensus. It is done
// when Members is that set and its entry is committed. A server that is to vote had better be a learner first until
// it has caught up (§4.2.1). Errors: ErrNotLeader; ErrTransferring; ErrChanging while a change, or this leader's first
// entry, is not committed; ErrMembers.
func (c *Core) Change(now nodes.Instant, voters, learners []Member) error {
	c.see(now)
	next, ok := Members{Voters: voters, Learners: learners}.normal()
	switch {
	case c.role != Leader:
		return ErrNotLeader
	case c.transfer.to != 0:
		return ErrTransferring
	case c.members.Joint() || c.settings[len(c.settings)-1].index > c.commit || c.commit < c.begun:
		return ErrChanging
	case !ok:
		return ErrMembers
	}
	sameVoters := slices.EqualFunc(next.Voters, c.members.Voters, func(a, b Member) bool { return a.ID == b.ID })
	if !sameVoters {
		next.Outgoing = c.members.Voters
	}
	c.append(Entry{Kind: Configure, Data: next.encode()})
	return nil
}

// settle goes on with a change as far as it is committed: from joint to new, and out if the leader has no place in
// the new one (§4.2.2).
func (c *Core) settle() {
	if c.settings[len(c.settings)-1].index > c.commit {
		return
	}
	switch {
	case c.members.Joint():
		next := c.members
		next.Outgoing = nil
		c.append(Entry{Kind: Configure, Data: next.encode()})
	case !find(c.members.Voters, c.opts.ID):
		c.beat() // so that the others know that it is committed
		c.becomeFollower(c.term, 0)
	}
}
