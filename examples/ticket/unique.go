package main

import (
	"fmt"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/nodes/history"
)

// unique is the promise: no two visitors get the same number.
var unique = checkers.Definition{
	Name: "ticket.unique",
	Doc:  "No number is handed out twice.",
	New:  func() checkers.Check { return &uniqueness{} },
}

type uniqueness struct{}

// Judge reads the history, which is all that a check may know.
func (*uniqueness) Judge(e *evidence.Evidence) checkers.Judgement {
	first := map[uint64]*history.Operation{}
	for _, op := range e.Operations {
		if op.Kind != "take" || op.Outcome != history.Ok {
			continue
		}
		n := op.Output("number").Uint64()
		before, twice := first[n]
		if !twice {
			first[n] = op
			continue
		}
		return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "number-handed-out-twice",
			Reason:  fmt.Sprintf("Number %d was handed out twice.", n),
			Witness: []uint64{before.ID, op.ID},
			Story:   []string{told(before, n), told(op, n)}}
	}
	if len(first) == 0 {
		return checkers.Judgement{Verdict: checkers.Unknown, State: checkers.Vacuous, Reason: "nobody got a number"}
	}
	return checkers.Judgement{Verdict: checkers.Holds, Figure: fmt.Sprintf("%d numbers", len(first))}
}

func told(op *history.Operation, n uint64) string {
	return fmt.Sprintf("%.3fs  %s gets number %d.", op.Return.Seconds(), op.Host, n)
}
