package linear

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"simrun/nodes/history"
)

// SetOp is an operation of a set: an Add or Remove of a value, which is told nothing; a Contains of a value, which says
// whether it was in; or a Read of all that was in.
type SetOp struct {
	Span
	Do      Verb
	Value   Value
	Found   bool    // what a Contains was told
	Members []Value // what a Read saw, in any order
}

// Set judges a set that is empty at first.
//
// Where nothing is ever removed it takes n log n time, n being all members that reads saw: see chain. Where nobody reads
// all members, each value is judged by itself, and in linear time if it is added once and removed once at most: see stint.
// With both, each value is held to what concerns it, which is necessary; if that holds, the answer is Search's, and
// Unknown if its budget runs out. (Which of two reads came first is then seldom told by the reads themselves.)
func Set(ops []SetOp, o Options) Result {
	s := &set{Options: o, ops: ops}
	if bad := s.gather(); bad != nil {
		return *bad
	}
	if !s.removes {
		return s.chain()
	}
	r, all := s.stints()
	if r.Verdict != Holds || all && len(s.reads) == 0 {
		return r
	}
	return Search(SetModel(), ops, o)
}

// SetModel is a set as a sequential program. Its state is what is in it, each value in eight bytes.
func SetModel() Model[string, SetOp] {
	return Model[string, SetOp]{
		Step: func(in string, op *SetOp) (string, bool) {
			switch op.Do {
			case Add:
				with, _ := member(op.Value).add(in)
				return with, true
			case Remove:
				return member(op.Value).remove(in), true
			case Contains:
				_, is := member(op.Value).find(in)
				return in, is == op.Found || !op.Certain()
			default:
				return in, !op.Certain() || len(in) == memberSize*len(op.Members) && in == setOf(op.Members)
			}
		},
		Reads: func(op *SetOp) bool { return op.Do == Read || op.Do == Contains },
	}
}

// set is a history while it is judged. Operations go by their place.
type set struct {
	Options
	ops     []SetOp
	index   pairs
	values  []membership
	names   []Value // theirs, close together: they are looked at for each member of each read
	reads   []int32 // that are certain, by how much they saw
	removes bool    // there is one
}

// membership is what is known of one value.
type membership struct {
	value  Value
	adds   []int32 // those that may have happened, by their call
	takes  []int32 // removes that may have happened
	looks  []int32 // certain Contains
	seen   []int32 // reads that saw it, by how much they saw; only where there are removes
	first  int32   // the first of those, by its place among the reads, or unseen
	last   int32   // and the last
	sights int32   // how many
	sight  int32   // who saw it in, and was the first to end; or none
	inside bool    // it certainly was in at some time
}

// unseen is the place of the read that saw what no read saw.
const unseen int32 = math.MaxInt32

// of is the membership of a value.
func (s *set) of(v Value) *membership {
	n, place := s.index.find(Nil, v, func(n int32) (Value, Value) { return Nil, s.names[n] })
	if n == none {
		n = int32(len(s.values))
		s.index.put(n, place)
		s.names = append(s.names, v)
		s.values = append(s.values, membership{value: v, first: unseen, sight: none})
	}
	return &s.values[n]
}

// gather sorts what there is by value, and finds what one value's operations, or one read, show alone.
func (s *set) gather() *Result {
	for i := range s.ops {
		op := &s.ops[i]
		if !op.Possible() {
			continue
		}
		switch {
		case op.Do == Add:
			m := s.of(op.Value)
			m.adds = append(m.adds, int32(i))
			m.inside = m.inside || op.Certain()
		case op.Do == Remove:
			m := s.of(op.Value)
			m.takes = append(m.takes, int32(i))
			s.removes = true
		case !op.Certain():
		case op.Do == Contains:
			m := s.of(op.Value)
			m.looks = append(m.looks, int32(i))
			if op.Found {
				s.saw(m, int32(i))
			}
		default:
			s.reads = append(s.reads, int32(i))
		}
	}
	slices.SortStableFunc(s.reads, func(a, b int32) int { return cmp.Compare(len(s.ops[a].Members), len(s.ops[b].Members)) })
	for place, i := range s.reads {
		for _, v := range s.ops[i].Members {
			m := s.of(v)
			switch {
			case m.sights == 0:
				m.first = int32(place)
			case m.last == int32(place):
				return s.bad("duplicated", fmt.Sprintf("operation %d (%s) saw %s twice",
					s.ops[i].ID, s.ops[i].times(), s.name(v)), i)
			}
			m.last = int32(place)
			m.sights++
			s.saw(m, i)
			if s.removes {
				m.seen = append(m.seen, i)
			}
		}
	}
	for n := range s.values {
		m := &s.values[n]
		slices.SortFunc(m.adds, func(a, b int32) int { return cmp.Compare(s.ops[a].Call, s.ops[b].Call) })
		if m.inside && len(m.adds) == 0 {
			return s.phantom(m)
		}
	}
	return nil
}

// phantom tells of a value that was seen though nobody can have added it.
func (s *set) phantom(m *membership) *Result {
	witness := m.sight
	saw := &s.ops[witness]
	for i := range s.ops {
		if add := &s.ops[i]; add.Do == Add && add.Value == m.value {
			return s.bad("failed-add-seen",
				fmt.Sprintf("operation %d (%s) saw %s, but operation %d, which was to add it, had failed",
					saw.ID, saw.times(), s.name(m.value), add.ID), int32(i), witness)
		}
	}
	return s.bad("never-added", fmt.Sprintf("operation %d (%s) saw %s, but nobody ever added it",
		saw.ID, saw.times(), s.name(m.value)), witness)
}

// saw notes that an operation saw the value in the set.
func (s *set) saw(m *membership, i int32) {
	m.inside = true
	if m.sight == none || s.ops[i].Return < s.ops[m.sight].Return {
		m.sight = i
	}
}

// entered is by when the value was certainly in the set, if it never leaves, and the operation that shows it.
func (s *set) entered(m *membership) (by history.Time, shown int32) {
	by, shown = history.Never, m.sight
	if shown != none {
		by = s.ops[shown].Return
	}
	for _, i := range m.adds {
		if op := &s.ops[i]; op.Certain() && op.Return < by {
			by, shown = op.Return, i
		}
	}
	return by, shown
}

// missed is the Contains of the greatest call that did not find the value, or none.
func (s *set) missed(m *membership) int32 {
	last := none
	for _, i := range m.looks {
		if !s.ops[i].Found && (last == none || s.ops[i].Call > s.ops[last].Call) {
			last = i
		}
	}
	return last
}

func (s *set) bad(anomaly, reason string, witness ...int32) *Result {
	var spans []*Span
	for _, i := range witness {
		spans = append(spans, &s.ops[i].Span)
	}
	r := violated(anomaly, reason, spans...)
	return &r
}
