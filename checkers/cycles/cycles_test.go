package cycles

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// drawn is a graph with hidden nodes, beside the same one written out: the kinds of edges for each pair of nodes.
func drawn(r *rand.Rand) (*Graph, int, [][]Kind) {
	n := 2 + r.IntN(6)
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
	for range r.IntN(14) {
		from, to, kind := r.IntN(n), r.IntN(n), Kind(1)<<r.IntN(3)
		b.Edge(int32(from), int32(to), kind)
		edge(from, to, kind)
	}
	if r.IntN(2) == 0 {
		var targets []int32
		for _, v := range r.Perm(n)[:r.IntN(n+1)] {
			targets = append(targets, int32(v))
		}
		fan := b.Fan(targets)
		for range r.IntN(4) {
			from, kind := r.IntN(n), Kind(1)<<r.IntN(3)
			fan.From(int32(from), kind)
			for _, to := range targets {
				edge(from, int(to), kind)
			}
		}
	}
	if r.IntN(2) == 0 {
		var spans []Span
		touch := r.IntN(2) == 0
		for i := range n {
			s := linear.Span{Outcome: []history.Outcome{history.Ok, history.Ok, history.Unknown}[r.IntN(3)], Call: history.Time(r.IntN(7))}
			s.Return = s.Call + history.Time(r.IntN(4))
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
	lengths := map[int]int{}
	for seed := range uint64(20_000) {
		r := rand.New(rand.NewPCG(seed, 5))
		g, n, direct := drawn(r)
		all := Kind(r.IntN(16)) | Kind(r.IntN(16))
		w := Walk{Kinds: (Kind(r.IntN(16)) | Kind(r.IntN(16))) & all}
		if r.IntN(2) == 0 {
			w.Apart = w.Kinds & 4
		}
		best := 0
		for _, knot := range g.Knots(all) {
			steps := knot.Shortest(w, &Search{Edges: 1 << 40})
			if len(steps) > 0 && (best == 0 || len(steps) < best) {
				best = len(steps)
			}
			nodes := map[int32]bool{}
			for i, s := range steps {
				next := steps[(i+1)%len(steps)]
				require.NotZero(t, direct[s.Node][next.Node]&s.Kind&w.Kinds, "seed %d", seed)
				require.False(t, s.Kind&w.Apart != 0 && next.Kind&w.Apart != 0, "seed %d", seed)
				nodes[s.Node] = true
			}
			require.Len(t, nodes, len(steps), "seed %d: a node twice", seed)
		}
		require.Equal(t, shortest(n, direct, w), best, "seed %d", seed)
		lengths[best]++
	}
	for _, length := range []int{0, 2, 3, 4} {
		require.Greater(t, lengths[length], 20, "%v", lengths)
	}
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
