package version

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/ring"
)

// ghost is a copy by the bare definition: the writes that it holds, each with all that its writer had seen (its causal
// history). Writes are numbered, and a write's stamp has its number.
type ghost map[int64]map[int64]bool

// merge is the definition: a write goes when another is held whose writer had seen it.
func (g ghost) merge(o ghost) ghost {
	all := maps.Clone(g)
	maps.Copy(all, o)
	for one := range all {
		for other, seen := range all {
			if other != one && seen[one] {
				delete(all, one)
				break
			}
		}
	}
	return all
}

// seen is what whoever reads the copy has seen.
func (g ghost) seen() map[int64]bool {
	all := map[int64]bool{}
	for one, seen := range g {
		all[one] = true
		maps.Copy(all, seen)
	}
	return all
}

func (g ghost) held() []int64 { return slices.Sorted(maps.Keys(g)) }

// glance is what a client remembers of a read.
type glance struct {
	context Vector
	seen    map[int64]bool
}

// copies are nodes with a copy of one key each, by vectors and by the definition.
type copies struct {
	real    []Copy
	ghosts  []ghost
	glances []glance
	written int64
	epochs  uint64
	limits  Limits
	stale   bool // the mistake: a copy that was dropped is counted in its old epoch
}

func newCopies(n int, l Limits) *copies {
	c := &copies{real: make([]Copy, n), limits: l, glances: []glance{{}}}
	for range n {
		c.ghosts = append(c.ghosts, ghost{})
	}
	return c
}

func (c *copies) read(at int) {
	c.glances = append(c.glances, glance{c.real[at].Seen, c.ghosts[at].seen()})
}

func (c *copies) write(at, glance int, deleted bool) error {
	c.epochs++
	fresh := c.epochs
	if c.stale {
		fresh = 1
	}
	seen := c.glances[glance]
	_, err := c.real[at].Write(Write{Node: ring.ID(at + 1), Fresh: fresh, Context: seen.context, At: Stamp{Wall: c.written + 1},
		Deleted: deleted, Value: fmt.Append(nil, c.written+1)}, c.limits)
	if err == nil {
		c.written++
		c.ghosts[at] = c.ghosts[at].merge(ghost{c.written: seen.seen})
	}
	return err
}

func (c *copies) send(from, to int) {
	// It goes over the wire, as it does between nodes.
	sent, err := DecodeSet(AppendSet(nil, c.real[from].Set))
	if err != nil {
		panic(err)
	}
	c.real[to].Receive(ring.ID(to+1), sent, c.limits)
	c.ghosts[to] = c.ghosts[to].merge(c.ghosts[from])
}

// handOver is what a node does with a copy that it keeps for another.
func (c *copies) handOver(from, to int) {
	if from != to {
		c.send(from, to)
		c.real[from], c.ghosts[from] = Copy{}, ghost{}
	}
}

func held(s Set) (all []int64) {
	for _, one := range s.Siblings {
		all = append(all, one.At.Wall)
	}
	slices.Sort(all)
	return all
}

// step does something drawn.
func (c *copies) step(t *rapid.T) {
	some := rapid.IntRange(0, len(c.real)-1)
	at := some.Draw(t, "at")
	switch rapid.SampledFrom([]string{"write", "write", "read", "send", "send", "hand over"}).Draw(t, "what") {
	case "write":
		_ = c.write(at, rapid.IntRange(0, len(c.glances)-1).Draw(t, "glance"), rapid.IntRange(0, 4).Draw(t, "delete") == 0)
	case "read":
		c.read(at)
	case "send":
		c.send(at, some.Draw(t, "to"))
	case "hand over":
		c.handOver(at, some.Draw(t, "to"))
	}
}

// If this failed, a write that nobody had seen would be lost, or one that somebody had replaced would come back.
func TestCopiesHoldExactlyWhatWasNotReplaced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCopies(rapid.IntRange(1, 4).Draw(t, "copies"), Limits{})
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			c.step(t)
			for i := range c.real {
				require.Equal(t, c.ghosts[i].held(), held(c.real[i].Set), "copy %d: %s", i, c.real[i].Set)
			}
		}
	})
}

// If this failed, forgetting who wrote long ago would lose what they wrote.
func TestPruningBringsSiblingsBackAndNeverLosesOne(t *testing.T) {
	pruned, returned := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := newCopies(4, Limits{Entries: 2})
		for range 60 {
			c.step(t)
			for i := range c.real {
				s := c.real[i].Set
				for _, one := range c.ghosts[i].held() {
					require.Contains(t, held(s), one, "copy %d: %s", i, s)
				}
				require.LessOrEqual(t, len(s.Seen), max(2, len(s.Siblings)))
				if len(held(s)) > len(c.ghosts[i]) {
					returned++
				}
				if len(s.Seen) == 2 {
					pruned++
				}
			}
		}
	})
	require.Positive(t, pruned)
	require.Positive(t, returned, "nothing was forgotten that mattered, so nothing was tried")
}

// If this failed, epochs would be for nothing: a node that drops its copy would do well to count from one again.
func TestAnEpochThatIsUsedTwiceLosesAWrite(t *testing.T) {
	for _, stale := range []bool{false, true} {
		c := newCopies(2, Limits{})
		c.stale = stale
		require.NoError(t, c.write(0, 0, false)) // a node keeps a write for another that is away
		c.handOver(0, 1)                         // hands it over, and drops its copy
		require.NoError(t, c.write(0, 0, false)) // and keeps another, whose writer had not seen the first
		c.send(0, 1)
		require.Equal(t, []int64{1, 2}, c.ghosts[1].held())
		require.Equal(t, stale, !slices.Equal(c.ghosts[1].held(), held(c.real[1].Set)))
	}
}

// drawSet is any set that keeps its invariants. What a sibling holds is a function of its dot, as it is among nodes.
func drawSet(t *rapid.T) (s Set) {
	for node := ring.ID(1); node <= 3; node++ {
		for epoch := uint64(1); epoch <= 2; epoch++ {
			seen := rapid.Uint64Range(0, 3).Draw(t, "seen")
			if seen == 0 {
				continue
			}
			s.Seen = append(s.Seen, Dot{Actor{node, epoch}, seen})
			for n := uint64(1); n <= seen; n++ {
				if rapid.Bool().Draw(t, "held") {
					dot := Dot{Actor{node, epoch}, n}
					s.Siblings = append(s.Siblings, Sibling{Dot: dot, At: Stamp{Wall: int64(n)}, Deleted: n == 2, Value: nil})
				}
			}
		}
	}
	return s
}

// If this failed, copies that heard of the same writes in another order would differ for ever.
func TestMergeIsALattice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawSet(t), drawSet(t), drawSet(t)
		same := func(a, b Set) { require.Equal(t, a.String(), b.String()) }
		same(a, Merge(a, a))
		same(Merge(a, b), Merge(b, a))
		same(Merge(a, Merge(b, c)), Merge(Merge(a, b), c))
		require.Equal(t, a.Covers(b), Merge(a, b).String() == a.String())
		require.True(t, Merge(a, b).Covers(a))
		want := map[[2]bool]Order{{true, true}: Equal, {true, false}: After, {false, true}: Before, {false, false}: Concurrent}
		require.Equal(t, want[[2]bool{a.Covers(b), b.Covers(a)}], Compare(a, b))
		for _, l := range []Limits{{}, {Entries: 3}} { // to forget and to merge come to the same in either order
			same(Merge(a, b).Prune(l), Merge(b, a).Prune(l))
		}
	})
}

// If this failed, clients that never read could fill a key without end.
func TestBlindWritesAreBounded(t *testing.T) {
	var c Copy
	write := func(context Vector) error {
		_, err := c.Write(Write{Node: 1, Fresh: 7, Context: context}, Limits{Siblings: 3})
		return err
	}
	for range 3 {
		require.NoError(t, write(nil))
	}
	before := c.String()
	require.ErrorIs(t, write(nil), ErrSiblings)
	require.Equal(t, before, c.String())
	require.NoError(t, write(c.Seen)) // who has read them replaces them
	require.Len(t, c.Siblings, 1)
	require.ErrorIs(t, write(Vector{{Actor{1, 7}, mostCount}}), ErrCount)
	require.Len(t, c.Siblings, 1)
}

// If this failed, a deleted key would still have a value, or one that is empty would be taken for deleted.
func TestTombstones(t *testing.T) {
	var c Copy
	require.False(t, c.IsTombstone())
	for i, deleted := range []bool{false, true} {
		_, err := c.Write(Write{Node: 1, Fresh: 7, Context: c.Seen, Deleted: deleted, At: Stamp{Wall: int64(i)}}, Limits{})
		require.NoError(t, err)
		require.Equal(t, deleted, c.IsTombstone())
	}
	newest, found := c.Newest()
	require.True(t, found && newest.Deleted)
	_, err := c.Write(Write{Node: 1, Fresh: 7, Value: []byte("new"), At: Stamp{Wall: 3}}, Limits{}) // beside the tombstone
	require.NoError(t, err)
	require.False(t, c.IsTombstone())
	require.Equal(t, [][]byte{[]byte("new")}, c.Values())
	require.Equal(t, `[1.7:3] 1.7:2 deleted 1.7:3="new"`, c.String())
}

func fullCopy(b *testing.B, actors int) Copy {
	var c Copy
	for i := range actors {
		var one Copy
		_, err := one.Write(Write{Node: ring.ID(i + 1), Fresh: 7, Value: make([]byte, 100)}, Limits{})
		require.NoError(b, err)
		c.Receive(1, one.Set, Limits{})
	}
	return c
}

func BenchmarkMerge(b *testing.B) {
	for _, actors := range []int{1, 3, 30} {
		b.Run(fmt.Sprint(actors), func(b *testing.B) {
			c := fullCopy(b, actors)
			b.ReportAllocs()
			for b.Loop() {
				Merge(c.Set, c.Set)
			}
		})
	}
}

func BenchmarkWrite(b *testing.B) {
	c := fullCopy(b, 3)
	value := make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(Write{Node: 1, Fresh: 9, Context: c.Seen, Value: value}, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
