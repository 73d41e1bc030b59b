package jepsen

import (
	"bufio"
	"cmp"
	"io"
	"log/slog"
	"maps"
	"slices"

	"simrun/nodes/history"
)

// Write writes a history, so that what Read makes of it is judged as the history itself. Durations become numbers and
// errors become text, in the attributes of operations and notes. What Jepsen calls a process does one thing at a time, so that a
// client with several operations under way has several, and one whose operation ended unknown is not used again.
func Write(w io.Writer, h *history.History) error {
	out := &writer{to: bufio.NewWriterSize(w, 1<<16), h: h, process: make([]int, len(h.Operations))}
	out.setup()
	events := out.events()
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank, b.rank)) })
	for _, e := range events {
		if out.write(e); out.err != nil {
			return out.err
		}
	}
	return cmp.Or(out.err, out.to.Flush())
}

// writer writes one history.
type writer struct {
	to    *bufio.Writer
	h     *history.History
	lines int
	text  []byte
	err   error
	// process is each operation's; free ones have nothing under way, and used were given out.
	process []int
	free    []int
	used    int
}

func (w *writer) line(l Line) {
	l.Index = w.lines
	w.lines++
	w.text = l.Append(w.text[:0])
	if _, err := w.to.Write(w.text); w.err == nil {
		w.err = err
	}
}

// setup says what the world looks like.
func (w *writer) setup() {
	say := func(f, node string, value ...slog.Attr) {
		w.line(Line{Type: Info, Process: Setup, F: f, Node: node, Value: value})
	}
	say("run", "", slog.String("scenario", w.h.Scenario), slog.String("seed", w.h.Seed), slog.Duration("end", w.h.End))
	for _, host := range w.h.Hosts {
		say("host", host.Name, slog.String("node", host.Node), slog.String("kind", host.Kind), slog.String("role", host.Role),
			slog.String("site", host.Site), slog.String("supplier", host.Supplier), slog.Any("servers", list(host.Servers)))
	}
	for _, phase := range w.h.Phases {
		say("phase", "", slog.String("phase", phase.Name), slog.Duration("from", phase.From), slog.Duration("to", phase.To),
			slog.Bool("heal", phase.Heal), slog.Bool("load", phase.Load))
	}
	for _, fault := range w.h.Faults {
		windows := make([]any, len(fault.Windows))
		for i, window := range fault.Windows {
			windows[i] = []any{int64(window.From), int64(window.To)}
		}
		say("fault", "", slog.String("verb", fault.Verb), slog.String("target", fault.Target), slog.Duration("at", fault.At),
			slog.Duration("for", fault.For), slog.String("drawn-by", fault.DrawnBy), slog.Int("armed", fault.Armed),
			slog.Int("fired", fault.Fired), slog.Int64("effects", fault.Effects), slog.Any("windows", windows))
	}
}

func list(words []string) []any {
	all := make([]any, len(words))
	for i, word := range words {
		all[i] = word
	}
	return all
}

// event is a line to come: what it tells of, and when.
type event struct {
	at   history.Time
	rank rank
	// of is an index into what the rank tells of; part one into its notes. Of weather, downs come before impairments.
	of, part int
	host     string // of a note of a host
}

// rank orders what happens at one instant: completions before invocations, so that a process that ends one thing
// and begins another remains one.
type rank uint8

const (
	begins  rank = iota // weather
	over                // of weather
	returns             // of an operation
	calls               //
	atOnce              // the return of an operation that took no time
	notes               // of operations
	hostNotes
	gauges
	rarities
)

func (w *writer) events() []event {
	h := w.h
	events := make([]event, 0, 2*len(h.Operations)+len(h.Samples)+2*len(h.Downs)+2*len(h.Impairments))
	add := func(at history.Time, rank rank, of int) { events = append(events, event{at: at, rank: rank, of: of}) }
	weather := func(from, to history.Time, of int) {
		add(from, begins, of)
		if to != history.Never {
			add(max(to, from), over, of)
		}
	}
	for i, d := range h.Downs {
		weather(d.From, d.To, i)
	}
	for i, m := range h.Impairments {
		weather(m.Start, m.End, len(h.Downs)+i)
	}
	for i, o := range h.Operations {
		add(o.Call, calls, i)
		switch {
		case o.Outcome == history.Pending:
		case o.Return > o.Call:
			add(o.Return, returns, i)
		default:
			add(o.Return, atOnce, i)
		}
		for n, note := range o.Notes {
			events = append(events, event{at: max(note.At, o.Call), rank: notes, of: i, part: n})
		}
	}
	for _, host := range slices.Sorted(maps.Keys(h.Notes)) {
		for n, note := range h.Notes[host] {
			events = append(events, event{at: note.At, rank: hostNotes, part: n, host: host})
		}
	}
	for i, s := range h.Samples {
		add(s.At, gauges, i)
	}
	for _, name := range slices.Sorted(maps.Keys(h.Sometimes)) {
		events = append(events, event{at: h.Sometimes[name], rank: rarities, host: name})
	}
	return events
}

func (w *writer) write(e event) {
	h := w.h
	switch e.rank {
	case begins, over:
		w.weather(e)
	case calls:
		w.call(e)
	case returns, atOnce:
		w.ret(e)
	case notes:
		o := h.Operations[e.of]
		n := o.Notes[e.part]
		w.line(Line{Time: n.At, Type: Note, Process: Nobody, F: n.Name, Value: n.Attrs, Node: o.Host, ID: o.ID})
	case hostNotes:
		n := h.Notes[e.host][e.part]
		w.line(Line{Time: n.At, Type: Note, Process: Nobody, F: n.Name, Value: n.Attrs, Node: e.host})
	case gauges:
		s := h.Samples[e.of]
		w.line(Line{Time: s.At, Type: Gauge, Process: Nobody, F: s.Name, Value: []slog.Attr{slog.Int64("value", s.Value)}, Node: s.Host})
	case rarities:
		w.line(Line{Time: e.at, Type: Sometimes, Process: Nobody, F: e.host})
	}
}

// restore is what stands before a verb where what it did ends.
const restore = "restore-"

func (w *writer) weather(e event) {
	l := Line{Time: e.at, Type: Info, Process: Nemesis, ID: uint64(e.of) + 1}
	if e.of < len(w.h.Downs) {
		d := &w.h.Downs[e.of]
		l.F, l.Node = "up", d.Host
		if e.rank == begins {
			l.F, l.Value = "down", []slog.Attr{slog.String("why", d.Why), slog.Int64("unsynced", d.Unsynced)}
		}
	} else {
		m := &w.h.Impairments[e.of-len(w.h.Downs)]
		l.F = restore + m.Verb
		if e.rank == begins {
			l.F, l.Value = m.Verb, []slog.Attr{slog.Any("from", list(m.From)), slog.Any("to", list(m.To)), slog.Bool("cut", m.Cut),
				slog.Float64("loss", m.Loss), slog.Duration("delay", m.Delay), slog.Bool("clock", m.Clock)}
		}
	}
	w.line(l)
}

func (w *writer) call(e event) {
	o := w.h.Operations[e.of]
	process := w.used
	if n := len(w.free); n > 0 {
		process, w.free = w.free[n-1], w.free[:n-1]
	} else {
		w.used++
	}
	w.process[e.of] = process
	w.line(Line{Time: o.Call, Type: Invoke, Process: process, F: o.Kind, Value: o.In, Node: o.Host, ID: o.ID, Parent: o.Parent, Request: o.Request})
}

func (w *writer) ret(e event) {
	o := w.h.Operations[e.of]
	if o.Outcome != history.Unknown {
		w.free = append(w.free, w.process[e.of])
	}
	w.line(Line{Time: o.Return, Type: o.Outcome.String(), Process: w.process[e.of], F: o.Kind, Value: o.Out, Node: o.Host, ID: o.ID,
		Parent: o.Parent, Request: o.Request, Error: o.Reason})
}
