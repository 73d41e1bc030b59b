package objects

import (
	"log/slog"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// More models that are built in: of what many things are put into, and of numbers that are added to.
var (
	// Queue gives out what was put in first: enqueue value; dequeue -> value, or nothing where there is none; drain ->
	// [values], which is that many dequeues, in any order, and has to be answered.
	Queue Model = object[linear.QueueOp, *linear.QueueOp]{
		name: "queue", kinds: []string{"enqueue", "dequeue", "drain"},
		read: readQueue, more: drained, judged: linear.Queue}
	// PriorityQueue gives out, of what has the highest priority, what was put in first: enqueue value priority, or enqueue
	// [priority value]; dequeue -> value, or nothing where there is none; drain -> [values].
	PriorityQueue Model = object[linear.QueueOp, *linear.QueueOp]{
		name: "priority-queue", kinds: []string{"enqueue", "dequeue", "drain"},
		read: readPriorityQueue, more: drained, judged: linear.PriorityQueue}
	// Set is empty at first: add value; remove value; read -> [values]; contains value -> found, a truth value, or -> value.
	Set Model = object[linear.SetOp, *linear.SetOp]{
		name: "set", kinds: []string{"add", "remove", "read", "contains"},
		read: readSet, judged: linear.Set}
	// Counter is a number that is 0 at first: add value, which may be negative; read -> value.
	Counter Model = object[linear.CounterOp, *linear.CounterOp]{
		name: "counter", kinds: []string{"add", "read"},
		read: readCounter, judged: linear.Counter}
	// FetchAdd is a Counter whose additions are told what was there before: fetch-add value -> value; read -> value.
	FetchAdd Model = object[linear.FetchAddOp, *linear.FetchAddOp]{
		name: "fetch-add", kinds: []string{"fetch-add", "read"},
		read: readFetchAdd, judged: linear.FetchAdd}
	// UniqueIDs makes none twice: generate -> value.
	UniqueIDs Model = object[linear.UniqueIDOp, *linear.UniqueIDOp]{
		name: "unique-ids", kinds: []string{"generate"},
		read: readUniqueID, judged: linear.UniqueIDs}
)

func readQueue(r *Reader, o *history.Operation, op *linear.QueueOp) {
	if op.Do = linear.Dequeue; o.Kind == "enqueue" {
		op.Do = linear.Enqueue
		if op.Value = r.Value(o.Input("value")); op.Value == linear.Nil {
			r.Fail("it puts nothing in: no value")
		}
		return
	}
	if o.Kind == "dequeue" {
		op.Value = r.Value(o.Output("value"))
		return
	}
	values := r.values(o.Output("value"))
	switch {
	case o.Outcome == history.Unknown || o.Outcome == history.Pending:
		r.Fail("it may have taken any number of values: a drain has to be answered")
	case len(values) == 0:
		r.mute = true
	default:
		op.Value = values[0]
	}
}

// drained is what a drain took besides the first value.
func drained(r *Reader, o *history.Operation) (ops []linear.QueueOp) {
	if o.Kind == "drain" {
		for _, v := range r.values(o.Output("value"))[1:] {
			ops = append(ops, linear.QueueOp{Do: linear.Dequeue, Value: v})
		}
	}
	return ops
}

func readPriorityQueue(r *Reader, o *history.Operation, op *linear.QueueOp) {
	if readQueue(r, o, op); op.Do == linear.Dequeue {
		return
	}
	priority, value := o.Input("priority"), o.Input("value")
	if pair, is := value.Any().([]any); is && len(pair) == 2 && IsNil(priority) {
		priority, op.Value = slog.AnyValue(pair[0]), r.Value(slog.AnyValue(pair[1]))
	}
	op.Priority = r.Whole(priority, "priority")
}

func readSet(r *Reader, o *history.Operation, op *linear.SetOp) {
	op.Value = r.Value(o.Input("value"))
	switch o.Kind {
	case "add":
		op.Do = linear.Add
	case "remove":
		op.Do = linear.Remove
	case "contains":
		op.Do = linear.Contains
		if o.Outcome == history.Ok {
			op.Found = r.truth(o)
		}
	default:
		op.Do, op.Value = linear.Read, linear.Nil
		if o.Outcome == history.Ok {
			op.Members = r.values(o.Output("value"))
		}
	}
}

// truth is what a look for a value was told.
func (r *Reader) truth(o *history.Operation) bool {
	for _, name := range []string{"found", "value"} {
		if v := o.Output(name); v.Kind() == slog.KindBool {
			return v.Bool()
		}
	}
	r.Fail("its found is neither true nor false: %v", o.Output("found"))
	return false
}

// values are those of a list; nothing is an empty one.
func (r *Reader) values(v slog.Value) (all []linear.Value) {
	list, is := v.Any().([]any)
	if !is && !IsNil(v) {
		r.Fail("its value is no list: %v", v)
	}
	for _, x := range list {
		all = append(all, r.Value(slog.AnyValue(x)))
	}
	return all
}

func readCounter(r *Reader, o *history.Operation, op *linear.CounterOp) {
	switch {
	case o.Kind == "add":
		op.Do, op.N = linear.Add, r.Whole(o.Input("value"), "value")
	case o.Outcome == history.Ok:
		op.N = r.Whole(o.Output("value"), "value")
	}
}

func readFetchAdd(r *Reader, o *history.Operation, op *linear.FetchAddOp) {
	if o.Kind == "fetch-add" {
		op.Amount = r.Whole(o.Input("value"), "value")
	}
	if o.Outcome == history.Ok {
		op.Found = r.Whole(o.Output("value"), "value")
	}
}

func readUniqueID(r *Reader, o *history.Operation, op *linear.UniqueIDOp) {
	if op.Value = r.Value(o.Output("value")); op.Value == linear.Nil && o.Outcome == history.Ok {
		r.Fail("it was given nothing: no value")
	}
}
