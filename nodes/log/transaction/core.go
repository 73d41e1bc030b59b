package transaction

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/wire"
)

// Options of a Core. The zero of all but IDs is a default named here.
type Options struct {
	IDs *IDs // shared by all that the server coordinates
	// OffsetsTopic and OffsetsPartitions are where groups' offsets stand, that a transaction may hold. Default __consumer_offsets, 50.
	OffsetsTopic      string
	OffsetsPartitions int
	// MostTimeout is the longest that a producer may have its transactions last. Default 15m.
	MostTimeout time.Duration
	// Resend is how long a marker is waited for until it is written again. Default 1s.
	Resend time.Duration
	// Retention is how long a transactional ID is remembered that nobody uses. Default 7 days.
	Retention time.Duration
	// CleanEvery is how often those are looked for. Default 1h.
	CleanEvery time.Duration
	// Most is how many transactional IDs there may be, Partitions how many in a transaction, Writes how many may wait to be
	// committed. Default 100,000, 10,000 and 10,000.
	Most, Partitions, Writes int
}

func (o Options) withDefaults() Options {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&o.MostTimeout, 15 * time.Minute}, {&o.Resend, time.Second}, {&o.Retention, 7 * 24 * time.Hour}, {&o.CleanEvery, time.Hour}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	for _, d := range []struct {
		field *int
		value int
	}{{&o.OffsetsPartitions, 50}, {&o.Most, 100_000}, {&o.Partitions, 10_000}, {&o.Writes, 10_000}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	o.OffsetsTopic = cmp.Or(o.OffsetsTopic, "__consumer_offsets")
	return o
}

// Change says that a transactional ID came to be in another state.
type Change struct {
	ID       string
	From, To State
	Producer coordinator.Producer
}

// Output is what is to be done: Writes appended in their order, Answers given, Markers written. The slices are the caller's.
type Output struct {
	Writes  []coordinator.Write
	Answers []coordinator.Answer
	Markers []Marker
	Changes []Change
}

// Core is the coordinator of the transactional IDs of one partition.
//
// Invariants: alarms has each transaction that has something due, once; nothing is answered but errors, and no marker leaves, before
// Serve and after Resign.
type Core struct {
	opts         Options
	now          coordinator.Time
	ledger       coordinator.Ledger
	transactions map[string]*transaction
	alarms       coordinator.Alarms[*transaction]
	cleanAt      nodes.Instant
	epoch        int32
	decisions    uint64 // the number of the last marker
	serving      bool
	gone         bool
	markers      []Marker
	changes      []Change
}

// New is a coordinator that knows nothing yet. Until Serve it answers that it is loading.
func New(o Options) *Core {
	if o.IDs == nil {
		panic("transaction: a coordinator needs producers' IDs")
	}
	return &Core{opts: o.withDefaults(), transactions: map[string]*transaction{}, cleanAt: coordinator.Never}
}

// Serve says that all that stands in the partition has been replayed, and in which of its leader epochs the coordinator is at work.
// Markers of what was decided are on their way again.
func (c *Core) Serve(now coordinator.Time, epoch int32) {
	if c.serving || c.gone {
		panic("transaction: a coordinator begins to serve once")
	}
	c.now, c.serving, c.epoch = now, true, epoch
	c.decisions = uint64(uint32(epoch)) << 32 // beyond those of the coordinator before
	for _, t := range c.sorted() {
		if t.state.decided() {
			c.begin(t)
		}
		c.settle(t)
	}
	c.cleanAt = now.Mark.Add(c.opts.CleanEvery)
}

// Resign says that this server does not lead the partition any more. Whoever waits for an answer hears of it, and so does everybody
// who asks from now on.
func (c *Core) Resign() {
	if c.gone {
		return
	}
	c.gone, c.serving = true, false
	c.ledger.Resign()
	c.transactions, c.alarms, c.markers, c.cleanAt = map[string]*transaction{}, coordinator.Alarms[*transaction]{}, nil, coordinator.Never
}

// Committed says that all Writes up to this number are committed.
func (c *Core) Committed(now coordinator.Time, number uint64) {
	c.see(now)
	c.ledger.Committed(number)
}

// Refused says that a Write certainly is not in the partition and never will be, and why. If that is not certain, the coordinator
// must Resign.
func (c *Core) Refused(now coordinator.Time, number uint64, code wire.Code) {
	c.see(now)
	c.ledger.Refused(number, code)
}

// Output takes what has come to be done since the last call.
func (c *Core) Output() Output {
	var out Output
	out.Writes, out.Answers = c.ledger.Take()
	out.Markers, c.markers = c.markers, nil
	out.Changes, c.changes = c.changes, nil
	return out
}

// Step takes a call: InitProducerID, AddPartitionsToTxn, AddOffsetsToTxn or EndTxn. Others are a mistake of the driver.
func (c *Core) Step(now coordinator.Time, call coordinator.Call) {
	c.see(now)
	switch {
	case c.gone:
		c.refuse(&call, wire.NotCoordinator)
		return
	case !c.serving:
		c.refuse(&call, wire.CoordinatorLoadInProgress)
		return
	case c.ledger.Waiting() >= c.opts.Writes:
		c.refuse(&call, wire.CoordinatorNotAvailable)
		return
	}
	switch r := call.Request.(type) {
	case *kmsg.InitProducerIDRequest:
		c.init(&call, r)
	case *kmsg.AddPartitionsToTxnRequest:
		c.addPartitions(&call, r)
	case *kmsg.AddOffsetsToTxnRequest:
		c.addOffsets(&call, r)
	case *kmsg.EndTxnRequest:
		c.end(&call, r)
	default:
		panic(fmt.Sprintf("transaction: a %T is not a coordinator's to answer", r))
	}
}

// Deadline is when Tick wants to be called.
func (c *Core) Deadline() nodes.Instant { return min(c.cleanAt, c.alarms.Next()) }

// Tick does what is due by now.
func (c *Core) Tick(now coordinator.Time) {
	c.see(now)
	for c.alarms.Next() <= c.now.Mark {
		t := c.alarms.First()
		t.wake = coordinator.Never
		c.attend(t)
		c.settle(t)
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

// write writes down what is to stand of a transactional ID, and goes on once it does, or does not.
//
// Invariant: only one thing is being written of an ID at a time.
func (c *Core) write(t *transaction, next standing, then func(wire.Code)) {
	if t.pending != nil {
		panic("transaction: two things at a time: " + t.String())
	}
	next.updated = c.now.Wall
	t.pending = &next
	c.ledger.Write([]coordinator.Record{record(t.id, &next)}, nil, func(code wire.Code) {
		t.pending = nil
		if code == wire.None {
			c.stand(t, next)
		}
		then(code)
		c.settle(t)
	})
	c.settle(t)
}

// stand makes what is committed be what stands.
func (c *Core) stand(t *transaction, next standing) {
	before := t.standing
	t.standing = next
	t.check(&before)
	if before.state != next.state || before.epoch != next.epoch {
		c.changes = append(c.changes, Change{t.id, before.state, next.state, coordinator.Producer{ID: next.producer, Epoch: next.epoch}})
	}
}

// settle looks when the transaction needs attention next, and lets go of one that nothing was written of.
func (c *Core) settle(t *transaction) {
	if !c.serving {
		return
	}
	if t.epoch == noEpoch && t.pending == nil {
		delete(c.transactions, t.id)
	}
	switch {
	case t.pending != nil || t.state == Empty || t.state == CompleteCommit || t.state == CompleteAbort:
		t.wake = coordinator.Never
	case t.state == Ongoing && t.wake == coordinator.Never:
		left := t.timeout - c.now.Wall.Sub(t.began)
		t.wake = c.now.Mark.Add(min(max(left, 0), t.timeout))
	case t.state.decided() && t.wake == coordinator.Never:
		t.wake = c.now.Mark.Add(c.opts.Resend)
	}
	c.alarms.Set(t)
}

// Alarm is when the transaction wants to be looked at.
func (t *transaction) Alarm() (at nodes.Instant, name string) { return t.wake, t.id }

// Place is for the core's alarms.
func (t *transaction) Place() *int { return &t.place }

// attend does what is due of a transaction: it has taken too long, or markers were not confirmed.
func (c *Core) attend(t *transaction) {
	switch {
	case t.state == Ongoing:
		c.fence(t, func(code wire.Code) {
			if code != wire.None {
				t.wake = c.now.Mark.Add(c.opts.Resend)
			}
		})
	case t.state.decided():
		c.mark(t)
	}
}

// clean forgets transactional IDs that nobody has used for long enough.
func (c *Core) clean() {
	for _, t := range c.sorted() {
		idle := t.pending == nil && (t.state == Empty || t.state == CompleteCommit || t.state == CompleteAbort)
		if !idle || c.now.Wall.Sub(t.updated) < c.opts.Retention || c.ledger.Waiting() >= c.opts.Writes {
			continue
		}
		t.pending = &standing{}
		c.ledger.Write([]coordinator.Record{{Key: keyOf(t.id)}}, nil, func(code wire.Code) {
			if t.pending = nil; code == wire.None {
				delete(c.transactions, t.id)
			}
		})
	}
}

func (c *Core) sorted() []*transaction {
	return slices.SortedFunc(maps.Values(c.transactions), func(a, b *transaction) int { return cmp.Compare(a.id, b.id) })
}

func (c *Core) refuse(call *coordinator.Call, code wire.Code) {
	c.answer(call, Refusal(call.Request, code))
}

func (c *Core) answer(call *coordinator.Call, r kmsg.Response) {
	c.ledger.Answer(coordinator.Answer{ID: call.ID, Response: r})
}

// String is the coordinator on one line for each transactional ID.
func (c *Core) String() string {
	var lines []string
	for _, t := range c.sorted() {
		lines = append(lines, t.String())
	}
	return strings.Join(lines, "\n")
}
