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

// queue holds the events to come as a radix heap (Ahuja et al., 1990) of base 64, which needs what a
// simulation gives: nothing is ever pushed before what was popped last. An event stands at the level of the
// highest digit in which its time differs from last, in the slot of that digit; when its slot is the first
// one left, it moves to a lower level or is due. A move only relinks it. BenchmarkEvent has a 4-ary heap of the
// same record beside it.
//
// Invariant: events in now are at last, as a binary heap by order; those in slots are later. A slot's bit is set
// exactly if it is not empty, and a level's if one of its slots' is.
type queue struct {
	last   time.Duration
	now    []event
	nodes  []node // nodes[0] stands for none
	spare  int32  // the first free node
	slots  [levels][64]int32
	used   [levels]uint64
	level  uint32 // which levels are used
	length int
}

// levels is how many digits of six bits a time has.
const levels = 11

// node is an event in a slot, and the next one there.
type node struct {
	event
	next int32
}

// push panics if e is in the past.
func (q *queue) push(e event) {
	if e.at < q.last {
		panic("sim: an event in the past")
	}
	q.length++
	if e.at == q.last {
		q.pushNow(e)
		return
	}
	i := q.node()
	q.nodes[i].event = e
	q.link(i, e.at)
}

// node takes a free node.
func (q *queue) node() int32 {
	if i := q.spare; i != 0 {
		q.spare = q.nodes[i].next
		return i
	}
	if len(q.nodes) == 0 {
		q.nodes = make([]node, 1, 64)
	}
	q.nodes = append(q.nodes, node{})
	return int32(len(q.nodes) - 1)
}

// link puts a node into the slot of its time, which is after last.
func (q *queue) link(i int32, at time.Duration) {
	level := uint(bits.Len64(uint64(at^q.last))-1) / 6
	digit := uint64(at) >> (6 * level) & 63
	slot := &q.slots[level][digit]
	q.nodes[i].next, *slot = *slot, i
	q.used[level] |= 1 << digit
	q.level |= 1 << level
}

// pop takes the first event, unless there is none or it is later than limit.
func (q *queue) pop(limit time.Duration) (event, bool) {
	if len(q.now) == 0 && !q.advance(limit) || q.last > limit {
		return event{}, false
	}
	q.length--
	return q.popNow(), true
}

// advance makes the earliest event's time the present one, and spreads what shared its slot.
func (q *queue) advance(limit time.Duration) bool {
	if q.level == 0 {
		return false
	}
	level := bits.TrailingZeros32(q.level)
	digit := bits.TrailingZeros64(q.used[level])
	first := q.slots[level][digit]
	least := q.nodes[first].at
	for i := q.nodes[first].next; i != 0; i = q.nodes[i].next {
		least = min(least, q.nodes[i].at)
	}
	if least > limit {
		return false
	}
	q.last = least
	q.slots[level][digit] = 0
	if q.used[level] &^= 1 << digit; q.used[level] == 0 {
		q.level &^= 1 << level
	}
	for i := first; i != 0; {
		n := &q.nodes[i]
		next := n.next
		if n.at != least {
			q.link(i, n.at)
		} else {
			q.pushNow(n.event)
			n.next, q.spare = q.spare, i
		}
		i = next
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
	top, n := h[0], len(h)-1
	if q.now = h[:n]; n == 0 { // as nearly always: times are in nanoseconds
		return top
	}
	last, i := h[n], 0
	h = h[:n]
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
