package linear

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"simrun/nodes/history"
)

// long draws a history of many operations by 20 clients, of a right object; of every hundred operations one ends unknown.
func (x trial[State, Op, P]) long(n int) []Op {
	l := rand.New(rand.NewPCG(1, uint64(n)))
	ops, points := make([]Op, 0, n), make([]item, 0, n)
	var free [20]history.Time
	for i := range n {
		client := i % len(free)
		call := free[client] + history.Time(l.IntN(100))
		point := call + history.Time(l.IntN(1000))
		ret := point + history.Time(l.IntN(1000))
		free[client] = ret
		op, outcome := x.ask(l, i), history.Ok
		if l.IntN(100) == 0 {
			outcome = history.Unknown
		}
		*P(&op).Base() = Span{ID: uint64(i + 1), Client: int32(client), Outcome: outcome, Call: call, Return: ret}
		ops = append(ops, op)
		if outcome == history.Ok || l.IntN(2) == 0 {
			points = append(points, item{inOrder(int64(point)), int32(i)})
		}
	}
	do := x.object()
	for _, p := range sortItems(points) {
		do(&ops[p.i])
	}
	calls := make([]item, n)
	for i := range ops {
		calls[i] = item{inOrder(int64(P(&ops[i]).Base().Call)), int32(i)}
	}
	sorted := make([]Op, n)
	for i, c := range sortItems(calls) {
		sorted[i] = ops[c.i]
	}
	return sorted
}

func (x trial[State, Op, P]) bench(b *testing.B, n int) {
	ops := x.long(n)
	b.ReportAllocs()
	for b.Loop() {
		if r := x.judge(ops); r.Verdict != Holds {
			b.Fatal(r)
		}
	}
}

// The goal of each is a second of a processor.
func BenchmarkCounter(b *testing.B)   { counterTrial(one).bench(b, 1_000_000) }
func BenchmarkFetchAdd(b *testing.B)  { fetchAddTrial(one).bench(b, 1_000_000) }
func BenchmarkUniqueIDs(b *testing.B) { identifierTrial().bench(b, 1_000_000) }

func BenchmarkPriorityQueue(b *testing.B) {
	for _, levels := range []int{1, 3, 200} {
		x := queueTrial(levels, PriorityQueue)
		x.ask = func(l luck, n int) QueueOp {
			return QueueOp{Do: Enqueue + Verb(l.IntN(2)), Value: Value(n), Priority: int64(l.IntN(levels))}
		}
		x.object = func() func(*QueueOp) {
			held := make([][]Value, levels)
			return func(op *QueueOp) {
				if op.Do == Enqueue {
					held[op.Priority] = append(held[op.Priority], op.Value)
					return
				}
				op.Value = Nil
				for level := levels - 1; level >= 0 && op.Value == Nil; level-- {
					if line := held[level]; len(line) > 0 {
						op.Value, held[level] = line[0], line[1:]
					}
				}
			}
		}
		b.Run(fmt.Sprint(levels), func(b *testing.B) { x.bench(b, 1_000_000) })
	}
}

// BenchmarkSet has a read of all members for every thousand that are added; all reads together see 14,000,000.
func BenchmarkSet(b *testing.B) {
	x := setTrial(1)
	x.ask = func(l luck, n int) SetOp {
		if n%1000 == 999 {
			return SetOp{Do: Read}
		}
		return SetOp{Do: Add, Value: Value(n)}
	}
	x.object = func() func(*SetOp) {
		var members []Value
		return func(op *SetOp) {
			if op.Do == Add {
				members = append(members, op.Value)
			} else {
				op.Members = members
			}
		}
	}
	x.bench(b, 170_000)
}
