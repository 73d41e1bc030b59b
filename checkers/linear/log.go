package linear

import "simrun/nodes/history"

// LogOp is an operation of a log, whose records stay where they are and come one after the other: an Append, which was told
// where its record is, or a Read of the first record at an offset or after it. Offsets may be left out: what a log
// keeps for itself, or has compacted, has one too.
type LogOp struct {
	Span
	Do     Verb
	Key    Value // the partition, or Nil
	Value  Value // the record; Nil for a read that came to the end of the log
	Offset int64 // where it is
	From   int64 // where a read began to look
}

// Log judges logs, each by itself; Object is the key of the one that is violated. It takes linear time. Values need not be
// unique.
//
// Offsets say all about the order of the records. So sort by offset what was seen: reads that came to an end there, then
// the append, then the reads that found it. What is in this order is also in the order in which it happened, but for
// reads that found something, before which others may come. So it is right iff nothing ended before something that
// comes earlier was called: one running maximum of calls tells.
//
// An uncertain append whose record nobody found changes nothing by being left out. If records were found that only
// uncertain appends can have put there, the first called is taken for the lowest offset: no other choice ends sooner.
func Log(ops []LogOp, o Options) Result {
	l := &log{Options: o, ops: ops}
	l.gather()
	for _, e := range l.events {
		if bad := l.next(e.i); bad != nil {
			return *bad
		}
	}
	return holds()
}

type log struct {
	Options
	ops    []LogOp
	events []item // what was seen, by offset
	keys   pairs
	ends   []end   // by number of the key
	vague  pairs   // lists of uncertain appends, by key and value
	queues []queue // those lists
	later  []int32 // by operation: the next in its list, or none
}

// end is how far the log of a key has been gone through.
type end struct {
	key      Value
	some     bool         // there is a record
	at       int64        // the offset of the last one
	by       int32        // the operation that put it there
	found    int32        // where that is uncertain: the first read that found it
	gap      bool         // there is one before it,
	before   int64        // at this offset
	called   history.Time // the greatest call of what comes before all that is to come
	calledBy int32        // the operation of that call
}

// queue is a list of uncertain appends of one value, the first called first.
type queue struct {
	key, value  Value
	first, last int32
}

// gather sorts what was seen: by offset, and at one offset reads that found nothing, then appends, then other reads.
func (l *log) gather() {
	var vague []item
	for i := range l.ops {
		if op := &l.ops[i]; op.Do == Append && !op.Certain() && op.Possible() {
			vague = append(vague, item{inOrder(int64(op.Call)), int32(i)})
		}
	}
	l.list(sortItems(vague))
	classes := [...]func(op *LogOp) (offset int64, is bool){
		func(op *LogOp) (int64, bool) { return op.From, op.Do == Read && op.Value == Nil },
		func(op *LogOp) (int64, bool) { return op.Offset, op.Do == Append },
		func(op *LogOp) (int64, bool) { return op.Offset, op.Do == Read && op.Value != Nil },
	}
	l.events = make([]item, 0, len(l.ops))
	for _, class := range classes {
		for i := range l.ops {
			if offset, is := class(&l.ops[i]); is && l.ops[i].Certain() {
				l.events = append(l.events, item{inOrder(offset), int32(i)})
			}
		}
	}
	l.events = sortItems(l.events)
}

// list puts the uncertain appends, in the order of their calls, into lists by what they append.
func (l *log) list(vague []item) {
	if len(vague) > 0 {
		l.later = make([]int32, len(l.ops))
	}
	for _, v := range vague {
		op := &l.ops[v.i]
		l.later[v.i] = none
		n, place := l.findQueue(op.Key, op.Value)
		if n == none {
			l.vague.put(int32(len(l.queues)), place)
			l.queues = append(l.queues, queue{op.Key, op.Value, v.i, v.i})
			continue
		}
		q := &l.queues[n]
		l.later[q.last], q.last = v.i, v.i
	}
}

func (l *log) findQueue(key, value Value) (n int32, place int) {
	return l.vague.find(key, value, func(n int32) (Value, Value) { return l.queues[n].key, l.queues[n].value })
}

// take is the first called of the uncertain appends of a value that are left, or none.
func (l *log) take(key, value Value) int32 {
	n, _ := l.findQueue(key, value)
	if n == none || l.queues[n].first == none {
		return none
	}
	i := l.queues[n].first
	l.queues[n].first = l.later[i]
	return i
}

func (l *log) end(key Value) *end {
	n, place := l.keys.find(key, Nil, func(n int32) (Value, Value) { return l.ends[n].key, Nil })
	if n == none {
		n = int32(len(l.ends))
		l.keys.put(n, place)
		l.ends = append(l.ends, end{key: key, called: dawn, calledBy: none})
	}
	return &l.ends[n]
}

// put adds the record of operation i at the end.
func (e *end) put(i int32, op *LogOp, offset int64) {
	e.gap, e.before = e.some, e.at
	e.some, e.at, e.by, e.found = true, offset, i, none
	e.comesBefore(i, op)
}

// comesBefore notes that all that is to come happens after operation i.
func (e *end) comesBefore(i int32, op *LogOp) {
	if op.Call > e.called || e.calledBy == none {
		e.called, e.calledBy = op.Call, i
	}
}

// next goes on to one more event.
func (l *log) next(i int32) *Result {
	op := &l.ops[i]
	e := l.end(op.Key)
	switch {
	case op.Do == Read && op.Value == Nil:
		e.comesBefore(i, op)
		return nil
	case op.Do == Append:
		if e.some && e.at == op.Offset {
			return l.clash(e, op)
		}
		if op.Return < e.called {
			return l.disorder(e, op)
		}
		e.put(i, op, op.Offset)
		return nil
	}
	if !e.some || e.at != op.Offset {
		by := l.take(op.Key, op.Value)
		if by == none {
			return l.unwritten(op)
		}
		e.put(by, &l.ops[by], op.Offset)
		e.found = i
	}
	switch {
	case l.ops[e.by].Value != op.Value:
		return l.clash(e, op)
	case op.Return < e.called:
		return l.disorder(e, op)
	case op.From > op.Offset || e.gap && e.before >= op.From:
		return l.skipped(e, op)
	}
	return nil
}
