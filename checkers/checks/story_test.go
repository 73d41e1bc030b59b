package checks

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/nodes"
	"simrun/nodes/history"
)

// A story is a history that a person can read; testdata/*.txt hold many, each after a line "== what it is
// about". Times are absolute (1.5s) or relative to the line's own (+20ms). Lines are
//
//	server a b              who there is; worker w1 w2, client c likewise; all know all servers
//	knows w1 a              … unless it is said
//	site west supplier-1: a w1
//	phase storm 5s..20s     with heal, load
//	run 60s                 how long it lasts
//	1s submit J c a background handle=h1@+5ms unique=u payload=p function=f high -> ok +5ms
//	2s retry J c b …        another attempt of the same request; outcomes are ok, failed, unknown, fail (with a
//	                        time, and result=r) and pending
//	2s execute w1 a h1 -> ok 3s result=r        or failed 3s, lost 3s (its connection broke), died
//	2s status c a h1 -> queued +5ms             or running, unknown
//	1s write c x=3 -> ok +5ms version=1         or add; delete c x; the outcomes are as above
//	2s read c x -> ok +5ms value=3              or value=[1,2]; without a value it found nothing
//	from 1s to 9s every 100ms: submit J{n} …    a line for each time
//	gauge a jobs=3 @4s
//	down a cut-power 5s..9s unsynced=100        never for what does not end
//	cut a->b 5s..9s         one way; a--b is both. slow 3s a--b …, lose 20% a--b …, reset a--b …
//	slow-disk a 5s..9s      any other verb is on hosts
//	fault cut-power supplier-1 5s..9s
//	=> gearman.results: holds                   what a check says: a verdict, a state or anomaly, a "figure"
//	=> available(of=submit within=1s): violated unavailable
type story struct {
	t        *testing.T
	file     string
	line     int
	h        *history.History
	ids      uint64
	requests map[string]*history.Operation
	at       history.Time
	expected int
}

func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { tellAll(t, file, string(text)) })
	}
}

// tellAll runs each story of a file; the lines before the first belong to all.
func tellAll(t *testing.T, file, text string) {
	parts := strings.Split("\n"+text, "\n== ")
	line := strings.Count(parts[0], "\n")
	for _, part := range parts[1:] {
		name, body, _ := strings.Cut(part, "\n")
		first := line + 1
		line += strings.Count(part, "\n") + 1
		t.Run(name, func(t *testing.T) {
			s := newStory(t, file, first)
			s.read(parts[0])
			s.line = first
			s.read(body)
			require.NotZero(t, s.expected, "%s:%d: the story asks nothing", file, first)
		})
	}
}

func newStory(t *testing.T, file string, line int) *story {
	return &story{t: t, file: file, line: line, requests: map[string]*history.Operation{},
		h: &history.History{End: time.Minute, Sometimes: map[string]history.Time{}}}
}

func (s *story) read(text string) {
	for _, line := range strings.Split(text, "\n") {
		s.line++
		if line, _, _ = strings.Cut(line, "#"); strings.TrimSpace(line) != "" {
			s.tell(strings.Fields(line))
		}
	}
}

func (s *story) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("%s:%d: %s", s.file, s.line, fmt.Sprintf(format, args...))
}

func (s *story) tell(w []string) {
	switch w[0] {
	case "server", "worker", "client":
		for _, name := range w[1:] {
			node, _, _ := strings.Cut(name, "/")
			s.h.Hosts = append(s.h.Hosts, history.Host{Name: name, Node: node, Kind: "gearman." + w[0], Role: w[0], Supplier: "mains"})
		}
	case "knows":
		s.host(w[1]).Servers = w[2:]
	case "site":
		for _, name := range w[3:] {
			s.host(name).Site, s.host(name).Supplier = w[1], strings.TrimSuffix(w[2], ":")
		}
	case "phase":
		window := s.window(w[2])
		s.h.Phases = append(s.h.Phases, history.Phase{Name: w[1], From: window.From, To: window.To,
			Heal: slices.Contains(w, "heal"), Load: slices.Contains(w, "load")})
	case "run":
		s.h.End = s.time(w[1])
	case "from":
		s.repeat(w)
	case "gauge":
		name, value, _ := strings.Cut(w[2], "=")
		s.h.Samples = append(s.h.Samples, history.Sample{At: s.time(w[3][1:]), Host: w[1], Name: name, Value: int64(s.number(value))})
	case "down":
		window := s.window(w[3])
		d := history.Down{Host: w[1], Why: w[2], From: window.From, To: window.To}
		if n := option(w, "unsynced"); n != "" {
			d.Unsynced = int64(s.number(n))
		}
		s.h.Downs = append(s.h.Downs, d)
	case "fault":
		s.h.Faults = append(s.h.Faults, history.Fault{Verb: w[1], Target: w[2], Windows: []history.Window{s.window(w[3])}})
	case "sometimes":
		s.h.Sometimes[strings.Join(w[2:], " ")] = s.time(w[1])
	case "=>":
		s.expect(strings.Join(w[1:], " "))
	default:
		if strings.ContainsAny(w[0][:1], "0123456789") {
			s.at = s.time(w[0])
			s.operation(w[1:])
			return
		}
		s.weather(w)
	}
}

func (s *story) repeat(w []string) {
	every := s.time(strings.TrimSuffix(w[5], ":"))
	n := 0
	for at := s.time(w[1]); at < s.time(w[3]); at += every {
		n++
		line := strings.ReplaceAll(strings.Join(w[6:], " "), "{n}", strconv.Itoa(n))
		s.at = at
		s.operation(strings.Fields(line))
	}
}

var links = regexp.MustCompile(`^(\S+)(--|->)(\S+)$`)

func (s *story) weather(w []string) {
	m := history.Impairment{Verb: w[0]}
	rest := w[1:]
	switch w[0] {
	case "cut", "jam":
		m.Verb, m.Cut = map[string]string{"cut": "partition", "jam": "jam"}[w[0]], true
	case "flap":
		m.Cut = true
	case "slow":
		m.Verb, m.Delay, rest = "slow-link", s.time(w[1]), w[2:]
	case "lose":
		m.Verb, m.Loss, rest = "lose-packets", float64(s.number(strings.TrimSuffix(w[1], "%")))/100, w[2:]
	case "reset":
		m.Verb = "reset-connections"
	case "step-clock", "drift-clock":
		m.Clock = true
	}
	window := s.window(rest[1])
	m.Start, m.End = window.From, window.To
	link := links.FindStringSubmatch(rest[0])
	if link == nil {
		m.From = []string{rest[0]}
		s.h.Impairments = append(s.h.Impairments, m)
		return
	}
	m.From, m.To = strings.Split(link[1], ","), strings.Split(link[3], ",")
	s.h.Impairments = append(s.h.Impairments, m)
	if link[2] == "--" {
		m.From, m.To = m.To, m.From
		s.h.Impairments = append(s.h.Impairments, m)
	}
}

func (s *story) operation(w []string) {
	arrow := slices.Index(w, "->")
	if arrow < 0 {
		s.fail("an operation needs an outcome")
	}
	in, out := w[:arrow], w[arrow+1:]
	switch in[0] {
	case "submit", "submit-background", "retry":
		s.submission(in, out)
	case "execute":
		s.execution(in, out)
	case "read", "write", "add", "delete":
		s.access(in, out)
	case "status":
		o := s.open(in[1], "status", nil, slog.String("server", in[2]), slog.String("handle", in[3]))
		o.Outcome, o.Return = history.Ok, s.time(out[1])
		o.Out = []slog.Attr{slog.Bool("known", out[0] != "unknown"), slog.Bool("running", out[0] == "running")}
	default:
		if !s.data(in, out) {
			s.fail("no such operation %q", in[0])
		}
	}
}

func (s *story) submission(in, out []string) {
	name, client, server := in[1], in[2], in[3]
	background := slices.Contains(in, "background")
	request := s.requests[name]
	if in[0] != "retry" {
		ground := "foreground"
		if background {
			ground = "background"
		}
		request = s.open(client, in[0], nil, slog.String("variant", ground), slog.Bool("background", background))
		request.Request = request.ID
		s.requests[name] = request
	}
	priority := "normal"
	for _, p := range []string{"high", "low"} {
		if slices.Contains(in, p) {
			priority = p
		}
	}
	payload := cmp.Or(option(in, "payload"), name)
	a := s.open(client, "attempt", request, slog.String("server", server), slog.String("function", cmp.Or(option(in, "function"), "work")),
		slog.String("unique", option(in, "unique")), slog.String("payload", payload), slog.Bool("background", background),
		slog.String("priority", priority))
	handle, created, told := strings.Cut(option(in, "handle"), "@")
	if told {
		a.Notes = append(a.Notes, history.Note{At: s.time(created), Name: "created", Attrs: []slog.Attr{slog.String("handle", handle)}})
	}
	s.close(a, out)
	if a.Outcome == history.Ok {
		a.Out = append(a.Out, slog.String("server", server), slog.String("handle", handle))
		if !background && out[0] == "ok" {
			a.Out = append(a.Out, slog.String("result", cmp.Or(option(out, "result"), "r("+payload+")")))
		}
	}
	request.Outcome, request.Return, request.Reason, request.Out = a.Outcome, a.Return, a.Reason, a.Out
}

func (s *story) execution(in, out []string) {
	worker, server, handle := in[1], in[2], in[3]
	function, unique, payload := "work", "", cmp.Or(option(in, "of"), handle)
	for _, o := range s.h.Operations {
		if n := o.NoteNamed("created"); n != nil && evidence.Text(n.Attr("handle")) == handle && evidence.Text(o.Input("server")) == server {
			function, unique, payload = evidence.Text(o.Input("function")), evidence.Text(o.Input("unique")), evidence.Text(o.Input("payload"))
			break
		}
	}
	payload = cmp.Or(option(in, "payload"), payload)
	x := s.open(worker, "execute", nil, slog.String("server", server), slog.String("handle", handle),
		slog.String("function", cmp.Or(option(in, "function"), function)), slog.String("unique", cmp.Or(option(in, "unique"), unique)), slog.String("payload", payload))
	s.close(x, out)
	if out[0] == "ok" {
		x.Out = append(x.Out, slog.String("result", cmp.Or(option(out, "result"), "r("+payload+")")))
	}
}

// access is an operation on a key of a store.
func (s *story) access(in, out []string) {
	key, value, written := strings.Cut(in[2], "=")
	attrs := []slog.Attr{slog.String("key", key)}
	if written {
		attrs = append(attrs, slog.String("value", value))
	}
	o := s.open(in[1], in[0], nil, attrs...)
	s.close(o, out)
	if o.Outcome != history.Ok {
		return
	}
	if value := option(out, "value"); strings.HasPrefix(value, "[") {
		list := []any{}
		for _, element := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("[,]", r) }) {
			list = append(list, element)
		}
		o.Out = append(o.Out, slog.Any("value", list))
	} else if value != "" {
		o.Out = append(o.Out, slog.String("value", value))
	}
	if version := option(out, "version"); version != "" {
		o.Out = append(o.Out, slog.Int("version", s.number(version)))
	}
}

func (s *story) open(host, kind string, parent *history.Operation, in ...slog.Attr) *history.Operation {
	s.host(host)
	s.ids++
	o := &history.Operation{ID: s.ids, Host: host, Kind: kind, In: in, Call: s.at, Return: history.Never}
	if parent != nil {
		o.Parent, o.Request = parent.ID, parent.Request
	}
	s.h.Operations = append(s.h.Operations, o)
	return o
}

func (s *story) close(o *history.Operation, out []string) {
	if out[0] == "pending" || out[0] == "died" {
		return
	}
	o.Return = s.time(out[1])
	switch out[0] {
	case "ok":
		o.Outcome = history.Ok
	case "failed":
		o.Outcome, o.Out = history.Ok, []slog.Attr{slog.Bool("failed", true)}
	case "unknown", "lost":
		o.Outcome, o.Reason = history.Unknown, "connection reset by peer"
	case "fail":
		o.Outcome, o.Reason = history.Fail, "connection refused"
	default:
		s.fail("no such outcome %q", out[0])
	}
}

var expectation = regexp.MustCompile(`^([\w.-]+)(?:\(([^)]*)\))?: (holds|violated|vacuous|censored|unknown)(?: ([\w-]+))?(?: "(.*)")?$`)

// expect asks a check, and holds its judgement against what the story says of it.
func (s *story) expect(text string) {
	s.expected++
	m := expectation.FindStringSubmatch(text)
	if m == nil {
		s.fail("%q is no expectation", text)
	}
	j := s.check(m[1], m[2]).Judge(s.gather())
	verdict, state := checkers.Verdict(m[3]), checkers.Decided
	if verdict == "vacuous" || verdict == "censored" {
		verdict, state = checkers.Unknown, checkers.State(m[3])
	}
	told := fmt.Sprintf("%s:%d: %s: %s %s %s: %s (%s)\n%s", s.file, s.line, m[1], j.Verdict, j.State, j.Anomaly, j.Reason, j.Figure, strings.Join(j.Story, "\n"))
	require.Equal(s.t, verdict, j.Verdict, told)
	require.Equal(s.t, state, j.State, told)
	if m[4] != "" {
		require.Equal(s.t, m[4], j.Anomaly, told)
	}
	if m[5] != "" {
		require.Equal(s.t, m[5], j.Figure, told)
	}
	requireSound(s.t, j)
}

// requireSound holds the invariants of every judgement.
func requireSound(t require.TestingT, j checkers.Judgement) {
	require.Contains(t, []checkers.Verdict{checkers.Holds, checkers.Violated, checkers.Unknown}, j.Verdict)
	if j.State != checkers.Decided {
		require.Equal(t, checkers.Unknown, j.Verdict, j)
	}
	if j.Verdict != checkers.Holds {
		require.NotEmpty(t, j.Reason, "%+v", j)
	}
	if j.Verdict == checkers.Violated {
		require.NotEmpty(t, j.Anomaly, "%+v", j)
		require.NotEmpty(t, j.Figure, "%+v", j)
		require.LessOrEqual(t, j.Window.From, j.Window.To, "%+v", j)
		require.LessOrEqual(t, len(j.Story), 41)
	}
}

func (s *story) gather() *evidence.Evidence {
	h := *s.h
	h.Operations = slices.Clone(s.h.Operations)
	slices.SortStableFunc(h.Operations, func(a, b *history.Operation) int { return cmp.Compare(a.Call, b.Call) })
	slices.SortStableFunc(h.Samples, func(a, b history.Sample) int { return cmp.Compare(a.At, b.At) })
	return evidence.Gather(&h)
}

// check makes a check with the options that stand in brackets.
func (s *story) check(name, options string) checkers.Check {
	i := slices.IndexFunc(All(), func(d checkers.Definition) bool { return d.Name == name })
	if i < 0 {
		s.fail("no check %q", name)
	}
	check := All()[i].New()
	for _, o := range strings.Split(options, ", ") {
		if key, value, ok := strings.Cut(o, "="); ok {
			s.set(reflect.ValueOf(check).Elem(), key, value)
		}
	}
	return check
}

func (s *story) set(v reflect.Value, key, value string) {
	field, ok := tagged(v, key)
	if !ok {
		s.fail("%s has no option %q", v.Type(), key)
	}
	switch field.Interface().(type) {
	case time.Duration:
		field.SetInt(int64(s.time(value)))
	case nodes.Percent:
		field.SetUint(uint64(s.number(strings.TrimSuffix(value, "%"))) * 10_000)
	case int:
		field.SetInt(int64(s.number(value)))
	case float64:
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			s.fail("%v", err)
		}
		field.SetFloat(n)
	case bool:
		field.SetBool(value == "true")
	default:
		if field.Kind() != reflect.Slice {
			field.SetString(value)
			return
		}
		for word := range strings.SplitSeq(value, "+") {
			field.Set(reflect.Append(field, reflect.ValueOf(word).Convert(field.Type().Elem())))
		}
	}
}

func tagged(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("yaml")
		if tag == key {
			return v.Field(i), true
		}
		if tag == ",inline" {
			if f, ok := tagged(v.Field(i), key); ok {
				return f, true
			}
		}
	}
	return reflect.Value{}, false
}

func option(words []string, key string) string {
	for _, w := range words {
		if value, ok := strings.CutPrefix(w, key+"="); ok {
			return value
		}
	}
	return ""
}

func (s *story) host(name string) *history.Host {
	for i := range s.h.Hosts {
		if s.h.Hosts[i].Name == name {
			return &s.h.Hosts[i]
		}
	}
	s.fail("who is %s?", name)
	return nil
}

func (s *story) time(text string) history.Time {
	base := history.Time(0)
	if rest, ok := strings.CutPrefix(text, "+"); ok {
		text, base = rest, s.at
	}
	if text == "never" {
		return history.Never
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		s.fail("%v", errors.Join(fmt.Errorf("%q is no time", text), err))
	}
	return base + d
}

func (s *story) window(text string) history.Window {
	from, to, ok := strings.Cut(text, "..")
	if !ok {
		to = from
	}
	return history.Window{From: s.time(from), To: s.time(to)}
}

func (s *story) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		s.fail("%v", err)
	}
	return n
}
