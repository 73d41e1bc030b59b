package osenv

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"simrun/nodes"
	"simrun/nodes/probe"
)

// recorder writes the history as it happens, one JSON object a line, and keeps none of it: a server may
// run for years. The form is Jepsen's: an "invoke" line, then one of type "ok", "fail" or "info" with
// the same id. What Jepsen calls a process does one thing at a time, so that a host has several, and
// one whose operation ended unknown is not used again.
type recorder struct {
	host      *Host
	lastID    uint64
	processes int   // numbers given out
	idle      []int // those of operations that ended
	state     string
	broken    bool // the writer failed; it was said once
	reached   probe.Seen
	violated  probe.Seen
}

// line is one line of the history. Times are nanoseconds since the run began.
type line struct {
	Type    string         `json:"type"`
	Time    int64          `json:"time"`
	Process int            `json:"process"`
	Node    string         `json:"node"`
	F       string         `json:"f"`
	ID      uint64         `json:"id,omitempty"`
	Parent  uint64         `json:"parent,omitempty"`
	Request uint64         `json:"request,omitempty"`
	Value   map[string]any `json:"value,omitempty"`
	Error   string         `json:"error,omitempty"`
}

func (r *recorder) now() time.Duration { return time.Since(r.host.epoch) }

func (r *recorder) write(l line, attrs []slog.Attr) {
	w := r.host.options.History
	if w == nil || r.broken || r.host.dead {
		return
	}
	l.Node = r.host.options.Host
	if len(attrs) > 0 {
		l.Value = make(map[string]any, len(attrs))
		for _, a := range attrs {
			l.Value[a.Key] = plain(a.Value)
		}
	}
	text, err := json.Marshal(l)
	if err == nil {
		_, err = w.Write(append(text, '\n'))
	}
	if err != nil {
		r.broken = true
		r.host.log.Error("the history ends here", "err", err)
	}
}

// plain is a value that JSON can hold.
func plain(v slog.Value) any {
	switch v = v.Resolve(); v.Kind() {
	case slog.KindAny:
		switch x := v.Any().(type) {
		case error:
			return x.Error()
		case fmt.Stringer:
			return x.String()
		default:
			return x
		}
	case slog.KindDuration:
		return int64(v.Duration())
	case slog.KindGroup:
		group := map[string]any{}
		for _, a := range v.Group() {
			group[a.Key] = plain(a.Value)
		}
		return group
	default:
		return v.Any()
	}
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
	r.write(o.line("invoke", at), in)
	return &o
}

func (r *recorder) Gauge(name string, value int64) {
	r.write(line{Type: "gauge", Process: -1, Time: int64(r.now()), F: name}, []slog.Attr{slog.Int64("value", value)})
}

// Of each probe the history has the first time that it was reached.
func (r *recorder) reach(p *probe.Probe) {
	if r.reached.First(p) {
		r.write(line{Type: "sometimes", Process: -1, Time: int64(r.now()), F: p.Name()}, nil)
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

func (r *recorder) Fingerprint(probe.Fingerprint) {}

func (r *recorder) State(state string) { r.state = state }

func (r *recorder) Note(name string, attrs ...slog.Attr) {
	r.write(line{Type: "note", Process: -1, Time: int64(r.now()), F: name}, attrs)
}

// op is an operation under way.
type op struct {
	recorder            *recorder
	kind                string
	id, parent, request uint64
	process             int
	over                bool
}

func (o *op) line(kind string, at time.Duration) line {
	return line{Type: kind, Time: int64(at), Process: o.process, F: o.kind, ID: o.id, Parent: o.parent, Request: o.request}
}

func (o *op) ID() uint64 { return o.id }

func (o *op) Invoke(kind string, in ...slog.Attr) nodes.Op {
	return o.recorder.open(op{recorder: o.recorder, kind: kind, parent: o.id, request: o.request}, o.recorder.now(), in)
}

func (o *op) Note(name string, attrs ...slog.Attr) {
	l := o.line("note", o.recorder.now())
	l.F = name
	o.recorder.write(l, attrs)
}

func (o *op) Ok(out ...slog.Attr)                    { o.end("ok", nil, out) }
func (o *op) Fail(reason error, out ...slog.Attr)    { o.end("fail", reason, out) }
func (o *op) Unknown(reason error, out ...slog.Attr) { o.end("info", reason, out) }

func (o *op) end(outcome string, reason error, out []slog.Attr) {
	if o.recorder.host.dead {
		return
	}
	if o.over {
		panic(fmt.Sprintf("osenv: operation %d (%s) ended twice, the second time as %s", o.id, o.kind, outcome))
	}
	o.over = true
	if outcome != "info" {
		o.recorder.idle = append(o.recorder.idle, o.process)
	}
	l := o.line(outcome, o.recorder.now())
	if reason != nil {
		l.Error = reason.Error()
	}
	o.recorder.write(l, out)
}
