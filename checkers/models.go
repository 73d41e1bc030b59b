package checkers

import (
	"fmt"
	"log/slog"
	"slices"

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

func readRegister(r *reader, o *history.Operation, op *linear.RegisterOp) {
	switch o.Kind {
	case "read":
		op.Do, op.Value = linear.Read, r.value(o.Output("value"))
	case "write":
		op.Do, op.Value = linear.Write, r.value(o.Input("value"))
	case "delete":
		op.Do, op.Value = linear.Write, linear.Nil
	case "cas":
		op.Do, op.Old, op.Value = linear.CAS, r.value(o.Input("old")), r.value(o.Input("new"))
		if unswapped(o) {
			op.Do, op.Old, op.Value = linear.Read, linear.Nil, r.value(o.Output("value"))
			r.mute = op.Value == linear.Nil
		}
	}
}

func readKV(r *reader, o *history.Operation, op *linear.KVOp) {
	readRegister(r, o, &op.RegisterOp)
	op.Key = r.value(o.Input("key"))
}

func readLog(r *reader, o *history.Operation, op *linear.LogOp) {
	op.Key = r.value(o.Input("key"))
	ok := o.Outcome == history.Ok
	if o.Kind == "append" {
		op.Do, op.Value = linear.Append, r.value(o.Input("value"))
		if op.Value == linear.Nil {
			r.fail("it appends nothing: no value")
		}
		if ok {
			op.Offset = r.whole(o.Output("offset"), "offset")
		}
		return
	}
	op.Do, op.From = linear.Read, r.whole(o.Input("offset"), "offset")
	if op.Value, op.Offset = linear.Nil, op.From; ok {
		op.Value = r.value(o.Output("value"))
		if at := o.Output("offset"); !isNil(at) {
			op.Offset = r.whole(at, "offset")
		}
	}
}

// object is a model that has an algorithm in package linear.
type object[Op any, P linear.Spanned[Op]] struct {
	name   string
	kinds  []string
	read   func(r *reader, o *history.Operation, op *Op) // all but the span; what it cannot read it tells the reader
	more   func(r *reader, o *history.Operation) []Op    // what else it did at some time in between; nil where none does
	judged func(ops []Op, o linear.Options) linear.Result
}

func (m object[Op, P]) Name() string { return m.name }

func (m object[Op, P]) judge(operations []*history.Operation, o Options) (linear.Result, int, error) {
	r := newReader()
	ops := make([]Op, 0, len(operations))
	for _, operation := range operations {
		if !slices.Contains(m.kinds, operation.Kind) {
			if o.Others {
				continue
			}
			return linear.Result{}, 0, &BadOperation{operation, fmt.Sprintf("a %s has no such operation", m.name)}
		}
		ops = slices.Grow(ops, 1)[:len(ops)+1]
		op := &ops[len(ops)-1]
		m.read(r, operation, op)
		*P(op).Base() = r.span(operation)
		if r.problem != "" {
			return linear.Result{}, 0, &BadOperation{operation, r.problem}
		}
		if r.mute {
			clear(ops[len(ops)-1:])
			ops, r.mute = ops[:len(ops)-1], false
			continue
		}
		if m.more != nil {
			for _, op := range m.more(r, operation) {
				*P(&op).Base() = r.span(operation)
				ops = append(ops, op)
			}
		}
	}
	return m.judged(ops, r.options(o)), len(ops), nil
}

// reader makes numbers of what a history has: hosts and values. A whole number is a value as it is.
type reader struct {
	hosts   map[string]int32
	numbers map[word]linear.Value
	texts   []word
	problem string // what it could not read, first
	mute    bool   // the operation says nothing
}

// word is a value that is no whole number, as a text.
type word struct {
	kind slog.Kind
	text string
}

// firstText is the first number that stands for a text. Whole numbers from there on count as texts.
const firstText = 1 << 62

func newReader() *reader { return &reader{hosts: map[string]int32{}, numbers: map[word]linear.Value{}} }

func (r *reader) span(o *history.Operation) linear.Span {
	if o.Outcome == history.Ok && (o.Return < o.Call || o.Return == history.Never) {
		r.fail("it was called at %s and answered at %s", o.Call, o.Return)
	}
	client, known := r.hosts[o.Host]
	if !known {
		client = int32(len(r.hosts))
		r.hosts[o.Host] = client
	}
	return linear.Span{ID: o.ID, Client: client, Outcome: o.Outcome, Call: o.Call, Return: o.Return}
}

// fail notes that the operation cannot be read.
func (r *reader) fail(problem string, args ...any) {
	if r.problem == "" {
		r.problem = fmt.Sprintf(problem, args...)
	}
}

// whole is a whole number that the operation must have.
func (r *reader) whole(v slog.Value, name string) int64 {
	if v.Kind() != slog.KindInt64 {
		r.fail("its %s is no whole number: %v", name, v)
		return 0
	}
	return v.Int64()
}

func isNil(v slog.Value) bool { return v.Kind() == slog.KindAny && v.Any() == nil }

// value is the number that stands for a value.
func (r *reader) value(v slog.Value) linear.Value {
	switch v = v.Resolve(); v.Kind() {
	case slog.KindInt64:
		if n := v.Int64(); -firstText < n && n < firstText {
			return linear.Value(n)
		}
	case slog.KindAny:
		if isNil(v) {
			return linear.Nil
		}
	}
	t := word{v.Kind(), v.String()}
	n, known := r.numbers[t]
	if !known {
		n = firstText + linear.Value(len(r.texts))
		r.numbers[t], r.texts = n, append(r.texts, t)
	}
	return n
}

// name is the value that a number stands for.
func (r *reader) name(v linear.Value) string {
	if v < firstText {
		return fmt.Sprint(int64(v))
	}
	return short(r.texts[v-firstText].text)
}

func (r *reader) options(o Options) linear.Options {
	to := linear.Options{States: o.States, Bytes: o.Bytes, Name: r.name}
	if o.Initial != nil {
		v := r.value(slog.AnyValue(o.Initial))
		to.Initial = &v
	}
	return to
}
