package repair

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"simrun/nodes/ring"
	"simrun/nodes/ring/wire"
)

// Record is a step of Hints for the disk: a hint that is held, or hints of a node that are no longer.
type Record struct {
	Hint    Hint     // only For counts where some were dropped
	Dropped []uint64 // numbers, in order
}

// sorts of records.
const (
	heldRecord byte = iota + 1
	droppedRecord
)

// AppendRecord appends a record as DecodeRecord reads it. Whoever writes it adds its length and a checksum.
func AppendRecord(b []byte, r Record) []byte {
	if r.Dropped != nil || r.Hint.Number == 0 {
		b = append(b, droppedRecord)
		b = binary.AppendUvarint(b, uint64(r.Hint.For))
		b = binary.AppendUvarint(b, uint64(len(r.Dropped)))
		before := uint64(0)
		for _, n := range r.Dropped {
			b = binary.AppendUvarint(b, n-before)
			before = n
		}
		return b
	}
	b = append(b, heldRecord)
	b = binary.AppendUvarint(b, uint64(r.Hint.For))
	b = binary.AppendUvarint(b, r.Hint.Number)
	b = binary.AppendVarint(b, r.Hint.Since.UnixNano())
	return wire.AppendBytes(wire.AppendBytes(b, r.Hint.Key), r.Hint.Known)
}

// DecodeRecord reads a record. A hint's key and what is known are memory of b.
func DecodeRecord(b []byte) (Record, error) {
	d := wire.Of(b)
	var r Record
	switch d.Byte() {
	case heldRecord:
		r.Hint.For, r.Hint.Number = ring.ID(d.Uint(math.MaxUint64)), d.Uint(math.MaxUint64-1)
		r.Hint.Since = time.Unix(0, d.Int()).UTC()
		r.Hint.Key, r.Hint.Known = d.Bytes(), d.Bytes()
		if r.Hint.Number == 0 || r.Hint.For == 0 {
			d.Fail()
		}
	case droppedRecord:
		r.Hint.For = ring.ID(d.Uint(math.MaxUint64))
		n, before := d.Count(1), uint64(0)
		r.Dropped = make([]uint64, 0, n)
		for range n {
			step := d.Uint(math.MaxUint64 - before)
			before += step
			if r.Dropped = append(r.Dropped, before); step == 0 {
				d.Fail()
			}
		}
	default:
		d.Fail()
	}
	if err := d.Err(); err != nil {
		return Record{}, fmt.Errorf("repair: %w record", err)
	}
	return r, nil
}
