// Package page answers, in one file that a browser opens, what became of a run, or of many: did it hold, what happened, what is
// the least that makes it so, and was it like that all along. A page needs nothing but itself: pictures are SVG, and the
// script only helps who has one.
package page

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"simrun/reports"
	"simrun/reports/recording"
	"simrun/scenarios"
)

//go:embed page.css
var style string

//go:embed page.js
var script string

//go:embed batch.js
var batchScript string

//go:embed page.html
var pageText string

var pages = template.Must(template.New("page").Funcs(template.FuncMap{
	"style":  func() template.CSS { return template.CSS(style) },
	"script": func() template.JS { return template.JS(script) },

	"batchScript": func() template.JS { return template.JS(batchScript) },
}).Parse(pageText))

// Options of a page.
type Options struct {
	// Command is how the program is called, and Run how this run is named to it; they stand in what is there to be copied.
	Command, Run string
	// Note is what comparing the run's hash with another's came to: "twice the same".
	Note string
	// Least is what a shrink came to; nil if there was none.
	Least *reports.Least
	// Files are those that lie beside the page.
	Files []string
}

// run is what the page of a run tells.
type run struct {
	Title   string
	Head    heading
	Claims  []claim
	Faults  []reports.Ledger
	Tale    *tale
	Least   *reports.Least
	Scene   *scene
	Charts  []*chart
	Events  *events
	Exports []export
	Data    data
}

// heading is the first lines.
type heading struct {
	Scenario, Value string
	Verdict, Class  string
	Summary         string
	Facts           []string
	Command         string
	Findings        []scenarios.Finding
	Divergence      *scenarios.Divergence
	Incomplete      string
}

// claim is a verdict in a sentence, with its figure.
type claim struct {
	Class, Sign, Word string
	Says, Name        string
	Figure            string
	Story             bool // its story is on the page
}

// tale is what happened, in words.
type tale struct {
	About   string
	Lines   []taleLine
	Past    string // how many events of how many it rests on
	More    int
	Witness string
}

type taleLine struct {
	At, Text string
	Grave    bool
}

type export struct{ File, What string }

// data is what the script knows.
type data struct {
	End    float64              `json:"end"` // of the run, in milliseconds
	Left   float64              `json:"left"`
	Right  float64              `json:"right"`
	Charts map[string][]figures `json:"charts"`
	States []state              `json:"states"`
	Events eventData            `json:"events"`
}

// figures is a series as JSON has it: what is no number is null.
type figures struct {
	Name  string          `json:"name"`
	Class string          `json:"class"`
	Unit  string          `json:"unit,omitempty"`
	Steps json.RawMessage `json:"steps"`
}

// state is what a host says of itself, as of some times: those in milliseconds, and the lines.
type state struct {
	Host  string    `json:"host"`
	At    []float64 `json:"at"`
	Lines []string  `json:"lines"`
}

// Write writes the page of a run that was recorded.
func Write(w io.Writer, r *recording.Recording, o Options) error {
	slice := r.Slice()
	p := run{Title: r.Result.Scenario, Least: o.Least, Exports: exports(o.Files), Faults: reports.Ledgers(r.Result)}
	var lines []recording.Line
	if slice != nil {
		lines = r.Tale(slice)
		p.Tale = tell(r, slice, lines)
		p.Scene = drawScene(r, slice, lines)
	}
	p.Head = head(r, o)
	p.Claims = claims(r.Result, slice)
	p.Title += " " + p.Head.Verdict + " · " + r.Result.Seed
	p.Charts = drawRun(r)
	p.Events = listEvents(r, slice)
	p.Data = data{End: millis(r.History.End), Left: plotLeft, Right: plotRight, Charts: map[string][]figures{}, States: states(r), Events: p.Events.Data}
	for _, c := range p.Charts {
		for _, s := range c.Series {
			p.Data.Charts[c.ID] = append(p.Data.Charts[c.ID], figures{s.Name, s.Class, s.Unit, steps(s.Steps)})
		}
	}
	return pages.ExecuteTemplate(w, "run", &p)
}

func steps(all []float64) json.RawMessage {
	b := []byte{'['}
	for i, v := range all {
		if i > 0 {
			b = append(b, ',')
		}
		if math.IsNaN(v) {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendFloat(b, v, 'f', -1, 64)
		}
	}
	return append(b, ']')
}

// head is the verdict in a line, and what run this was.
func head(r *recording.Recording, o Options) heading {
	res := r.Result
	h := heading{Scenario: res.Scenario, Value: res.Value, Summary: strings.TrimSpace(res.Summary), Findings: res.Findings, Divergence: res.Divergence,
		Command: strings.TrimSpace(o.Command + " replay " + o.Run)}
	if o.Run == "" {
		h.Command = ""
	}
	violated := 0
	for i := range res.Claims {
		if c := &res.Claims[i]; c.Verdict == scenarios.Violated && c.Expect != scenarios.Violated {
			violated++
		}
	}
	switch res.Judge() {
	case scenarios.Holds:
		h.Verdict, h.Class = "holds", "holds"
	case scenarios.Unknown:
		h.Verdict, h.Class = "is unknown: a checker ran out of its budget", "unknown"
	case scenarios.Diverged:
		h.Verdict, h.Class = "diverged: the same seed took another course", "violated"
	default:
		h.Class = "violated"
		switch {
		case violated > 0:
			h.Verdict = fmt.Sprintf("violated %d of %s", violated, reports.Counted(len(res.Claims), "claim"))
		default:
			h.Verdict = "is violated: " + res.Findings[0].Kind
		}
	}
	h.Facts = []string{"seed " + res.Seed, reports.Span(res.SimulatedSeconds) + " simulated", reports.Counted(res.Nodes, "node"),
		reports.Counted(res.Messages, "message"), reports.Counted(res.Operations, "operation")}
	if res.Commit != "" {
		h.Facts = append(h.Facts, "commit "+res.Commit)
	}
	hash := "hash " + res.Hash
	if o.Note != "" {
		hash += ", " + o.Note
	}
	h.Facts = append(h.Facts, hash)
	if r.Missing > 0 {
		h.Incomplete = fmt.Sprintf("The event log of this run ends early: %s of it were left out. A replay has all of them.", reports.Counted(r.Missing, "event"))
	}
	return h
}

// claims is a line for each.
func claims(r *scenarios.Result, slice *recording.Slice) (all []claim) {
	for i := range r.Claims {
		c := &r.Claims[i]
		line := claim{Says: c.Says, Name: c.Claim, Figure: reports.Figure(r, c), Story: slice != nil && slice.Claim == c}
		if c.Says == "" {
			line.Says = c.Claim
		}
		switch {
		case r.Sees(c.Claim) && c.Verdict == scenarios.Holds:
			line.Class, line.Sign, line.Word = "seen", "●", "seen"
		case r.Sees(c.Claim):
			line.Class, line.Sign, line.Word = "unseen", "○", "not seen"
		case c.Verdict == scenarios.Holds:
			line.Class, line.Sign, line.Word = "holds", "✓", "holds"
		case c.Verdict == scenarios.Violated && c.Expect == scenarios.Violated:
			line.Class, line.Sign, line.Word = "expected", "✗", "violated"
		case c.Verdict == scenarios.Violated:
			line.Class, line.Sign, line.Word = "violated", "✗", "violated"
			if c.Reason != "" {
				line.Figure = c.Reason
				if c.Figure != "" {
					line.Figure += " · " + c.Figure
				}
			}
		default:
			line.Class, line.Sign, line.Word = "unknown", "?", "unknown"
		}
		all = append(all, line)
	}
	return all
}

// tell is the tale of a slice as the page has it.
func tell(r *recording.Recording, s *recording.Slice, lines []recording.Line) *tale {
	t := &tale{Past: fmt.Sprintf("%s of %s events lie before it in the order of cause and effect", reports.Count(s.Past), reports.Count(len(r.Events)))}
	switch {
	case s.Finding != nil:
		t.About = s.Finding.Kind + " on " + s.Finding.Host
	default:
		t.About = s.Claim.Claim + ", in order"
	}
	if s.Claim != nil && len(s.Claim.Witness) > 0 {
		t.Witness = fmt.Sprintf("operation %d", s.Claim.Witness[0])
		if n := len(s.Claim.Witness); n > 1 {
			t.Witness += fmt.Sprintf(" and %d more", n-1)
		}
	}
	for _, l := range lines {
		at := ""
		if !l.Plain {
			at = recording.Stamp(l.At)
		}
		t.Lines = append(t.Lines, taleLine{at, l.Text, l.Grave})
	}
	return t
}

// what is in the files beside a page.
var contents = map[string]string{
	"events.jsonl": "everything that happened, a JSON object a line", "history.jsonl": "what clients saw, as Jepsen writes it",
	"plan.yaml": "the storm as a timetable, a scenario itself", "minimal.yaml": "the least plan that does the same",
	"result.json": "verdicts, faults and their effects", "trace.json": "for ui.perfetto.dev and chrome://tracing",
	"batch.json": "all of it, as JSON", "results.jsonl": "a line for each run", "sweep.json": "what was swept",
	"shiviz.log": "for ShiViz: vector clocks", "junit.xml": "for a build", "linearization.html": "Porcupine's argument, on an axis of its own",
}

func exports(files []string) (all []export) {
	slices.Sort(files)
	for _, f := range slices.Compact(files) {
		all = append(all, export{f, contents[f]})
	}
	return all
}

// sampled is at how many times of a run its hosts' lines about themselves are kept.
const sampled = 120

// states is what hosts say of themselves, as of so many times.
func states(r *recording.Recording) (all []state) {
	index := map[string]int{}
	for _, h := range r.History.Hosts {
		index[h.Name] = len(all)
		all = append(all, state{Host: h.Name, At: []float64{}, Lines: []string{}})
	}
	step := max(r.History.End/sampled, 1)
	last := map[string]time.Duration{}
	for i := range r.Events {
		e := &r.Events[i]
		if e.Sort != recording.State {
			continue
		}
		n, known := index[e.Host]
		if !known {
			continue
		}
		s, text := &all[n], cut(e.Text, 120)
		if before, told := last[e.Host]; told && before/step == e.At/step {
			s.At[len(s.At)-1], s.Lines[len(s.Lines)-1] = millis(e.At), text
		} else {
			s.At, s.Lines = append(s.At, millis(e.At)), append(s.Lines, text)
		}
		last[e.Host] = e.At
	}
	return slices.DeleteFunc(all, func(s state) bool { return len(s.At) == 0 })
}
