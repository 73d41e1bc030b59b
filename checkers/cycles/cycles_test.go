package cycles

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// drawn is a graph with hidden nodes that lead forward only, beside the same one written out: a kind for each pair of nodes.
func drawn(t *rapid.T) (*Graph, int, [][]Kind) {
	n := rapid.IntRange(1, 7).Draw(t, "nodes")
	b := NewBuilder(n, 0)
	direct := make([][]Kind, n)
	for i := range direct {
		direct[i] = make([]Kind, n)
	}
	edge := func(from, to int, kind Kind) {
		if from != to {
			direct[from][to] |= kind
		}
	}
	for range rapid.IntRange(0, 12).Draw(t, "edges") {
		from, to := rapid.IntRange(0, n-1).Draw(t, "from"), rapid.IntRange(0, n-1).Draw(t, "to")
		kind := Kind(1) << rapid.IntRange(0, 2).Draw(t, "kind")
		b.Edge(int32(from), int32(to), kind)
		edge(from, to, kind)
	}
	if rapid.Bool().Draw(t, "fan") {
		targets := rapid.SliceOfNDistinct(rapid.Int32Range(0, int32(n-1)), 0, n, rapid.ID[int32]).Draw(t, "targets")
		fan := b.Fan(targets)
		for range rapid.IntRange(0, 3).Draw(t, "from the fan") {
			from, kind := rapid.IntRange(0, n-1).Draw(t, "from"), Kind(1)<<rapid.IntRange(0, 2).Draw(t, "kind")
			fan.From(int32(from), kind)
			for _, to := range targets {
				edge(from, int(to), kind)
			}
		}
	}
	if rapid.Bool().Draw(t, "order") {
		var spans []Span
		touch := rapid.Bool().Draw(t, "touch")
		for i := range n {
			s := linear.Span{Outcome: rapid.SampledFrom([]history.Outcome{history.Ok, history.Ok, history.Unknown}).Draw(t, "outcome")}
			s.Call = history.Time(rapid.IntRange(0, 6).Draw(t, "call"))
			s.Return = s.Call + history.Time(rapid.IntRange(0, 3).Draw(t, "took"))
			spans = append(spans, Span{int32(i), s})
		}
		b.Order(spans, 8, touch)
		for i, a := range spans {
			for j, c := range spans {
				first := a.Call < c.Call || a.Call == c.Call && i < j
				if a.Certain() && (a.Return < c.Call || touch && a.Return == c.Call && first) {
					edge(i, j, 8)
				}
			}
		}
	}
	return b.Graph(), n, direct
}

// shortest tries all closed ways of up to twice as many steps as there are nodes: its length, or 0.
func shortest(n int, direct [][]Kind, w Walk) int {
	for length := 2; length <= 2*n; length++ {
		for start := range n {
			for _, first := range []bool{false, true} {
				if closes(direct, w, start, start, length, first, first) {
					return length
				}
			}
		}
	}
	return 0
}

func closes(direct [][]Kind, w Walk, start, at, left int, began, apart bool) bool {
	if left == 0 {
		return at == start && began == apart
	}
	for to, kinds := range direct[at] {
		if kinds&w.Kinds&^w.Apart != 0 && closes(direct, w, start, to, left-1, began, false) ||
			kinds&w.Kinds&w.Apart != 0 && !apart && closes(direct, w, start, to, left-1, began, true) {
			return true
		}
	}
	return false
}

// If this fails, a circle is overlooked, is longer than it must be, or is none.
func TestShortestIsShortest(t *testing.T) {
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		g, n, direct := drawn(t)
		all := Kind(rapid.IntRange(0, 15).Draw(t, "of these kinds"))
		w := Walk{Kinds: Kind(rapid.IntRange(0, 15).Draw(t, "by these kinds")) & all}
		if rapid.Bool().Draw(t, "apart") {
			w.Apart = w.Kinds & 4
		}
		best := 0
		for _, knot := range g.Knots(all) {
			steps := knot.Shortest(w, &Search{Edges: 1 << 40})
			if len(steps) > 0 && (best == 0 || len(steps) < best) {
				best = len(steps)
			}
			for i, s := range steps {
				next := steps[(i+1)%len(steps)]
				require.NotZero(t, direct[s.Node][next.Node]&s.Kind&w.Kinds)
				require.False(t, s.Kind&w.Apart != 0 && next.Kind&w.Apart != 0)
			}
			require.Len(t, slices.CompactFunc(slices.SortedFunc(slices.Values(steps), func(a, b Step) int { return int(a.Node - b.Node) }),
				func(a, b Step) bool { return a.Node == b.Node }), len(steps), "a node twice")
		}
		require.Equal(t, shortest(n, direct, w), best)
		if best > 0 {
			found++
		}
	})
	require.Positive(t, found)
}

// If this fails, a circle through a million nodes overflows a stack or is not found.
func TestALongCircle(t *testing.T) {
	const n = 1_000_000
	b := NewBuilder(n, n)
	for i := range int32(n) {
		b.Edge(i, (i+1)%n, 1)
	}
	g := b.Graph()
	knots := g.Knots(1)
	require.Len(t, knots, 1)
	require.Len(t, knots[0].Shortest(Walk{Kinds: 1}, &Search{}), n)
	require.Empty(t, g.Knots(2))
}
