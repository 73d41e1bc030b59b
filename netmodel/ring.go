package netmodel

import "math/bits"

// ring holds a stretch of a stream, by its offsets. Its length is a power of two, or nothing.
type ring []byte

// put copies p to the offset. It must fit with what else is still wanted.
func (r ring) put(offset uint64, p []byte) {
	at := int(offset) & (len(r) - 1)
	n := copy(r[at:], p)
	copy(r, p[n:])
}

// get copies from the offset as much as p takes.
func (r ring) get(offset uint64, p []byte) {
	at := int(offset) & (len(r) - 1)
	n := copy(p, r[at:])
	copy(p[n:], r)
}

// segment is a piece of a stream that has been sent and is not known to be acknowledged.
type segment struct {
	end    uint64 // offset after its last byte
	sentAt int64  // when it was sent last; nanoseconds
	ackAt  int64  // when the sender learns that it has arrived; never, if nothing says so yet
	state  segmentState
	fin    bool
	again  bool // sent more than once: it says nothing of the round trip
}

// segmentState is where a segment is.
type segmentState uint8

const (
	underway segmentState = iota
	lost_                 // nothing of it is under way: it must be sent again
	jammed                // a rule holds it
	arrived
)

// segments is a queue of them. Its length is a power of two, or nothing.
type segments struct {
	buf  []segment
	head uint32
	n    uint32
}

func (q *segments) at(i uint32) *segment { return &q.buf[(q.head+i)&uint32(len(q.buf)-1)] }

func (q *segments) push(pool *pool[segment], s segment) {
	if int(q.n) == len(q.buf) {
		bigger := pool.take(max(4, 2*len(q.buf)))
		for i := range q.n {
			bigger[i] = *q.at(i)
		}
		pool.give(q.buf)
		q.buf, q.head = bigger, 0
	}
	q.n++
	*q.at(q.n - 1) = s
}

func (q *segments) pop() {
	q.head = (q.head + 1) & uint32(len(q.buf)-1)
	q.n--
}

// pool keeps slices whose lengths are powers of two, to be used again. The newest goes out first.
type pool[T any] struct {
	classes [48][][]T
	used    int // elements that are out
}

// keep is how many elements of one length a pool keeps; what comes back beyond goes to the collector.
const keep = 1 << 20

// take gives a slice of at least n elements, with anything in it.
func (p *pool[T]) take(n int) []T {
	class := bits.Len(uint(n - 1))
	p.used += 1 << class
	free := &p.classes[class]
	if last := len(*free) - 1; last >= 0 {
		s := (*free)[last]
		(*free)[last] = nil
		*free = (*free)[:last]
		return s
	}
	return make([]T, 1<<class)
}

// give takes a slice of take back. Nil is nothing.
func (p *pool[T]) give(s []T) {
	if len(s) == 0 {
		return
	}
	p.used -= len(s)
	free := &p.classes[bits.Len(uint(len(s)-1))]
	if len(*free)*len(s) <= keep {
		*free = append(*free, s)
	}
}
