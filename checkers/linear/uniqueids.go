package linear

import "fmt"

// UniqueIDOp is a call for an identifier that nobody else gets.
type UniqueIDOp struct {
	Span
	Value Value // the identifier
}

// UniqueIDs judges a maker of identifiers: that it makes none twice. It takes linear time. An identifier whose answer
// was lost is not known to anybody, and can be no other's double.
func UniqueIDs(ops []UniqueIDOp, o Options) Result {
	var made pairs
	for i := range ops {
		op := &ops[i]
		if !op.Certain() {
			continue
		}
		other, place := made.find(Nil, op.Value, func(n int32) (Value, Value) { return Nil, ops[n].Value })
		if other != none {
			first := &ops[other]
			return violated("duplicate-id", fmt.Sprintf("operations %d (%s) and %d (%s) were both given %s",
				first.ID, first.times(), op.ID, op.times(), o.name(op.Value)), &first.Span, &op.Span)
		}
		made.put(int32(i), place)
	}
	return holds()
}

// UniqueIDModel is a maker of identifiers as a sequential program. Its state is those that were made, each in eight
// bytes.
func UniqueIDModel() Model[string, UniqueIDOp] {
	return Model[string, UniqueIDOp]{
		Step: func(made string, op *UniqueIDOp) (string, bool) {
			if !op.Certain() {
				return made, true
			}
			return member(op.Value).add(made)
		},
	}
}
