package checks

import (
	"container/heap"
	"log/slog"
	"math/rand/v2"
	"time"

	"simrun/nodes/history"
)

// What follows is a small job service that is right by construction, in weather: tasks are closures in a queue,
// connections are ordered and may be cut, machines forget. It shares nothing with the checks but the history, and
// nothing at all with the nodes of this project, so that a check which it alarms is wrong.

// refWorld is the clock, the weather and the record.
type refWorld struct {
	now    time.Duration
	queue  refQueue
	seq    int
	rand   *rand.Rand
	h      *history.History
	hosts  map[string]*refHost
	order  []*refHost
	conns  []*refConn
	ids    uint64
	cuts   []*refCut
	handle int
}

type refEvent struct {
	at  time.Duration
	seq int
	do  func()
}

type refQueue []refEvent

func (q refQueue) Len() int { return len(q) }
func (q refQueue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q refQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *refQueue) Push(x any)   { *q = append(*q, x.(refEvent)) }
func (q *refQueue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

func (w *refWorld) after(d time.Duration, do func()) {
	w.seq++
	heap.Push(&w.queue, refEvent{w.now + d, w.seq, do})
}

func (w *refWorld) run(until time.Duration) {
	for len(w.queue) > 0 && w.queue[0].at <= until {
		e := heap.Pop(&w.queue).(refEvent)
		w.now = e.at
		e.do()
	}
	w.now = until
}

func (w *refWorld) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(w.rand.Int64N(int64(hi-lo)+1))
}

func (w *refWorld) chance(p float64) bool { return w.rand.Float64() < p }

// open records an operation.
func (w *refWorld) open(host, kind string, parent *history.Operation, in ...slog.Attr) *history.Operation {
	w.ids++
	o := &history.Operation{ID: w.ids, Host: host, Kind: kind, In: in, Call: w.now, Return: history.Never}
	if parent != nil {
		o.Parent, o.Request = parent.ID, parent.Request
	}
	w.h.Operations = append(w.h.Operations, o)
	return o
}

func (w *refWorld) end(o *history.Operation, outcome history.Outcome, reason string, out ...slog.Attr) {
	o.Outcome, o.Return, o.Reason, o.Out = outcome, w.now, reason, out
}
