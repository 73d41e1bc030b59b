// Package export answers how a run is told to other people's tools: as a trace for Perfetto and Chrome, and as a log with
// vector clocks for ShiViz.
package export

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"simrun/nodes/history"
	"simrun/reports/recording"
)

// mostTraced bounds the messages of a trace. What is left out is said in it.
const mostTraced = 200_000

// The process of a trace that stands for no host, and the one of the first host.
const (
	stormProcess = 1
	firstProcess = 10
)

// The tracks of a host.
const (
	sendTrack = 1
	recvTrack = 2
	diskTrack = 3
	noteTrack = 4
)

// event is an event of the Trace Event Format. Times are in microseconds.
type event struct {
	Phase   string         `json:"ph"`
	Process int            `json:"pid"`
	Track   int            `json:"tid"`
	At      micros         `json:"ts"`
	Length  *micros        `json:"dur,omitempty"`
	Name    string         `json:"name,omitempty"`
	Sort    string         `json:"cat,omitempty"`
	ID      string         `json:"id,omitempty"`
	Bind    string         `json:"bp,omitempty"`
	Scope   string         `json:"s,omitempty"`
	Args    map[string]any `json:"args,omitempty"`
}

// micros is a time as a trace writes it: in microseconds, down to the nanosecond.
type micros time.Duration

// MarshalJSON writes it without an exponent.
func (m micros) MarshalJSON() ([]byte, error) {
	b := strconv.AppendInt(nil, int64(m)/1000, 10)
	if rest := int64(m) % 1000; rest != 0 {
		b = append(b, '.')
		for _, digit := range []int64{rest / 100, rest / 10 % 10, rest % 10} {
			b = append(b, byte('0'+digit))
		}
	}
	return b, nil
}

// Trace writes a run in the Trace Event Format, which ui.perfetto.dev and chrome://tracing open. Each host is a process: what it
// sends and hears are slices that flows join, what its disk does and why it does not run are spans, its figures are counters.
// The format is Google's: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU.
func Trace(w io.Writer, r *recording.Recording) error {
	t := tracer{Recording: r, process: map[string]int{}, out: bufio.NewWriterSize(w, 1<<16)}
	t.text(`{"displayTimeUnit":"ms","otherData":`)
	t.json(map[string]string{"scenario": r.Result.Scenario, "seed": r.Result.Seed, "hash": r.Result.Hash})
	t.text(",\n\"traceEvents\":[\n")
	t.names()
	t.storm()
	t.operations()
	t.messages()
	t.moments()
	t.counters()
	t.text("\n]}\n")
	if t.err == nil {
		t.err = t.out.Flush()
	}
	return t.err
}

// tracer writes a trace.
type tracer struct {
	*recording.Recording
	process map[string]int
	out     *bufio.Writer
	begun   bool
	ids     int
	err     error
}

func (t *tracer) text(s string) {
	if t.err == nil {
		_, t.err = t.out.WriteString(s)
	}
}

func (t *tracer) json(v any) {
	b, err := json.Marshal(v)
	if t.err = cmp.Or(t.err, err); t.err == nil {
		_, t.err = t.out.Write(b)
	}
}

func (t *tracer) add(e event) {
	if t.begun {
		t.text(",\n")
	}
	t.begun = true
	t.json(e)
}

// names calls processes and tracks by their names.
func (t *tracer) names() {
	name := func(process, track int, what, value string) {
		t.add(event{Phase: "M", Process: process, Track: track, Name: what, Args: map[string]any{"name": value}})
	}
	name(stormProcess, 0, "process_name", "storm")
	for i, h := range t.History.Hosts {
		p := firstProcess + i
		t.process[h.Name] = p
		name(p, 0, "process_name", h.Name)
		t.add(event{Phase: "M", Process: p, Name: "process_sort_index", Args: map[string]any{"sort_index": p}})
		name(p, sendTrack, "thread_name", "sends")
		name(p, recvTrack, "thread_name", "hears")
		name(p, diskTrack, "thread_name", "disk")
		name(p, noteTrack, "thread_name", "moments")
	}
}

// span is something that lasts. Spans may overlap as they like: each has an id of its own.
func (t *tracer) span(process int, sort, name string, from, to time.Duration, args map[string]any) {
	t.ids++
	id := strconv.Itoa(t.ids)
	to = max(from, min(to, t.History.End))
	t.add(event{Phase: "b", Process: process, Track: process, At: micros(from), Name: name, Sort: sort, ID: id, Args: args})
	t.add(event{Phase: "e", Process: process, Track: process, At: micros(to), Name: name, Sort: sort, ID: id})
}

func (t *tracer) instant(process, track int, sort, name string, at time.Duration, args map[string]any) {
	t.add(event{Phase: "i", Process: process, Track: track, At: micros(at), Name: name, Sort: sort, Scope: "t", Args: args})
}

// storm is the phases, the faults, and what they stopped.
func (t *tracer) storm() {
	for _, p := range t.History.Phases {
		t.span(stormProcess, "phase", p.Name, p.From, p.To, nil)
	}
	for _, f := range t.History.Faults {
		windows := f.Windows
		if len(windows) == 0 && f.Fired > 0 {
			windows = []history.Window{{From: f.At, To: f.At}}
		}
		for _, w := range windows {
			t.span(stormProcess, "fault", f.Verb+" "+f.Target, w.From, w.To, map[string]any{"drawn by": f.DrawnBy, "effects": f.Effects})
		}
	}
	for _, d := range t.History.Downs {
		t.span(t.process[d.Host], "down", d.Why, d.From, d.To, map[string]any{"unsynced bytes lost": d.Unsynced})
	}
	for i := range t.Result.Claims {
		if c := &t.Result.Claims[i]; c.Verdict == "violated" {
			t.instant(stormProcess, stormProcess, "claim", c.Claim+" is violated", t.History.End, map[string]any{"reason": c.Reason})
		}
	}
}

func (t *tracer) operations() {
	for _, o := range t.History.Operations {
		args := map[string]any{"operation": o.ID, "outcome": recording.Outcome(o)}
		for _, a := range o.In {
			args["in "+a.Key] = a.Value.String()
		}
		for _, a := range o.Out {
			args["out "+a.Key] = a.Value.String()
		}
		if o.Reason != "" {
			args["reason"] = o.Reason
		}
		t.span(t.process[o.Host], "operation", o.Kind, o.Call, o.Return, args)
	}
}

// end is one end of a message: a slice.
type end struct {
	at      time.Duration
	message int
}

// longestSlice is how long the ends of messages are drawn, in time in which nothing else happens on the track.
const longestSlice = 20 * time.Microsecond

// messages are two slices each, one where it was sent and one where it was heard, with a flow from one to the other. Slices
// of a track are apart, or at one instant and of one length: so they nest.
func (t *tracer) messages() {
	type track struct{ process, track int }
	ends := map[track][]end{}
	for i := range t.Messages {
		m := &t.Messages[i]
		if i == mostTraced {
			t.instant(stormProcess, stormProcess, "limit", strconv.Itoa(len(t.Messages)-i)+" further messages are left out", m.At, nil)
			break
		}
		from := track{t.process[m.From], sendTrack}
		ends[from] = append(ends[from], end{m.Sent, i})
		if m.Lost != "" {
			t.instant(from.process, sendTrack, "lost", m.Name+" lost: "+m.Lost, m.At, map[string]any{"to": m.To})
			continue
		}
		to := track{t.process[m.To], recvTrack}
		ends[to] = append(ends[to], end{m.At, i})
	}
	for p := range t.History.Hosts {
		for _, side := range []int{sendTrack, recvTrack} {
			t.side(firstProcess+p, side, ends[track{firstProcess + p, side}])
		}
	}
}

// side writes the slices of one track.
func (t *tracer) side(process, track int, ends []end) {
	slices.SortStableFunc(ends, func(a, b end) int { return cmp.Compare(a.at, b.at) })
	for i := 0; i < len(ends); {
		j := i
		for j < len(ends) && ends[j].at == ends[i].at {
			j++
		}
		length := longestSlice
		if j < len(ends) {
			length = min(length, ends[j].at-ends[i].at)
		}
		for _, e := range ends[i:j] {
			m := &t.Messages[e.message]
			dur := micros(length)
			peer := "to"
			other := m.To
			if track == recvTrack {
				peer, other = "from", m.From
			}
			args := map[string]any{peer: other, "bytes": len(m.Data)}
			if m.Text != "" {
				args["says"] = clip(m.Text)
			}
			t.add(event{Phase: "X", Process: process, Track: track, At: micros(e.at), Length: &dur, Name: m.Name, Sort: "message", Args: args})
			if m.Lost != "" {
				continue
			}
			flow := event{Phase: "s", Process: process, Track: track, At: micros(e.at), Name: "message", Sort: "flow", ID: strconv.Itoa(e.message + 1)}
			if track == recvTrack {
				flow.Phase, flow.Bind = "f", "e"
			}
			t.add(flow)
		}
		i = j
	}
}

// clip shortens what a message says: a trace is no place for all of it.
func clip(text string) string {
	const most = 200
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// moments are what disks were told and what nodes say.
func (t *tracer) moments() {
	syncs := map[string][]time.Duration{}
	for i := range t.Events {
		e := &t.Events[i]
		p, known := t.process[e.Host]
		if !known {
			continue
		}
		switch e.Sort {
		case recording.Disk:
			switch file, ends := strings.CutPrefix(e.Text, "sync-end "); {
			case strings.HasPrefix(e.Text, "sync-begin"):
				syncs[e.Host] = append(syncs[e.Host], e.At)
			case ends && len(syncs[e.Host]) > 0:
				t.span(p, "disk", "sync "+file, syncs[e.Host][0], e.At, nil)
				syncs[e.Host] = syncs[e.Host][1:]
			default:
				t.instant(p, diskTrack, "disk", e.Text, e.At, nil)
			}
		case recording.Power, recording.Process:
			syncs[e.Host] = nil // what was under way did not end
			t.instant(p, noteTrack, string(e.Sort), e.Text, e.At, nil)
		case recording.Note, recording.Log, recording.Finding:
			t.instant(p, noteTrack, string(e.Sort), e.Text, e.At, nil)
		}
	}
}

func (t *tracer) counters() {
	for _, s := range t.History.Samples {
		t.add(event{Phase: "C", Process: t.process[s.Host], At: micros(s.At), Name: s.Name, Args: map[string]any{"value": s.Value}})
	}
}
