package osenv

import (
	"fmt"
	"log/slog"
	"time"

	"simrun/nodes"
	"simrun/nodes/history/jepsen"
	"simrun/nodes/probe"
)

// recorder writes the history as it happens, a line at a time, and keeps none of it: a server may run for years.
// What Jepsen calls a process does one thing at a time, so that a host has several, and one whose operation ended
// unknown is not used again.
type recorder struct {
	host      *Host
	lastID    uint64
	lines     int
	text      []byte
	processes int   // numbers given out
	idle      []int // those of operations that ended
	state     string
	broken    bool // the writer failed; it was said once
	reached   probe.Seen
	violated  probe.Seen
}

func (r *recorder) now() time.Duration { return time.Since(r.host.epoch) }

func (r *recorder) write(l jepsen.Line) {
	w := r.host.options.History
	if w == nil || r.broken || r.host.dead {
		return
	}
	if r.lines == 0 && r.host.options.Epsilon > 0 && l.Process != jepsen.Setup {
		r.write(jepsen.Line{Type: jepsen.Info, Process: jepsen.Setup, F: "run", Value: []slog.Attr{slog.Duration("epsilon", r.host.options.Epsilon)}})
	}
	l.Index = r.lines
	r.lines++
	r.text = l.Append(r.text[:0])
	if _, err := w.Write(r.text); err != nil {
		r.broken = true
		r.host.log.Error("the history ends here", "err", err)
	}
}

// moment is a line about the host itself.
func (r *recorder) moment(kind, f string, attrs ...slog.Attr) {
	r.write(jepsen.Line{Type: kind, Process: jepsen.Nobody, Time: r.now(), F: f, Node: r.host.options.Host, Value: attrs})
}

func (r *recorder) Invoke(request nodes.Request, kind string, in ...slog.Attr) nodes.Op {
	at := r.now()
	if request.ID != 0 {
		at = min(at, request.Intended)
	}
	return r.open(op{recorder: r, kind: kind, request: request.ID}, at, in)
}

func (r *recorder) open(o op, at time.Duration, in []slog.Attr) *op {
	r.lastID++
	o.id = r.lastID
	if n := len(r.idle); n > 0 {
		o.process, r.idle = r.idle[n-1], r.idle[:n-1]
	} else {
		o.process = r.processes
		r.processes++
	}
	r.write(o.line(jepsen.Invoke, at, in))
	return &o
}

func (r *recorder) Gauge(name string, value int64) {
	r.moment(jepsen.Gauge, name, slog.Int64("value", value))
}

// Of each probe the history has the first time that it was reached.
func (r *recorder) reach(p *probe.Probe) {
	if r.reached.First(p) {
		r.moment(jepsen.Sometimes, p.Name())
	}
}

func (r *recorder) Reach(p *probe.Reachable) { r.reach(&p.Probe) }

func (r *recorder) Sometimes(p *probe.Sometimes, occurred bool) {
	if occurred {
		r.reach(&p.Probe)
	}
}

// Always tells of what does not hold once: a server goes on with whatever its log's reader makes of it.
func (r *recorder) Always(p *probe.Always, held bool) {
	if !held && !r.host.dead && r.violated.First(&p.Probe) {
		r.host.log.Error("broken invariant", "what", p.Name())
	}
}

func (r *recorder) Agree(*probe.Agreed, uint64, uint64, uint64, []byte) {}

func (r *recorder) Advance(*probe.Horizon, uint64, uint64, uint64) {}

func (r *recorder) Horizon(*probe.Horizon, uint64) (number, value uint64) { return 0, 0 }

func (r *recorder) Steady(*probe.Horizon, uint64, nodes.Percent) bool { return false }

func (r *recorder) Fingerprint(probe.Fingerprint) {}

func (r *recorder) State(state string) { r.state = state }

func (r *recorder) Note(name string, attrs ...slog.Attr) { r.moment(jepsen.Note, name, attrs...) }

// op is an operation under way.
type op struct {
	recorder            *recorder
	kind                string
	id, parent, request uint64
	process             int
	over                bool
}

func (o *op) line(kind string, at time.Duration, attrs []slog.Attr) jepsen.Line {
	return jepsen.Line{Type: kind, Time: at, Process: o.process, F: o.kind, Value: attrs, Node: o.recorder.host.options.Host, ID: o.id,
		Parent: o.parent, Request: o.request}
}

func (o *op) ID() uint64 { return o.id }

func (o *op) Invoke(kind string, in ...slog.Attr) nodes.Op {
	return o.recorder.open(op{recorder: o.recorder, kind: kind, parent: o.id, request: o.request}, o.recorder.now(), in)
}

func (o *op) Note(name string, attrs ...slog.Attr) {
	r := o.recorder
	r.write(jepsen.Line{Type: jepsen.Note, Process: jepsen.Nobody, Time: r.now(), F: name, Value: attrs, Node: r.host.options.Host, ID: o.id})
}

func (o *op) Ok(out ...slog.Attr)                    { o.end(jepsen.Ok, nil, out) }
func (o *op) Fail(reason error, out ...slog.Attr)    { o.end(jepsen.Fail, reason, out) }
func (o *op) Unknown(reason error, out ...slog.Attr) { o.end(jepsen.Info, reason, out) }

func (o *op) end(outcome string, reason error, out []slog.Attr) {
	if o.recorder.host.dead {
		return
	}
	if o.over {
		panic(fmt.Sprintf("osenv: operation %d (%s) ended twice, the second time as %s", o.id, o.kind, outcome))
	}
	o.over = true
	if outcome != jepsen.Info {
		o.recorder.idle = append(o.recorder.idle, o.process)
	}
	l := o.line(outcome, o.recorder.now(), out)
	if reason != nil {
		l.Error = reason.Error()
	}
	o.recorder.write(l)
}
