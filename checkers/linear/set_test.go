package linear

import "testing"

// setTrial is a trial of a set, with what is asked of it drawn from verbs. Values are added once, but one in so many times.
func setTrial(again int, verbs ...Verb) trial[string, SetOp, *SetOp] {
	return trial[string, SetOp, *SetOp]{
		ask: func(l luck, n int) SetOp {
			op := SetOp{Do: verbs[l.IntN(len(verbs))], Value: Value(n)}
			if op.Do != Read && (op.Do != Add || l.IntN(again) == 0) {
				op.Value = Value(l.IntN(n + 1))
			}
			return op
		},
		object: func() func(*SetOp) {
			var members []Value
			return func(op *SetOp) {
				at := -1
				for i, v := range members {
					if v == op.Value {
						at = i
					}
				}
				switch op.Do {
				case Add:
					if at < 0 {
						members = append(members, op.Value)
					}
				case Remove:
					if at >= 0 {
						members = append(members[:at:at], members[at+1:]...)
					}
				case Contains:
					op.Found = at >= 0
				default:
					op.Members = append([]Value(nil), members...)
				}
			}
		},
		spoil: func(l luck, op *SetOp, n int) {
			switch {
			case op.Do == Contains:
				op.Found = !op.Found
			case op.Do != Read || !op.Certain():
			case len(op.Members) > 0 && l.IntN(3) > 0:
				op.Members = op.Members[:len(op.Members)-1]
			default:
				op.Members = append(op.Members[:len(op.Members):len(op.Members)], Value(l.IntN(n)))
			}
		},
		model: SetModel(),
		judge: func(ops []SetOp) Result { return Set(ops, Options{}) },
	}
}

// If this failed, a set could lose a member, or have one that nobody added, unseen.
func TestSetsAreJudgedAsPorcupineDoes(t *testing.T) {
	t.Run("growing", setTrial(8, Add, Add, Read).agree)
	t.Run("growing, looked into", setTrial(4, Add, Add, Read, Contains, Contains).agree)
	t.Run("members", setTrial(1000, Add, Remove, Contains, Contains).agree)
	t.Run("members, added again", setTrial(2, Add, Remove, Contains, Contains).agree)
	t.Run("all", setTrial(20, Add, Add, Remove, Read, Read, Contains).agree)
}
