package sim

import (
	"math/bits"
	"time"
)

// event is something that is to happen: small, by value, without a closure. What id and arg mean is
// decided by whoever scheduled it.
type event struct {
	at    time.Duration
	order uint64 // breaks ties at one instant: drawn from the seed, then by sequence
	arg   uint64
	id    uint32
	kind  eventKind
}

// queue holds the events to come as a radix heap (Ahuja et al., 1990), which needs what a simulation
// gives: nothing is ever pushed before what was popped last. Bucket b holds the events whose time
// differs from last first in bit b, so an event moves only towards lower buckets, and every move is a
// sequential copy; BenchmarkEvent has a 4-ary heap of the same record beside it.
//
// Invariant: events in now are at last, as a binary heap by order; bucket b's are later.
type queue struct {
	last    time.Duration
	now     []event
	buckets [64][]event
	used    uint64 // bit b is set exactly if bucket b is not empty
	n       int
}

func (q *queue) len() int { return q.n }

// push panics if e is in the past.
func (q *queue) push(e event) {
	if e.at < q.last {
		panic("sim: an event in the past")
	}
	q.n++
	q.place(e)
}

func (q *queue) place(e event) {
	differs := uint64(e.at ^ q.last)
	if differs == 0 {
		q.pushNow(e)
		return
	}
	b := bits.Len64(differs) - 1
	q.buckets[b] = append(q.buckets[b], e)
	q.used |= 1 << b
}

// pop takes the first event, unless there is none or it is later than limit.
func (q *queue) pop(limit time.Duration) (event, bool) {
	if len(q.now) == 0 && !q.advance(limit) || q.last > limit {
		return event{}, false
	}
	q.n--
	return q.popNow(), true
}

// advance makes the earliest event's time the present one, and spreads what shared its bucket.
func (q *queue) advance(limit time.Duration) bool {
	if q.used == 0 {
		return false
	}
	b := bits.TrailingZeros64(q.used)
	from := q.buckets[b]
	least := from[0].at
	for i := range from {
		least = min(least, from[i].at)
	}
	if least > limit {
		return false
	}
	q.last = least
	q.buckets[b] = from[:0]
	q.used &^= 1 << b
	for i := range from {
		q.place(from[i])
	}
	return true
}

func (q *queue) pushNow(e event) {
	q.now = append(q.now, e)
	h := q.now
	i := len(h) - 1
	for i > 0 && h[(i-1)/2].order > e.order {
		h[i] = h[(i-1)/2]
		i = (i - 1) / 2
	}
	h[i] = e
}

func (q *queue) popNow() event {
	h := q.now
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	q.now = h
	if len(h) == 0 {
		return top
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].order < h[child].order {
			child++
		}
		if h[child].order >= last.order {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = last
	return top
}
