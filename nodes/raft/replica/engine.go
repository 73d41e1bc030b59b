package replica

import (
	"simrun/nodes"
	"simrun/nodes/raft"
)

// Engine is an implementation of Raft. The zero is package raft. Another has to be put into the shape of raft.Core: what it
// wants to be kept goes into raft.Save and comes back as raft.State, and what its servers say to each other is its own.
type Engine struct {
	// New makes a server out of what its disk holds. Options.ID and Rand are set; o.Drift is zero unless there are to be leases.
	New func(env nodes.Env, o raft.Options, s raft.State) Core
	// Append writes a message of a core, and Decode reads it: Type, From and To, what a report tells of it, and what Core.Step
	// wants. What it returns may be memory of b.
	Append func(b []byte, m *raft.Message) []byte
	Decode func(b []byte) (raft.Message, error)
}

// orDefault is the engine, or package raft.
func (e Engine) orDefault() Engine {
	if e.New != nil {
		return e
	}
	return Engine{
		New:    func(env nodes.Env, o raft.Options, s raft.State) Core { return raft.New(o, s, env.Mark()) },
		Append: raft.AppendMessage, Decode: raft.DecodeMessage,
	}
}

// Core is what a replica asks of an engine's server. Each method does what that of *raft.Core does; none gives way.
type Core interface {
	Deadline() nodes.Instant
	Tick(now nodes.Instant)
	Step(now nodes.Instant, m raft.Message)
	Output() raft.Output
	Saved(number uint64)

	Propose(now nodes.Instant, commands ...[]byte) (first uint64, err error)
	Read(now nodes.Instant, id uint64) error
	LeaseRead(now nodes.Instant) (index uint64, ok bool)
	Change(now nodes.Instant, voters, learners []raft.Member) error
	Transfer(now nodes.Instant, to raft.ID) error
	Campaign(now nodes.Instant)

	Compactable() uint64
	Compact(index uint64, data []byte) raft.Snapshot

	Role() raft.Role
	Term() uint64
	Leader() raft.ID
	Members() raft.Members
	Commit() uint64
	FirstIndex() uint64
	LastIndex() uint64
	TermAt(index uint64) (term uint64, has bool)
	LogBytes() int
	Match(id raft.ID) uint64
	Heard(id raft.ID) bool
}

// Demanding is what a Core may be besides: one that needs a snapshot at times, however short its log is.
type Demanding interface {
	Core
	// WantsSnapshot says whether one of now is needed. It is made as soon as it may be; Compact tells of it.
	WantsSnapshot() bool
}

// isWanted says whether the core needs a snapshot.
func (r *Replica) isWanted() bool {
	d, ok := r.core.(Demanding)
	return ok && d.WantsSnapshot()
}
