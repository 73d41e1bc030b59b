package linear

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"simrun/nodes/history"
)

// FetchAddOp adds to a number and is told what it was before. With an amount of 0 it is a read.
type FetchAddOp struct {
	Span
	Amount int64
	Found  int64
}

// FetchAdd judges a number that starts at Options.Initial, or 0. Where no amount is negative, or none positive, it takes
// n log n time unless an uncertain operation must have filled a gap and the uncertain ones differ in their amounts;
// otherwise the answer is Search's.
//
// What operations found then is the order in which they took effect, reads before the one that changed the number; so
// nothing may have ended before what comes earlier in that order was called, as in a log. A gap between what one left
// and the next found is filled by uncertain operations: with equal amounts, always by those that were called first.
func FetchAdd(ops []FetchAddOp, o Options) Result {
	f := &fetchAdds{Options: o, ops: ops, at: o.start(), last: none}
	sign, alike := f.gather()
	if sign == 0 {
		return Search(FetchAddModel(o.start()), ops, o)
	}
	slices.SortFunc(f.order, func(a, b int32) int {
		x, y := &ops[a], &ops[b]
		return cmp.Or(sign*cmp.Compare(x.Found, y.Found), cmp.Compare(min(abs(x.Amount), 1), min(abs(y.Amount), 1)), cmp.Compare(x.Call, y.Call))
	})
	if f.gaps(sign) && !alike {
		return Search(FetchAddModel(o.start()), ops, o)
	}
	f.due()
	for n := 0; n < len(f.order); {
		to := n
		for to < len(f.order) && ops[f.order[to]].Found == ops[f.order[n]].Found {
			to++
		}
		if bad := f.step(n, to, sign); bad != nil {
			return *bad
		}
		n = to
	}
	return holds()
}

// start is what a number is at first.
func (o *Options) start() int64 {
	if o.Initial == nil || *o.Initial == Nil {
		return 0
	}
	return int64(*o.Initial)
}

// FetchAddModel is such a number as a sequential program.
func FetchAddModel(start int64) Model[int64, FetchAddOp] {
	return Model[int64, FetchAddOp]{
		Init: start,
		Step: func(at int64, op *FetchAddOp) (int64, bool) {
			return at + op.Amount, at == op.Found || !op.Certain()
		},
		Reads: func(op *FetchAddOp) bool { return op.Amount == 0 },
	}
}

// fetchAdds is a history while it is judged: the operations of known effect by what they found, and the uncertain
// ones that add something by their call.
type fetchAdds struct {
	Options
	ops    []FetchAddOp
	order  []int32
	spare  []int32
	dueBy  []history.Time // by place in order: the least end from here on
	at     int64          // what the number is
	left   int32          // the operation that left it so, or none
	called history.Time   // the greatest call up to here
	last   int32          // and whose it is, or none
}

// gather sorts out what there is. The sign of all amounts is 0 where they differ in it, or their sum is out of range;
// alike says that the uncertain ones are equal.
func (f *fetchAdds) gather() (sign int, alike bool) {
	f.left, alike = none, true
	sum, within := uint64(abs(f.at)), true
	up, down := false, false
	for i := range f.ops {
		op := &f.ops[i]
		if !op.Possible() || !op.Certain() && op.Amount == 0 {
			continue
		}
		up, down = up || op.Amount > 0, down || op.Amount < 0
		sum += uint64(abs(op.Amount))
		within = within && sum <= math.MaxInt64 && op.Amount != math.MinInt64 && (!op.Certain() || op.Found != math.MinInt64)
		if op.Certain() {
			f.order = append(f.order, int32(i))
			continue
		}
		alike = alike && (len(f.spare) == 0 || op.Amount == f.ops[f.spare[0]].Amount)
		f.spare = append(f.spare, int32(i))
	}
	slices.SortFunc(f.spare, func(a, b int32) int { return cmp.Compare(f.ops[a].Call, f.ops[b].Call) })
	switch {
	case up && down || !within:
		return 0, alike
	case down:
		return -1, alike
	default:
		return 1, alike
	}
}

// gaps says whether what one left is less than what the next found anywhere, and there are operations that might
// fill it.
func (f *fetchAdds) gaps(sign int) bool {
	at := f.at
	for _, i := range f.order {
		if op := &f.ops[i]; cmp.Compare(op.Found, at) == sign && len(f.spare) > 0 {
			return true
		}
		at = f.ops[i].Found + f.ops[i].Amount
	}
	return false
}

// due notes by when what comes before each operation in the order must have taken effect.
func (f *fetchAdds) due() {
	f.dueBy = make([]history.Time, len(f.order))
	least := history.Never
	for n := len(f.order) - 1; n >= 0; n-- {
		least = min(least, f.ops[f.order[n]].End())
		f.dueBy[n] = least
	}
}

// step goes on with the operations in [n, to) of the order, which all found the same.
func (f *fetchAdds) step(n, to, sign int) *Result {
	first := &f.ops[f.order[n]]
	switch cmp.Compare(first.Found, f.at) * sign {
	case -1:
		return f.passed(first, sign)
	case 1:
		if bad := f.fill(first, f.dueBy[n]); bad != nil {
			return bad
		}
	}
	reads := n
	for reads < to && f.ops[f.order[reads]].Amount == 0 {
		reads++
	}
	for i := n; i < reads; i++ {
		if bad := f.inTime(f.order[i]); bad != nil {
			return bad
		}
	}
	for i := n; i < reads; i++ {
		f.call(f.order[i])
	}
	if reads == to {
		return nil
	}
	op := &f.ops[f.order[reads]]
	if reads+1 < to {
		other := &f.ops[f.order[reads+1]]
		return f.bad("lost-update", &op.Span, &other.Span, "operations %d (%s) and %d (%s) both found %d",
			op.ID, op.times(), other.ID, other.times(), op.Found)
	}
	if bad := f.inTime(f.order[reads]); bad != nil {
		return bad
	}
	f.call(f.order[reads])
	f.at, f.left = op.Found+op.Amount, f.order[reads]
	return nil
}

// inTime tells of an operation that ended before one was called that it comes after.
func (f *fetchAdds) inTime(i int32) *Result {
	op := &f.ops[i]
	if f.last == none || op.Return >= f.called {
		return nil
	}
	other := &f.ops[f.last]
	return f.bad("out-of-order",
		&other.Span, &op.Span, "operation %d found %d by %s, but operation %d, called only at %s, found %d",
		op.ID, op.Found, op.Return, other.ID, other.Call, other.Found)
}

// call notes an operation that is in the order up to here.
func (f *fetchAdds) call(i int32) {
	if op := &f.ops[i]; f.last == none || op.Call > f.called {
		f.called, f.last = op.Call, i
	}
}

// fill puts uncertain operations before one that found more than was there.
func (f *fetchAdds) fill(op *FetchAddOp, due history.Time) *Result {
	for f.at != op.Found {
		if len(f.spare) == 0 || f.ops[f.spare[0]].Call > due {
			return f.missing(op, due)
		}
		amount := f.ops[f.spare[0]].Amount
		if abs(op.Found-f.at) < abs(amount) {
			return f.missing(op, due)
		}
		f.at, f.left = f.at+amount, f.spare[0]
		f.call(f.spare[0])
		f.spare = f.spare[1:]
	}
	return nil
}

func (f *fetchAdds) bad(anomaly string, a, b *Span, reason string, args ...any) *Result {
	r := violated(anomaly, fmt.Sprintf(reason, args...), a, b)
	return &r
}

// passed tells of an operation that found what the number was never or went past.
func (f *fetchAdds) passed(op *FetchAddOp, sign int) *Result {
	if f.left == none {
		return f.bad("never-so",
			&op.Span, &op.Span, "operation %d (%s) found %d, but the number was %d at first and only grew away from that",
			op.ID, op.times(), op.Found, f.at)
	}
	other := &f.ops[f.left]
	return f.bad("never-so", &other.Span, &op.Span, "operation %d (%s) found %d, but operation %d (%s) made of %d at once %d",
		op.ID, op.times(), op.Found, other.ID, other.times(), f.at-other.Amount, f.at)
}

// missing tells of an operation that found what nobody can have left.
func (f *fetchAdds) missing(op *FetchAddOp, due history.Time) *Result {
	if f.left == none {
		return f.bad("unexplained",
			&op.Span, &op.Span, "operation %d (%s) found %d, but nothing called by %s explains what is beyond %d",
			op.ID, op.times(), op.Found, due, f.at)
	}
	other := &f.ops[f.left]
	return f.bad("unexplained",
		&other.Span, &op.Span, "operation %d (%s) found %d, but nothing called by %s explains what is beyond %d, which operation %d (%s) left",
		op.ID, op.times(), op.Found, due, f.at, other.ID, other.times())
}

func abs(n int64) int64 { return max(n, -n) }
