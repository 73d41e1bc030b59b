package history

import (
	"fmt"
	"log/slog"
	"slices"

	"simrun/nodes"
	"simrun/nodes/probe"
)

// Log collects a History while a run goes on. It is not safe for concurrent use; the world, or the
// host's lock, sees to that.
type Log struct {
	History
	now    func() Time
	lastID uint64
	// Moment, if not nil, is told of every note of a host, for faults that wait for one.
	Moment func(host, note string)
	// KeepNotes makes the history keep the notes of hosts, which a sweep has no use for.
	KeepNotes bool
	// Broken, if not nil, is told when a probe.Always does not hold, or a probe.Agreed: once for each.
	Broken func(host, what string)
	// Entered, if not nil, is told of the fingerprint of each state that a host enters.
	Entered func(host string, f probe.Fingerprint)
	// Stated, if not nil, is told of the line that a host says of itself, if it is another than before.
	Stated   func(host, line string)
	states   map[string]string
	reached  probe.Seen
	broken   probe.Seen
	settled  map[subject]*settled
	horizons map[reach]*furthest
	strayed  map[string]nodes.Percent // the most that each host's clock did
}

// NewLog makes an empty log that takes its times from now.
func NewLog(now func() Time) *Log {
	return &Log{now: now, states: map[string]string{}, settled: map[subject]*settled{}, horizons: map[reach]*furthest{}, strayed: map[string]nodes.Percent{},
		History: History{Notes: map[string][]Note{}, Sometimes: map[string]Time{}}}
}

// State is the last line that a host said of itself.
func (l *Log) State(host string) string { return l.states[host] }

// Finish ends the log: operations that are under way stay pending. The History is sorted by call.
func (l *Log) Finish() *History {
	l.End = l.now()
	slices.SortStableFunc(l.Operations, func(a, b *Operation) int { return int(min(max(a.Call-b.Call, -1), 1)) })
	return &l.History
}

// For is the recorder of one life of a host. Once *dead is true nothing more is recorded: what the
// deferred functions of a killed process say is said by nobody.
func (l *Log) For(host string, dead *bool) nodes.Recorder { return &recorder{l, host, dead} }

type recorder struct {
	log  *Log
	host string
	dead *bool
}

func (r *recorder) Invoke(request nodes.Request, kind string, in ...slog.Attr) nodes.Op {
	op := r.log.open(r.host, kind, in, r.dead)
	op.o.Request = request.ID
	if request.ID != 0 {
		op.o.Call = min(op.o.Call, request.Intended)
	}
	return op
}

func (r *recorder) Gauge(name string, value int64) {
	if *r.dead {
		return
	}
	r.log.Samples = append(r.log.Samples, Sample{r.log.now(), r.host, name, value})
}

// Reached says whether any host has reached the probe.
func (l *Log) Reached(p *probe.Probe) bool { return l.reached.Has(p) }

// Occurred notes that an event occurred that the toolkit itself sees, without a probe.
func (l *Log) Occurred(event string) {
	if _, seen := l.History.Sometimes[event]; !seen {
		l.History.Sometimes[event] = l.now()
	}
}

func (r *recorder) Reach(p *probe.Reachable) { r.reach(&p.Probe) }

func (r *recorder) Sometimes(p *probe.Sometimes, occurred bool) {
	if occurred {
		r.reach(&p.Probe)
	}
}

func (r *recorder) Always(p *probe.Always, held bool) {
	if !*r.dead {
		r.log.reached.First(&p.Probe)
	}
	if !held {
		r.violate(&p.Probe, p.Name())
	}
}

func (r *recorder) reach(p *probe.Probe) {
	if !*r.dead && r.log.reached.First(p) {
		r.log.Occurred(p.Name())
	}
}

func (r *recorder) violate(p *probe.Probe, what string) {
	if *r.dead || !r.log.broken.First(p) {
		return
	}
	if r.log.Broken != nil {
		r.log.Broken(r.host, what)
	}
}

func (r *recorder) Fingerprint(f probe.Fingerprint) {
	if !*r.dead && r.log.Entered != nil {
		r.log.Entered(r.host, f)
	}
}

func (r *recorder) State(line string) {
	if *r.dead || r.log.states[r.host] == line {
		return
	}
	r.log.states[r.host] = line
	if r.log.Stated != nil {
		r.log.Stated(r.host, line)
	}
}

func (r *recorder) Note(name string, attrs ...slog.Attr) {
	if *r.dead {
		return
	}
	if r.log.KeepNotes {
		r.log.Notes[r.host] = append(r.log.Notes[r.host], Note{r.log.now(), name, slices.Clone(attrs)})
	}
	if r.log.Moment != nil {
		r.log.Moment(r.host, name)
	}
}

type op struct {
	log  *Log
	o    *Operation
	dead *bool
}

func (l *Log) open(host, kind string, in []slog.Attr, dead *bool) *op {
	l.lastID++
	o := &Operation{ID: l.lastID, Host: host, Kind: kind, In: slices.Clone(in), Call: l.now(), Return: Never}
	if !*dead {
		l.Operations = append(l.Operations, o)
	}
	return &op{l, o, dead}
}

func (p *op) ID() uint64 { return p.o.ID }

func (p *op) Invoke(kind string, in ...slog.Attr) nodes.Op {
	child := p.log.open(p.o.Host, kind, in, p.dead)
	child.o.Parent, child.o.Request = p.o.ID, p.o.Request
	return child
}

func (p *op) Note(name string, attrs ...slog.Attr) {
	if *p.dead {
		return
	}
	p.o.Notes = append(p.o.Notes, Note{p.log.now(), name, slices.Clone(attrs)})
}

func (p *op) Ok(out ...slog.Attr)                    { p.end(Ok, nil, out) }
func (p *op) Fail(reason error, out ...slog.Attr)    { p.end(Fail, reason, out) }
func (p *op) Unknown(reason error, out ...slog.Attr) { p.end(Unknown, reason, out) }

func (p *op) end(outcome Outcome, reason error, out []slog.Attr) {
	if *p.dead {
		return
	}
	if p.o.Outcome != Pending {
		panic(fmt.Sprintf("history: operation %d (%s) ended twice: %s, then %s", p.o.ID, p.o.Kind, p.o.Outcome, outcome))
	}
	p.o.Outcome, p.o.Return, p.o.Out = outcome, p.log.now(), slices.Clone(out)
	if reason != nil {
		p.o.Reason = reason.Error()
	}
}
