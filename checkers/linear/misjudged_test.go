package linear

import (
	"slices"
	"testing"

	"simrun/nodes/history"
)

// without leaves out operations.
func without[Op any](ops []Op, which func(op *Op) bool) []Op {
	return slices.DeleteFunc(slices.Clone(ops), func(op Op) bool { return which(&op) })
}

// changed makes each operation another.
func changed[Op any](ops []Op, change func(op *Op)) []Op {
	ops = slices.Clone(ops)
	for i := range ops {
		change(&ops[i])
	}
	return ops
}

// done says that an operation happened by its return, whatever became of its answer.
func done(s *Span) {
	if s.Outcome == history.Unknown {
		s.Outcome = history.Ok
	}
}

// each judges parts of a history by themselves, and is violated if one is.
func each[Op any](parts [][]Op, judge func([]Op) Result) Result {
	for _, part := range parts {
		if r := judge(part); r.Verdict != Holds {
			return r
		}
	}
	return holds()
}

// If this failed, the trials of queues could not tell a wrong algorithm from a right one.
func TestWrongJudgesOfQueuesAreFound(t *testing.T) {
	right := func(ops []QueueOp) Result { return PriorityQueue(ops, Options{}) }
	dequeued := func(ops []QueueOp, v Value) bool {
		return slices.ContainsFunc(ops, func(op QueueOp) bool { return op.Do == Dequeue && op.Certain() && op.Value == v })
	}
	one, levels := queueTrial(1, Queue), queueTrial(3, PriorityQueue)
	one.misjudged(t, map[string]func([]QueueOp) Result{
		"looks only at two values at a time": func(ops []QueueOp) Result {
			var pairs [][]QueueOp
			for i := range ops {
				for j := range i {
					a, b := ops[i].Value, ops[j].Value
					pairs = append(pairs, without(ops, func(op *QueueOp) bool {
						return op.Value != a && op.Value != b && op.Value != Nil && (op.Do == Enqueue || op.Certain())
					}))
				}
			}
			return each(pairs, right)
		},
		"does not look at what was found empty": func(ops []QueueOp) Result {
			return right(without(ops, func(op *QueueOp) bool { return op.Do == Dequeue && op.Certain() && op.Value == Nil }))
		},
		"takes an uncertain enqueue for done": func(ops []QueueOp) Result {
			return right(changed(ops, func(op *QueueOp) {
				if op.Do == Enqueue {
					done(&op.Span)
				}
			}))
		},
		"takes an uncertain enqueue for failed": func(ops []QueueOp) Result {
			return right(without(ops, func(op *QueueOp) bool { return op.Do == Enqueue && !op.Certain() }))
		},
		"takes an uncertain dequeue for failed": func(ops []QueueOp) Result {
			return right(without(ops, func(op *QueueOp) bool { return op.Do == Dequeue && !op.Certain() }))
		},
		"has one uncertain dequeue take all that is left": func(ops []QueueOp) Result {
			if !slices.ContainsFunc(ops, func(op QueueOp) bool { return op.Do == Dequeue && op.Possible() && !op.Certain() }) {
				return right(ops)
			}
			return right(without(ops, func(op *QueueOp) bool { return op.Do == Enqueue && !dequeued(ops, op.Value) }))
		},
		"has uncertain dequeues from the start": func(ops []QueueOp) Result {
			return right(changed(ops, func(op *QueueOp) {
				if op.Do == Dequeue && !op.Certain() {
					op.Call = 0
				}
			}))
		},
		"takes the calls of enqueues for their order": func(ops []QueueOp) Result {
			return right(changed(ops, func(op *QueueOp) {
				if op.Do == Enqueue && op.Certain() {
					op.Return = op.Call
				}
			}))
		},
		"takes what touches for apart": func(ops []QueueOp) Result {
			return right(changed(ops, func(op *QueueOp) { op.Call, op.Return = 2*op.Call+1, max(2*op.Call+1, 2*op.Return) }))
		},
		"takes what is apart by one for touching": func(ops []QueueOp) Result {
			return right(changed(ops, func(op *QueueOp) { op.Call-- }))
		},
	})
	levels.misjudged(t, map[string]func([]QueueOp) Result{
		"does without priorities": func(ops []QueueOp) Result { return Queue(ops, Options{}) },
		"turns priorities round": func(ops []QueueOp) Result {
			return right(changed(ops, func(op *QueueOp) { op.Priority = -op.Priority }))
		},
		"judges each level by itself": func(ops []QueueOp) Result {
			var parts [][]QueueOp
			for level := range int64(3) {
				var values []Value
				for _, op := range ops {
					if op.Do == Enqueue && op.Priority != level {
						values = append(values, op.Value)
					}
				}
				parts = append(parts, without(ops, func(op *QueueOp) bool { return slices.Contains(values, op.Value) }))
			}
			return each(parts, right)
		},
	})
}

// If this failed, the trials of sets could not tell a wrong algorithm from a right one.
func TestWrongJudgesOfSetsAreFound(t *testing.T) {
	right := func(ops []SetOp) Result { return Set(ops, Options{}) }
	apart := func(ops []SetOp, which func(op *SetOp) bool) (parts [][]SetOp) {
		for i := range ops {
			if which(&ops[i]) {
				part := without(ops, which)
				parts = append(parts, append(part, ops[i]))
			}
		}
		return append(parts, without(ops, which))
	}
	growing, members := setTrial(8, Add, Read, Read, Contains), setTrial(1000, Add, Remove, Contains, Contains)
	growing.misjudged(t, map[string]func([]SetOp) Result{
		"judges each read by itself": func(ops []SetOp) Result {
			return each(apart(ops, func(op *SetOp) bool { return op.Do == Read }), right)
		},
		"judges each value by itself": func(ops []SetOp) Result {
			var parts [][]SetOp
			if s := (&set{ops: ops}); s.gather() != nil {
				return right(ops)
			}
			for v := range Value(len(ops)) {
				parts = append(parts, changed(ops, func(op *SetOp) {
					is := op.Value == v
					if op.Do == Read {
						is = true
						op.Do, op.Found = Contains, slices.Contains(op.Members, v)
						op.Value, op.Members = v, nil
					}
					if !is {
						op.Outcome = history.Fail
					}
				}))
			}
			return each(parts, right)
		},
		"takes an uncertain add for done": func(ops []SetOp) Result {
			return right(changed(ops, func(op *SetOp) {
				if op.Do == Add {
					done(&op.Span)
				}
			}))
		},
		"takes an uncertain add for failed": func(ops []SetOp) Result {
			return right(without(ops, func(op *SetOp) bool { return op.Do == Add && !op.Certain() }))
		},
		"sees a member once that was read twice": func(ops []SetOp) Result {
			return right(changed(ops, func(op *SetOp) { op.Members = slices.Compact(slices.Sorted(slices.Values(op.Members))) }))
		},
	})
	members.misjudged(t, map[string]func([]SetOp) Result{
		"does not look at those who missed a value": func(ops []SetOp) Result {
			return right(without(ops, func(op *SetOp) bool { return op.Do == Contains && !op.Found }))
		},
		"does not look at those who saw a value": func(ops []SetOp) Result {
			return right(without(ops, func(op *SetOp) bool { return op.Do == Contains && op.Found && op.Certain() }))
		},
		"takes a remove for failed that came first": func(ops []SetOp) Result {
			return right(without(ops, func(op *SetOp) bool {
				return op.Do == Remove && !slices.ContainsFunc(ops, func(add SetOp) bool {
					return add.Do == Add && add.Value == op.Value && add.Return < op.Call
				})
			}))
		},
		"takes an uncertain remove for done": func(ops []SetOp) Result {
			return right(changed(ops, func(op *SetOp) {
				if op.Do == Remove {
					done(&op.Span)
				}
			}))
		},
	})
}

// If this failed, the trials of counters could not tell a wrong algorithm from a right one.
func TestWrongJudgesOfNumbersAreFound(t *testing.T) {
	counters := func(ops []CounterOp) Result { return Counter(ops, Options{}) }
	counterTrial(one).misjudged(t, map[string]func([]CounterOp) Result{
		"knows only bounds": func(ops []CounterOp) Result {
			c := &counter{ops: ops}
			c.gather()
			if bad := c.bounds(); bad != nil {
				return *bad
			}
			return holds()
		},
		"only matches adds with steps": func(ops []CounterOp) Result { return matched(ops, true, false) },
		"only matches steps with adds": func(ops []CounterOp) Result { return matched(ops, false, true) },
		"takes an uncertain add for done": func(ops []CounterOp) Result {
			return counters(changed(ops, func(op *CounterOp) {
				if op.Do == Add {
					done(&op.Span)
				}
			}))
		},
		"takes an uncertain add for failed": func(ops []CounterOp) Result {
			return counters(without(ops, func(op *CounterOp) bool { return op.Do == Add && !op.Certain() }))
		},
	})
	fetchAdds := func(ops []FetchAddOp) Result { return FetchAdd(ops, Options{}) }
	fetchAddTrial(one).misjudged(t, map[string]func([]FetchAddOp) Result{
		"does not look at times": func(ops []FetchAddOp) Result {
			return fetchAdds(changed(ops, func(op *FetchAddOp) { op.Call, op.Return = 0, history.Never-1 }))
		},
		"fills no gaps": func(ops []FetchAddOp) Result {
			return fetchAdds(without(ops, func(op *FetchAddOp) bool { return !op.Certain() }))
		},
		"fills gaps with what was not yet called": func(ops []FetchAddOp) Result {
			return fetchAdds(changed(ops, func(op *FetchAddOp) {
				if !op.Certain() {
					op.Call = 0
				}
			}))
		},
	})
	identifierTrial().misjudged(t, map[string]func([]UniqueIDOp) Result{
		"compares neighbours": func(ops []UniqueIDOp) Result {
			for i := range ops[1:] {
				if r := UniqueIDs(ops[i:i+2], Options{}); r.Verdict != Holds {
					return r
				}
			}
			return holds()
		},
		"compares uncertain ones": func(ops []UniqueIDOp) Result {
			return UniqueIDs(changed(ops, func(op *UniqueIDOp) { done(&op.Span) }), Options{})
		},
	})
}

// matched judges a counter by half of what it takes.
func matched(ops []CounterOp, adds, stepsToo bool) Result {
	c := &counter{ops: ops}
	if unit, _ := c.gather(); len(c.reads) > 0 {
		most := 0
		for _, r := range c.reads {
			if r.N < 0 || int(r.N) > len(c.adds) {
				return c.count(unit)
			}
			most = max(most, int(r.N))
		}
		s := newSteps(c, unit, most)
		if bad := s.backward(); bad != nil {
			return *bad
		}
		ranges := s.ranges(c.adds)
		if last := match(ranges, int32(most), true); adds && last >= 0 {
			return s.tooFew(c, ranges, last)
		}
		if last := match(ranges, int32(most), false); stepsToo && last >= 0 {
			return s.tooMany(c, ranges, last)
		}
	}
	return holds()
}
