package journal

import (
	"encoding/binary"

	"simrun/nodes"
)

// batch is the records that become one frame: all of them are recovered, or none.
type batch struct {
	buf   []byte // room for the frame's head, then the records
	first uint64 // the number of the first record
	count uint32
	cut   bool   // no records: the next segment begins here
	into  uint64 // of a cut: the sequence of the segment that began
	below int64  // of a cut: bytes of the segments before it

	done   bool
	err    error
	landed nodes.Cond // made by the first task that waits
	thens  []func(error)
}

// Position is where a record was appended.
type Position struct {
	batch  *batch
	number uint64
}

// Number is the record's number, as Record has it after a recovery.
func (p Position) Number() uint64 { return p.number }

// gather is the batch that takes a record of that size next.
func (j *Journal) gather(size int) *batch {
	if b := j.open; b != nil && len(b.buf)+size <= int(j.opts.BatchBytes) && !j.env.Point(loneRecords) {
		return b
	}
	b := &batch{first: j.next}
	if n := len(j.spares); n > 0 {
		b.buf, j.spares[n-1] = j.spares[n-1][:frameHead], nil
		j.spares = j.spares[:n-1]
	} else {
		b.buf = make([]byte, frameHead, max(4096, frameHead+binary.MaxVarintLen64+size))
	}
	j.enqueue(b)
	j.open = b
	return b
}

// enqueue hands a batch to the syncer.
func (j *Journal) enqueue(b *batch) {
	j.open = nil
	j.waiting = append(j.waiting, b)
	j.work.Signal()
}

// mostSpares is two: one batch gathers while another is written.
const mostSpares = 2

// finish tells everyone who waits for the batch what became of it, and keeps its buffer for another.
func (j *Journal) finish(b *batch) {
	if len(b.buf) > 0 {
		j.pending -= int64(len(b.buf) - frameHead)
	}
	if cap(b.buf) >= frameHead && cap(b.buf) <= 2*int(j.opts.BatchBytes) && len(j.spares) < mostSpares {
		j.spares = append(j.spares, b.buf)
	}
	b.buf = nil
	b.done = true
	if b.landed != nil {
		b.landed.Broadcast()
	}
	for _, then := range b.thens {
		then(b.err)
	}
	b.thens = nil
}
