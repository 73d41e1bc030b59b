package objects

import (
	"fmt"
	"slices"

	"simrun/checkers"
	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// The models that are built in. Each says which kinds of operations it knows, and by which names it finds what they
// were given and told. A value may be a number, a text or nothing.
var (
	// Register holds one value: read -> value; write value.
	Register Model = object[linear.RegisterOp, *linear.RegisterOp]{
		name: "register", kinds: []string{"read", "write"},
		read: readRegister, judged: linear.Register}
	// CASRegister is a Register with cas old new, which replaces old by new, and has failed if it found anything else. One
	// that is ok and says swapped=false is a read of its value, or says nothing where it has none.
	CASRegister Model = object[linear.RegisterOp, *linear.RegisterOp]{
		name: "cas-register", kinds: []string{"read", "write", "cas"},
		read: readRegister, judged: linear.Register}
	// KV is a CASRegister for each key: read key -> value; write key value; cas key old new; delete key, which
	// writes nothing.
	KV Model = object[linear.KVOp, *linear.KVOp]{
		name: "kv", kinds: []string{"read", "write", "cas", "delete"},
		read: readKV, judged: linear.KV}
	// Log is a log for each key: append value -> offset; read offset -> value, or nothing at its end. A read that looked
	// for the first record from an offset on (poll is another word for it) may say -> offset where it is. All of one
	// log may leave key out.
	Log Model = object[linear.LogOp, *linear.LogOp]{
		name: "log", kinds: []string{"append", "read", "poll"},
		read: readLog, judged: linear.Log}
)

var models = []Model{Register, CASRegister, KV, Log, Queue, PriorityQueue, Set, Counter, FetchAdd, UniqueIDs}

// Models are all that are built in.
func Models() []Model { return slices.Clone(models) }

// ModelNamed is the model that is built in by that name.
func ModelNamed(name string) (m Model, found bool) {
	i := slices.IndexFunc(models, func(m Model) bool { return m.Name() == name })
	if i < 0 {
		return nil, false
	}
	return models[i], true
}

func readRegister(r *Reader, o *history.Operation, op *linear.RegisterOp) {
	switch o.Kind {
	case "read":
		op.Do, op.Value = linear.Read, r.Value(o.Output("value"))
	case "write":
		op.Do, op.Value = linear.Write, r.Value(o.Input("value"))
	case "delete":
		op.Do, op.Value = linear.Write, linear.Nil
	case "cas":
		op.Do, op.Old, op.Value = linear.CAS, r.Value(o.Input("old")), r.Value(o.Input("new"))
		if Unswapped(o) {
			op.Do, op.Old, op.Value = linear.Read, linear.Nil, r.Value(o.Output("value"))
			r.mute = op.Value == linear.Nil
		}
	}
}

func readKV(r *Reader, o *history.Operation, op *linear.KVOp) {
	readRegister(r, o, &op.RegisterOp)
	op.Key = r.Value(o.Input("key"))
}

func readLog(r *Reader, o *history.Operation, op *linear.LogOp) {
	op.Key = r.Value(o.Input("key"))
	ok := o.Outcome == history.Ok
	if o.Kind == "append" {
		op.Do, op.Value = linear.Append, r.Value(o.Input("value"))
		if op.Value == linear.Nil {
			r.Fail("it appends nothing: no value")
		}
		if ok {
			op.Offset = r.Whole(o.Output("offset"), "offset")
		}
		return
	}
	op.Do, op.From = linear.Read, r.Whole(o.Input("offset"), "offset")
	if op.Value, op.Offset = linear.Nil, op.From; ok {
		op.Value = r.Value(o.Output("value"))
		if at := o.Output("offset"); !IsNil(at) {
			op.Offset = r.Whole(at, "offset")
		}
	}
}

// object is a model that has an algorithm in package linear.
type object[Op any, P linear.Spanned[Op]] struct {
	name   string
	kinds  []string
	read   func(r *Reader, o *history.Operation, op *Op) // all but the span; what it cannot read it tells the reader
	more   func(r *Reader, o *history.Operation) []Op    // what else it did at some time in between; nil where none does
	judged func(ops []Op, o linear.Options) linear.Result
}

func (m object[Op, P]) Name() string { return m.name }

func (m object[Op, P]) judge(operations []*history.Operation, o Options) (linear.Result, int, error) {
	r := NewReader()
	ops := make([]Op, 0, len(operations))
	for _, operation := range operations {
		if !slices.Contains(m.kinds, operation.Kind) {
			if o.Others {
				continue
			}
			return linear.Result{}, 0, &checkers.BadOperation{Operation: operation,
				Problem: fmt.Sprintf("a %s has no such operation", m.name)}
		}
		ops = slices.Grow(ops, 1)[:len(ops)+1]
		op := &ops[len(ops)-1]
		m.read(r, operation, op)
		*P(op).Base() = r.Span(operation)
		if r.Problem != "" {
			return linear.Result{}, 0, &checkers.BadOperation{Operation: operation, Problem: r.Problem}
		}
		if r.mute {
			clear(ops[len(ops)-1:])
			ops, r.mute = ops[:len(ops)-1], false
			continue
		}
		if m.more != nil {
			for _, op := range m.more(r, operation) {
				*P(&op).Base() = r.Span(operation)
				ops = append(ops, op)
			}
		}
	}
	return m.judged(ops, r.options(o)), len(ops), nil
}
