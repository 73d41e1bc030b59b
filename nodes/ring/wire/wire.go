// Package wire answers how what the parts of a ring wrote is read again, by those who did not write it.
package wire

import (
	"encoding/binary"
	"errors"
)

// ErrMalformed is what is said of bytes that nobody wrote so.
var ErrMalformed = errors.New("malformed")

// Decoder takes values from the front of what it was made of. After a value that is not there all further ones are zero,
// and Err says so.
type Decoder struct {
	left   []byte
	failed bool
}

// Of reads b. What Bytes returns is memory of b.
func Of(b []byte) *Decoder { return &Decoder{left: b} }

// Fail says that what was read makes no sense.
func (d *Decoder) Fail() { d.left, d.failed = nil, true }

// Failed says whether a value was not there.
func (d *Decoder) Failed() bool { return d.failed }

// Rest is what is left, without being taken.
func (d *Decoder) Rest() []byte { return d.left }

// Byte takes a byte.
func (d *Decoder) Byte() byte {
	if len(d.left) == 0 {
		d.Fail()
		return 0
	}
	v := d.left[0]
	d.left = d.left[1:]
	return v
}

// Uint takes a varint that is at most so large.
func (d *Decoder) Uint(most uint64) uint64 {
	v, n := binary.Uvarint(d.left)
	if n <= 0 || v > most {
		d.Fail()
		return 0
	}
	d.left = d.left[n:]
	return v
}

// Int takes a signed varint.
func (d *Decoder) Int() int64 {
	v, n := binary.Varint(d.left)
	if n <= 0 {
		d.Fail()
		return 0
	}
	d.left = d.left[n:]
	return v
}

// Word takes eight bytes.
func (d *Decoder) Word() uint64 {
	if len(d.left) < 8 {
		d.Fail()
		return 0
	}
	v := binary.LittleEndian.Uint64(d.left)
	d.left = d.left[8:]
	return v
}

// Bytes takes what AppendBytes wrote.
func (d *Decoder) Bytes() []byte {
	n := d.Uint(uint64(len(d.left)))
	if d.failed || n > uint64(len(d.left)) {
		d.Fail()
		return nil
	}
	v := d.left[:n:n]
	d.left = d.left[n:]
	return v
}

// Count takes a number of things that take at least so many bytes each, so that memory can be made for them.
func (d *Decoder) Count(least int) int {
	n := d.Uint(uint64(len(d.left)))
	if n > uint64(len(d.left)/least) {
		d.Fail()
		return 0
	}
	return int(n)
}

// Err says whether all was there, and nothing besides.
func (d *Decoder) Err() error {
	if d.failed || len(d.left) > 0 {
		return ErrMalformed
	}
	return nil
}

// AppendBytes adds bytes with their number before them.
func AppendBytes[T ~string | ~[]byte](b []byte, data T) []byte {
	b = binary.AppendUvarint(b, uint64(len(data)))
	return append(b, data...)
}
