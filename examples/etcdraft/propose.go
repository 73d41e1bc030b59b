package main

import (
	"encoding/binary"
	"slices"

	etcd "go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"simrun/nodes"
	"simrun/nodes/raft"
)

// Propose appends commands to the log and returns the index of the first. None is empty: that is the library's own.
func (c *core) Propose(now nodes.Instant, commands ...[]byte) (first uint64, err error) {
	c.now = max(c.now, now)
	if err := c.mayLead(); err != nil {
		return 0, err
	}
	c.collect() // from here on the log ends where the library's does
	first = c.log.last() + 1
	m := &pb.Message{Type: pb.MsgProp.Enum(), From: new(uint64(c.opts.ID))}
	for _, data := range commands {
		m.Entries = append(m.Entries, &pb.Entry{Data: data})
	}
	c.do(func() { err = c.node.Step(m) })
	if err != nil {
		return 0, raft.ErrFull
	}
	return first, nil
}

// mayLead says why this server cannot do what a leader does.
func (c *core) mayLead() error {
	switch {
	case !c.Leads():
		return raft.ErrNotLeader
	case c.at().LeadTransferee != 0:
		return raft.ErrTransferring
	}
	return nil
}

// Change asks for other members. The library puts an empty entry in the place of a change that it does not like, so whatever
// it would not is refused here.
func (c *core) Change(now nodes.Instant, voters, learners []raft.Member) error {
	c.now = max(c.now, now)
	if err := c.mayLead(); err != nil {
		return err
	}
	c.collect()
	begun, _ := c.log.Term(c.commit)
	switch {
	case !isConfiguration(voters, learners):
		return raft.ErrMembers
	case c.Members().Joint() || c.change > c.at().Applied || begun != c.Term():
		return raft.ErrChanging
	}
	change := difference(c.Members(), voters, learners)
	if len(change.Changes) == 0 {
		return nil
	}
	at := c.log.last() + 1
	var err error
	c.do(func() { err = c.node.ProposeConfChange(change) })
	if err != nil {
		return raft.ErrFull
	}
	c.change = at
	return nil
}

// Transfer hands leadership to a voter, or gives that up after an election timeout.
func (c *core) Transfer(now nodes.Instant, to raft.ID) error {
	c.now = max(c.now, now)
	if err := c.mayLead(); err != nil || to == c.opts.ID {
		return err
	}
	if !slices.Contains(ids(c.Members().Voters), uint64(to)) {
		return raft.ErrMembers
	}
	c.do(func() { c.node.TransferLeader(uint64(to)) })
	return nil
}

// Read asks, under an id of the caller's, from which index on the state machine answers linearizably: a majority, or, with
// leases, nobody.
func (c *core) Read(now nodes.Instant, id uint64) error {
	c.now = max(c.now, now)
	c.refuse()
	if !c.Leads() {
		return raft.ErrNotLeader
	}
	c.reads, c.readTerm = append(c.reads, id), c.Term()
	c.do(func() { c.node.ReadIndex(binary.BigEndian.AppendUint64(nil, id)) })
	return nil
}

// LeaseRead never answers at once: with leases, the library answers Read in the same turn.
func (c *core) LeaseRead(nodes.Instant) (index uint64, ok bool) { return 0, false }

// answer takes the library's answer to a read.
func (c *core) answer(s etcd.ReadState) {
	if len(s.RequestCtx) != 8 {
		return
	}
	id := binary.BigEndian.Uint64(s.RequestCtx)
	if at := slices.Index(c.reads, id); at >= 0 {
		c.reads = slices.Delete(c.reads, at, at+1)
		c.out.Reads = append(c.out.Reads, raft.Read{ID: id, Index: s.Index})
	}
}

// refuse tells of reads that will not be answered: the library forgets them when it ceases to lead, and does not say so.
func (c *core) refuse() {
	if len(c.reads) > 0 && (!c.Leads() || c.Term() != c.readTerm) {
		c.out.Refused = append(c.out.Refused, c.reads...)
		c.reads = nil
	}
}
