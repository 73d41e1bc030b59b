package main

import (
	"fmt"
	"time"

	etcd "go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
	"google.golang.org/protobuf/proto"

	"simrun/nodes"
	"simrun/nodes/raft"
	"simrun/nodes/raft/replica"
)

// The library counts time in ticks: an election timeout is ten, and up to nine more.
const electionTicks = 10

// core is a server of the library in the shape of raft.Core.
//
// The library is given its disk to write to as messages (etcd.Config.AsyncStorageWrites), which is just how a replica does
// it: what is to be kept is begun, and what may only be said once it is durable waits for that (ready.go).
//
// Invariants: all calls that change node are made within do; applied is what Output has handed out, and no less than log.base.Index.
type core struct {
	env  nodes.Env
	opts raft.Options
	node *etcd.RawNode
	log  *log

	now    nodes.Instant
	tick   time.Duration
	due    nodes.Instant     // the next tick
	status *etcd.BasicStatus // since the last call; nil if nobody has asked

	settings []setting // those that count since the snapshot; the last is today's
	change   uint64    // no change of members is proposed before this is applied

	out     raft.Output // for the next turn
	applied uint64
	commit  uint64
	term    uint64 // the last that was given to be kept, and so is the vote
	vote    uint64
	saves   uint64 // the number of the last Save
	saved   uint64 // the number of the last that is durable
	owed    []owed

	reads     []uint64 // asked and not answered, oldest first
	readTerm  uint64
	heard     map[raft.ID]nodes.Instant // of a leader: when members answered
	shipments []*shipment
	incoming  *incoming
}

var _ replica.Demanding = (*core)(nil)

// open is replica.Engine.New.
func open(env nodes.Env, o raft.Options, s raft.State) replica.Core {
	l, err := recall(s)
	if err != nil {
		env.Exit(err)
	}
	c := &core{env: env, opts: o, log: l, now: env.Mark(), tick: max(o.Election/electionTicks, 1), applied: s.Snapshot.Index,
		commit: l.began.GetCommit(), term: s.Term, vote: uint64(s.Vote), settings: []setting{{s.Snapshot.Index, s.Snapshot.Members}}, heard: map[raft.ID]nodes.Instant{}}
	c.due = c.now.Add(c.tick)
	config := c.config()
	luck.lend(o.Rand, func() { c.node, err = etcd.NewRawNode(config) })
	if err != nil {
		env.Exit(err)
	}
	return c
}

// config is the options as the library has them. It knows no most entries of a message, but one at a time.
func (c *core) config() *etcd.Config {
	o := c.opts
	heartbeat := o.Heartbeat
	if heartbeat <= 0 {
		heartbeat = o.Election / 5
	}
	config := &etcd.Config{
		ID: uint64(o.ID), ElectionTick: electionTicks, HeartbeatTick: min(max(int(heartbeat/c.tick), 1), electionTicks-1),
		Storage: c.log, Applied: c.applied, AsyncStorageWrites: true,
		MaxSizePerMsg: uint64(orDefault(o.BatchBytes, 64<<10)), MaxCommittedSizePerReady: 64 << 20,
		MaxUncommittedEntriesSize: uint64(orDefault(o.PendingBytes, 16<<20)), MaxInflightMsgs: orDefault(o.Window, 16),
		CheckQuorum: true, PreVote: !o.NoPreVote, Logger: logger{c.env.Log()}, DisableProposalForwarding: true, StepDownOnRemoval: true,
	}
	if o.BatchEntries == 1 {
		config.MaxSizePerMsg = 0
	}
	if o.Drift > 0 {
		config.ReadOnlyOption = etcd.ReadOnlyLeaseBased
	}
	return config
}

func orDefault(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}
	return n
}

// do calls the library. It does not give way, and draws from the host's randomness.
func (c *core) do(f func()) {
	c.status = nil
	luck.lend(c.opts.Rand, f)
}

// at is the server's standing.
func (c *core) at() *etcd.BasicStatus {
	if c.status == nil {
		s := c.node.BasicStatus()
		c.status = &s
	}
	return c.status
}

// Deadline is when the next tick is.
func (c *core) Deadline() nodes.Instant { return c.due }

// Tick makes a tick if one is due. Those that were missed are not made up for, as with a Go ticker, which is what drives the
// library elsewhere: to a server that stood still no time has passed.
func (c *core) Tick(now nodes.Instant) {
	c.now = max(c.now, now)
	if c.now < c.due {
		return
	}
	c.due = c.now.Add(c.tick)
	c.do(c.node.Tick)
	c.giveUp()
}

// Step takes a message from another server. What is not for this server is left alone.
func (c *core) Step(now nodes.Instant, m raft.Message) {
	c.now = max(c.now, now)
	if m.To != c.opts.ID || m.From == c.opts.ID {
		return
	}
	switch m.Type {
	case raft.InstallSnapshot:
		c.receive(&m)
		return
	case raft.SnapshotReply:
		c.goOn(&m)
		return
	}
	message := &pb.Message{}
	if err := proto.Unmarshal(m.Data, message); err != nil {
		return // it was decoded before
	}
	c.step(message)
	if m.Type == raft.AppendReply && c.Leads() && m.Term == c.Term() && c.Members().Has(m.From) {
		c.heard[m.From] = c.now
	}
}

// step gives a message to the library. It refuses what is of no use to it, such as an answer of somebody who is no member.
func (c *core) step(m *pb.Message) {
	c.do(func() { _ = c.node.Step(m) })
}

// Campaign asks at once whether an election could be won.
func (c *core) Campaign(now nodes.Instant) {
	c.now = max(c.now, now)
	c.do(func() { _ = c.node.Campaign() })
}

// roles are the library's, in its order.
var roles = [...]raft.Role{etcd.StateFollower: raft.Follower, etcd.StateCandidate: raft.Candidate, etcd.StateLeader: raft.Leader, etcd.StatePreCandidate: raft.PreCandidate}

// Role is what the server is at the moment.
func (c *core) Role() raft.Role { return roles[c.at().RaftState] }

// Leads says whether it leads.
func (c *core) Leads() bool { return c.at().RaftState == etcd.StateLeader }

// Term is the current term.
func (c *core) Term() uint64 { return c.at().GetTerm() }

// Leader is the leader of this term, or zero while it is not known.
func (c *core) Leader() raft.ID { return raft.ID(c.at().Lead) }

// Members are the members by the last configuration that is applied.
func (c *core) Members() raft.Members { return c.settings[len(c.settings)-1].members }

// Commit is the last index that was known to be committed when entries were last handed out.
func (c *core) Commit() uint64 { return c.commit }

// FirstIndex is the index of the first entry that is not in the snapshot.
func (c *core) FirstIndex() uint64 { return c.log.base.Index + 1 }

// LastIndex is the index of the last entry that was handed out to be kept.
func (c *core) LastIndex() uint64 { return c.log.last() }

// TermAt is the term of the entry at an index; false if the log no longer, or not yet, has it.
func (c *core) TermAt(index uint64) (term uint64, has bool) {
	term, err := c.log.Term(index)
	return term, err == nil
}

// LogBytes is the data of the entries that are not in the snapshot.
func (c *core) LogBytes() int { return c.log.bytes }

// Match is up to where a leader knows a member's log to be durable and the same as its own.
func (c *core) Match(id raft.ID) (match uint64) {
	if !c.Leads() {
		return 0
	}
	c.node.WithProgress(func(other uint64, _ etcd.ProgressType, p tracker.Progress) {
		if raft.ID(other) == id {
			match = p.Match
		}
	})
	return match
}

// Heard says whether a member has answered this leader within the last two election timeouts.
func (c *core) Heard(id raft.ID) bool {
	at, ever := c.heard[id]
	return id == c.opts.ID || c.Leads() && ever && c.now.Sub(at) <= 2*c.opts.Election
}

// Compactable is up to where a snapshot may stand for the log. The library applies nothing that is not on this disk.
func (c *core) Compactable() uint64 {
	if len(c.membersAt(c.applied).Voters) == 0 {
		return c.log.base.Index
	}
	return c.applied
}

// WantsSnapshot says whether somebody needs one who joined after the last.
func (c *core) WantsSnapshot() bool { return c.log.wanted && c.applied > c.log.base.Index }

// membersAt is the configuration as of an index.
func (c *core) membersAt(index uint64) raft.Members {
	i := len(c.settings) - 1
	for i > 0 && c.settings[i].index > index {
		i--
	}
	return c.settings[i].members
}

// Compact lets a snapshot of the state machine stand for the log up to index, and returns it.
func (c *core) Compact(index uint64, data []byte) raft.Snapshot {
	if index > c.Compactable() || index < c.log.base.Index {
		panic(fmt.Sprintf("etcdraft: a snapshot up to %d does not fit a log from %d that is applied up to %d", index, c.FirstIndex(), c.applied))
	}
	term, _ := c.log.Term(index)
	s := raft.Snapshot{Index: index, Term: term, Members: c.membersAt(index), Data: data}
	c.log.compact(s)
	for len(c.settings) > 1 && c.settings[1].index <= index {
		c.settings = c.settings[1:]
	}
	return s
}
