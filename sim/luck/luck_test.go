package luck

import (
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"
)

// If this failed, every recorded seed would mean another run.
func TestAStreamIsAFunctionOfSeedNameAndOrdinal(t *testing.T) {
	s := Seed(7).Stream("link", "a", "b")
	require.Equal(t, []uint64{0x43b7d58a743a206, 0x314a44cc1b5796d6}, []uint64{s.Uint64(), s.Uint64()})
	again := Seed(7).Stream("link", "a", "b")
	again.Uint64()
	copied := again
	require.Equal(t, again.Uint64(), copied.Uint64(), "a copy continues on its own")
}

// If this failed, two things would share their luck, and removing one fault would move another.
func TestStreamsOfOtherNamesAreOthers(t *testing.T) {
	seen := map[uint64]string{}
	add := func(name string, s Stream) {
		u := s.Uint64()
		require.Empty(t, seen[u], "%s has the luck of %s", name, seen[u])
		seen[u] = name
	}
	add("ab,c", Seed(1).Stream("ab", "c"))
	add("a,bc", Seed(1).Stream("a", "bc"))
	add("abc", Seed(1).Stream("abc"))
	add("abc of seed 2", Seed(2).Stream("abc"))
	add("nothing", Seed(1).Stream())
	parent := Seed(1).Stream("parent")
	for i := range uint64(1000) {
		add("numbered", parent.Numbered(i))
	}
	parent.Uint64()
	moved, fresh := parent.Numbered(3), Seed(1).Stream("parent")
	same := fresh.Numbered(3)
	require.Equal(t, same.Uint64(), moved.Uint64(), "how much was drawn does not matter")
}

// If this failed, what is drawn would not look like chance: neighbouring ordinals and seeds must differ in
// half of their bits, each bit as often as the others.
func TestVariatesAvalanche(t *testing.T) {
	var flips [64]int
	const n = 20_000
	s := Seed(1).Stream("x")
	before := s.Uint64()
	for range n {
		u := s.Uint64()
		for d := u ^ before; d != 0; d &= d - 1 {
			flips[bits.TrailingZeros64(d)]++
		}
		before = u
	}
	for b, f := range flips {
		require.InDelta(t, n/2, f, n*0.02, "bit %d", b)
	}
}

// If this failed, some choice would never be taken.
func TestBelowTakesEveryChoiceAlike(t *testing.T) {
	s := Seed(1).Stream("x")
	var counts [7]int
	for range 70_000 {
		counts[s.Below(7)]++
	}
	for _, c := range counts {
		require.InDelta(t, 10_000, c, 500)
	}
	require.PanicsWithValue(t, "luck: Below needs a positive bound", func() { s.Below(0) })
}

func BenchmarkUint64(b *testing.B) {
	s := Seed(1).Stream("x")
	var sum uint64
	for b.Loop() {
		sum += s.Uint64()
	}
	_ = sum
}
