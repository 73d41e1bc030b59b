package version

import (
	"encoding/binary"
	"fmt"
	"math"

	"simrun/nodes/ring"
	"simrun/nodes/ring/wire"
)

const flagDeleted = 1

// AppendVector appends a vector as DecodeVector reads it.
func AppendVector(b []byte, v Vector) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	for _, d := range v {
		for _, n := range [...]uint64{uint64(d.Node), d.Epoch, d.Count} {
			b = binary.AppendUvarint(b, n)
		}
	}
	return b
}

// DecodeVector reads a vector, such as a client gives back.
func DecodeVector(b []byte) (Vector, error) {
	d := wire.Of(b)
	v := takeVector(d)
	if err := d.Err(); err != nil {
		return nil, fmt.Errorf("version: %w vector", err)
	}
	return v, nil
}

func takeVector(d *wire.Decoder) (v Vector) {
	for range d.Count(3) {
		next := Dot{Actor{ring.ID(d.Uint(math.MaxUint64)), d.Uint(math.MaxUint64)}, d.Uint(mostCount)}
		if next.Node == 0 || next.Epoch == 0 || next.Count == 0 || len(v) > 0 && v[len(v)-1].Actor.Compare(next.Actor) >= 0 {
			d.Fail()
			return nil
		}
		v = append(v, next)
	}
	return v
}

// AppendSet appends a set as DecodeSet reads it.
func AppendSet(b []byte, s Set) []byte {
	b = AppendVector(b, s.Seen)
	b = binary.AppendUvarint(b, uint64(len(s.Siblings)))
	for _, one := range s.Siblings {
		actor, seen := s.Seen.find(one.Dot.Actor)
		if !seen {
			panic("version: a set has a sibling that it has not seen: " + s.String())
		}
		b = binary.AppendUvarint(b, uint64(actor))
		b = binary.AppendUvarint(b, one.Dot.Count)
		b = appendWritten(b, one.At, one.Deleted, one.Value)
	}
	return b
}

// DecodeSet reads a set. Its values are memory of b.
func DecodeSet(b []byte) (Set, error) {
	d := wire.Of(b)
	s := Set{Seen: takeVector(d)}
	for range d.Count(6) {
		actor := d.Uint(math.MaxInt32)
		if actor >= uint64(len(s.Seen)) {
			d.Fail()
			break
		}
		seen := s.Seen[actor]
		one := Sibling{Dot: Dot{seen.Actor, d.Uint(seen.Count)}}
		one.At, one.Deleted, one.Value = takeWritten(d)
		if one.Dot.Count == 0 || len(s.Siblings) > 0 && s.Siblings[len(s.Siblings)-1].Dot.Compare(one.Dot) >= 0 {
			d.Fail()
			break
		}
		s.Siblings = append(s.Siblings, one)
	}
	if err := d.Err(); err != nil {
		return Set{}, fmt.Errorf("version: %w set", err)
	}
	return s, nil
}

// AppendCell appends a cell as DecodeCell reads it.
func AppendCell(b []byte, c Cell) []byte {
	b = binary.AppendUvarint(b, uint64(c.By))
	return appendWritten(b, c.At, c.Deleted, c.Value)
}

// DecodeCell reads a cell. Its value is memory of b.
func DecodeCell(b []byte) (Cell, error) {
	d := wire.Of(b)
	c := Cell{By: ring.ID(d.Uint(math.MaxUint64))}
	c.At, c.Deleted, c.Value = takeWritten(d)
	if err := d.Err(); err != nil {
		return Cell{}, fmt.Errorf("version: %w cell", err)
	}
	return c, nil
}

// appendWritten appends what a sibling and a cell have in common.
func appendWritten(b []byte, at Stamp, deleted bool, value []byte) []byte {
	flags := byte(0)
	if deleted {
		flags, value = flagDeleted, nil
	}
	b = binary.AppendVarint(append(b, flags), at.Wall)
	b = binary.AppendUvarint(b, uint64(at.Logical))
	return wire.AppendBytes(b, value)
}

func takeWritten(d *wire.Decoder) (at Stamp, deleted bool, value []byte) {
	flags := d.Byte()
	at = Stamp{d.Int(), uint32(d.Uint(math.MaxUint32))}
	value = d.Bytes()
	deleted = flags == flagDeleted
	if flags > flagDeleted || deleted && len(value) > 0 || at.Wall > mostWall || at.Wall < -mostWall {
		d.Fail()
	}
	return at, deleted, value
}
