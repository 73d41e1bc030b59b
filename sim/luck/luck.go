// Package luck answers what chance decides: a draw is a function of (seed, stream name, ordinal) and of
// nothing else. Streams are named after what they belong to (a link's direction, a disk, a client) and
// nothing shares one, so that removing one fault leaves the luck of everything it had not touched alone.
package luck

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"github.com/zeebo/xxh3"
)

// Seed decides everything in a run.
type Seed uint64

// Stream gives the seed's stream of that name. Parts are told apart: ("ab", "c") is not ("a", "bc").
func (s Seed) Stream(name ...string) Stream {
	var h xxh3.Hasher
	var n [8]byte
	for _, part := range name {
		binary.LittleEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.WriteString(part)
	}
	return Stream{key: Mix(uint64(s), h.Sum64())}
}

// Stream is a sequence of variates. It is a value: a copy continues on its own.
type Stream struct {
	key uint64
	n   uint64
}

// Numbered gives the sub-stream with that number, for things that have no name of their own. It does not
// depend on how many draws were taken.
func (s *Stream) Numbered(i uint64) Stream { return Stream{key: Mix(s.key, i^0x6a09e667f3bcc909)} }

// Uint64 is the stream's next variate; with it a *Stream is a rand.Source.
func (s *Stream) Uint64() uint64 {
	s.n++
	return Mix(s.key, s.n)
}

// Below is a variate in [0, n). It panics if n is not positive.
func (s *Stream) Below(n int) int {
	if n <= 0 {
		panic("luck: Below needs a positive bound")
	}
	hi, _ := bits.Mul64(s.Uint64(), uint64(n))
	return int(hi)
}

// Rand makes a generator of the standard library over the stream.
func (s *Stream) Rand() *rand.Rand { return rand.New(s) }

// Mix is a 64-bit hash of two words: two rounds of multiply and fold, after Wang Yi's wyhash.
func Mix(a, b uint64) uint64 {
	const p0, p1 = 0xa0761d6478bd642f, 0xe7037ed1a0b428db
	hi, lo := bits.Mul64(a^p0, b^p1)
	hi, lo = bits.Mul64(hi^p0, lo^p1^a)
	return hi ^ lo ^ b
}
