package weather

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/history"
)

// A set of instants is a set of instants: every operation is held against the same on a line of forty ticks.
func TestSpansAreSetsOfInstants(t *testing.T) {
	const line = 40
	draw := rapid.Custom(func(t *rapid.T) []history.Window {
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) history.Window {
			from := rapid.IntRange(0, line-1).Draw(t, "from")
			return history.Window{From: time.Duration(from), To: time.Duration(from + rapid.IntRange(0, 10).Draw(t, "length"))}
		}), 0, 8).Draw(t, "windows")
	})
	in := func(windows []history.Window, at int) bool {
		for _, w := range windows {
			if w.Contains(time.Duration(at)) {
				return true
			}
		}
		return false
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		s, u := Union(a), Union(b)
		for i := range s {
			require.Less(t, s[i].From, s[i].To)
			require.True(t, i == 0 || s[i-1].To < s[i].From, "%v", s)
		}
		late := s.Late(2)
		for at := range line {
			require.Equal(t, in(a, at), in(s, at))
			require.Equal(t, in(a, at) || in(b, at), in(s.Or(u), at))
			require.Equal(t, in(a, at) && in(b, at), in(s.And(u), at))
			require.Equal(t, !in(a, at), in(s.Not(), at))
			require.Equal(t, in(a, at) && in(a, at-1) && in(a, at-2), in(late, at))
			w, ok := s.At(time.Duration(at))
			require.Equal(t, in(a, at), ok && w.Contains(time.Duration(at)))
		}
		from := rapid.IntRange(0, line).Draw(t, "start")
		to := from + rapid.IntRange(0, line).Draw(t, "end")
		filled, covers, longest, run := 0, true, 0, 0
		for at := from; at <= to; at++ {
			covers = covers && in(a, at)
			if run++; !in(a, at) {
				run = 0
			}
			if at < to {
				filled += one(in(a, at))
				longest = max(longest, run)
			}
		}
		f, l := time.Duration(from), time.Duration(to)
		require.Equal(t, time.Duration(filled), s.Within(f, l))
		require.Equal(t, covers, s.Cover(f, l))
		w := s.Longest(f, l)
		require.Equal(t, time.Duration(longest), w.To-w.From)
		for at := from; at <= to; at++ {
			require.Equal(t, in(a, at), in(s.Near(f, l), at))
		}
	})
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
