package merkle

import (
	"encoding/binary"
	"fmt"

	"simrun/nodes/ring/wire"
)

// AppendQuestion appends a question as DecodeQuestion reads it.
func AppendQuestion(b []byte, q Question) []byte {
	b = append(b, byte(q.Depth), byte(q.Level))
	b = binary.AppendUvarint(b, uint64(len(q.Above)))
	before := uint32(0)
	for _, above := range q.Above {
		b = binary.AppendUvarint(b, uint64(above-before)) // they are in order, so most take one byte
		before = above
	}
	return b
}

// DecodeQuestion reads a question. Whether a tree can answer it is for Tree.Answer to say.
func DecodeQuestion(b []byte) (Question, error) {
	d := wire.Of(b)
	q := Question{Depth: int(d.Byte()), Level: int(d.Byte())}
	before := uint64(0)
	for range d.Count(1) {
		before += d.Uint(1 << (bits * MaxDepth))
		if before >= 1<<(bits*MaxDepth) {
			d.Fail()
			break
		}
		q.Above = append(q.Above, uint32(before))
	}
	if err := d.Err(); err != nil || q.Depth > MaxDepth || q.Level > q.Depth {
		return Question{}, fmt.Errorf("merkle: %w question", wire.ErrMalformed)
	}
	return q, nil
}

// AppendAnswer appends an answer as DecodeAnswer reads it.
func AppendAnswer(b []byte, a Answer) []byte {
	b = binary.AppendUvarint(b, uint64(len(a.Hashes)))
	for _, h := range a.Hashes {
		b = binary.LittleEndian.AppendUint64(b, h)
	}
	return b
}

// DecodeAnswer reads an answer. Whether it is one to what was asked is for Comparison.Take to say.
func DecodeAnswer(b []byte) (Answer, error) {
	d := wire.Of(b)
	n := d.Count(8)
	a := Answer{make([]uint64, 0, n)}
	for range n {
		a.Hashes = append(a.Hashes, d.Word())
	}
	if err := d.Err(); err != nil {
		return Answer{}, fmt.Errorf("merkle: %w answer", err)
	}
	return a, nil
}
