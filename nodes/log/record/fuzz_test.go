package record

import (
	"errors"
	"slices"
	"testing"
)

// FuzzBatch takes bytes for a batch, with a checksum that is right: nothing may panic or take memory beyond the limit, and what is
// found fit must be the same after it was rewritten.
func FuzzBatch(f *testing.F) {
	for _, compression := range all {
		b, err := new(Codec).Build(Builder{Compression: compression}, story(5)...)
		if err != nil {
			f.Fatal(err)
		}
		f.Add([]byte(b))
	}
	f.Add([]byte(BuildMarker(Marker{Commit: true}, 1, 1, 1)))
	f.Add([]byte(Hole(1, 5, 1)))
	f.Add([]byte(xerial))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, _ = Cut(data)
		if len(data) < HeadSize {
			return
		}
		b := Batch(slices.Clone(data))
		b[atMagic] = magic
		b[atLength], b[atLength+1] = byte((len(b)-lengthEnd)>>24), byte((len(b)-lengthEnd)>>16)
		b[atLength+2], b[atLength+3] = byte((len(b)-lengthEnd)>>8), byte(len(b)-lengthEnd)
		b.seal()
		b, rest, err := Cut(b)
		if err != nil || len(rest) > 0 {
			t.Fatal("a whole batch is not cut as one:", err)
		}
		_, _ = b.Marker()
		_ = b.String()
		c := &Codec{Limit: 1 << 20}
		_, fit := c.Verify(b)
		count := 0
		for r, err := range c.Records(b) {
			if err != nil {
				if fit == nil {
					t.Fatal("what was verified cannot be read:", err)
				}
				return
			}
			_ = r
			count++
		}
		if b.Check() != nil {
			return
		}
		left, n, err := c.Retain(b, func(r Record) bool { return r.Offset%2 == 0 })
		if err != nil && !errors.Is(err, ErrCompression) && !errors.Is(err, ErrTooLarge) {
			t.Fatal("what was read cannot be rewritten:", err)
		}
		if err == nil && (left.Check() != nil || n > count) {
			t.Fatal("a rewritten batch is none:", left.Check())
		}
	})
}
