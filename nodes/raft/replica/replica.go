// Package replica answers how a server takes part in a Raft group: it joins the core (package raft), which does nothing
// by itself, with a disk (raft/stable), connections (nodes/link), a clock, and a state machine of the caller's.
//
// # One driver
//
// All that happens goes into the core at once, wherever it happens: a message, a command, a record that has become
// durable. What comes out of it one task takes, the driver, turn by turn: it writes, sends, restores, applies and answers,
// in this order. Whatever comes while a turn lasts goes into the next, so that the busier a server is the larger are its
// batches, and nothing waits for a batch to become full.
//
// # Who begins
//
// A group has no configuration until one of its servers, the first of Options.Peers, has written one down: it asks all
// others, and if every one of them answers that it has no log, these are the members. A server that lost its disk comes
// back under another ID, for its old one may have voted and promised (it must not do so twice), and asks as well; some
// other has a log, so nothing is begun, and it asks to be taken in: the leader makes it a learner, and, when it has caught
// up, a voter in the place of the one that had its address, in one joint change. A server that has no log belongs to whom it
// answered last, durably, so that of two beginnings, the first of which was lost with its disk, one at most comes to anything.
package replica

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/link"
	"simrun/nodes/probe"
	"simrun/nodes/raft"
	"simrun/nodes/raft/stable"
)

// Errors of commands, reads, calls and changes. What fails with any but ErrUnknown was not done and will not be.
var (
	ErrNotLeader = raft.ErrNotLeader
	// ErrBusy says that too much waits already.
	ErrBusy = errors.New("replica: too much is waiting")
	// ErrLost says that another leader's entry took the place of the command.
	ErrLost = errors.New("replica: another leader decided otherwise")
	// ErrUnknown says that the command may have been done, or may yet be.
	ErrUnknown = errors.New("replica: whether it was done is not known")
	// ErrClosed says that the server is stopping.
	ErrClosed = errors.New("replica: closed")
	// ErrTooFew says that fewer voters would be left than are to be kept, or that no majority of them answers.
	ErrTooFew = errors.New("replica: too few would be left who answer")
	// ErrSilent says that the leader has not heard of a server lately.
	ErrSilent = errors.New("replica: nothing was heard of it lately")
	// ErrNoMember says that there is no such member.
	ErrNoMember = errors.New("replica: no such member")
)

// Machine is the state that commands change. None of its methods gives way.
type Machine interface {
	// Apply does a committed command and appends its answer to dst. It must do the same on every server.
	Apply(command, dst []byte) []byte
	// Image is the state as it is now; the function appends it to dst, at any time later.
	Image() func(dst []byte) []byte
	// Restore makes the state what an image was. The data may be kept, and is not to be written to.
	Restore(image []byte) error
}

// Options of a Replica. Self, Listen and Peers have to be said; the zero of the others is a default named here, or where
// packages raft, link and journal name it.
type Options struct {
	// Self is this server's address for the others, and Client that for its clients, which the others tell theirs.
	Self, Client string
	// Listen is where to accept the others.
	Listen string
	// Peers are the addresses of the servers that the group begins with, this one among them; the first begins it.
	Peers []string
	// Cluster is a name that all servers of a group agree in.
	Cluster string
	// Dir is where the log lies. Default "raft".
	Dir string
	// Engine is who decides on the order. Default package raft.
	Engine Engine
	// Election, Heartbeat, Drift, BatchEntries, BatchBytes, Window, ChunkBytes, PendingBytes: see raft.Options.
	Raft raft.Options
	// Journal: see journal.Options.
	Journal journal.Options
	// Silence, FrameBytes and the like: see link.Options. Default for Silence: ten election timeouts, at least 1s.
	Link link.Options
	// SnapshotEntries and SnapshotBytes are after how much log a snapshot is made. Default 100,000, and 64MiB.
	SnapshotEntries int
	SnapshotBytes   nodes.Bytes
	// Waiting is how many commands, reads and calls may wait. Default 100,000.
	Waiting int
	// Patience is how long a command waits for its fate before it is ErrUnknown. Default ten election timeouts.
	Patience time.Duration
	// Rejoin lets a server without a log, or with a damaged one, join a group that has one without being asked to.
	Rejoin bool
}

func (o Options) withDefaults() Options {
	if o.Raft.Election <= 0 {
		o.Raft.Election = time.Second
	}
	o.Engine = o.Engine.orDefault()
	if o.Dir == "" {
		o.Dir = "raft"
	}
	if o.SnapshotEntries <= 0 {
		o.SnapshotEntries = 100_000
	}
	if o.SnapshotBytes <= 0 {
		o.SnapshotBytes = 64 << 20
	}
	if o.Waiting <= 0 {
		o.Waiting = 100_000
	}
	if o.Patience <= 0 {
		o.Patience = 10 * o.Raft.Election
	}
	if o.Link.Silence <= 0 {
		o.Link.Silence = max(10*o.Raft.Election, time.Second)
	}
	o.Link.Self, o.Link.Listen, o.Link.Cluster = o.Self, o.Listen, o.Cluster
	return o
}

// Replica is one server of a group. Its methods are for the tasks of one process. Functions that are handed to it to be
// called later are called by the driver, and must not give way.
//
// Invariants: applied is what the machine has done, and is no more than the core's commit; only the driver calls
// core.Output.
type Replica struct {
	env     nodes.Env
	opts    Options
	record  nodes.Recorder
	machine Machine
	store   *stable.Store
	link    *link.Link
	core    Core
	handle  func(from string, request []byte, reply func(answer []byte))

	wake   nodes.Cond // the driver waits here
	due    bool
	driver nodes.Task
	closed bool

	applied  uint64
	gathered []proposal            // for the next turn
	waiters  map[uint64][]proposal // by the index of their entry
	inOrder  []pledge              // the same, by time
	waiting  int
	asked    []question // for the next turn
	reads    map[uint64][]question
	confirms []confirmed // reads that wait for the machine
	readID   uint64
	answer   []byte
	calls    calls

	founding founding
	known    map[raft.ID]string // where messages came from; of the members, the configuration says it
	reached  raft.Members       // the members whose addresses the link was told
	image    *image
	rewrites bool // the journal is being compacted

	was      raft.Role
	early    nodes.Instant // when an election was begun before its time
	shown    [4]int64
	said     standpoint
	told     raft.Members // by the last state line
	signed   probe.Fingerprint
	buf      []byte
	snapshot uint64 // the last that this life made or was given
}

// Open recovers the server and lets it take part. Calls of other servers go to handle, which may be nil. Errors: what the
// journal, the machine and the network say; *journal.Corruption unless Options.Rejoin.
func Open(env nodes.Env, o Options, m Machine, handle func(from string, request []byte, reply func([]byte))) (*Replica, error) {
	r := &Replica{env: env, opts: o.withDefaults(), record: env.Record(), machine: m, handle: handle, wake: env.NewCond(),
		waiters: map[uint64][]proposal{}, reads: map[uint64][]question{}, known: map[raft.ID]string{}}
	r.calls = calls{last: env.Rand().Uint64() >> 16, pending: map[uint64]*call{}}
	r.founding.answers = map[string]introduction{}
	if len(r.opts.Peers) == 0 || !slices.Contains(r.opts.Peers, r.opts.Self) {
		return nil, fmt.Errorf("replica: %q is none of the servers %q that the group begins with", r.opts.Self, r.opts.Peers)
	}
	if err := r.recover(); err != nil {
		return nil, err
	}
	l, err := link.Open(env, r.opts.Link, r.receive)
	if err != nil {
		return nil, errors.Join(err, r.store.Close())
	}
	r.link = l
	r.meet()
	r.show()
	r.driver = env.Go("raft", r.drive)
	env.Go("raft founding", r.found)
	return r, nil
}

// recover reads the disk.
func (r *Replica) recover() error {
	store, err := r.openStore()
	if err != nil {
		return err
	}
	if store.Identity().ID == 0 {
		id := raft.ID(r.env.Rand().Uint64()>>16 | 1)
		if err = store.Be(stable.Identity{ID: id}); err == nil {
			err = store.Settle()
		}
		if err != nil {
			return errors.Join(err, store.Close())
		}
	}
	r.store = store
	state := store.State()
	if state.Snapshot.Index > 0 {
		if err := r.machine.Restore(state.Snapshot.Data); err != nil {
			return errors.Join(err, store.Close())
		}
	}
	r.begin(state)
	return nil
}

// begin makes a core of a state.
func (r *Replica) begin(state raft.State) {
	o := r.opts.Raft
	o.ID, o.Rand = r.store.Identity().ID, r.env.Rand()
	o.Unled = state.Term <= 1 // groups begin in term 1, and their first leader leads in a later one
	if r.env.Point(tinyChunks) {
		o.ChunkBytes = 1 + r.env.Rand().IntN(64)
	}
	r.core = r.opts.Engine.New(r.env, o, state)
	r.applied, r.snapshot = state.Snapshot.Index, state.Snapshot.Index
	r.poke()
}

// ID is the server's name among the members.
func (r *Replica) ID() raft.ID { return r.store.Identity().ID }

// Role, Term, Commit, Applied and Members are what they are in the dissertation.
func (r *Replica) Role() raft.Role { return r.core.Role() }

// Term is the current term.
func (r *Replica) Term() uint64 { return r.core.Term() }

// Commit is the last index that is known here to be committed.
func (r *Replica) Commit() uint64 { return r.core.Commit() }

// Applied is the last index that the machine has done.
func (r *Replica) Applied() uint64 { return r.applied }

// Members are the members by the last configuration in the log.
func (r *Replica) Members() raft.Members { return r.core.Members() }

// Leads says whether this server leads, as far as it knows.
func (r *Replica) Leads() bool { return r.core.Role() == raft.Leader }

// Leader is where the leader's clients and servers reach it; empty while it is not known.
func (r *Replica) Leader() (client, server string) {
	if id := r.core.Leader(); id != 0 {
		return addresses(r.core.Members(), id)
	}
	return "", ""
}

// poke lets the driver take a turn.
func (r *Replica) poke() {
	if !r.due {
		r.due = true
		r.wake.Signal()
	}
}

// Close ends it. A leader hands over first, if somebody can take over soon. Whatever waits fails.
func (r *Replica) Close() error {
	if r.closed {
		return ErrClosed
	}
	r.abdicate()
	r.closed = true
	r.wake.Signal()
	_ = r.driver.Join()
	r.link.Close()
	r.abandon()
	return r.store.Close()
}

// abdicate hands leadership to the voter that is furthest.
func (r *Replica) abdicate() {
	var best raft.ID
	for _, m := range r.core.Members().Voters {
		if _, server := split(m.Address); m.ID != r.ID() && r.link.Connected(server) && r.core.Match(m.ID) >= r.core.Match(best) {
			best = m.ID
		}
	}
	if !r.Leads() || best == 0 || r.core.Transfer(r.env.Mark(), best) != nil {
		return
	}
	r.poke()
	for until := r.env.Mark().Add(r.opts.Raft.Election); r.Leads() && r.env.Mark() < until; {
		if r.env.Sleep(r.opts.Raft.Election/20) != nil {
			return
		}
	}
}

// abandon fails all that waits.
func (r *Replica) abandon() {
	for _, p := range r.gathered {
		p.done(nil, ErrClosed)
	}
	for _, p := range r.inOrder {
		r.forget(p, ErrUnknown)
	}
	for _, q := range r.asked {
		q.done(ErrClosed)
	}
	for _, id := range slices.Sorted(maps.Keys(r.reads)) {
		for _, q := range r.reads[id] {
			q.done(ErrClosed)
		}
	}
	for _, c := range r.confirms {
		c.done(ErrClosed)
	}
	r.gathered, r.inOrder, r.asked, r.confirms = nil, nil, nil, nil
	clear(r.reads)
	r.calls.fail(ErrUnknown)
}

// String is the server on one line.
func (r *Replica) String() string {
	leader, _ := r.Leader()
	if leader == "" {
		leader = "nobody"
	}
	text := fmt.Sprintf("%s of term %d, %s leads, log %d..%d, committed %d, applied %d, %d voters", r.core.Role(), r.core.Term(), leader,
		r.core.FirstIndex(), r.core.LastIndex(), r.core.Commit(), r.applied, len(r.core.Members().Voters))
	if r.core.Members().Joint() {
		text += ", changing"
	}
	return text
}
