package netmodel

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
	missing               // nothing of it is under way: it must be sent again
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
