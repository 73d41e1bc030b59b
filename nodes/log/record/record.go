package record

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
)

// Record is one record of a batch. Its slices lie in the batch, or in what the batch was decompressed to.
type Record struct {
	Offset  int64
	Time    int64  // milliseconds since 1970
	Key     []byte // nil for none
	Value   []byte // nil for none: a tombstone, where records are compacted by key
	Headers []Header

	raw []byte // the record as it lies there, its length included
}

// Header is a name and a value that an application gave to a record.
type Header struct {
	Name  string
	Value []byte // nil for none
}

// parser reads the fields of one record. After something that cannot be, it is broken and gives nothing more.
type parser struct {
	rest   []byte
	broken bool
}

// varint is a number between these two: a zigzag varint, as encoding/binary has it.
func (p *parser) varint(lo, hi int64) int64 {
	v, n := binary.Varint(p.rest)
	if n <= 0 || v < lo || v > hi || p.broken {
		p.broken = true
		return 0
	}
	p.rest = p.rest[n:]
	return v
}

// bytes are a length and so many bytes; a length of -1 is nil, where that may be.
func (p *parser) bytes(least int64) []byte {
	n := p.varint(least, int64(len(p.rest)))
	if n < 0 || p.broken || n > int64(len(p.rest)) {
		p.broken = p.broken || n >= 0
		return nil
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

// cutRecord returns the next record of a body, with its delta of offset and time, and the rest. The headers are made where wanted.
func cutRecord(body []byte, headers bool) (r Record, delta int64, rest []byte, ok bool) {
	p := parser{rest: body}
	length := p.varint(0, int64(len(body)))
	if p.broken || length > int64(len(p.rest)) || length < 1 {
		return r, 0, nil, false
	}
	end := len(body) - len(p.rest) + int(length)
	r.raw, rest = body[:end:end], body[end:]
	p.rest = p.rest[1:length] // the first byte is attributes, of which there are none
	r.Time = p.varint(math.MinInt64, math.MaxInt64)
	delta = p.varint(0, math.MaxInt32)
	r.Key = p.bytes(-1)
	r.Value = p.bytes(-1)
	count := p.varint(0, int64(len(p.rest))/2) // a header takes two bytes at least
	for range count {
		name, value := p.bytes(0), p.bytes(-1)
		if p.broken {
			break
		}
		if headers {
			r.Headers = append(r.Headers, Header{string(name), value})
		}
	}
	return r, delta, rest, !p.broken && len(p.rest) == 0
}

// walk yields the records of a decompressed body, and an error in place of the first that is not as the head says.
func (b Batch) walk(body []byte, headers bool) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		base, baseTime, last := b.BaseOffset(), b.BaseTime(), int64(-1)
		for i := range b.Count() {
			r, delta, rest, ok := cutRecord(body, headers)
			if !ok {
				yield(Record{}, fmt.Errorf("%w: record %d of %d is none", ErrInvalid, i, b.Count()))
				return
			}
			if delta <= last || delta > int64(b.LastDelta()) {
				yield(Record{}, fmt.Errorf("%w: record %d has offset delta %d after %d of %d", ErrInvalid, i, delta, last, b.LastDelta()))
				return
			}
			body, last = rest, delta
			r.Offset, r.Time = base+delta, baseTime+r.Time
			if b.Attributes().AppendTime() {
				r.Time = b.MaxTime()
			}
			if !yield(r, nil) {
				return
			}
		}
		if len(body) > 0 {
			yield(Record{}, fmt.Errorf("%w: %d bytes follow the last record", ErrInvalid, len(body)))
		}
	}
}

// Records yields the records of a batch in order, and an error in place of the first that is not as the head says. It
// decompresses what has to be, once, into memory that is the caller's until the loop ends. Errors: ErrInvalid, ErrCompression,
// ErrTooLarge.
func (c *Codec) Records(b Batch) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		body, free, err := c.expand(b)
		if err != nil {
			yield(Record{}, err)
			return
		}
		defer free()
		b.walk(body, true)(yield)
	}
}

// Verify says whether a producer's batch is fit to be kept: Check, and that it holds the records it says, at every offset one. Control batches
// are no producer's. Latest is the latest time of a record, in milliseconds since 1970: not every client writes that into the head, where
// SetMaxTime does. Errors: ErrCorrupt, ErrInvalid, ErrCompression, ErrTooLarge.
func (c *Codec) Verify(b Batch) (latest int64, err error) {
	if err := b.Check(); err != nil {
		return 0, err
	}
	switch attributes := b.Attributes(); {
	case b.Count() == 0 || b.Count() != b.LastDelta()+1:
		return 0, fmt.Errorf("%w: %d records at %d offsets", ErrInvalid, b.Count(), int64(b.LastDelta())+1)
	case attributes.Control() || attributes.AppendTime() || attributes&horizonBit != 0:
		return 0, fmt.Errorf("%w: its attributes are for brokers to set", ErrInvalid)
	}
	body, free, err := c.expand(b)
	if err != nil {
		return 0, err
	}
	defer free()
	latest = math.MinInt64
	for r, err := range b.walk(body, false) {
		if err != nil {
			return 0, err
		}
		latest = max(latest, r.Time)
	}
	return latest, nil
}
