package linear

import "math"

// CounterOp adds to a counter, or reads it: an Add or a Read. An Add may be negative, and is told nothing.
type CounterOp struct {
	Span
	Do Verb
	N  int64 // how much was added, or what a read saw
}

// Counter judges a counter that starts at Options.Initial, or 0.
//
// Where all amounts are equal, as where one counts by ones, it takes n log n time: see steps. Otherwise to decide is as
// hard as to find numbers of a given sum. Then bounds come first, which are necessary: what a read saw, less what an
// earlier one saw, or what the counter was at first, lies between the least and the most that can have been added
// between the two (Jepsen's checker of counters has those from the start). If they hold, the answer is Search's, and
// Unknown if its budget runs out.
func Counter(ops []CounterOp, o Options) Result {
	c := &counter{Options: o, ops: ops, start: o.start()}
	unit, inRange := c.gather()
	switch {
	case !inRange:
		return Search(CounterModel(c.start), ops, o)
	case unit != 0:
		return c.count(unit)
	case len(c.reads) == 0:
		return holds()
	}
	if bad := c.bounds(); bad != nil {
		return *bad
	}
	return Search(CounterModel(c.start), ops, o)
}

// CounterModel is a counter as a sequential program.
func CounterModel(start int64) Model[int64, CounterOp] {
	return Model[int64, CounterOp]{
		Init: start,
		Step: func(at int64, op *CounterOp) (int64, bool) {
			if op.Do == Read {
				return at, at == op.N || !op.Certain()
			}
			return at + op.N, true
		},
		Reads: func(op *CounterOp) bool { return op.Do == Read || op.N == 0 },
	}
}

// counter is a history while it is judged.
type counter struct {
	Options
	ops   []CounterOp
	start int64
	reads []*CounterOp // that are certain
	adds  []*CounterOp // that may have happened, and add something
}

// gather sorts out what there is. unit is the amount of all adds, 1 where there is none, or 0 where they differ; a
// counter is inRange if no sum of theirs, with what was read, comes near the greatest number.
func (c *counter) gather() (unit int64, inRange bool) {
	const most = math.MaxInt64 / 4
	sum, inRange := uint64(abs(c.start)), abs(c.start) <= most && c.start != math.MinInt64
	for i := range c.ops {
		op := &c.ops[i]
		switch {
		case op.Do == Read && op.Certain():
			c.reads = append(c.reads, op)
			inRange = inRange && abs(op.N) <= most && op.N != math.MinInt64
		case op.Do != Read && op.Possible() && op.N != 0:
			c.adds = append(c.adds, op)
			sum += uint64(abs(op.N))
			inRange = inRange && sum <= most && op.N != math.MinInt64
		}
	}
	unit = 1
	if len(c.adds) > 0 {
		unit = c.adds[0].N
	}
	for _, op := range c.adds {
		if op.N != unit {
			return 0, inRange
		}
	}
	return unit, inRange
}
