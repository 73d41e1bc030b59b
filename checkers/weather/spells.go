package weather

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"time"

	"simrun/nodes/history"
)

// Spells is what struck one place.
//
// Invariant: strikes are in the order of their starts, and past[i] is when all up to the i-th are past and noticed.
type Spells struct {
	strikes []Strike
	past    []history.Time
}

func (s *Spells) sort() {
	slices.SortStableFunc(s.strikes, func(a, b Strike) int { return cmp.Compare(a.From, b.From) })
	s.past = make([]history.Time, len(s.strikes))
	var latest history.Time
	for i, one := range s.strikes {
		latest = max(latest, one.To, one.Noticed())
		s.past[i] = latest
	}
}

// provocation is how long after weather a process may still end because of it.
const provocation = time.Second

// disown marks the ends that processes made themselves with nothing wrong about their host. A server that stops when a
// sync has failed does right; one that stops on a calm day is to blame for what it then does not do.
func (s *Spells) disown() {
	itself := func(why string) bool { return why == "exit" || why == "panic" }
	for i := range s.strikes {
		end := &s.strikes[i]
		end.own = itself(end.Why) && !slices.ContainsFunc(s.strikes, func(other Strike) bool {
			return !itself(other.Why) && other.From <= end.From && (end.From-provocation <= other.To || Wrecks(other.Why))
		})
	}
}

// Over is the strikes that began by a time and were not past and noticed before another, latest first.
func (s *Spells) Over(from, to history.Time) iter.Seq[Strike] {
	return func(yield func(Strike) bool) {
		if s == nil {
			return
		}
		for i := sort.Search(len(s.strikes), func(i int) bool { return s.strikes[i].From > to }) - 1; i >= 0 &&
			s.past[i] >= from; i-- {
			if !yield(s.strikes[i]) {
				return
			}
		}
	}
}

func (s *Spells) Turned(from, to history.Time, delay time.Duration) (Strike, bool) {
	for one := range s.Over(from, to) {
		if one.rough(delay) && one.turns(from, to) {
			return one, true
		}
	}
	return Strike{}, false
}
