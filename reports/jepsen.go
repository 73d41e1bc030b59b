package reports

import (
	"bufio"
	"cmp"
	"encoding/json"
	"io"
	"log/slog"
	"slices"
	"strings"

	"simrun/nodes/history"
)

// WriteHistory writes a history as Jepsen does: a line for each invocation and each completion ("ok", "fail"
// or, where it may have happened, "info"), times in nanoseconds. What Jepsen calls a process does one thing
// at a time, so that a client with several operations under way has several, and one whose operation ended
// unknown is not used again. The weather stands between them under the process "nemesis", and before all,
// under "setup", what the world looks like.
func WriteHistory(w io.Writer, h *history.History) error {
	lines := setup(h)
	lines = append(lines, operations(h)...)
	lines = append(lines, weather(h)...)
	slices.SortStableFunc(lines, func(a, b entry) int { return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.rank(), b.rank())) })
	number(lines)
	out := bufio.NewWriterSize(w, 1<<16)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for i := range lines {
		lines[i].Index = i
		if err := e.Encode(&lines[i]); err != nil {
			return err
		}
	}
	return out.Flush()
}

// entry is one line of the file.
type entry struct {
	Index   int          `json:"index"`
	Time    history.Time `json:"time"`
	Type    string       `json:"type"`
	Process any          `json:"process"`
	F       string       `json:"f"`
	Value   fields       `json:"value"`
	Node    string       `json:"node,omitempty"`
	ID      uint64       `json:"id,omitempty"`
	Parent  uint64       `json:"parent,omitempty"`
	Request uint64       `json:"request,omitempty"`
	Error   string       `json:"error,omitempty"`
	Notes   []noteLine   `json:"notes,omitempty"`

	op *history.Operation
}

type noteLine struct {
	Time  history.Time `json:"time"`
	Name  string       `json:"name"`
	Value fields       `json:"value,omitempty"`
}

// rank orders what happens at one instant: the setup first, completions before invocations, so that a
// process that ends one thing and begins another remains one.
func (e *entry) rank() int {
	switch {
	case e.Process == "setup":
		return 0
	case e.Process == "nemesis":
		return 1
	case e.Type != "invoke" && e.op.Call < e.Time:
		return 2
	case e.Type == "invoke":
		return 3
	default:
		return 4 // it took no time at all
	}
}

// fields are attributes as a JSON object in their own order. A name given twice counts once, the first.
type fields []slog.Attr

func (f fields) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	b.WriteByte('{')
	for i, attr := range f {
		if slices.ContainsFunc(f[:i], func(before slog.Attr) bool { return before.Key == attr.Key }) {
			continue
		}
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(attr.Key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(plain(attr.Value))
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return []byte(b.String()), nil
}

// plain is a value as JSON knows values: a duration is its nanoseconds, a group an object, an error its text.
func plain(v slog.Value) any {
	v = v.Resolve()
	switch v.Kind() {
	case slog.KindDuration:
		return int64(v.Duration())
	case slog.KindGroup:
		return fields(v.Group())
	}
	if err, isError := v.Any().(error); isError {
		return err.Error()
	}
	return v.Any()
}

func setup(h *history.History) []entry {
	var lines []entry
	for _, host := range h.Hosts {
		lines = append(lines, entry{Type: "info", Process: "setup", F: "host", Node: host.Name, Value: fields{
			slog.String("node", host.Node), slog.String("kind", host.Kind), slog.String("role", host.Role),
			slog.String("site", host.Site), slog.String("supplier", host.Supplier)}})
	}
	for _, phase := range h.Phases {
		lines = append(lines, entry{Type: "info", Process: "setup", F: "phase", Value: fields{slog.String("phase", phase.Name),
			slog.Duration("from", phase.From), slog.Duration("to", phase.To), slog.Bool("heal", phase.Heal), slog.Bool("load", phase.Load)}})
	}
	return lines
}

func operations(h *history.History) []entry {
	lines := make([]entry, 0, 2*len(h.Operations))
	for _, op := range h.Operations {
		lines = append(lines, entry{Time: op.Call, Type: "invoke", F: op.Kind, Value: op.In, Node: op.Host, ID: op.ID,
			Parent: op.Parent, Request: op.Request, op: op})
		end := entry{Time: op.Return, Type: op.Outcome.String(), F: op.Kind, Value: op.Out, Node: op.Host, ID: op.ID,
			Parent: op.Parent, Request: op.Request, Error: op.Reason, op: op}
		if op.Outcome == history.Pending {
			end.Time, end.Type, end.Error = max(h.End, op.Call), history.Unknown.String(), "the run ended"
		}
		for _, note := range op.Notes {
			end.Notes = append(end.Notes, noteLine{note.At, note.Name, note.Attrs})
		}
		lines = append(lines, end)
	}
	return lines
}

func weather(h *history.History) []entry {
	var lines []entry
	span := func(from, to history.Time, f, g, node string, value fields) {
		lines = append(lines, entry{Time: from, Type: "info", Process: "nemesis", F: f, Node: node, Value: value})
		if to < h.End {
			lines = append(lines, entry{Time: to, Type: "info", Process: "nemesis", F: g, Node: node, Value: value})
		}
	}
	for _, d := range h.Downs {
		span(d.From, d.To, "down", "up", d.Host, fields{slog.String("why", d.Why), slog.Int64("unsynced", d.Unsynced)})
	}
	for _, m := range h.Impairments {
		span(m.Start, m.End, m.Verb, "restore-"+m.Verb, "", fields{slog.Any("from", m.From), slog.Any("to", m.To),
			slog.Bool("cut", m.Cut), slog.Float64("loss", m.Loss), slog.Duration("delay", m.Delay), slog.Bool("clock", m.Clock)})
	}
	return lines
}

// number gives each operation a process that nothing is under way on, an old one if there is any.
func number(lines []entry) {
	var free []int
	of := map[*history.Operation]int{}
	used := 0
	for i := range lines {
		op := lines[i].op
		if op == nil {
			continue
		}
		process, under := of[op]
		switch {
		case under:
			delete(of, op)
			if lines[i].Type != history.Unknown.String() {
				free = append(free, process)
			}
		case len(free) > 0:
			process, free = free[len(free)-1], free[:len(free)-1]
			of[op] = process
		default:
			process = used
			used++
			of[op] = process
		}
		lines[i].Process = process
	}
}
