package linear

import "testing"

// queueTrial is a trial of a queue with some levels of priority. Now and then a value is put in twice.
func queueTrial(levels int, judge func([]QueueOp, Options) Result) trial[string, QueueOp, *QueueOp] {
	model := PriorityQueueModel()
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
