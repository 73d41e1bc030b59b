package coordinator

import (
	"fmt"

	"simrun/nodes/log/wire"
)

// Record is a key and what is true of it from now on. A nil Value ends it.
type Record struct{ Key, Value []byte }

// Producer is in whose transaction something is written. The zero ID is a producer too; see Entry and Write.
type Producer struct {
	ID    int64
	Epoch int16
}

// Write is what is to be appended to the coordinator's partition as one batch, after all Writes before it.
type Write struct {
	Number  uint64
	Records []Record
	// Transaction, if not nil, makes it a batch of that producer's transaction, which a marker will end.
	Transaction *Producer
}

// Entry is what stands in the partition: a batch, or the marker that ends a transaction.
type Entry struct {
	Records     []Record
	Transaction *Producer
	Marker      bool // it is a marker, of Transaction
	Commit      bool // the marker's
}

// Ledger has the writes that are not committed yet, and what waits for each.
//
// Invariant: waiting is sorted by number, and has only writes that were handed out or are about to be.
type Ledger struct {
	writes  uint64
	waiting []waiting
	fresh   []Write
	answers []Answer
}

type waiting struct {
	number uint64
	then   func(code wire.Code)
}

// Write appends records, and goes on with wire.None once they are committed, or with why they were refused.
func (l *Ledger) Write(records []Record, transaction *Producer, then func(code wire.Code)) {
	if len(records) == 0 {
		panic("coordinator: a write without records")
	}
	l.writes++
	l.fresh = append(l.fresh, Write{l.writes, records, transaction})
	l.waiting = append(l.waiting, waiting{l.writes, then})
}

// Waiting is how many writes are neither committed nor refused.
func (l *Ledger) Waiting() int { return len(l.waiting) }

// Committed says that all writes up to this number are committed.
func (l *Ledger) Committed(number uint64) {
	if number > l.writes {
		panic(fmt.Sprintf("coordinator: write %d is committed, of %d", number, l.writes))
	}
	for len(l.waiting) > 0 && l.waiting[0].number <= number {
		w := l.waiting[0]
		l.waiting = l.waiting[1:]
		w.then(wire.None)
	}
}

// Refused says that a write certainly is not in the partition and never will be, and why. It is not to be said of one
// that may yet be committed: then the coordinator resigns.
func (l *Ledger) Refused(number uint64, code wire.Code) {
	if code == wire.None {
		panic("coordinator: a write is refused for no reason")
	}
	for i, w := range l.waiting {
		if w.number == number {
			l.waiting = append(l.waiting[:i:i], l.waiting[i+1:]...)
			w.then(code)
			return
		}
	}
}

// Resign refuses all writes that are under way, in their order, and hands none of them out any more. Some of them may yet be
// committed, by whoever coordinates next.
func (l *Ledger) Resign() {
	waiting := l.waiting
	l.waiting, l.fresh = nil, nil
	for _, w := range waiting {
		w.then(wire.NotCoordinator)
	}
}

// Answer gives a call its response.
func (l *Ledger) Answer(a Answer) { l.answers = append(l.answers, a) }

// Take hands out what has come to be written and answered since the last call.
func (l *Ledger) Take() (writes []Write, answers []Answer) {
	writes, answers = l.fresh, l.answers
	l.fresh, l.answers = nil, nil
	return writes, answers
}
