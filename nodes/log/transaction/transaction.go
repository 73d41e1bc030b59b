// Package transaction answers what becomes of what a producer writes to several partitions as one: the coordinator of
// transactions, by the protocol of Kafka (KIP-98, KIP-360, KIP-447).
//
// Core is the coordinator of the transactional IDs of one partition of the internal topic, and does nothing by itself: calls, the
// time, and what was committed of that partition go in; answers, records to be appended, and markers to be written to other
// partitions come out. Nothing is answered, and no marker leaves, before the record is committed that says so. Keys and values are
// those of Kafka's __transaction_state.
//
// A producer is a number and an epoch. Whoever asks for a transactional ID is given the next epoch of its number, and whoever had the
// one before is fenced off. A transaction is decided when that is written down (PrepareCommit, PrepareAbort); then each partition that
// takes part is told so by a marker, again and again until it has it, and the next transaction may begin when all have. One that takes
// longer than its producer said is aborted, and its producer fenced off.
//
// A marker that is held up on its way, and comes when the producer's next transaction has begun, must not end that one; nor may what was sent for
// the last one become part of it. So each transaction has an epoch of its own (KIP-890): who ends one by a version from MovesOn's on is
// told the next epoch, and markers have that already. Producers that do not know of this have one epoch for all, and both may happen.
package transaction

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/nodes/log/coordinator"
)

// State is what a transactional ID is doing.
type State int8

// The states, with their numbers in records.
const (
	Empty State = iota // no transaction yet
	Ongoing
	PrepareCommit // decided; markers are on their way
	PrepareAbort
	CompleteCommit // all have their markers
	CompleteAbort
)

// String is the state's name in the protocol.
func (s State) String() string {
	return [...]string{"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort"}[s]
}

// decided says whether markers are on their way.
func (s State) decided() bool { return s == PrepareCommit || s == PrepareAbort }

// TopicPartition is a partition of a topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

func (a TopicPartition) compare(b TopicPartition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

// Epochs. The last is never given to a producer: by it the one before can be fenced off.
const (
	noEpoch   int16 = -1
	lastEpoch int16 = 1<<15 - 1
)

// standing is what is written down of a transactional ID.
//
// Invariants: partitions is sorted, without one twice, and empty in Empty, CompleteCommit and CompleteAbort. The epoch of a
// producer never falls.
type standing struct {
	state      State
	producer   int64
	epoch      int16
	once       bool // the transaction that was decided last was so under the epoch after its own, which its producer goes on with
	timeout    time.Duration
	partitions []TopicPartition
	began      time.Time // the transaction, by the wall
	updated    time.Time // this
}

// transaction is a transactional ID, and its transaction if there is one.
//
// Invariant: pending is nil, or is being written and will be what stands. missing is empty unless the state is decided.
type transaction struct {
	id string
	standing
	// previous is the producer's epoch before the one that was given last to the same producer, which asked for it by the one before:
	// if it asks again, it has not heard the answer. It is not written down: the next coordinator fences such a producer off.
	previous int16

	pending *standing
	missing []TopicPartition // they have not confirmed their marker
	number  uint64           // of that marker

	wake  nodes.Instant
	place int
}

func (t *transaction) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s producer %d epoch %d", t.id, t.state, t.producer, t.epoch)
	for _, p := range t.partitions {
		fmt.Fprintf(&b, " %s/%d", p.Topic, p.Partition)
		if t.state.decided() && !slices.Contains(t.missing, p) {
			b.WriteString("✓")
		}
	}
	if t.pending != nil {
		fmt.Fprintf(&b, " (writing %s epoch %d)", t.pending.state, t.pending.epoch)
	}
	return b.String()
}

// check holds what stands to what is said of it where it is declared; it panics with a sentence if it cannot be.
func (t *transaction) check(before *standing) {
	switch {
	case !slices.IsSortedFunc(t.partitions, TopicPartition.compare):
		panic("transaction: partitions out of order: " + t.String())
	case len(t.partitions) > 0 && (t.state == Empty || t.state == CompleteCommit || t.state == CompleteAbort):
		panic("transaction: partitions of no transaction: " + t.String())
	case t.producer == before.producer && t.epoch < before.epoch:
		panic(fmt.Sprintf("transaction: an epoch falls from %d: %s", before.epoch, t))
	case !before.state.leadsTo(t.state):
		panic(fmt.Sprintf("transaction: from %s to %s", before.state, t))
	}
}

// leadsTo says whether a state may follow another.
func (s State) leadsTo(next State) bool {
	switch s {
	case Ongoing:
		return next == Ongoing || next == PrepareCommit || next == PrepareAbort
	case PrepareCommit:
		return next == CompleteCommit
	case PrepareAbort:
		return next == CompleteAbort
	}
	return next == Ongoing || next == Empty
}

// IDs are producers' numbers that nobody else gives away. They are got in blocks from whoever makes sure of that.
type IDs struct{ next, end int64 }

// Add gives it a block.
func (i *IDs) Add(first, count int64) { i.next, i.end = first, first+count }

// Left is how many there are. Whoever drives a coordinator gets another block before there are none.
func (i *IDs) Left() int64 { return i.end - i.next }

// Take is one that nobody has, if there is one.
func (i *IDs) Take() (int64, bool) {
	if i.next >= i.end {
		return 0, false
	}
	i.next++
	return i.next - 1, true
}

// Marker is to be written to all those partitions, by whoever leads each: that a producer's transaction is committed, or is not.
type Marker struct {
	// Number tells a transaction from the next of the same producer: that it has the marker of one is not to be taken for having the
	// other's. Markers that are sent again have the same.
	Number           uint64
	ID               string // the transaction's
	Producer         coordinator.Producer
	Commit           bool
	Once             bool // its epoch is the one after the transaction's
	Partitions       []TopicPartition
	CoordinatorEpoch int32
}
