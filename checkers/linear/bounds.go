package linear

import (
	"cmp"
	"fmt"
	"slices"

	"simrun/nodes/history"
)

// tally says how much had been added by a time.
type tally struct {
	at  []history.Time
	sum []int64 // Invariant: sum[i] is of all up to and with at[i]
}

// tallyOf counts ops at their times.
func tallyOf(ops []*CounterOp, at func(op *CounterOp) history.Time, amount func(op *CounterOp) int64) tally {
	sorted := slices.Clone(ops)
	slices.SortFunc(sorted, func(a, b *CounterOp) int { return cmp.Compare(at(a), at(b)) })
	var t tally
	sum := int64(0)
	for _, op := range sorted {
		sum += amount(op)
		t.at, t.sum = append(t.at, at(op)), append(t.sum, sum)
	}
	return t
}

// by is the sum of what was counted up to a time.
func (t *tally) by(at history.Time) int64 {
	n, _ := slices.BinarySearch(t.at, at+1)
	if n == 0 {
		return 0
	}
	return t.sum[n-1]
}

// before is the sum of what was counted before a time.
func (t *tally) before(at history.Time) int64 { return t.by(at - 1) }

// bounds holds each read to the earlier ones and to the start: it saw no more than was then, and can have been added
// since; nor less.
func (c *counter) bounds() *Result {
	slices.SortFunc(c.reads, func(a, b *CounterOp) int { return cmp.Compare(a.Call, b.Call) })
	byReturn := slices.Clone(c.reads)
	slices.SortFunc(byReturn, func(a, b *CounterOp) int { return cmp.Compare(a.Return, b.Return) })
	for _, sign := range []int64{1, -1} {
		if bad := c.bound(sign, byReturn); bad != nil {
			return bad
		}
	}
	return nil
}

// since is what an earlier read lets later ones see: the counter's least excess over what was added before it.
type since struct {
	excess int64
	read   *CounterOp // nil for the start
}

// bound holds reads to the most that they can have seen; with the sign turned, to the least.
func (c *counter) bound(sign int64, byReturn []*CounterOp) *Result {
	var up, down, sure []*CounterOp
	for _, op := range c.adds {
		switch {
		case op.N*sign > 0:
			up = append(up, op)
			if op.Certain() {
				sure = append(sure, op)
			}
		case op.Certain():
			down = append(down, op)
		}
	}
	call := func(op *CounterOp) history.Time { return op.Call }
	end := func(op *CounterOp) history.Time { return op.Return }
	size := func(op *CounterOp) int64 { return abs(op.N) }
	upCalled, upEnded := tallyOf(up, call, size), tallyOf(sure, end, size)
	downCalled, downEnded := tallyOf(down, call, size), tallyOf(down, end, size)
	// A bound that reckons with what was surely taken away since, and one that does not.
	taken, plain := since{sign * c.start, nil}, since{sign * c.start, nil}
	earlier := 0
	for _, r := range c.reads {
		for ; byReturn[earlier].Return < r.Call; earlier++ {
			e := byReturn[earlier]
			excess := sign*e.N - upEnded.before(e.Call)
			if excess < plain.excess {
				plain = since{excess, e}
			}
			if excess += downCalled.by(e.Return); excess < taken.excess {
				taken = since{excess, e}
			}
		}
		most := upCalled.by(r.Return)
		if sign*r.N > most+plain.excess {
			return c.beyond(sign, r, plain.read, nil)
		}
		if sign*r.N > most-downEnded.before(r.Call)+taken.excess {
			return c.beyond(sign, r, taken.read, down)
		}
	}
	return nil
}

// beyond tells of a read that saw more than there can have been, or less if the sign is turned, given an earlier one (nil
// for the start) and what was surely taken away between the two.
func (c *counter) beyond(sign int64, r, earlier *CounterOp, down []*CounterOp) *Result {
	anomaly := "over-count"
	if sign < 0 {
		anomaly = "under-count"
	}
	witness, from, at := []*Span{&r.Span}, "at first", c.start
	if earlier != nil {
		witness, at = append(witness, &earlier.Span), earlier.N
		from = fmt.Sprintf("when operation %d (%s) read it", earlier.ID, earlier.times())
	}
	for _, op := range down {
		if op.Return < r.Call && (earlier == nil || op.Call > earlier.Return) {
			witness = append(witness, &op.Span)
		}
	}
	v := violated(anomaly, fmt.Sprintf("operation %d (%s) read %d, but the counter was %d %s, and no additions since can have brought it there",
		r.ID, r.times(), r.N, at, from), witness...)
	return &v
}
