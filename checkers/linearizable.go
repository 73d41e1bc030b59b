package checkers

import (
	"sync/atomic"

	"github.com/anishathalye/porcupine"
)

// Budget bounds the search for a linearization, in what is the same on every machine. Its zero is the default.
type Budget struct {
	States int64 // steps of the model; 0 means 1,000,000
	Bytes  int64 // memory for sets of operations; 0 means 256 MiB
}

func (b Budget) filled() Budget {
	if b.States == 0 {
		b.States = 1_000_000
	}
	if b.Bytes == 0 {
		b.Bytes = 256 << 20
	}
	return b
}

// Linearizable says whether some order of the operations, each at one instant between its call and its return,
// is one that the model allows. It is Unknown if the budget ran out first. The algorithm is that of Wing & Gong with
// Lowe's memory of what was tried, as porcupine has it; for n operations it keeps sets of n bits, up to n of them.
func Linearizable(model porcupine.Model, history []porcupine.Operation, budget Budget) Verdict {
	budget = budget.filled()
	if n := int64(len(history)); n*n/8 > budget.Bytes {
		return Unknown
	}
	var steps atomic.Int64
	step := model.Step
	model.Step = func(state, input, output any) (bool, any) {
		if steps.Add(1) > budget.States {
			return false, state // from here on the search fails fast, and what it finds is not used
		}
		return step(state, input, output)
	}
	holds := porcupine.CheckOperations(model, history)
	switch {
	case steps.Load() > budget.States && !holds:
		return Unknown
	case holds:
		return Holds
	default:
		return Violated
	}
}
