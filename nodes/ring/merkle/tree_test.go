package merkle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/ring"
)

// store is a copy and its tree.
type store struct {
	tree *Tree
	has  map[uint64]uint64 // digest by position
}

func (s *store) put(position, digest uint64) {
	if old, found := s.has[position]; found {
		s.tree.Replace(position, old, digest)
	} else {
		s.tree.Add(position, digest)
	}
	s.has[position] = digest
}

func (s *store) remove(position uint64) {
	if old, found := s.has[position]; found {
		s.tree.Remove(position, old)
		delete(s.has, position)
	}
}

// differing is the definition: the leaves in which one copy has something that the other has not.
func differing(a, b *store) map[uint64]bool {
	all := map[uint64]bool{}
	for _, pair := range [][2]*store{{a, b}, {b, a}} {
		for position, digest := range pair[0].has {
			if other, found := pair[1].has[position]; !found || other != digest {
				all[branch(position, a.tree.Depth())] = true
			}
		}
	}
	return all
}

// told is what a comparison cost.
type told struct{ exchanges, hashes, bytes int }

// compare plays a comparison over the wire.
func compare(t require.TestingT, mine, theirs *Tree, limit int, between func()) ([]ring.Range, told) {
	var cost told
	c := mine.Compare(limit)
	for {
		asked, more := c.Next()
		if !more {
			return c.Differences(), cost
		}
		require.LessOrEqual(t, len(asked.Above), limit)
		sent := AppendQuestion(nil, asked)
		q, err := DecodeQuestion(sent)
		require.NoError(t, err)
		answer, err := theirs.Answer(q)
		require.NoError(t, err)
		back := AppendAnswer(nil, answer)
		a, err := DecodeAnswer(back)
		require.NoError(t, err)
		require.ErrorIs(t, c.Take(Answer{append(a.Hashes, 0)}), ErrShape)
		require.NoError(t, c.Take(a))
		cost.exchanges++
		cost.hashes += len(a.Hashes)
		cost.bytes += len(sent) + len(back)
		between()
	}
}

func newStore(depth int) *store { return &store{New(depth), map[uint64]uint64{}} }

func change(t *rapid.T, s *store) {
	// Few leaves, and the ends of them, so that copies meet.
	leaf := rapid.SampledFrom([]uint64{0, 1, 2, 15, 16, 17, 100, 255, 4095}).Draw(t, "leaf")
	position := leaf<<(64-bits*s.tree.Depth()) - rapid.Uint64Range(0, 1).Draw(t, "before")
	if rapid.IntRange(0, 3).Draw(t, "remove") == 0 {
		s.remove(position)
	} else {
		value := rapid.ByteRange(1, 3).Draw(t, "value")
		s.put(position, Digest(1, fmt.Append(nil, position), []byte{value}))
	}
}

// If this failed, copies would go on differing in what a comparison does not find, or send what both have.
func TestDifferencesAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		depth := rapid.IntRange(1, 3).Draw(t, "depth")
		a, b := newStore(depth), newStore(depth)
		for range rapid.IntRange(0, 30).Draw(t, "changes") {
			change(t, a)
			change(t, b)
		}
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		ranges, cost := compare(t, a.tree, b.tree, limit, func() {})
		want := differing(a, b)
		leaves, above := 0, map[[2]uint64]bool{}
		for number := range uint64(1) << (bits * depth) {
			in := false
			first := number << (64 - bits*depth)
			for _, at := range []uint64{first, first | ^uint64(0)>>(bits*depth)} {
				in = slices.ContainsFunc(ranges, func(r ring.Range) bool { return r.Contains(at) })
				require.Equal(t, want[number], in, "%x, of leaf %d", at, number)
			}
			if in {
				leaves++
				for level := range uint64(depth) {
					above[[2]uint64{level, number >> (bits * (uint64(depth) - level))}] = true
				}
			}
		}
		require.Equal(t, 1+fan*len(above), cost.hashes, "more was told than what differs needs")
		require.LessOrEqual(t, cost.exchanges, 1+len(above))
		if leaves == 0 {
			require.Equal(t, told{exchanges: 1, hashes: 1, bytes: cost.bytes}, cost)
		}
	})
}

// If this failed, a tree would remember what is gone.
func TestATreeIsWhatItsCopyHasHoweverItCameToBe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := newStore(2)
		for range rapid.IntRange(0, 50).Draw(t, "changes") {
			change(t, a)
		}
		anew := New(2)
		for position, digest := range a.has {
			anew.Add(position, digest)
		}
		require.Equal(t, anew, a.tree)
		for level := range a.tree.Depth() {
			for number, hash := range a.tree.levels[level] {
				sum := uint64(0)
				for _, h := range a.tree.below(level+1, uint32(number)) {
					sum += h
				}
				require.Equal(t, hash, sum)
			}
		}
		a.tree.Clear()
		require.Equal(t, New(2), a.tree)
	})
}

// If this failed, a comparison under way would never end, or break, while its node goes on writing.
func TestTreesMayChangeDuringAComparison(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := newStore(2), newStore(2)
		for range 10 {
			change(t, a)
			change(t, b)
		}
		_, cost := compare(t, a.tree, b.tree, 2, func() { change(t, a); change(t, b) })
		require.LessOrEqual(t, cost.exchanges, 1+1+fan)
	})
}

// If this failed, one changed key among a million would cost more than a few messages.
func TestOneKeyAmongManyTakesFewHashes(t *testing.T) {
	a, b := New(0), New(0)
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		position, digest := random.Uint64(), random.Uint64()
		a.Add(position, digest)
		b.Add(position, digest)
	}
	position := ring.Position([]byte("key"))
	b.Add(position, Digest(7, []byte("key"), []byte("value")))
	ranges, cost := compare(t, a, b, DefaultLimit, func() {})
	require.Len(t, ranges, 1)
	require.True(t, ranges[0].Contains(position))
	require.Equal(t, 4, cost.exchanges)
	require.Equal(t, 1+3*fan, cost.hashes)
	require.Less(t, cost.bytes, 450)
}

// If this failed, copies that share nothing would find out one leaf at a time, or in one huge message.
func TestCopiesThatShareNothing(t *testing.T) {
	a, b := New(0), New(0)
	for number := range uint64(1 << 12) {
		b.Add(number<<52, 1)
	}
	ranges, cost := compare(t, a, b, DefaultLimit, func() {})
	require.Len(t, ranges, 1)
	require.True(t, ranges[0].Contains(0) && ranges[0].Contains(1<<63) && ranges[0].Contains(^uint64(0)), "%v is all", ranges)
	require.Equal(t, 4, cost.exchanges)
}

// If this failed, a peer could make a node answer without end, or bring it down.
func TestQuestionsThatNoTreeAnswers(t *testing.T) {
	tree := New(2)
	for name, q := range map[string]Question{
		"other depth": {3, 1, []uint32{0}}, "too deep": {2, 3, []uint32{0}}, "nothing": {2, 1, nil}, "below the root": {2, 0, []uint32{0}},
		"twice": {2, 2, []uint32{3, 3}}, "order": {2, 2, []uint32{3, 2}}, "beyond": {2, 2, []uint32{16}}, "negative": {2, -1, nil},
	} {
		_, err := tree.Answer(q)
		require.ErrorIs(t, err, ErrShape, name)
	}
	require.ErrorIs(t, tree.Compare(1).Take(Answer{[]uint64{1}}), ErrShape, "nothing was asked")
}

// If this failed, keys and what is known of them could be shifted against each other without being seen.
func TestDigestsTellKeysFromValues(t *testing.T) {
	seen := map[uint64]string{}
	for _, salt := range []uint64{1, 2} {
		for _, pair := range [][2]string{{"ab", "c"}, {"a", "bc"}, {"", "abc"}, {"abc", ""}, {"", ""}, {"ab", "d"}} {
			d := Digest(salt, []byte(pair[0]), []byte(pair[1]))
			require.NotContains(t, seen, d)
			seen[d] = fmt.Sprint(salt, pair)
		}
	}
}

// If this failed, a peer could bring a node down.
func FuzzDecode(f *testing.F) {
	tree := New(2)
	tree.Add(1<<60, 7)
	root, _ := tree.Answer(Question{2, 0, nil})
	for _, q := range []Question{{2, 0, nil}, {2, 2, []uint32{0, 3, 15}}, {5, 5, []uint32{1 << 15}}} {
		f.Add(AppendQuestion(nil, q))
	}
	f.Add(AppendAnswer(nil, root))
	f.Fuzz(func(t *testing.T, b []byte) {
		if q, err := DecodeQuestion(b); err == nil {
			again, err := DecodeQuestion(AppendQuestion(nil, q))
			require.NoError(t, err)
			require.Equal(t, q, again)
			if a, err := tree.Answer(q); err == nil {
				require.Len(t, a.Hashes, max(1, fan*len(q.Above)))
			}
		}
		if a, err := DecodeAnswer(b); err == nil {
			again, err := DecodeAnswer(AppendAnswer(nil, a))
			require.NoError(t, err)
			require.Equal(t, a, again)
			c := tree.Compare(1)
			c.Next()
			_ = c.Take(a)
			c.Differences()
		}
	})
}

func BenchmarkReplace(b *testing.B) {
	tree := New(0)
	random := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		tree.Replace(random.Uint64(), 1, 2)
	}
}

func BenchmarkDigest(b *testing.B) {
	key, known := make([]byte, 20), make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		Digest(1, key, known)
	}
}

func BenchmarkCompare(b *testing.B) {
	for _, differ := range []int{0, 1, 100, 4096} {
		b.Run(fmt.Sprint(differ), func(b *testing.B) {
			mine, theirs := New(0), New(0)
			for i := range differ {
				theirs.Add(ring.Position(fmt.Append(nil, i)), 1)
			}
			var cost told
			for b.Loop() {
				_, cost = compare(b, mine, theirs, DefaultLimit, func() {})
			}
			b.ReportMetric(float64(cost.bytes), "bytes/op")
			b.ReportMetric(float64(cost.exchanges), "exchanges/op")
		})
	}
}
