package main

import (
	"fmt"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/nodes/history"
)

// noIncrementLost is the promise: what the lock protects is done by one after the other. Two who came to one number
// have read the same, and one of them has overwritten the other.
var noIncrementLost = checkers.Definition{
	Name: "lock.no-increment-lost",
	Doc:  "No two increments that were acknowledged come to one number.",
	New:  func() checkers.Check { return &increments{} },
}

type increments struct{}

// Judge reads the history, which is all that a check may know.
func (*increments) Judge(e *evidence.Evidence) checkers.Judgement {
	by := map[uint64]*history.Operation{}
	for _, op := range e.Operations {
		if op.Kind != "increment" || op.Outcome != history.Ok {
			continue
		}
		n := op.Output("value").Uint64()
		before, twice := by[n]
		if !twice {
			by[n] = op
			continue
		}
		return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "increment-lost",
			Reason:  fmt.Sprintf("Two increments came to %d.", n),
			Witness: []uint64{before.ID, op.ID},
			Story:   []string{told(before, n), told(op, n)}}
	}
	if len(by) == 0 {
		return checkers.Judgement{Verdict: checkers.Unknown, State: checkers.Vacuous, Reason: "nothing was incremented"}
	}
	return checkers.Judgement{Verdict: checkers.Holds, Figure: fmt.Sprintf("%d increments", len(by))}
}

func told(op *history.Operation, n uint64) string {
	return fmt.Sprintf("%.3fs to %.3fs  %s makes it %d.", op.Call.Seconds(), op.Return.Seconds(), op.Host, n)
}
