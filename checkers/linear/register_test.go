package linear

import "testing"

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
func TestSearchJudgesAsPorcupineDoes(t *testing.T) {
	x := registerTrial(1, true)
	x.judge = func(ops []KVOp) Result { return Search(x.model, ops, Options{}) }
	x.agree(t)
}
