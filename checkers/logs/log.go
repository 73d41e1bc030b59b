// Package logs answers what went wrong between those who send messages to partitions of a log and those who poll them, in
// the kinds that Jepsen's workload for Kafka knows (Kingsbury, Jepsen: Redpanda 21.10.1, 2022).
//
// That transactions which only send interleave (G0) is no anomaly: logs promise no isolation of writes. Nor is a gap between
// offsets: control records, aborted ones and compacted ones have offsets that no reader sees. Only to pass over a record that
// certainly stands there is a skip.
package logs

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// Op is what a client did: it sent messages, polled records, or both in one transaction; or it was given partitions.
//
// Invariant: only an operation that was answered ok knows what it polled.
type Op struct {
	linear.Span
	Sent   []Message
	Polls  bool     // it asked for records
	Polled []Record // in the order in which they came
	// Moved says that, before or while it polled, the client was given partitions or positions anew: by a subscription, an
	// assignment, a seek or a rebalance. What it polls from then on need not follow what it had polled before.
	Moved bool
}

// Message is a message that was sent. Values are unique in the whole history.
type Message struct {
	Partition linear.Value // Nil if it is not known
	Key       linear.Value // messages with one key go to one partition, in order; Nil is none
	Value     linear.Value
	Offset    int64
	Told      bool // whether its sender was told the offset, and the partition
}

// Record is what was polled at an offset.
type Record struct {
	Partition linear.Value
	Offset    int64
	Value     linear.Value
}

// Options say what else is known of the log and its clients.
type Options struct {
	// Latest says that consumers may begin at the end, so that what stands before the first record which anybody polled in a
	// partition was perhaps never asked for.
	Latest bool
	// Compacted says that a record may go once a later one of the same key stands in its partition.
	Compacted bool
	// Retained is how long a record stays at least, from when it was sent; 0 is for ever. One that somebody passed over may have been gone by then
	// if it was older. It is lost all the same if somebody polled beyond it before it was.
	Retained history.Time
	// CaughtUp says that at the end consumers polled until there was nothing more: what none of them saw is unseen.
	CaughtUp bool
	Name     func(linear.Value) string // spells a partition, key or value; nil is as a number
}

// Anomaly is a kind of what went wrong, with its first occurrence, and how often it occurred.
type Anomaly struct {
	linear.Result
	Count int
}

// kinds are all kinds, the gravest first. Those that begin with int- are within one operation.
var kinds = []string{"inconsistent-offsets", "phantom-read", "early-read", "G1a", "lost-write", "duplicate", "split-key", "unordered-key",
	"nonmonotonic-send", "int-nonmonotonic-send", "poll-skip", "int-poll-skip", "nonmonotonic-poll", "int-nonmonotonic-poll", "unseen"}

// Kinds are all kinds of anomalies, the gravest first.
func Kinds() []string { return slices.Clone(kinds) }

// Find looks for all kinds of anomalies, and gives them the gravest first. It takes time n log n for n messages and records. It is
// an error if a value was sent twice, for then nobody can say whose a record is.
func Find(ops []Op, o Options) ([]Anomaly, error) {
	b := &board{Options: o, ops: ops, clients: byClient(ops), found: map[string]*Anomaly{}}
	if err := b.post(); err != nil {
		return nil, err
	}
	b.places()
	b.losses()
	b.sends()
	b.polls()
	all := make([]Anomaly, 0, len(b.found))
	for _, kind := range kinds {
		if a := b.found[kind]; a != nil {
			all = append(all, *a)
		}
	}
	return all, nil
}

// board is what is known of every message and of every offset.
type board struct {
	Options
	ops        []Op
	clients    [][]*Op
	messages   map[linear.Value]*message
	sent       []message // in the order of operations
	partitions map[linear.Value]*partition
	found      map[string]*Anomaly
}

// message is a message, and where it was seen.
type message struct {
	*Message
	by     *Op
	at     place
	shown  *Op // who showed that it is there; nil if nobody did
	polled *Op // who polled it first, or nil
}

type place struct {
	partition linear.Value
	offset    int64
}

// partition is what certainly stands in one.
type partition struct {
	shown   map[int64]sight
	lowest  int64 // the first and last offset that anybody polled
	highest int64
	by      *Op // who polled the highest
	polled  []sighting
	offsets []int64 // of records that must be seen, in order
}

// sighting is that an offset was polled. In the order of their offsets each has who was the first to poll it or one beyond, and which.
type sighting struct {
	offset, beyond int64
	by             *Op
}

// sight is who showed which value at an offset.
type sight struct {
	value linear.Value
	by    *Op
}

// take counts an anomaly, and keeps the first of its kind.
func (b *board) take(kind, object, reason string, witness ...*Op) {
	if a := b.found[kind]; a != nil {
		a.Count++
		return
	}
	slices.SortStableFunc(witness, func(a, b *Op) int { return cmp.Or(cmp.Compare(a.Call, b.Call), cmp.Compare(a.ID, b.ID)) })
	r := linear.Result{Verdict: linear.Violated, Anomaly: kind, Reason: reason, Object: object}
	for _, o := range slices.Compact(witness) {
		r.Witness = append(r.Witness, o.ID)
	}
	b.found[kind] = &Anomaly{r, 1}
}

func (b *board) name(v linear.Value) string {
	switch {
	case v == linear.Nil:
		return "none"
	case b.Name != nil:
		return b.Name(v)
	default:
		return strconv.FormatInt(int64(v), 10)
	}
}

// post enters every message.
func (b *board) post() error {
	n := 0
	for i := range b.ops {
		n += len(b.ops[i].Sent)
	}
	b.sent = make([]message, 0, n)
	b.messages = make(map[linear.Value]*message, n)
	b.partitions = map[linear.Value]*partition{}
	for i := range b.ops {
		o := &b.ops[i]
		for j := range o.Sent {
			b.sent = append(b.sent, message{Message: &o.Sent[j], by: o})
			m := &b.sent[len(b.sent)-1]
			if before := b.messages[m.Value]; before != nil {
				return fmt.Errorf("operations %d and %d both send %s: what is sent must be unique", before.by.ID, o.ID, b.name(m.Value))
			}
			b.messages[m.Value] = m
		}
	}
	return nil
}

func (b *board) partition(name linear.Value) *partition {
	p := b.partitions[name]
	if p == nil {
		p = &partition{shown: map[int64]sight{}}
		b.partitions[name] = p
	}
	return p
}

// ok says whether the operation knows what it polled.
func (o *Op) ok() bool { return o.Outcome == history.Ok }
