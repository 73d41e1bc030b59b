package linear

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// queueTrial is a trial of a queue with some levels of priority. Now and then a value is put in twice.
func queueTrial(levels int, judge func([]QueueOp, Options) Result) trial[string, QueueOp, *QueueOp] {
	model := queueModel(func(op *QueueOp) int64 { return op.Priority })
	return trial[string, QueueOp, *QueueOp]{
		ask: func(l luck, n int) QueueOp {
			if l.IntN(2) == 0 {
				return QueueOp{Do: Dequeue, Value: Nil}
			}
			op := QueueOp{Do: Enqueue, Value: Value(n), Priority: int64(l.IntN(levels))}
			if l.IntN(64) == 0 {
				op.Value = Value(l.IntN(n + 1))
			}
			return op
		},
		object: func() func(*QueueOp) {
			var held []QueueOp
			return func(op *QueueOp) {
				if op.Do == Enqueue {
					held = append(held, *op)
					return
				}
				first := -1
				for i := range held {
					if first < 0 || held[i].Priority > held[first].Priority {
						first = i
					}
				}
				if op.Value = Nil; first >= 0 {
					op.Value = held[first].Value
					held = append(held[:first], held[first+1:]...)
				}
			}
		},
		spoil: func(l luck, op *QueueOp, n int) {
			if op.Do == Dequeue {
				op.Value = drawValue(l, n)
			} else {
				op.Priority = int64(l.IntN(levels))
			}
		},
		model: model,
		judge: func(ops []QueueOp) Result { return judge(ops, Options{}) },
		alone: true,
	}
}

// If this failed, a value out of order, lost or taken twice could go unseen, or a right queue be blamed.
func TestQueuesAreJudgedAsPorcupineDoes(t *testing.T) {
	t.Run("one level", queueTrial(1, Queue).agree)
	t.Run("levels", queueTrial(3, PriorityQueue).agree)
}

// If this failed, what takes more than a few values to show could be judged wrongly: queues that are never empty though
// none of their values is there for long, and levels that wait for each other. Porcupine does not end on such; the search
// that is held to it does.
func TestLongerQueuesAreJudgedAsTheSearchDoes(t *testing.T) {
	l, verdicts := rand.New(rand.NewPCG(2, 0)), map[Verdict]int{}
	for _, x := range []trial[string, QueueOp, *QueueOp]{queueTrial(1, Queue), queueTrial(4, PriorityQueue)} {
		x.most = 30
		for range histories / 20 {
			ops := x.history(l)
			right := Search(x.model, ops, Options{States: 20_000})
			verdicts[right.Verdict]++
			if got := x.judge(slices.Clone(ops)); right.Verdict != Unknown && got.Verdict != Unknown {
				require.Equal(t, right.Verdict, got.Verdict, "%s\n%+v", got.Reason, ops)
			}
		}
	}
	t.Log(verdicts)
	require.Greater(t, verdicts[Holds], histories/50)
	require.Greater(t, verdicts[Violated], histories/50)
	require.Less(t, verdicts[Unknown], histories/50)
}
