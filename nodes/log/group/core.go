package group

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/wire"
)

// Options of a Core. The zero of all but Rand is a default named here.
type Options struct {
	Rand *rand.Rand // makes members' IDs
	// InitialDelay is how long the first rebalance of a group waits for others to join, from each that does. Default 3s;
	// negative is not at all.
	InitialDelay time.Duration
	// LeastSession and MostSession bound the sessions that members may ask for. Default 6s and 30m.
	LeastSession, MostSession time.Duration
	// Introduction is how long a new member may wait for its first generation. Default 5m.
	Introduction time.Duration
	// Retention is how long offsets of a group without members are kept. Default 7 days.
	Retention time.Duration
	// CleanEvery is how often those are looked for that are kept for long enough. Default 10m.
	CleanEvery time.Duration
	// Groups, Members (of a group, with those that have only been given an ID) and Offsets (of a group) are the most there may be.
	// Default 10,000, 1,000 and 100,000.
	Groups, Members, Offsets int
	// MetadataBytes is the most said with an offset. Default 4 KiB.
	MetadataBytes int
	// GroupBytes is the most that all members of a group may say of themselves, and the most that may be assigned to them, for
	// both stand in one record. Default 400 KiB.
	GroupBytes int
	// Writes is how many may wait to be committed. Default 10,000.
	Writes int
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&o.InitialDelay, 3 * time.Second}, {&o.LeastSession, 6 * time.Second}, {&o.MostSession, 30 * time.Minute}, {&o.Introduction, 5 * time.Minute},
		{&o.Retention, 7 * 24 * time.Hour}, {&o.CleanEvery, 10 * time.Minute}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	for _, d := range []struct {
		field *int
		value int
	}{{&o.Groups, 10_000}, {&o.Members, 1000}, {&o.Offsets, 100_000}, {&o.MetadataBytes, 4 << 10}, {&o.GroupBytes, 400 << 10}, {&o.Writes, 10_000}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return o
}

// Change says that a group came to be in another state, or in another generation.
type Change struct {
	Group      string
	From, To   State
	Generation int32
	Members    int
}

// Output is what is to be done: Writes appended in their order, Answers given. The slices are the caller's.
type Output struct {
	Writes  []coordinator.Write
	Answers []coordinator.Answer
	Changes []Change
}

// Core is the coordinator of the groups of one partition.
//
// Invariants: alarms has each group that has something due, once; nothing is answered but errors before Serve and after
// Resign.
type Core struct {
	opts    Options
	now     coordinator.Time
	ledger  coordinator.Ledger
	groups  map[string]*group
	alarms  coordinator.Alarms[*group]
	cleanAt nodes.Instant
	order   uint64 // of the last offset that stands in the partition
	serving bool
	gone    bool
	changes []Change
}

// New is a coordinator that knows nothing yet. Until Serve it answers that it is loading.
func New(o Options) *Core {
	if o.Rand == nil {
		panic("group: a coordinator needs a source of randomness")
	}
	return &Core{opts: o.withDefaults(), groups: map[string]*group{}, cleanAt: coordinator.Never}
}

// Serve says that all that stands in the partition has been replayed. Members that were in a group when it was written down have their
// sessions from now on.
func (c *Core) Serve(now coordinator.Time) {
	if c.serving || c.gone {
		panic("group: a coordinator begins to serve once")
	}
	c.now, c.serving = now, true
	for _, g := range c.sorted() {
		for _, m := range g.members {
			m.until = now.Mark.Add(m.session)
		}
		if len(g.members) > 0 {
			c.enter(g, Stable)
		}
		c.settle(g)
	}
	c.cleanAt = now.Mark.Add(c.opts.CleanEvery)
}

// Resign says that this server does not lead the partition any more. Whoever waits for an answer hears of it, and so does everybody who asks
// from now on.
func (c *Core) Resign() {
	if c.gone {
		return
	}
	c.gone, c.serving = true, false
	c.ledger.Resign()
	for _, g := range c.sorted() {
		for _, m := range g.members {
			c.end(&m.joining, wire.NotCoordinator)
			c.end(&m.syncing, wire.NotCoordinator)
		}
	}
	c.groups, c.alarms, c.cleanAt = map[string]*group{}, coordinator.Alarms[*group]{}, coordinator.Never
}

// Committed says that all Writes up to this number are committed.
func (c *Core) Committed(now coordinator.Time, number uint64) {
	c.see(now)
	c.ledger.Committed(number)
}

// Refused says that a Write certainly is not in the partition and never will be, and why. If that is not certain, the
// coordinator must Resign.
func (c *Core) Refused(now coordinator.Time, number uint64, code wire.Code) {
	c.see(now)
	c.ledger.Refused(number, code)
}

// Output takes what has come to be done since the last call.
func (c *Core) Output() Output {
	var out Output
	out.Writes, out.Answers = c.ledger.Take()
	out.Changes, c.changes = c.changes, nil
	return out
}

// Step takes a call: JoinGroup, SyncGroup, Heartbeat, LeaveGroup, OffsetCommit, OffsetFetch, TxnOffsetCommit, or DeleteGroups
// with groups of this partition alone. Others are a mistake of the driver.
func (c *Core) Step(now coordinator.Time, call coordinator.Call) {
	c.see(now)
	switch {
	case c.gone:
		c.refuse(&call, wire.NotCoordinator)
		return
	case !c.serving:
		c.refuse(&call, wire.CoordinatorLoadInProgress)
		return
	}
	switch r := call.Request.(type) {
	case *kmsg.JoinGroupRequest:
		c.join(&call, r)
	case *kmsg.SyncGroupRequest:
		c.sync(&call, r)
	case *kmsg.HeartbeatRequest:
		c.heartbeat(&call, r)
	case *kmsg.LeaveGroupRequest:
		c.leave(&call, r)
	case *kmsg.OffsetCommitRequest:
		c.commit(&call, r)
	case *kmsg.TxnOffsetCommitRequest:
		c.commitInTransaction(&call, r)
	case *kmsg.OffsetFetchRequest:
		c.fetch(&call, r)
	case *kmsg.DeleteGroupsRequest:
		c.delete(&call, r)
	default:
		panic(fmt.Sprintf("group: a %T is not a coordinator's to answer", r))
	}
}

// Deadline is when Tick wants to be called.
func (c *Core) Deadline() nodes.Instant { return min(c.cleanAt, c.alarms.Next()) }

// Tick does what is due by now.
func (c *Core) Tick(now coordinator.Time) {
	c.see(now)
	for c.alarms.Next() <= c.now.Mark {
		g := c.alarms.First()
		c.expire(g)
		c.settle(g)
	}
	if c.now.Mark >= c.cleanAt {
		c.cleanAt = c.now.Mark.Add(c.opts.CleanEvery)
		c.clean()
	}
}

// see takes note of the time. A monotonic clock does not run backwards.
func (c *Core) see(now coordinator.Time) {
	now.Mark = max(now.Mark, c.now.Mark)
	c.now = now
}

func (c *Core) sorted() []*group {
	return slices.SortedFunc(maps.Values(c.groups), func(a, b *group) int { return cmp.Compare(a.id, b.id) })
}

// group is one that there may be, made if there is room; nil if there is none.
func (c *Core) group(id string) *group {
	g := c.groups[id]
	if g == nil && (len(c.groups) < c.opts.Groups || !c.serving) {
		g = &group{id: id, state: Empty, since: c.now.Wall, wake: coordinator.Never, offsets: newOffsets()}
		c.groups[id] = g
	}
	return g
}

// enter makes the group be in a state.
func (c *Core) enter(g *group, to State) {
	if g.state == to {
		return
	}
	c.changes = append(c.changes, Change{g.id, g.state, to, g.generation, len(g.members)})
	g.state = to
	g.check()
}

// store writes the generation down as it is, and goes on once that is committed.
func (c *Core) store(g *group, then func(wire.Code)) {
	g.writing++
	c.ledger.Write(g.records(), nil, func(code wire.Code) {
		g.writing--
		g.stored = g.stored || code == wire.None
		then(code)
		c.settle(g)
	})
}

// check holds the group to what is said of it where it is declared.
func (g *group) check() {
	switch g.state {
	case Empty:
		if len(g.members) > 0 {
			panic("group: an empty group has members: " + g.String())
		}
	case Completing, Stable:
		if g.member(g.leader) == nil || !g.supports(g.protocol) {
			panic("group: a generation without a leader, or with a member that does not know its protocol: " + g.String())
		}
	}
}

// settle looks when the group needs attention next, and lets go of one of which nothing is left.
func (c *Core) settle(g *group) {
	if g.state == Empty && len(g.pending) == 0 && g.writing == 0 && !g.stored && g.offsets.none() && c.groups[g.id] == g {
		delete(c.groups, g.id)
		if c.serving {
			c.enter(g, Dead)
		}
	}
	if !c.serving {
		return
	}
	g.wake = g.due()
	c.alarms.Set(g)
}

// Alarm is when the group wants to be looked at.
func (g *group) Alarm() (at nodes.Instant, name string) { return g.wake, g.id }

// Place is for the core's alarms.
func (g *group) Place() *int { return &g.place }

// due is the first of the group's deadlines.
func (g *group) due() nodes.Instant {
	first := coordinator.Never
	switch g.state {
	case Preparing:
		first = g.joinUntil
	case Completing, Stable:
		if slices.ContainsFunc(g.members, func(m *member) bool { return m.owes }) {
			first = g.syncUntil
		}
	}
	for _, m := range g.members {
		first = min(first, m.patience())
	}
	for _, p := range g.pending {
		first = min(first, p.until)
	}
	return first
}

// refuse answers a call with an error.
func (c *Core) refuse(call *coordinator.Call, code wire.Code) {
	c.ledger.Answer(coordinator.Answer{ID: call.ID, Response: Refusal(call.Request, code)})
}

func (c *Core) answer(call *coordinator.Call, r kmsg.Response) {
	c.ledger.Answer(coordinator.Answer{ID: call.ID, Response: r})
}

// end refuses a call that was waiting, if there is one.
func (c *Core) end(waiting **coordinator.Call, code wire.Code) {
	if *waiting != nil {
		c.refuse(*waiting, code)
		*waiting = nil
	}
}

// String is the coordinator on one line for each group.
func (c *Core) String() string {
	var lines []string
	for _, g := range c.sorted() {
		lines = append(lines, g.String())
	}
	return strings.Join(lines, "\n")
}
