package checkers

import (
	"fmt"
	"slices"
	"strings"

	"simrun/checkers/linear"
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

// BadOperation is the error of a history that has an operation which the model cannot read.
type BadOperation struct {
	Operation *history.Operation
	Problem   string
}

func (e *BadOperation) Error() string {
	return fmt.Sprintf("operation %d (%s): %s", e.Operation.ID, e.Operation.Kind, e.Problem)
}

// Linearizable says whether what was seen of each object could have come from one that does one thing at a time: each
// operation at one instant between its call and its return (Herlihy & Wing, TOPLAS 1990). One that failed did not
// happen; one that is unknown or pending took effect at some time after its call, or never.
//
// It is Violated with the object, the least operations that show it and why; Unknown where a budget ran out, or where
// no operation is one of the model's. The error, if any, is a *BadOperation.
func Linearizable(model Model, h *history.History, o Options) (Judgement, error) {
	found, read, err := model.judge(h.Operations, o)
	if err != nil {
		return Judgement{}, err
	}
	if read == 0 {
		return vacuous("no operation is one of a %s", model.Name()), nil
	}
	j := Judgement{Verdict: Verdict(found.Verdict.String()), Figure: count(read, "operation"), Reason: found.Reason,
		Anomaly: found.Anomaly, Witness: found.Witness, Object: found.Object}
	if found.Object != "" {
		j.Reason = found.Object + ": " + j.Reason
	}
	j.tellWitness(h)
	return j, nil
}

// tellWitness tells when the operations of the witness were, and what they did.
func (j *Judgement) tellWitness(h *history.History) {
	for _, o := range h.Operations {
		if !slices.Contains(j.Witness, o.ID) {
			continue
		}
		end := "no answer"
		if o.Outcome == history.Ok || o.Outcome == history.Fail {
			end = o.Return.String()
			j.Window.To = max(j.Window.To, o.Return)
		}
		if len(j.Story) == 0 || o.Call < j.Window.From {
			j.Window.From = o.Call
		}
		j.Window.To = max(j.Window.To, o.Call)
		j.Story = append(j.Story, fmt.Sprintf("%s to %s: %s %s (operation %d)", o.Call, end, o.Host, describe(o), o.ID))
	}
}

// describe is an operation on a line: "read key=x -> ok value=3".
func describe(o *history.Operation) string {
	var b strings.Builder
	b.WriteString(o.Kind)
	for _, a := range o.In {
		b.WriteString(" " + a.String())
	}
	b.WriteString(" -> " + o.Outcome.String())
	for _, a := range o.Out {
		b.WriteString(" " + a.String())
	}
	return b.String()
}
