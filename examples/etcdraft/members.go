package main

import (
	"slices"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"simrun/nodes/raft"
)

// The library knows members by their IDs. Where each is reached goes with the change that makes it one (its Context), and
// with snapshots.

// setting is a configuration and the entry that made it, once that is applied: from then on it counts.
type setting struct {
	index   uint64
	members raft.Members
}

// confState is a configuration as the library has it. A learner that has a vote until the change is done becomes one then.
// All changes of two steps go on by themselves.
func confState(m raft.Members) *pb.ConfState {
	s := &pb.ConfState{Voters: ids(m.Voters), VotersOutgoing: ids(m.Outgoing), AutoLeave: new(m.Joint())}
	for _, id := range ids(m.Learners) {
		if slices.Contains(s.VotersOutgoing, id) {
			s.LearnersNext = append(s.LearnersNext, id)
		} else {
			s.Learners = append(s.Learners, id)
		}
	}
	return s
}

// membersOf is the library's configuration, with the addresses of members that are among the known.
func membersOf(s *pb.ConfState, known ...raft.Members) (m raft.Members) {
	for _, list := range []struct {
		to  *[]raft.Member
		ids []uint64
	}{{&m.Voters, s.GetVoters()}, {&m.Outgoing, s.GetVotersOutgoing()}, {&m.Learners, slices.Concat(s.GetLearners(), s.GetLearnersNext())}} {
		slices.Sort(list.ids)
		for _, id := range list.ids {
			*list.to = append(*list.to, raft.Member{ID: raft.ID(id), Address: addressOf(raft.ID(id), known)})
		}
	}
	return m
}

func addressOf(id raft.ID, known []raft.Members) string {
	for _, m := range known {
		if address := m.Address(id); address != "" {
			return address
		}
	}
	return ""
}

func ids(list []raft.Member) (all []uint64) {
	for _, m := range list {
		all = append(all, uint64(m.ID))
	}
	return all
}

// isConfiguration says whether the lists can be one: somebody votes, nobody is nobody or there twice.
func isConfiguration(voters, learners []raft.Member) bool {
	all := ids(slices.Concat(voters, learners))
	slices.Sort(all)
	return len(voters) > 0 && all[0] != 0 && len(slices.Compact(slices.Clone(all))) == len(all)
}

// difference is the change from a configuration to other voters and learners.
func difference(from raft.Members, voters, learners []raft.Member) *pb.ConfChangeV2 {
	c := &pb.ConfChangeV2{Context: raft.AppendSnapshot(nil, &raft.Snapshot{Members: raft.Members{Voters: voters, Learners: learners}}, 0, 0)}
	add := func(t pb.ConfChangeType, id raft.ID) {
		c.Changes = append(c.Changes, &pb.ConfChangeSingle{Type: t.Enum(), NodeId: new(uint64(id))})
	}
	has := func(list []raft.Member, id raft.ID) bool {
		return slices.ContainsFunc(list, func(m raft.Member) bool { return m.ID == id })
	}
	for _, m := range voters {
		switch {
		case !has(from.Voters, m.ID):
			add(pb.ConfChangeAddNode, m.ID)
		case from.Address(m.ID) != m.Address:
			add(pb.ConfChangeUpdateNode, m.ID)
		}
	}
	for _, m := range learners {
		switch {
		case !has(from.Learners, m.ID):
			add(pb.ConfChangeAddLearnerNode, m.ID)
		case from.Address(m.ID) != m.Address:
			add(pb.ConfChangeUpdateNode, m.ID)
		}
	}
	for _, m := range from.All() {
		if !has(voters, m.ID) && !has(learners, m.ID) {
			add(pb.ConfChangeRemoveNode, m.ID)
		}
	}
	return c
}

// configure makes a committed change of members count.
func (c *core) configure(e *pb.Entry) {
	change := &pb.ConfChangeV2{}
	var err error
	if e.GetType() == pb.EntryConfChange {
		old := &pb.ConfChange{}
		err = proto.Unmarshal(e.GetData(), old)
		change = old.AsV2()
	} else {
		err = proto.Unmarshal(e.GetData(), change)
	}
	if err != nil {
		panic("etcdraft: a change of members that cannot be read: " + err.Error())
	}
	known := []raft.Members{c.Members()}
	if len(change.GetContext()) > 0 { // there is none where a change of two steps is ended
		s, err := raft.DecodeSnapshot(change.GetContext())
		if err != nil {
			panic("etcdraft: a change of members without addresses: " + err.Error())
		}
		known = []raft.Members{s.Snapshot.Members, c.Members()}
	}
	var now *pb.ConfState
	c.do(func() { now = c.node.ApplyConfChange(change) })
	c.log.today = membersOf(now, known...)
	c.settings = append(c.settings, setting{e.GetIndex(), c.log.today})
}
