package linear

import (
	"slices"

	"simrun/nodes/history"
)

// moments are the times at which it matters whether a queue can have been empty, and which of them are ruled out.
// They are named by their rank; the rank after the last stands for never.
//
// Invariant: at is sorted without repetition; free[i] == i exactly where moment i is not ruled out, else free[i] > i
// and nothing between is free.
type moments struct {
	at   []history.Time
	free []int32
	by   []int32 // the stay that rules the moment out, or crowd
}

// crowd rules a moment out where more values are there than can have been taken.
const crowd int32 = -2

func newMoments(at []history.Time) moments {
	slices.Sort(at)
	at = slices.Compact(at)
	m := moments{at: at, free: make([]int32, len(at)+1), by: make([]int32, len(at))}
	for i := range m.free {
		m.free[i] = int32(i)
	}
	return m
}

// rank is the first moment at or after t.
func (m *moments) rank(t history.Time) int32 {
	i, _ := slices.BinarySearch(m.at, t)
	return int32(i)
}

// after is the first moment after t.
func (m *moments) after(t history.Time) int32 {
	if t == history.Never {
		return m.never()
	}
	return m.rank(t + 1)
}

func (m *moments) never() int32 { return int32(len(m.at)) }

// time is when the moment is.
func (m *moments) time(i int32) history.Time {
	if i == m.never() {
		return history.Never
	}
	return m.at[i]
}

// next is the first moment from i on that is not ruled out.
func (m *moments) next(i int32) int32 {
	for m.free[i] != i {
		m.free[i] = m.free[m.free[i]]
		i = m.free[i]
	}
	return i
}

// rule rules out the moments in [from, to).
func (m *moments) rule(from, to, by int32) {
	for i := m.next(from); i < to; i = m.next(i) {
		m.free[i], m.by[i] = i+1, by
	}
}

// room is, for each moment, how many more values can have been taken by dequeues of unknown outcome than were
// certainly there to be taken. It is a tree of sums over the moments, with the least sum of any prefix that ends at
// a moment where there was room until now: changes and the search for a moment without room take logarithmic time.
type room struct {
	leaves int
	sum    []int32
	least  []int32
}

// full is the least prefix where no moment is left.
const full int32 = 1 << 30

func newRoom(moments int) *room {
	leaves := 1
	for leaves < moments {
		leaves *= 2
	}
	r := &room{leaves: leaves, sum: make([]int32, 2*leaves), least: make([]int32, 2*leaves)}
	for i := range r.least {
		if i >= leaves+moments {
			r.least[i] = full
		}
	}
	for i := leaves - 1; i > 0; i-- {
		r.pull(i)
	}
	return r
}

func (r *room) pull(i int) {
	r.sum[i] = r.sum[2*i] + r.sum[2*i+1]
	r.least[i] = min(r.least[2*i], r.sum[2*i]+r.least[2*i+1])
}

// add changes the room from the moment on.
func (r *room) add(moment, change int32) {
	i := r.leaves + int(moment)
	r.sum[i] += change
	if r.least[i] < full {
		r.least[i] += change
	}
	for i /= 2; i > 0; i /= 2 {
		r.pull(i)
	}
}

// lacking takes out a moment at which there is less than no room.
func (r *room) lacking() (moment int32, found bool) {
	if r.least[1] >= 0 {
		return 0, false
	}
	i, before := 1, int32(0)
	for i < r.leaves {
		if i *= 2; before+r.least[i] >= 0 {
			before += r.sum[i]
			i++
		}
	}
	moment = int32(i - r.leaves)
	r.least[i] = full
	for i /= 2; i > 0; i /= 2 {
		r.pull(i)
	}
	return moment, true
}
