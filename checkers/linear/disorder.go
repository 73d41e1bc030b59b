package linear

import (
	"fmt"

	"simrun/nodes/history"
)

// What follows puts into words, and into as few operations as can be, what is wrong with a log.

func (l *log) bad(anomaly string, key Value, reason string, witness ...*LogOp) *Result {
	var spans []*Span
	for _, op := range witness {
		spans = append(spans, &op.Span)
	}
	result := violated(anomaly, reason, spans...)
	result.Object = l.object(key)
	return &result
}

// did tells what an operation did: "operation 3 appended 7 at 12".
func (l *log) did(op *LogOp) string {
	switch {
	case op.Do == Append && !op.Certain():
		return fmt.Sprintf("operation %d appended %s", op.ID, l.name(op.Value))
	case op.Do == Read && op.Value == Nil:
		return fmt.Sprintf("operation %d read nothing from %d on", op.ID, op.From)
	default:
		return fmt.Sprintf("operation %d %s %s at %d", op.ID, op.Do, l.name(op.Value), op.Offset)
	}
}

// holder is an operation that tells what is at the end: the append, or the first read if that is uncertain.
func (l *log) holder(e *end) *LogOp {
	if e.found != none {
		return &l.ops[e.found]
	}
	return &l.ops[e.by]
}

// clash is the violation of two records at one offset.
func (l *log) clash(e *end, op *LogOp) *Result {
	other := l.holder(e)
	return l.bad("inconsistent-offset", e.key, fmt.Sprintf("%s, but %s", l.did(other), l.did(op)), other, op)
}

// unwritten is the violation of a read of what nobody can have put there.
func (l *log) unwritten(op *LogOp) *Result {
	explained := l.explained(op.Key, op.Value, op.Offset)
	if len(explained) > 0 {
		other := explained[len(explained)-1]
		return l.bad("wrong-offset", op.Key, fmt.Sprintf("%s by %s, but %s, and nobody appended it once more",
			l.did(op), op.Return, l.did(other)), append(explained, op)...)
	}
	for i := range l.ops {
		if a := &l.ops[i]; a.Do == Append && a.Outcome == history.Fail && a.Key == op.Key && a.Value == op.Value {
			return l.bad("aborted-read", op.Key, fmt.Sprintf("%s by %s, but operation %d, which was to append it, had failed",
				l.did(op), op.Return, a.ID), op, a)
		}
	}
	return l.bad("unwritten-read", op.Key, fmt.Sprintf("%s by %s, but nobody ever appended it", l.did(op), op.Return), op)
}

// explained are the operations that tell where appends of a value went, but for the offset: those that are certain, and of
// the others the reads that found them at lower offsets.
func (l *log) explained(key, value Value, offset int64) (all []*LogOp) {
	at := map[int64]bool{}
	for i := range l.ops {
		if op := &l.ops[i]; op.Certain() && op.Do == Append && op.Key == key && op.Value == value {
			all = append(all, op)
			at[op.Offset] = true
		}
	}
	for _, e := range l.events {
		if op := &l.ops[e.i]; op.Do == Read && op.Key == key && op.Value == value && op.Offset < offset && !at[op.Offset] {
			all = append(all, op)
			at[op.Offset] = true
		}
	}
	return all
}

// disorder is the violation of an operation that had ended before one that it comes after was called.
func (l *log) disorder(e *end, op *LogOp) *Result {
	first := &l.ops[e.calledBy]
	anomaly := "out-of-order"
	if first.Value == Nil {
		anomaly = "stale-read"
	}
	reason := fmt.Sprintf("%s by %s, but %s only after %s", l.did(op), op.Return, l.did(first), e.called)
	if first.Certain() {
		return l.bad(anomaly, e.key, reason, first, op)
	}
	// The operations that show which offset an uncertain append had: all that tell of its value.
	return l.bad(anomaly, e.key, reason, append(l.explained(e.key, first.Value, op.Offset+1), first, op)...)
}

// skipped is the violation of a read that passed over a record.
func (l *log) skipped(e *end, op *LogOp) *Result {
	if op.From > op.Offset {
		return l.bad("skipped-record", e.key, fmt.Sprintf("%s, but looked only from %d on", l.did(op), op.From), op)
	}
	for _, x := range l.events {
		if other := &l.ops[x.i]; other.Key == e.key && other.Offset == e.before && (other.Do == Append || other.Value != Nil) {
			return l.bad("skipped-record", e.key, fmt.Sprintf("%s as the first from %d on, but %s", l.did(op), op.From, l.did(other)), op, other)
		}
	}
	panic("linear: a record at an offset that nobody saw")
}
