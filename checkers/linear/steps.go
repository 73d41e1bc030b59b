package linear

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"simrun/nodes/history"
)

// steps are those of a counter that always changes by the same amount. Step k leads from k-1 units to k.
//
// A read that saw less than k units is before step k, one that saw k or more is after it: so step k can happen from the
// greatest call of the former, low, to the least end of the latter, high; with k, both grow. An add can be any step with
// whose time its own has a moment in common: those are steps without a gap. So adds are matched with steps by taking
// the steps in order and giving each the add that is the first to come to the end of its own (Glover, 1967). There is
// an order iff all certain adds can be matched, and all steps up to the greatest that was seen can be: then both can be
// at once (Mendelsohn & Dulmage, 1958), and adds whose moments are not in the order of their steps can change places.
type steps struct {
	low, high     []history.Time // by step, from 1 to one more than the greatest that was seen
	before, after []*CounterOp   // the reads that they are from; nil where there is none
}

// count judges a counter that changes by unit.
func (c *counter) count(unit int64) Result {
	most := int64(0)
	for _, r := range c.reads {
		seen := (r.N - c.start) / unit
		switch {
		case seen*unit != r.N-c.start:
			return violated("never-so",
				fmt.Sprintf("operation %d (%s) read %d, which is no whole number of additions of %d away from %d",
					r.ID, r.times(), r.N, unit, c.start), &r.Span)
		case seen < 0:
			return violated("never-so",
				fmt.Sprintf("operation %d (%s) read %d, but the counter was %d at first, and all additions are of %d",
					r.ID, r.times(), r.N, c.start, unit), &r.Span)
		case seen > int64(len(c.adds)):
			return violated("over-count", fmt.Sprintf("operation %d (%s) read %d, but all additions together make %d",
				r.ID, r.times(), r.N, c.start+unit*int64(len(c.adds))), &r.Span)
		}
		most = max(most, seen)
	}
	s := newSteps(c, unit, int(most))
	if bad := s.backward(); bad != nil {
		return *bad
	}
	ranges := s.ranges(c.adds)
	if last := match(ranges, int32(most), true); last >= 0 {
		return s.tooFew(c, ranges, last)
	}
	if last := match(ranges, int32(most), false); last >= 0 {
		return s.tooMany(c, ranges, last)
	}
	return holds()
}

func newSteps(c *counter, unit int64, most int) *steps {
	n := most + 2
	s := &steps{low: make([]history.Time, n), high: make([]history.Time, n), before: make([]*CounterOp, n), after: make([]*CounterOp, n)}
	for k := range s.high {
		s.low[k], s.high[k] = dawn, history.Never
	}
	for _, r := range c.reads {
		k := int((r.N - c.start) / unit)
		if r.Call > s.low[k+1] {
			s.low[k+1], s.before[k+1] = r.Call, r
		}
		if r.Return < s.high[k] {
			s.high[k], s.after[k] = r.Return, r
		}
	}
	for k := 1; k < n; k++ {
		if s.low[k-1] > s.low[k] {
			s.low[k], s.before[k] = s.low[k-1], s.before[k-1]
		}
	}
	for k := n - 2; k > 0; k-- {
		if s.high[k+1] < s.high[k] {
			s.high[k], s.after[k] = s.high[k+1], s.after[k+1]
		}
	}
	return s
}

// backward tells of a read that saw less than one that had ended before it.
func (s *steps) backward() *Result {
	for k := 1; k < len(s.low); k++ {
		if b, a := s.before[k], s.after[k]; b != nil && a != nil && s.low[k] > s.high[k] {
			r := violated("went-back", fmt.Sprintf("operation %d read %d by %s, but operation %d, called only at %s, read %d",
				a.ID, a.N, a.Return, b.ID, b.Call, b.N), &a.Span, &b.Span)
			return &r
		}
	}
	return nil
}

// stepRange is the steps that an add can be; the last is math.MaxInt32 where there is no end.
type stepRange struct {
	first, last int32
	op          *CounterOp
}

// ranges finds the steps that adds can be, sorted by the first.
func (s *steps) ranges(adds []*CounterOp) []stepRange {
	ranges := make([]stepRange, len(adds))
	beyond := len(s.low) - 1
	for i, op := range adds {
		first, _ := slices.BinarySearch(s.high[1:beyond], op.Call)
		r := stepRange{int32(first + 1), math.MaxInt32, op}
		if end := op.End(); end < s.low[beyond] {
			later, _ := slices.BinarySearch(s.low[1:], end+1)
			r.last = int32(later)
		}
		ranges[i] = r
	}
	slices.SortFunc(ranges, func(a, b stepRange) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.last, b.last), cmp.Compare(a.op.ID, b.op.ID))
	})
	return ranges
}

// match gives steps to adds, and says at which step it failed, or -1: for want of a step for a certain add, if those are
// to be matched, or of an add for a step up to the most.
func match(ranges []stepRange, most int32, certain bool) int32 {
	open := heap[int32]{less: func(a, b int32) bool { return a < b }} // the last steps that adds can be
	for k, next := int32(1), 0; k <= most+1; k++ {
		for ; next < len(ranges) && ranges[next].first <= k; next++ {
			if !certain || ranges[next].op.Certain() {
				open.push(ranges[next].last)
			}
		}
		for open.len() > 0 && open.least() < k {
			if certain {
				return k - 1
			}
			open.pop()
		}
		if open.len() > 0 {
			open.pop()
		} else if !certain && k <= most {
			return k
		}
	}
	return -1
}

// tooFew tells of reads that saw fewer adds than certainly came between: of those that must be among the steps up to the
// last, there are more than steps from some first one on.
func (s *steps) tooFew(c *counter, ranges []stepRange, last int32) Result {
	first, due := last+1, []*CounterOp(nil)
	byFirst := slices.DeleteFunc(slices.Clone(ranges), func(r stepRange) bool { return !r.op.Certain() || r.last > last })
	for n := len(byFirst); ; first-- {
		for ; n > 0 && byFirst[n-1].first >= first; n-- {
			due = append(due, byFirst[n-1].op)
		}
		if len(due) > int(last-first+1) {
			break
		}
	}
	late, seen, since := s.before[last+1], c.start, "at first"
	witness := []*Span{&late.Span}
	if first > 1 {
		early := s.after[first-1]
		seen, since = early.N, fmt.Sprintf("when operation %d (%s) read it", early.ID, early.times())
		witness = append(witness, &early.Span)
	}
	slices.SortFunc(due, func(a, b *CounterOp) int { return cmp.Or(cmp.Compare(a.Return, b.Return), cmp.Compare(a.ID, b.ID)) })
	due = due[:(late.N-seen)/due[0].N+1]
	for _, op := range due {
		witness = append(witness, &op.Span)
	}
	return violated("under-count", fmt.Sprintf("operation %d (%s) read %d, but the counter was %d %s, and %s of %d had ended since",
		late.ID, late.times(), late.N, seen, since, counted(len(due), "addition"), due[0].N), witness...)
}

// tooMany tells of reads that saw more adds than can have come between: those that can be any of the steps up to the
// last are fewer than the steps from some first one on.
func (s *steps) tooMany(c *counter, ranges []stepRange, last int32) Result {
	byLast := slices.DeleteFunc(slices.Clone(ranges), func(r stepRange) bool { return r.first > last })
	slices.SortFunc(byLast, func(a, b stepRange) int { return cmp.Compare(b.last, a.last) })
	first, able := last, 0
	for ; ; first-- {
		for able < len(byLast) && byLast[able].last >= first {
			able++
		}
		if able < int(last-first+1) {
			break
		}
	}
	late, early := s.after[last], s.before[first]
	if early == nil {
		return violated("over-count",
			fmt.Sprintf("operation %d (%s) read %d, but the counter was %d at first, and at most %s could have come by then",
				late.ID, late.times(), late.N, c.start, counted(able, "addition")), &late.Span)
	}
	return violated("over-count",
		fmt.Sprintf("operation %d (%s) read %d, but the counter was %d when operation %d (%s) read it, and at most %s can have come between",
			late.ID, late.times(), late.N, early.N, early.ID, early.times(), counted(able, "addition")), &early.Span, &late.Span)
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
