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

// refHost is a machine with one process. Life counts its processes: what belongs to an earlier one is void.
type refHost struct {
	w       *refWorld
	name    string
	role    string
	life    int
	up      bool // the process runs
	machine bool
	paused  int
	waiting []func() // what a paused process will do
	start   func(life int)
	crashed func(machine bool) // what becomes of the disk
}

// on does something in the host's process, unless it has died by then; a paused one does it later.
func (h *refHost) on(d time.Duration, do func()) {
	life := h.life
	h.w.after(d, func() { h.now(life, do) })
}

func (h *refHost) now(life int, do func()) {
	switch {
	case !h.up || h.life != life:
	case h.paused > 0:
		h.waiting = append(h.waiting, func() { h.now(life, do) })
	default:
		do()
	}
}

func (h *refHost) resume() {
	if h.paused--; h.paused == 0 {
		todo := h.waiting
		h.waiting = nil
		for _, do := range todo {
			do()
		}
	}
}

func (h *refHost) boot() {
	h.machine, h.up = true, true
	h.life++
	h.start(h.life)
}

// die ends the process; with the machine, peers hear nothing.
func (h *refHost) die(machine bool) {
	if !h.up {
		return
	}
	h.up, h.waiting = false, nil
	if machine {
		h.machine = false
	}
	if h.crashed != nil {
		h.crashed(machine)
	}
	for _, c := range h.w.conns {
		if end := c.end(h); end != nil && !end.closed {
			if machine {
				end.closed, c.gone = true, true
			} else {
				c.close(h)
			}
		}
	}
}

// refCut is a spell in which nothing passes one way, or packets are lost and come late.
type refCut struct {
	from, to   map[string]bool
	start, end time.Duration
	loss       float64
}

func (w *refWorld) cut(from, to string) (until time.Duration, loss float64) {
	for _, c := range w.cuts {
		if c.from[from] && c.to[to] && c.start <= w.now && w.now < c.end {
			if c.loss == 0 {
				until = max(until, c.end)
			}
			loss = max(loss, c.loss)
		}
	}
	return until, loss
}

// refConn is a connection: in order each way, late rather than lost, and dead without a word if a machine is.
type refConn struct {
	w    *refWorld
	ends [2]refEnd
	gone bool // one machine has forgotten it
}

type refEnd struct {
	host   *refHost
	life   int
	closed bool
	last   time.Duration // arrival of the last thing sent to it
	broken func()        // told once that the connection is over
}

func (c *refConn) end(h *refHost) *refEnd {
	for i := range c.ends {
		if c.ends[i].host == h && c.ends[i].life == h.life {
			return &c.ends[i]
		}
	}
	return nil
}

func (c *refConn) peer(e *refEnd) *refEnd {
	if e == &c.ends[0] {
		return &c.ends[1]
	}
	return &c.ends[0]
}

// send has the other end do something when it comes to it. What is cut off is tried again, after waits that grow.
func (c *refConn) send(from *refHost, do func()) {
	me := c.end(from)
	if me == nil || me.closed {
		return
	}
	you := c.peer(me)
	w := c.w
	d := w.between(time.Millisecond, 5*time.Millisecond)
	switch until, loss := w.cut(me.host.name, you.host.name); {
	case until > 0:
		d += until - w.now + w.between(0, min(until-w.now, time.Minute))
	case loss > 0:
		for rto := 200 * time.Millisecond; w.chance(loss); rto *= 2 {
			d += rto
		}
	}
	d = max(d, you.last+1-w.now)
	you.last = w.now + d
	w.after(d, func() {
		switch {
		case c.gone && you.host.machine: // the machine is back and knows of no such connection
			me.hear(w)
		case c.gone || you.closed && !you.host.machine:
		case you.closed:
			me.hear(w)
		default:
			you.host.now(you.life, do)
		}
	})
}

// hear tells an end that the connection is over.
func (e *refEnd) hear(w *refWorld) {
	if e.closed {
		return
	}
	e.closed = true
	e.host.now(e.life, func() { e.broken() })
}

// close ends it from one side; the other hears of it after all that was sent before.
func (c *refConn) close(h *refHost) {
	me := c.end(h)
	if me == nil || me.closed {
		return
	}
	you := c.peer(me)
	alive := h.up
	if !alive { // the kernel of a dead process says goodbye for it
		h.up = true
	}
	c.sendRaw(me, you)
	h.up = alive
	me.closed = true
}

func (c *refConn) sendRaw(me, you *refEnd) {
	w := c.w
	d := w.between(time.Millisecond, 5*time.Millisecond)
	if until, _ := w.cut(me.host.name, you.host.name); until > 0 {
		d += until - w.now + w.between(0, min(until-w.now, time.Minute))
	}
	d = max(d, you.last+1-w.now)
	you.last = w.now + d
	w.after(d, func() { you.hear(w) })
}

// reset breaks every connection between two hosts at once.
func (w *refWorld) reset(a, b string) {
	for _, c := range w.conns {
		if c.ends[0].host.name == a && c.ends[1].host.name == b || c.ends[0].host.name == b && c.ends[1].host.name == a {
			c.ends[0].hear(w)
			c.ends[1].hear(w)
		}
	}
}

// dial connects to a server, if it lives and packets pass both ways; then is told, nil if it does not.
func (w *refWorld) dial(from, to *refHost, accept func(c *refConn), then func(c *refConn)) {
	there, _ := w.cut(from.name, to.name)
	back, _ := w.cut(to.name, from.name)
	if there > 0 || back > 0 || !to.machine {
		from.on(time.Second, func() { then(nil) })
		return
	}
	d := w.between(2*time.Millisecond, 10*time.Millisecond)
	life := from.life
	w.after(d, func() {
		if !to.up || from.life != life || !from.up {
			from.now(life, func() { then(nil) })
			return
		}
		c := &refConn{w: w}
		c.ends[0] = refEnd{host: from, life: from.life, broken: func() {}}
		c.ends[1] = refEnd{host: to, life: to.life, broken: func() {}}
		w.conns = append(w.conns, c)
		to.now(to.life, func() { accept(c) })
		from.now(life, func() { then(c) })
	})
	w.keepAlive()
}

// keepAlive forgets the connections that are over, and lets probes find those that a machine forgot.
func (w *refWorld) keepAlive() {
	kept := w.conns[:0]
	for _, c := range w.conns {
		if c.ends[0].closed && c.ends[1].closed {
			continue
		}
		kept = append(kept, c)
	}
	w.conns = kept
}

// probe is what a kernel does for an idle connection, every fifteen seconds.
func (w *refWorld) probe() {
	for _, c := range w.conns {
		for i := range c.ends {
			me, you := &c.ends[i], &c.ends[1-i]
			there, _ := w.cut(me.host.name, you.host.name)
			back, _ := w.cut(you.host.name, me.host.name)
			if !me.closed && c.gone && you.host.machine && there == 0 && back == 0 {
				me.hear(w)
			}
		}
	}
	w.after(15*time.Second, w.probe)
}

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
