// Package objects answers whether operations on an object (a register, a queue, a log of one's own) could have been done one at a
// time. It reads them from a history for the algorithms of package linear, or for Porcupine's search, and turns what these find
// into a judgement.
package objects

import (
	"simrun/checkers"
	"simrun/checkers/linear"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// Options say how a history is to be read, and bound the search for an order in what is the same on every machine. The
// zero is the default.
type Options struct {
	States  int64 // steps of the model, for each object; 0 means 1,000,000
	Bytes   int64 // memory for what was tried, for each object; 0 means 256 MiB
	Initial any   // what a register holds before the first write, or a counter's start; nil means nothing, or 0
	Others  bool  // leave out operations of kinds that the model does not know, in place of refusing the history
}

func (o Options) filled() Options {
	if o.States == 0 {
		o.States = 1_000_000
	}
	if o.Bytes == 0 {
		o.Bytes = 256 << 20
	}
	return o
}

// Model is a kind of object that operations are made on: one of those below, or one of your own, made by Custom.
type Model interface {
	// Name is the model's name on a command line: "cas-register".
	Name() string
	judge(operations []*history.Operation, o Options) (found linear.Result, read int, err error)
}

// Linearizable says whether what was seen of each object could have come from one that does one thing at a time: each
// operation at one instant between its call and its return (Herlihy & Wing, TOPLAS 1990). One that failed did not
// happen; one that is unknown or pending took effect at some time after its call, or never.
//
// It is Violated with the object, the least operations that show it and why; Unknown where a budget ran out, or where
// no operation is one of the model's. The error, if any, is a *BadOperation.
func Linearizable(model Model, h *history.History, o Options) (checkers.Judgement, error) {
	found, read, err := model.judge(h.Operations, o)
	if err != nil {
		return checkers.Judgement{}, err
	}
	if read == 0 {
		return checkers.Vacuous.Because("no operation is one of a %s", model.Name()), nil
	}
	j := checkers.Judgement{Verdict: checkers.Verdict(found.Verdict.String()), Figure: wording.Count(read, "operation"),
		Reason:  found.Reason,
		Anomaly: found.Anomaly, Witness: found.Witness, Object: found.Object}
	if found.Object != "" {
		j.Reason = found.Object + ": " + j.Reason
	}
	j.TellWitness(h)
	return j, nil
}
