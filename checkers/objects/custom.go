package objects

import (
	"errors"
	"maps"
	"slices"

	"simrun/checkers"
	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// ErrOther is what the reader of a Custom model says of an operation that is not one of the model's.
var ErrOther = errors.New("no operation of this model")

// Custom makes a Model of an object of your own. Its state and what an operation does to it are m's; Op embeds
// linear.Span, which read leaves alone. Read makes one operation from the history's, and says which object it is made on:
// each is judged by itself, by linear.Search.
func Custom[State comparable, Op any, P linear.Spanned[Op]](name string, m linear.Model[State, Op],
	read func(o *history.Operation, op *Op) (object string, err error)) Model {
	return custom[State, Op, P]{name, m, read}
}

type custom[State comparable, Op any, P linear.Spanned[Op]] struct {
	name  string
	model linear.Model[State, Op]
	read  func(o *history.Operation, op *Op) (object string, err error)
}

func (m custom[State, Op, P]) Name() string { return m.name }

func (m custom[State, Op, P]) judge(operations []*history.Operation, o Options) (found linear.Result, read int, err error) {
	r, objects := NewReader(), map[string][]Op{}
	for _, operation := range operations {
		var op Op
		object, err := m.read(operation, &op)
		if o.Others && errors.Is(err, ErrOther) {
			continue
		}
		if err != nil {
			return linear.Result{}, 0, &checkers.BadOperation{Operation: operation, Problem: err.Error()}
		}
		*P(&op).Base() = r.Span(operation)
		if r.Problem != "" {
			return linear.Result{}, 0, &checkers.BadOperation{Operation: operation, Problem: r.Problem}
		}
		objects[object] = append(objects[object], op)
		read++
	}
	found.Verdict = linear.Holds
	for _, object := range slices.Sorted(maps.Keys(objects)) {
		result := linear.Search[State, Op, P](m.model, objects[object], r.options(o))
		result.Object = object
		switch result.Verdict {
		case linear.Violated:
			return result, read, nil
		case linear.Unknown:
			found = result
		}
	}
	return found, read, nil
}
