package objects

import (
	"sync/atomic"

	"github.com/anishathalye/porcupine"

	"simrun/checkers"
)

// Porcupine says whether some order of the operations, each at one instant between its call and its return, is one that
// the model allows. It is for models that were written for porcupine, whose algorithm is that of Wing & Gong with
// Lowe's memory of what was tried; for n operations it keeps sets of n bits, up to n of them. It is Unknown if the
// budget ran out first.
func Porcupine(model porcupine.Model, operations []porcupine.Operation, o Options) checkers.Verdict {
	o = o.filled()
	if n := int64(len(operations)); n*n/8 > o.Bytes {
		return checkers.Unknown
	}
	var steps atomic.Int64
	step := model.Step
	model.Step = func(state, input, output any) (bool, any) {
		if steps.Add(1) > o.States {
			return false, state // from here on the search fails fast, and what it finds is not used
		}
		return step(state, input, output)
	}
	holds := porcupine.CheckOperations(model, operations)
	switch {
	case steps.Load() > o.States && !holds:
		return checkers.Unknown
	case holds:
		return checkers.Holds
	default:
		return checkers.Violated
	}
}
