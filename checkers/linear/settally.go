package linear

import (
	"cmp"
	"slices"

	"simrun/nodes/history"
)

// SetTally is what became of the values that were added to a set from which nothing is removed, as Jepsen's set-full tells
// it. It is for sets that promise less than to be linearizable: that what was added is there for good, some time after.
//
// A value is known from the end of its add, or of the first read that saw it, whichever was sooner.
type SetTally struct {
	Attempts   int     // values that somebody tried to add
	Stable     int     // those that were seen by all reads from some on
	Lost       []Value // known, and missed by a read after that and after all that saw it
	Stale      []Value // stable, but missed by a read that was called after they were known
	NeverRead  []Value // neither stable nor lost: no read was in time to tell
	Duplicated []Value // seen more than once by one read
	Unknown    []Value // seen, and added by nobody
	// Settled is the longest that a stale value took from when it was known to the call of the last read that missed it.
	Settled history.Time
}

// TallySet counts what became of each value. It takes time linear in all members that were read.
func TallySet(ops []SetOp) SetTally {
	s := &set{ops: ops}
	for i := range ops {
		switch op := &ops[i]; {
		case op.Do == Add && op.Possible():
			m := s.of(op.Value)
			m.adds = append(m.adds, int32(i))
		case op.Do == Read && op.Certain():
			s.reads = append(s.reads, int32(i))
		}
	}
	slices.SortFunc(s.reads, func(a, b int32) int { return cmp.Or(cmp.Compare(ops[a].Call, ops[b].Call), cmp.Compare(a, b)) })
	var t SetTally
	for place, i := range s.reads {
		for _, v := range ops[i].Members {
			m := s.of(v)
			if m.sights > 0 && m.last == int32(place) {
				t.Duplicated = append(t.Duplicated, v)
				continue
			}
			m.last = int32(place)
			m.sights++
			m.seen = append(m.seen, int32(place))
			s.saw(m, i)
		}
	}
	for n := range s.values {
		s.count(&t, &s.values[n])
	}
	for _, values := range []*[]Value{&t.Lost, &t.Stale, &t.NeverRead, &t.Duplicated, &t.Unknown} {
		slices.Sort(*values)
		*values = slices.Compact(*values)
	}
	return t
}

// count adds what became of a value. Reads go by their place.
func (s *set) count(t *SetTally, m *membership) {
	if len(m.adds) == 0 {
		t.Unknown = append(t.Unknown, m.value)
		return
	}
	t.Attempts++
	known, _ := s.entered(m)
	missed := int32(len(s.reads)) - 1 // the last read that did not see it, or none
	for n := len(m.seen) - 1; n >= 0 && m.seen[n] == missed; n-- {
		missed--
	}
	switch {
	case m.sights > 0 && m.last > missed:
		t.Stable++
		if missed != none && s.ops[s.reads[missed]].Call > known {
			t.Stale = append(t.Stale, m.value)
			t.Settled = max(t.Settled, s.ops[s.reads[missed]].Call-known)
		}
	case missed != none && s.ops[s.reads[missed]].Call > known:
		t.Lost = append(t.Lost, m.value)
	default:
		t.NeverRead = append(t.NeverRead, m.value)
	}
}
