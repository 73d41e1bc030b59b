package linear

import (
	"cmp"
	"fmt"
	"slices"

	"simrun/nodes/history"
)

// stint is the time of one value in a set, as what is known of it allows: it comes in from first on and by in, and
// goes out from out on and by last. Those who saw it did so in between. So it can be in for no time at all if out is not
// after in; else it must be in from in to out, and nobody can have missed it all the time in between.
//
// If its remove came first, or never, it stays in from when it comes in.
type stint struct {
	first, in, out, last history.Time
	add, take            int32 // the operations, or none
}

// stints judges each value by what concerns it alone. It says whether that could be done in all cases: values that are
// added or removed more than once can only be judged where nobody reads all members.
func (s *set) stints() (Result, bool) {
	all := true
	byCall := slices.Clone(s.reads)
	slices.SortFunc(byCall, func(a, b int32) int { return cmp.Compare(s.ops[a].Call, s.ops[b].Call) })
	saw := make([]int32, len(s.ops)) // by read: the last value, counted from 1, that it was found to have seen
	for n := range s.values {
		m := &s.values[n]
		if len(m.adds) > 1 || len(m.takes) > 1 {
			if len(s.reads) > 0 {
				all = false
			} else if r := s.search(m); r.Verdict != Holds {
				return r, true
			}
			continue
		}
		for _, i := range m.seen {
			saw[i] = int32(n) + 1
		}
		misses := func(i int32) bool { return saw[i] != int32(n)+1 }
		if bad := s.stint(m, byCall, misses); bad != nil {
			return *bad, true
		}
	}
	return holds(), all
}

// search judges the operations of one value alone.
func (s *set) search(m *membership) Result {
	var own []SetOp
	for i := range s.ops {
		if op := &s.ops[i]; op.Do != Read && op.Value == m.value {
			own = append(own, *op)
		}
	}
	return Search(SetModel(), own, s.Options)
}

// stint judges a value that is added and removed once at most.
func (s *set) stint(m *membership, byCall []int32, misses func(read int32) bool) *Result {
	if !m.inside {
		return nil // whoever missed it can have done so before it came in
	}
	t := stint{add: m.adds[0], take: none, out: history.Never, last: history.Never}
	t.first = s.ops[t.add].Call
	by, shown := s.entered(m)
	t.in = by
	if t.first > by {
		return s.apart(event{at: t.first, op: t.add, value: s.number(m)}, shown)
	}
	latest, missed := dawn, none // the last call of those who missed it
	if i := s.missed(m); i != none {
		latest, missed = s.ops[i].Call, i
	}
	for n := len(byCall) - 1; n >= 0; n-- {
		if i := byCall[n]; misses(i) {
			if s.ops[i].Call > latest {
				latest, missed = s.ops[i].Call, i
			}
			break
		}
	}
	// It stays, if its remove, should there be one, can have come first.
	remove := none
	if len(m.takes) > 0 {
		remove = m.takes[0]
	}
	if latest <= t.in && (remove == none || !s.ops[remove].Certain() || s.ops[remove].Call <= t.in) {
		return nil
	}
	if remove == none {
		return s.lost(m, missed, shown)
	}
	t.take, t.last = remove, s.ops[remove].End()
	t.out = max(s.ops[remove].Call, t.first)
	last := none // who saw it last
	for _, i := range append(slices.Clone(m.seen), m.looks...) {
		if op := &s.ops[i]; (op.Do == Read || op.Found) && op.Call > t.out {
			t.out, last = op.Call, i
		}
	}
	witness := []int32{t.add, t.take, shown}
	if last != none {
		witness = append(witness, last)
	}
	if t.out > t.last {
		if latest > t.in {
			witness = append(witness, missed)
		}
		return s.resurrected(m, &t, last, missed, witness)
	}
	if i := s.missedWithin(m, t.in, t.out, byCall, misses); i != none {
		x := &s.ops[i]
		return s.bad("lost", fmt.Sprintf("operation %d (%s) did not see %s, which was in the set from %s to %s",
			x.ID, x.times(), s.name(m.value), t.in, t.out), append(witness, i)...)
	}
	return nil
}

// number is the place of a membership.
func (s *set) number(m *membership) int32 {
	n, _ := s.index.find(Nil, m.value, func(n int32) (Value, Value) { return Nil, s.names[n] })
	return n
}

// missedWithin is somebody who missed the value wholly between two times, or none.
func (s *set) missedWithin(m *membership, from, to history.Time, byCall []int32, misses func(read int32) bool) int32 {
	for _, i := range m.looks {
		if op := &s.ops[i]; !op.Found && op.Call > from && op.Return < to {
			return i
		}
	}
	n, _ := slices.BinarySearchFunc(byCall, from, func(i int32, from history.Time) int {
		if s.ops[i].Call <= from {
			return -1
		}
		return 1
	})
	for ; n < len(byCall) && s.ops[byCall[n]].Call < to; n++ {
		if i := byCall[n]; misses(i) && s.ops[i].Return < to {
			return i
		}
	}
	return none
}

// resurrected tells of a value that was seen though it had been removed, or not seen though it was added after that.
func (s *set) resurrected(m *membership, t *stint, last, missed int32, witness []int32) *Result {
	take := &s.ops[t.take]
	if last == none {
		x := &s.ops[missed]
		return s.bad("lost",
			fmt.Sprintf("operation %d (%s) did not see %s, which operation %d had removed by %s and which was added after that, by %s",
				x.ID, x.times(), s.name(m.value), take.ID, take.Return, t.in), witness...)
	}
	x := &s.ops[last]
	return s.bad("removed-yet-seen", fmt.Sprintf("operation %d (%s) saw %s, but operation %d had removed it by %s",
		x.ID, x.times(), s.name(m.value), take.ID, take.Return), witness...)
}
