// Package raft answers in which order several servers do what they are asked, if each of them may stop, come
// back and be cut off, as long as a majority can talk (Ongaro, "Consensus: Bridging Theory and Practice", 2014;
// names are the dissertation's).
//
// Core is the whole protocol and does nothing by itself: messages, proposals and the time go in; what is to be made
// durable, to be sent and to be applied comes out. Who drives it writes Output.Save to a disk and says so with
// Saved; until then Core keeps back every message that promises what the disk does not hold yet. A leader sends its
// followers what it is still writing itself (§10.2.1).
//
// Beyond the basic algorithm: pre-vote (§9.6), check-quorum and leader stickiness (§6.2, §9.6), leadership transfer
// (§3.10), membership changes by joint consensus (§4.3) with learners, snapshots installed in chunks (§5), reads by
// ReadIndex and by lease (§6.4), batching and pipelining (§10.2).
package raft

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"simrun/nodes"
)

// ID names a server for good: one that has lost its disk comes back under another. Zero is nobody.
type ID uint64

// Role is what a server is at the moment.
type Role uint8

// The roles.
const (
	Follower Role = iota
	PreCandidate
	Candidate
	Leader
)

// String is the dissertation's word.
func (r Role) String() string {
	return [...]string{"follower", "pre-candidate", "candidate", "leader"}[r]
}

// Errors of proposals, reads, transfers and changes.
var (
	ErrNotLeader    = errors.New("raft: not the leader")
	ErrTransferring = errors.New("raft: leadership is being handed over")
	ErrFull         = errors.New("raft: too much is not committed yet")
	ErrChanging     = errors.New("raft: a change of members is under way")
	ErrMembers      = errors.New("raft: no such set of members")
)

// Options of a Core. The zero of all but ID and Rand is a default named here.
type Options struct {
	ID   ID
	Rand *rand.Rand // spreads election timeouts
	// Election is the least time without a leader after which a server campaigns; the most is twice that.
	// Default 1s.
	Election time.Duration
	// Heartbeat is how often a leader makes itself heard. Default Election / 5.
	Heartbeat time.Duration
	// Drift is by how much the rate of any clock may differ from true time for leases to hold. A lease lasts
	// Election × (1 - Drift) / (1 + Drift), of each server its own Election. Zero is no leases: LeaseRead always says no, and
	// this server's answers are no reason for another's.
	Drift nodes.Percent
	// Unled says that no group has been led yet in the State's term or before: there is no lease to wait for at the start.
	Unled bool
	// NoPreVote lets a server begin a term without having asked whether it could win it (§3.4 without §9.6): one that was
	// cut off then deposes the leader when it is back.
	NoPreVote bool
	// BatchBytes is the most data of entries in one message, unless one entry alone is more. Default 64 KiB.
	BatchBytes int
	// BatchEntries is the most entries in one message. Default 1024.
	BatchEntries int
	// Window is how many messages with entries a follower may leave unanswered. Default 16.
	Window int
	// ChunkBytes is the most data of a snapshot in one message. Default 256 KiB.
	ChunkBytes int
	// SnapshotBytes is the largest snapshot taken from a leader. Default 1 GiB.
	SnapshotBytes int
	// PendingBytes bounds proposed data that is not committed, with 48 bytes more for each entry. Default 16 MiB.
	PendingBytes int
}

func (o Options) withDefaults() Options {
	if o.Election <= 0 {
		o.Election = time.Second
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = max(o.Election/5, 1)
	}
	for _, d := range []struct {
		field *int
		value int
	}{{&o.BatchBytes, 64 << 10}, {&o.BatchEntries, 1024}, {&o.Window, 16}, {&o.ChunkBytes, 256 << 10},
		{&o.SnapshotBytes, 1 << 30}, {&o.PendingBytes, 16 << 20}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return o
}

// State is what a server's disk holds: what Save asked to be kept, all of it together.
type State struct {
	Term     uint64
	Vote     ID
	Snapshot Snapshot // stands for all entries up to its Index; of a new server, the members it starts with
	Entries  []Entry  // the log after it, without a hole
}

// Core is one server's part in the protocol.
//
// Invariants: applied <= commit <= log.last(); log.base.Index <= applied; the term never falls; a vote is not changed
// within a term; peers is sorted by ID and, of a leader, holds every member but itself.
type Core struct {
	opts Options
	now  nodes.Instant

	term   uint64
	vote   ID
	role   Role
	leader ID // of this term, as far as it is known
	log    log
	commit uint64
	// applied is the last entry that Output has handed out; the driver applies in that order.
	applied uint64

	members  Members // that of the last configuration in the log, committed or not (§4.1)
	settings []setting

	deadline nodes.Instant // of an election, or of the next heartbeat
	sticky   nodes.Instant // until then no vote is given unless a leader asked for it
	votes    []ballot      // of a candidate or a pre-candidate
	forced   bool          // it campaigns because its leader asked it to

	peers    []*peer // of a leader
	round    uint64  // of heartbeats; replies carry it back
	rounds   []began // when those began that a majority has not answered, oldest first
	checked  nodes.Instant
	pending  int    // bytes proposed and not committed
	begun    uint64 // the first entry of the leader's term
	transfer transfer

	reads   []read
	asked   bool          // a round is wanted for reads
	leased  nodes.Instant // until then a majority votes for nobody else
	noLease bool          // of this term no lease can be trusted any more

	incoming *incoming // a snapshot that is arriving

	saves   uint64 // the number of the last Save
	saved   uint64 // the number of the last that is durable
	dirty   bool   // term, vote, log or snapshot have changed since the last Save
	fresh   uint64 // entries from here on are in no Save yet
	taken   bool   // log.base came from a leader, and is in no Save yet
	writing []write

	out   Output
	spare Output // memory for the next
	gated []gated
	ready []gated // memory for those that a Save has set free
}

// New makes a server out of what its disk holds.
func New(o Options, s State, now nodes.Instant) *Core {
	if o.ID == 0 || o.Rand == nil {
		panic("raft: a server needs an ID and a source of randomness")
	}
	c := &Core{opts: o.withDefaults(), now: now, term: s.Term, vote: s.Vote}
	c.log = newLog(s.Snapshot, s.Entries)
	c.commit, c.applied = s.Snapshot.Index, s.Snapshot.Index
	c.fresh = c.log.last() + 1
	c.log.stable = c.log.last()
	c.settings = []setting{{s.Snapshot.Index, s.Snapshot.Members}}
	for i := range s.Entries {
		c.learn(&s.Entries[i])
	}
	c.members = c.settings[len(c.settings)-1].members
	if c.opts.Drift > 0 && !c.opts.Unled {
		// It may have answered a leader before it stopped, and that leader's lease may hold yet.
		c.sticky = now.Add(c.opts.Election)
	}
	c.postpone()
	return c
}

// Role is what the server is at the moment.
func (c *Core) Role() Role { return c.role }

// Term is the current term.
func (c *Core) Term() uint64 { return c.term }

// Leader is the leader of this term, or zero while it is not known.
func (c *Core) Leader() ID { return c.leader }

// Members are the members by the last configuration in the log.
func (c *Core) Members() Members { return c.members }

// Commit is the last index that is known to be committed.
func (c *Core) Commit() uint64 { return c.commit }

// LastIndex is the index of the last entry of the log.
func (c *Core) LastIndex() uint64 { return c.log.last() }

// FirstIndex is the index of the first entry that is not in the snapshot.
func (c *Core) FirstIndex() uint64 { return c.log.base.Index + 1 }

// TermAt is the term of the entry at an index; false if the log no longer, or not yet, has it.
func (c *Core) TermAt(index uint64) (term uint64, has bool) { return c.log.term(index) }

// LogBytes is the data of the entries that are not in the snapshot.
func (c *Core) LogBytes() int { return c.log.bytes }

// Deadline is when Tick wants to be called.
func (c *Core) Deadline() nodes.Instant {
	if c.role == Leader && c.transfer.to != 0 {
		return min(c.deadline, c.transfer.until)
	}
	return c.deadline
}

// String is the server on one line.
func (c *Core) String() string {
	return fmt.Sprintf("%d %s term %d leader %d log %d..%d commit %d applied %d members %s",
		c.opts.ID, c.role, c.term, c.leader, c.FirstIndex(), c.log.last(), c.commit, c.applied, c.members)
}

// Tick does what is due by now.
func (c *Core) Tick(now nodes.Instant) {
	c.see(now)
	switch {
	case c.role == Leader:
		c.lead()
	case now >= c.deadline:
		c.campaign()
	}
}

// see takes note of the time. A monotonic clock does not run backwards.
func (c *Core) see(now nodes.Instant) {
	c.now = max(c.now, now)
}

// Step takes a message from another server. What is not for this server is left alone.
func (c *Core) Step(now nodes.Instant, m Message) {
	c.see(now)
	if m.To != c.opts.ID || m.From == c.opts.ID || m.From == 0 {
		return
	}
	if !c.currentTerm(&m) {
		return
	}
	switch m.Type {
	case PreVote, Vote:
		c.handleVote(&m)
	case PreVoteReply, VoteReply:
		c.handleVoteReply(&m)
	case Append:
		c.handleAppend(&m)
	case AppendReply:
		c.handleAppendReply(&m)
	case InstallSnapshot:
		c.handleSnapshot(&m)
	case SnapshotReply:
		c.handleSnapshotReply(&m)
	case TimeoutNow:
		c.handleTimeoutNow(&m)
	}
}

// currentTerm brings the server into the message's term, or answers a message of an old one. It returns false if
// the message is done with.
func (c *Core) currentTerm(m *Message) bool {
	switch {
	case m.Term > c.term:
		switch {
		case m.Type == PreVote:
			return true // that term has not begun
		case m.Type == PreVoteReply && !m.Reject:
			return true // granted for the term to come
		case m.Type == Vote && !m.Force && c.isSticky():
			return false // a leader is at work, and this one has not heard of it (§4.2.3)
		}
		leader := ID(0)
		if m.Type == Append || m.Type == InstallSnapshot {
			leader = m.From
		}
		c.becomeFollower(m.Term, leader)
		return true
	case m.Term < c.term:
		switch m.Type {
		case Append, InstallSnapshot: // a leader that was deposed learns of it
			c.sendAfterSave(Message{Type: AppendReply, To: m.From, Reject: true, Prev: m.Index, Index: c.log.last()})
		case PreVote: // one that fell behind
			c.sendAfterSave(Message{Type: PreVoteReply, To: m.From, Reject: true})
		}
		return false
	}
	return true
}

// becomeFollower ends whatever the server was doing in its term or before.
func (c *Core) becomeFollower(term uint64, leader ID) {
	if term < c.term {
		panic(fmt.Sprintf("raft: the term falls from %d to %d", c.term, term))
	}
	if term > c.term {
		c.term, c.vote, c.dirty = term, 0, true
		c.incoming = nil // another leader's snapshot of the same entries need not be the same bytes
	}
	was := c.role
	c.role, c.leader = Follower, leader
	c.votes, c.forced = nil, false
	c.peers, c.rounds, c.pending, c.transfer, c.asked = nil, nil, 0, transfer{}, false
	for _, r := range c.reads {
		c.out.Refused = append(c.out.Refused, r.id)
	}
	c.reads = nil
	if was != Follower || leader != 0 {
		c.postpone()
	}
}

// postpone draws when to campaign if nothing is heard until then.
func (c *Core) postpone() {
	spread := time.Duration(c.opts.Rand.Int64N(int64(c.opts.Election)))
	c.deadline = c.now.Add(c.opts.Election + spread)
}

// isSticky says that the server has heard of a leader so lately that it would not depose it.
func (c *Core) isSticky() bool {
	return c.role == Leader || c.now < c.sticky
}
