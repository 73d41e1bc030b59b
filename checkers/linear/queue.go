package linear

import (
	"fmt"

	"simrun/nodes/history"
)

// QueueOp is an operation of a queue: an Enqueue or a Dequeue.
type QueueOp struct {
	Span
	Do       Verb
	Value    Value // what was put in, or taken out; Nil where a dequeue found nothing
	Priority int64 // of what was put in: the higher is taken first. Queue does without, and so do dequeues
}

// Queue judges a queue whose dequeues take what was put in first. Where each value is put in once it takes n log n time,
// whatever the outcomes: see lineup. Otherwise the answer is Search's.
func Queue(ops []QueueOp, o Options) Result {
	return judgeQueue(ops, func(*QueueOp) int64 { return 0 }, o)
}

// PriorityQueue judges a queue whose dequeues take, of what is there with the highest priority, what was put in first. Where
// each value is put in once, and no dequeue ended unknown, it takes n log n time: see lineup. With dequeues of unknown
// outcome the same time mostly tells as well; where it does not, the answer is Search's, as it is where values repeat.
func PriorityQueue(ops []QueueOp, o Options) Result {
	return judgeQueue(ops, func(op *QueueOp) int64 { return op.Priority }, o)
}

// queues is a history while it is judged.
type queues struct {
	lineup
	Options
	ops []QueueOp
}

func judgeQueue(ops []QueueOp, priority func(*QueueOp) int64, o Options) Result {
	q := &queues{ops: ops, Options: o}
	repeats, bad := q.pair(priority)
	switch {
	case bad != nil:
		return *bad
	case repeats:
		return Search(queueModel(priority), ops, o)
	}
	q.sort()
	if wrong, placed := q.place(); !placed {
		return q.tell(q.minimal(q.gather(wrong)))
	}
	if !q.enough() {
		return Search(queueModel(priority), ops, o)
	}
	return holds()
}

// pair finds what was put in and taken out, and what can be seen from the two operations alone. It says whether a
// value was put in more than once: then the rest is not known.
func (q *queues) pair(priority func(*QueueOp) int64) (repeats bool, bad *Result) {
	puts := 0
	for i := range q.ops {
		if q.ops[i].Do == Enqueue {
			puts++
		}
	}
	q.stays = make([]stay, 0, puts)
	var index pairs
	index.reserve(puts)
	value := func(n int32) (Value, Value) { return Nil, q.stays[n].value }
	for i := range q.ops {
		op := &q.ops[i]
		if op.Do != Enqueue || !op.Possible() {
			continue
		}
		n, place := index.find(Nil, op.Value, value)
		if n != none || op.Value == Nil {
			return true, nil
		}
		index.put(int32(len(q.stays)), place)
		q.stays = append(q.stays, stay{value: op.Value, put: op.Call, in: op.End(), out: history.Never, end: history.Never,
			level: priority(op), enqueue: int32(i), dequeue: none, following: none})
	}
	for i := range q.ops {
		op := &q.ops[i]
		switch {
		case op.Do != Dequeue || !op.Possible():
		case !op.Certain():
			q.maybes = append(q.maybes, maybe{op.Call, int32(i)})
		case op.Value == Nil:
			q.empties = append(q.empties, empty{op.Call, op.Return, int32(i)})
		default:
			n, _ := index.find(Nil, op.Value, value)
			if n == none {
				return false, q.unknownValue(op)
			}
			if bad := q.take(&q.stays[n], int32(i)); bad != nil {
				return false, bad
			}
		}
	}
	kept := q.stays[:0]
	for _, s := range q.stays {
		if s.certain() || s.in != history.Never {
			kept = append(kept, s) // what may not have been put in, and was not seen, explains nothing
		}
	}
	q.stays = kept
	return false, nil
}

// take pairs a value's dequeue with its enqueue.
func (q *queues) take(s *stay, dequeue int32) *Result {
	op, put := &q.ops[dequeue], &q.ops[s.enqueue]
	if s.certain() {
		other := &q.ops[s.dequeue]
		r := violated("dequeued-twice", fmt.Sprintf("%s was dequeued twice, %s and %s", q.name(op.Value), other.times(), op.times()),
			&put.Span, &other.Span, &op.Span)
		return &r
	}
	if op.Return < put.Call {
		r := violated("dequeued-before-enqueued", fmt.Sprintf("%s was dequeued by %s and enqueued only from %s on", q.name(op.Value),
			op.Return, put.Call), &put.Span, &op.Span)
		return &r
	}
	s.dequeue, s.out, s.end = dequeue, max(op.Call, put.Call), op.Return
	return nil
}

// unknownValue tells of a dequeue whose value nobody can have put in.
func (q *queues) unknownValue(op *QueueOp) *Result {
	for i := range q.ops {
		if put := &q.ops[i]; put.Do == Enqueue && put.Value == op.Value {
			r := violated("failed-enqueue-seen", fmt.Sprintf("%s was dequeued %s although its enqueue failed", q.name(op.Value), op.times()),
				&put.Span, &op.Span)
			return &r
		}
	}
	r := violated("never-enqueued", fmt.Sprintf("%s was dequeued %s and never enqueued", q.name(op.Value), op.times()), &op.Span)
	return &r
}
