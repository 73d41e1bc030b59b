package checks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
