package linear

import (
	"slices"
	"testing"
)

// registers is a trial of one register or of a few, with swaps or without.
func registerTrial(keys int, swaps bool) trial[Value, KVOp, *KVOp] {
	model := RegisterModel(Nil)
	return trial[Value, KVOp, *KVOp]{
		ask: func(l luck, n int) KVOp {
			op := KVOp{Key: Nil}
			if keys > 1 {
				op.Key = Value(l.IntN(keys))
			}
			op.Value = Value(n)
			switch l.IntN(4) {
			case 0, 1:
				op.Do = Read
			case 2:
				op.Do = Write
			default:
				if op.Do = Write; swaps {
					op.Do, op.Old = CAS, drawValue(l, n)
				}
			}
			return op
		},
		object: func() func(*KVOp) {
			held := map[Value]Value{}
			return func(op *KVOp) {
				now, written := held[op.Key]
				if !written {
					now = Nil
				}
				switch op.Do {
				case Read:
					op.Value = now
				case CAS:
					op.Old = now // it expected what it found
					held[op.Key] = op.Value
				default:
					held[op.Key] = op.Value
				}
			}
		},
		spoil: func(l luck, op *KVOp, n int) {
			if op.Do == CAS {
				op.Old = drawValue(l, n)
			} else if op.Do == Read || l.IntN(4) == 0 {
				op.Value = drawValue(l, n)
			}
		},
		part: func(op *KVOp) Value { return op.Key },
		model: Model[Value, KVOp]{
			Init:  model.Init,
			Step:  func(s Value, op *KVOp) (Value, bool) { return model.Step(s, &op.RegisterOp) },
			Reads: func(op *KVOp) bool { return model.Reads(&op.RegisterOp) },
		},
		judge: func(ops []KVOp) Result { return KV(ops, Options{}) },
	}
}

func drawValue(l luck, n int) Value {
	if v := l.IntN(n + 1); v < n {
		return Value(v)
	}
	return Nil
}

// If this failed, a stale read could go unseen, or a right register be blamed.
func TestRegistersAreJudgedAsPorcupineDoes(t *testing.T) {
	t.Run("plain", registerTrial(1, false).agree)
	t.Run("swaps", registerTrial(1, true).agree)
	t.Run("keys", registerTrial(3, true).agree)
}

// If this failed, the search for objects that have no algorithm of their own would be wrong.
// Its uncertain operations are of all kinds: of one that overwrites, of two that may change places, of three that may not.
func TestSearchJudgesAsPorcupineDoes(t *testing.T) {
	t.Run("swaps", searched(registerTrial(1, true)).agree)
	few := histories / 5
	t.Run("sums", func(t *testing.T) { searched(fetchAddTrial(anyway)).agreeOn(t, few) })
	t.Run("sums without answers", func(t *testing.T) { searched(counterTrial(anyway)).agreeOn(t, few) })
	t.Run("queue", func(t *testing.T) { searched(queueTrial(1, Queue)).agreeOn(t, few) })
	t.Run("set", func(t *testing.T) { searched(setTrial(8, Add, Add, Read, Contains, Remove)).agreeOn(t, few) })
}

// searched is a trial of the search in place of the algorithm.
func searched[State comparable, Op any, P Spanned[Op]](x trial[State, Op, P]) trial[State, Op, P] {
	x.judge = func(ops []Op) Result { return Search[State, Op, P](x.model, ops, Options{}) }
	return x
}

// openEnds has an operation end before all that is called at the instant of its return.
func openEnds(s *Span) {
	s.Call *= 2
	if s.Certain() {
		s.Return = max(s.Call, 2*s.Return-1)
	}
}

// zonesOf is a history of registers, up to its zones, and whether there is something wrong with them so far.
func zonesOf(ops []KVOp) (r *registers, bad *Result) {
	r = &registers{at: func(i int32) (*RegisterOp, Value) { return &ops[i].RegisterOp, ops[i].Key }, n: int32(len(ops))}
	r.repeats = map[Value]bool{}
	r.gatherWrites()
	return r, r.gatherReads()
}

// rest is the verdict once the zones are there.
func (r *registers) rest(bad *Result, steps ...func() *Result) Result {
	for _, step := range steps {
		if bad == nil {
			bad = step()
		}
	}
	if bad != nil {
		return *bad
	}
	return r.searchRepeats()
}

// If this failed, the trials of registers could not tell a wrong algorithm from a right one.
func TestWrongJudgesOfRegistersAreFound(t *testing.T) {
	right := func(ops []KVOp) Result { return KV(ops, Options{}) }
	always := map[string]func([]KVOp) Result{
		"takes an uncertain write for done": func(ops []KVOp) Result {
			return right(changed(ops, func(op *KVOp) {
				if op.Do != Read {
					done(&op.Span)
				}
			}))
		},
		"takes an uncertain write for failed": func(ops []KVOp) Result {
			return right(without(ops, func(op *KVOp) bool { return op.Do != Read && !op.Certain() }))
		},
		"takes an uncertain read for answered": func(ops []KVOp) Result {
			return right(changed(ops, func(op *KVOp) {
				if op.Do == Read {
					done(&op.Span)
				}
			}))
		},
		"does not look at reads of the initial value": func(ops []KVOp) Result {
			return right(without(ops, func(op *KVOp) bool { return op.Do == Read && op.Value == Nil }))
		},
		"takes what touches for one after the other": func(ops []KVOp) Result {
			return right(changed(ops, func(op *KVOp) { openEnds(&op.Span) }))
		},
		"lets forward zones overlap": func(ops []KVOp) Result {
			r, bad := zonesOf(ops)
			return r.rest(bad, r.chain, func() *Result {
				for _, c := range r.clusters {
					one := *r
					one.clusters = slices.DeleteFunc(slices.Clone(r.clusters), func(x cluster) bool { return x.f < x.s && x.writer != c.writer })
					for i := range one.clusters {
						one.clusters[i].next = none // these are other places now
					}
					if bad := one.sweep(); bad != nil {
						return bad
					}
				}
				return nil
			})
		},
		"lets backward zones be anywhere": func(ops []KVOp) Result {
			r, bad := zonesOf(ops)
			return r.rest(bad, r.chain, func() *Result {
				r.clusters = slices.DeleteFunc(r.clusters, func(x cluster) bool { return x.f >= x.s })
				return r.sweep()
			})
		},
		"does not hold zones against each other": func(ops []KVOp) Result {
			r, bad := zonesOf(ops)
			return r.rest(bad, r.chain)
		},
	}
	plain, swaps, keys := registerTrial(1, false), registerTrial(1, true), registerTrial(3, true)
	plain.misjudged(t, always)
	swaps.misjudged(t, always)
	plain.misjudged(t, map[string]func([]KVOp) Result{
		"lets a value be read before it is written": func(ops []KVOp) Result {
			r, bad := zonesOf(ops)
			return r.rest(bad, r.sweep)
		},
	})
	swaps.misjudged(t, map[string]func([]KVOp) Result{
		"lets something come between what a swap found and what it wrote": func(ops []KVOp) Result {
			var split []KVOp
			for _, op := range ops {
				if op.Do == CAS {
					found := op
					found.Do, found.Value = Read, op.Old
					split, op.Do = append(split, found), Write
				}
				split = append(split, op)
			}
			return right(split)
		},
		"lets two swaps find one value": func(ops []KVOp) Result {
			found := map[Value]bool{}
			return right(changed(ops, func(op *KVOp) {
				if op.Do == CAS && op.Certain() && found[op.Old] {
					op.Do = Write
				}
				found[op.Old] = found[op.Old] || op.Do == CAS
			}))
		},
		"keeps no order within a zone": func(ops []KVOp) Result {
			r, bad := zonesOf(ops)
			return r.rest(bad, func() *Result {
				for i, c := range r.clusters {
					if c.writer != none && r.op(c.writer).Do == CAS {
						continue // no first of a zone
					}
					for n := c.next; n != none; n = r.clusters[n].next {
						r.clusters[i].f, r.clusters[i].s = min(r.clusters[i].f, r.clusters[n].f), max(r.clusters[i].s, r.clusters[n].s)
						r.clusters[n].chained = true
					}
				}
				return nil
			}, r.sweep)
		},
		"leaves out an uncertain swap of which only another swap tells": func(ops []KVOp) Result {
			read := map[Value]bool{}
			for _, op := range ops {
				read[op.Value] = read[op.Value] || op.Do == Read && op.Certain()
			}
			return right(without(ops, func(op *KVOp) bool { return op.Do == CAS && !op.Certain() && !read[op.Value] }))
		},
	})
	keys.misjudged(t, map[string]func([]KVOp) Result{
		"takes all keys for one": func(ops []KVOp) Result { return right(changed(ops, func(op *KVOp) { op.Key = Nil })) },
	})
}

// If this failed, the trials of the search could not tell a wrong one from a right one.
func TestWrongSearchesAreFound(t *testing.T) {
	x := registerTrial(1, true)
	search := func(change func(m *Model[Value, KVOp])) func([]KVOp) Result {
		m := x.model
		change(&m)
		return func(ops []KVOp) Result { return Search(m, ops, Options{}) }
	}
	step := x.model.Step
	x.misjudged(t, map[string]func([]KVOp) Result{
		"takes a swap for a read": search(func(m *Model[Value, KVOp]) { m.Reads = func(op *KVOp) bool { return op.Do != Write } }),
		"believes what an uncertain operation was to find": search(func(m *Model[Value, KVOp]) {
			m.Step = func(s Value, op *KVOp) (Value, bool) {
				after, legal := step(s, op)
				return after, legal && (op.Do != CAS || s == op.Old && !op.Certain())
			}
		}),
		"has every uncertain operation happen": func(ops []KVOp) Result {
			return Search(x.model, changed(ops, func(op *KVOp) {
				if !op.Certain() && op.Possible() && op.Do != Read {
					op.Outcome, op.Return = 1, 1000
				}
			}), Options{})
		},
	})
}
