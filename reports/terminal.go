// Package reports answers what a person or another tool reads of a run: text on a terminal, files in a run
// directory, annotations of a build.
package reports

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"simrun/reports/recording"
	"simrun/scenarios"
)

// Terminal tells a person in text what became of runs.
type Terminal struct {
	Out io.Writer
	Ink Ink
	// Width is how many columns a line may have; zero is 80.
	Width int
	// Command is how this program is called: it stands before every line to paste.
	Command string
}

// NewTerminal writes to w as suits it: in colour and in its own width where a person watches.
func NewTerminal(w io.Writer, command string) *Terminal {
	return &Terminal{Out: w, Ink: InkFor(w), Width: Width(w), Command: command}
}

// Kept says where a run was kept and by which name its reader finds it again.
type Kept struct {
	Dir string // "runs/thunderstorm/51c09be2770a4d13"; empty if it was not kept
	// Report is the page about it: "runs/thunderstorm/51c09be2770a4d13/report.html"; empty if there is none.
	Report string
	Run    string // what to write after `replay`: "thunderstorm@51c09be2770a4d13"
	// Told is the recording of the run, if it was recorded.
	Told *recording.Recording
	// Note is what comparing the run's hash with another's came to: "twice the same".
	Note string
}

// where is what there is to open.
func (k Kept) where() string { return cmp.Or(k.Report, k.Dir) }

// Run tells of one run: what struck, what was claimed, what became of it, and how to look closer.
func (t *Terminal) Run(r *scenarios.Result, kept Kept) error {
	p := t.page()
	p.title(r.Scenario, r.Value, "seed "+r.Seed)
	p.prose(r.Summary)
	p.faults(r)
	p.claims(r)
	p.violations(r, kept.Told)
	p.verdict(r, kept.Note)
	p.kept(r, kept)
	return p.flush()
}

// Violation tells of one run of a sweep that went wrong, without what went well. What to type next comes at the
// end of the batch.
func (t *Terminal) Violation(r *scenarios.Result, kept Kept) error {
	p := t.page()
	p.title(r.Scenario, r.Value, "seed "+r.Seed)
	p.faults(r)
	p.violations(r, kept.Told)
	p.line("")
	if where := kept.where(); where != "" {
		p.line("%s", where)
		p.line("")
	}
	return p.flush()
}

// page is text in the making. It is written in one piece.
type page struct {
	*Terminal
	strings.Builder
	width int
}

func (t *Terminal) page() *page {
	width := t.Width
	if width <= 0 {
		width = 80
	}
	return &page{Terminal: t, width: width}
}

func (p *page) flush() error {
	_, err := io.WriteString(p.Out, p.String())
	return err
}

func (p *page) line(format string, args ...any) {
	text := format
	if len(args) > 0 {
		text = fmt.Sprintf(format, args...)
	}
	p.WriteString(strings.TrimRight(text, " ") + "\n")
}

// title names the scenario at the left and what tells this run from others at the right.
func (p *page) title(scenario, value, run string) {
	head := scenario
	if value != "" {
		head += " · " + value
	}
	gap := strings.Repeat(" ", max(2, p.width-runes(head)-runes(run)))
	p.line("%s%s%s", p.Ink.bold(head), gap, p.Ink.soft(run))
}

// prose is a paragraph after an empty line.
func (p *page) prose(text string) {
	if text == "" {
		return
	}
	p.line("")
	for _, line := range wrap(text, p.width) {
		p.line("%s", p.Ink.soft(line))
	}
}

// hang writes text beginning at the column where the line already is, and goes on below at the same column.
func (p *page) hang(lead string, column int, text string) {
	lines := wrap(text, max(20, p.width-column))
	if len(lines) == 0 {
		p.line("%s", lead)
		return
	}
	p.line("%s%s", lead, lines[0])
	for _, line := range lines[1:] {
		p.line("%s%s", strings.Repeat(" ", column), line)
	}
}

// verdict is the run in one sentence, and what it took.
func (p *page) verdict(r *scenarios.Result, note string) {
	p.line("")
	sentence := ""
	switch r.Judge() {
	case scenarios.Holds:
		sentence = p.Ink.good(r.Scenario + " holds")
	case scenarios.Violated:
		sentence = p.Ink.bad(r.Scenario + " is violated" + broken(r))
	case scenarios.Unknown:
		sentence = p.Ink.open(r.Scenario + " is unknown: a checker ran out of its budget")
	case scenarios.Diverged:
		sentence = p.Ink.bad(r.Scenario + " diverged: the same seed took another course")
	}
	p.line("%s", sentence)
	took := Span(r.SimulatedSeconds) + " simulated"
	if r.Measured != nil {
		took += " in " + Span(r.Measured.WallSeconds)
	}
	p.line("%s", p.Ink.soft(strings.Join([]string{took, Counted(r.Nodes, "node"), Counted(r.Messages, "message"),
		Counted(r.Operations, "operation")}, " · ")))
	hash := "hash " + r.Hash
	if note != "" {
		hash += ", " + note
	}
	p.line("%s", p.Ink.soft(hash))
}

// broken is how many of the claims are: nothing where only a finding is to be told.
func broken(r *scenarios.Result) string {
	n := 0
	for _, c := range r.Claims {
		if c.Verdict == scenarios.Violated && c.Expect != scenarios.Violated {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return ": " + Count(n) + " of " + Counted(len(r.Claims), "claim")
}

// kept says where the run is and, where something is wrong with it, what to type next.
func (p *page) kept(r *scenarios.Result, kept Kept) {
	if where := kept.where(); where != "" {
		p.line("%s", where)
	}
	if r.Judge() == scenarios.Holds || kept.Run == "" {
		return
	}
	p.line("")
	p.line("  %s replay %s", p.Command, kept.Run)
	if r.Judge() == scenarios.Violated {
		p.line("  %s shrink %s", p.Command, kept.Run)
	}
	p.line("  %s plan %s", p.Command, kept.Run)
}
