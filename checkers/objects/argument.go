package objects

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"sync/atomic"

	"github.com/anishathalye/porcupine"

	"simrun/checkers"
	"simrun/checkers/linear"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// ErrNoArgument is why Argument writes nothing.
var ErrNoArgument = fmt.Errorf("objects: no argument to be had of it")

// mostArgued bounds the operations of an argument: a page of more says nothing to anybody.
const mostArgued = 2000

// Argument writes Porcupine's page about one object of a model: its operations, and the longest orders of them that the model
// allows, with what struck meanwhile. On the page time is not linear: it shows the order of calls and returns alone. It is had
// of registers, by themselves or by key, and of models made by Custom; else, or if there are too many operations, the error is
// ErrNoArgument. The object is the one that an operation of that ID was made on.
func Argument(w io.Writer, model Model, h *history.History, witness uint64, o Options) error {
	p, known := model.(arguable)
	if !known {
		return fmt.Errorf("%w: a %s has none", ErrNoArgument, model.Name())
	}
	m, operations, err := p.argue(h, witness, o)
	if err != nil {
		return err
	}
	if n := len(operations); n == 0 || n > mostArgued {
		return fmt.Errorf("%w: %s", ErrNoArgument, wording.Count(n, "operation"))
	}
	rows(operations)
	var steps atomic.Int64
	bounded := m
	bounded.Step = func(state, input, output any) (bool, any) {
		if steps.Add(1) > o.filled().States {
			return false, state
		}
		return m.Step(state, input, output)
	}
	_, info := porcupine.CheckOperationsVerbose(bounded, operations, 0)
	info.AddAnnotations(annotations(h, operations))
	return porcupine.Visualize(m, info, w)
}

// arguable is a model of which Porcupine can be told.
type arguable interface {
	argue(h *history.History, witness uint64, o Options) (porcupine.Model, []porcupine.Operation, error)
}

func (m object[Op, P]) argue(h *history.History, witness uint64, o Options) (none porcupine.Model, _ []porcupine.Operation,
	err error) {
	r := NewReader()
	type made struct {
		on linear.Value
		by *history.Operation
		op *linear.RegisterOp
	}
	var all []made
	object := linear.Nil
	for _, operation := range h.Operations {
		if !slices.Contains(m.kinds, operation.Kind) {
			continue
		}
		op := new(Op)
		m.read(r, operation, op)
		*P(op).Base() = r.Span(operation)
		if r.Problem != "" {
			return none, nil, &checkers.BadOperation{Operation: operation, Problem: r.Problem}
		}
		if r.mute {
			r.mute = false
			continue
		}
		one := made{linear.Nil, operation, nil}
		switch op := any(op).(type) {
		case *linear.RegisterOp:
			one.op = op
		case *linear.KVOp:
			one.on, one.op = op.Key, &op.RegisterOp
		default:
			return none, nil, fmt.Errorf("%w: a %s has none", ErrNoArgument, m.name)
		}
		if operation.ID == witness {
			object = one.on
		}
		all = append(all, one)
	}
	var operations []porcupine.Operation
	for _, one := range all {
		if one.on == object {
			operations = told(operations, one.by, &one.op.Span, one.op)
		}
	}
	initial := linear.Nil
	if to := r.options(o); to.Initial != nil {
		initial = *to.Initial
	}
	show := func(v linear.Value) string {
		if v == linear.Nil {
			return "nothing"
		}
		return r.name(v)
	}
	return modelled[linear.Value, linear.RegisterOp, *linear.RegisterOp](linear.RegisterModel(initial), show), operations, nil
}

func (m custom[State, Op, P]) argue(h *history.History, witness uint64, _ Options) (porcupine.Model, []porcupine.Operation, error) {
	r := NewReader()
	on := map[uint64]string{}
	var all []porcupine.Operation
	for _, operation := range h.Operations {
		op := new(Op)
		object, err := m.read(operation, op)
		if err != nil {
			continue // it is no operation of the model, as was said when it was judged
		}
		on[operation.ID] = object
		*P(op).Base() = r.Span(operation)
		all = told(all, operation, P(op).Base(), op)
	}
	all = slices.DeleteFunc(all, func(o porcupine.Operation) bool { return on[o.Output.(*history.Operation).ID] != on[witness] })
	return modelled[State, Op, P](m.model, func(s State) string { return fmt.Sprint(s) }), all, nil
}

// told adds an operation that may have happened. One without an answer may be put in order at any time to the end of the world.
func told(all []porcupine.Operation, o *history.Operation, s *linear.Span, op any) []porcupine.Operation {
	if !s.Possible() || !s.Certain() && o.Kind == "read" {
		return all
	}
	end := int64(math.MaxInt64)
	if s.Certain() {
		end = int64(s.Return)
	}
	return append(all, porcupine.Operation{ClientId: int(s.Client), Input: op, Output: o, Call: int64(s.Call), Return: end})
}

// modelled is a model as Porcupine has it.
func modelled[State comparable, Op any, P linear.Spanned[Op]](m linear.Model[State, Op], show func(State) string) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return m.Init },
		Step: func(state, input, _ any) (bool, any) {
			after, legal := m.Step(state.(State), input.(*Op))
			return legal, after
		},
		DescribeOperation: func(_, output any) string { return checkers.Describe(output.(*history.Operation)) },
		DescribeState:     func(state any) string { return show(state.(State)) },
	}
}

// rows gives operations of one client that are under way at once rows of their own, and ends what has no answer after all else.
func rows(operations []porcupine.Operation) {
	slices.SortStableFunc(operations, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	last := int64(0)
	for _, o := range operations {
		last = max(last, o.Call)
		if o.Return != math.MaxInt64 {
			last = max(last, o.Return)
		}
	}
	type row struct {
		client int
		free   int64
	}
	var all []row
	for i := range operations {
		o := &operations[i]
		if o.Return == math.MaxInt64 {
			o.Return = last + 1
		}
		at := slices.IndexFunc(all, func(r row) bool { return r.client == o.ClientId && r.free < o.Call })
		if at < 0 {
			at = len(all)
			all = append(all, row{client: o.ClientId})
		}
		all[at].free, o.ClientId = o.Return, at
	}
}

// annotations are what struck while the operations went on.
func annotations(h *history.History, operations []porcupine.Operation) (all []porcupine.Annotation) {
	from, to := operations[0].Call, operations[0].Return
	for _, o := range operations {
		from, to = min(from, o.Call), max(to, o.Return)
	}
	add := func(tag, what, details, colour string, w history.Window) {
		start, end := max(int64(w.From), from), min(int64(min(w.To, h.End)), to)
		if int64(w.To) < from || int64(w.From) > to || end < start {
			return
		}
		all = append(all, porcupine.Annotation{Tag: tag, Start: start, End: end, Description: what, Details: details,
			BackgroundColor: colour})
	}
	for i := range h.Faults {
		f := &h.Faults[i]
		for _, w := range f.Windows {
			add("faults", f.Verb+" "+f.Target,
				fmt.Sprintf("%s from %s to %s", f.Verb, wording.Stamp(w.From), wording.Stamp(w.To)), "#e8d9b0", w)
		}
	}
	for i := range h.Downs {
		d := &h.Downs[i]
		add(d.Host, d.Why, fmt.Sprintf("%s does not run from %s to %s", d.Host, wording.Stamp(d.From), wording.Stamp(d.To)),
			"#b8bcc0", history.Window{From: d.From, To: d.To})
	}
	return all
}

// Arguer is a check that can write out its argument about a violation, as Argument does.
type Arguer interface {
	Argue(w io.Writer, h *history.History, witness uint64) error
}
