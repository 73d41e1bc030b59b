package weather

import (
	"cmp"
	"slices"
	"sort"

	"simrun/nodes/history"
)

// Spans is a set of instants: half-open windows, in order, that neither touch nor overlap.
//
// Invariant: s[i].From < s[i].To < s[i+1].From.
type Spans []history.Window

// Always is every instant of any run.
var Always = Spans{{From: -history.Never, To: history.Never}}

// Union makes the set of instants that lie in any of the windows, which may overlap in any order.
func Union(windows []history.Window) Spans {
	windows = slices.DeleteFunc(slices.Clone(windows), func(w history.Window) bool { return w.To <= w.From })
	slices.SortFunc(windows, func(a, b history.Window) int { return cmp.Compare(a.From, b.From) })
	var out Spans
	for _, w := range windows {
		if n := len(out); n > 0 && w.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, w.To)
			continue
		}
		out = append(out, w)
	}
	return out
}

// Or is the instants of either set.
func (s Spans) Or(t Spans) Spans { return Union(append(slices.Clone([]history.Window(s)), t...)) }

// And is the instants of both sets.
func (s Spans) And(t Spans) Spans {
	var out Spans
	for i, j := 0, 0; i < len(s) && j < len(t); {
		if w := (history.Window{From: max(s[i].From, t[j].From), To: min(s[i].To, t[j].To)}); w.From < w.To {
			out = append(out, w)
		}
		if s[i].To < t[j].To {
			i++
		} else {
			j++
		}
	}
	return out
}

// AtLeast is the instants of at least n of some sets.
func AtLeast(n int, sets []Spans) Spans {
	if n <= 0 {
		return Always
	}
	type turn struct {
		at  history.Time
		add int
	}
	var turns []turn
	for _, s := range sets {
		for _, w := range s {
			turns = append(turns, turn{w.From, 1}, turn{w.To, -1})
		}
	}
	slices.SortFunc(turns, func(a, b turn) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.add, b.add)) })
	var out []history.Window
	now := 0
	for _, t := range turns {
		switch now += t.add; {
		case t.add > 0 && now == n:
			out = append(out, history.Window{From: t.at, To: history.Never})
		case t.add < 0 && now == n-1:
			out[len(out)-1].To = t.at
		}
	}
	return Union(out)
}

// Not is the instants that are not in the set.
func (s Spans) Not() Spans {
	var out Spans
	from := -history.Never
	for _, w := range s {
		if from < w.From {
			out = append(out, history.Window{From: from, To: w.From})
		}
		from = w.To
	}
	if from < history.Never {
		out = append(out, history.Window{From: from, To: history.Never})
	}
	return out
}

// At is the window that holds t.
func (s Spans) At(t history.Time) (history.Window, bool) {
	i := sort.Search(len(s), func(i int) bool { return s[i].To > t })
	if i < len(s) && s[i].From <= t {
		return s[i], true
	}
	return history.Window{}, false
}

// Cover says whether every instant of [from, to] is in the set.
func (s Spans) Cover(from, to history.Time) bool {
	w, ok := s.At(from)
	return ok && to < w.To
}

// Near is those windows of the set that meet [from, to], whole.
func (s Spans) Near(from, to history.Time) Spans {
	i := sort.Search(len(s), func(i int) bool { return s[i].To > from })
	j := sort.Search(len(s), func(i int) bool { return s[i].From > to })
	return s[i:max(i, j)]
}

// Within is how much of [from, to) the set fills.
func (s Spans) Within(from, to history.Time) (sum history.Time) {
	for i := sort.Search(len(s), func(i int) bool { return s[i].To > from }); i < len(s) && s[i].From < to; i++ {
		sum += min(s[i].To, to) - max(s[i].From, from)
	}
	return sum
}

// Longest is the longest window of the set within [from, to).
func (s Spans) Longest(from, to history.Time) (most history.Window) {
	for i := sort.Search(len(s), func(i int) bool { return s[i].To > from }); i < len(s) && s[i].From < to; i++ {
		w := history.Window{From: max(s[i].From, from), To: min(s[i].To, to)}
		if w.To-w.From > most.To-most.From {
			most = w
		}
	}
	return most
}

// Late is the set without the first d of each window: when it has held for d.
func (s Spans) Late(d history.Time) Spans {
	var out Spans
	for _, w := range s {
		if w.From+d < w.To {
			out = append(out, history.Window{From: w.From + d, To: w.To})
		}
	}
	return out
}
