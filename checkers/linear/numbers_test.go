package linear

import "testing"

// fetchAddTrial is a trial of a number that operations add to, with amounts drawn by amount.
func fetchAddTrial(amount func(l luck) int64) trial[int64, FetchAddOp, *FetchAddOp] {
	return trial[int64, FetchAddOp, *FetchAddOp]{
		ask: func(l luck, n int) FetchAddOp { return FetchAddOp{Amount: amount(l)} },
		object: func() func(*FetchAddOp) {
			at := int64(0)
			return func(op *FetchAddOp) {
				op.Found = at
				at += op.Amount
			}
		},
		spoil:  func(l luck, op *FetchAddOp, n int) { op.Found += int64(l.IntN(5) - 2) },
		model:  FetchAddModel(0),
		judge:  func(ops []FetchAddOp) Result { return FetchAdd(ops, Options{}) },
		absent: []string{"unexplained"},
	}
}

func one(luck) int64           { return 1 }
func downOrNot(l luck) int64   { return -2 * int64(l.IntN(2)) }
func upByVarious(l luck) int64 { return int64(l.IntN(4)) }
func anyway(l luck) int64      { return int64(l.IntN(5) - 2) }

// If this failed, an addition that was lost, or made twice, could go unseen.
func TestFetchAddsAreJudgedAsPorcupineDoes(t *testing.T) {
	t.Run("ones", fetchAddTrial(one).agree)
	t.Run("down", fetchAddTrial(downOrNot).agree)
	t.Run("up", fetchAddTrial(upByVarious).agree)
	t.Run("up and down", fetchAddTrial(anyway).agree)
}

// identifierTrial is a trial of a maker of identifiers.
func identifierTrial() trial[string, UniqueIDOp, *UniqueIDOp] {
	return trial[string, UniqueIDOp, *UniqueIDOp]{
		ask: func(l luck, n int) UniqueIDOp { return UniqueIDOp{} },
		object: func() func(*UniqueIDOp) {
			last := Value(0)
			return func(op *UniqueIDOp) { last++; op.Value = last }
		},
		spoil: func(l luck, op *UniqueIDOp, n int) { op.Value = Value(l.IntN(n + 1)) },
		model: UniqueIDModel(),
		judge: func(ops []UniqueIDOp) Result { return UniqueIDs(ops, Options{}) },
	}
}

// If this failed, two could be given one identifier unseen.
func TestUniqueIDsAreJudgedAsPorcupineDoes(t *testing.T) {
	identifierTrial().agree(t)
}

// counterTrial is a trial of a counter, with amounts drawn by amount.
func counterTrial(amount func(l luck) int64) trial[int64, CounterOp, *CounterOp] {
	return trial[int64, CounterOp, *CounterOp]{
		ask: func(l luck, n int) CounterOp {
			if l.IntN(2) == 0 {
				return CounterOp{Do: Read}
			}
			return CounterOp{Do: Add, N: amount(l)}
		},
		object: func() func(*CounterOp) {
			at := int64(0)
			return func(op *CounterOp) {
				if op.Do == Read {
					op.N = at
				} else {
					at += op.N
				}
			}
		},
		spoil: func(l luck, op *CounterOp, n int) {
			if op.Do == Read {
				op.N += int64(l.IntN(5) - 2)
			}
		},
		model:  CounterModel(0),
		judge:  func(ops []CounterOp) Result { return Counter(ops, Options{}) },
		absent: []string{"over-count"},
	}
}

// If this failed, a counter could forget an addition, or make it twice, unseen.
func TestCountersAreJudgedAsPorcupineDoes(t *testing.T) {
	t.Run("ones", counterTrial(one).agree)
	t.Run("down", counterTrial(downOrNot).agree)
	t.Run("up", counterTrial(upByVarious).agree)
	x := counterTrial(anyway)
	x.absent = append(x.absent, "under-count") // nobody took away so much
	t.Run("up and down", x.agree)
}
