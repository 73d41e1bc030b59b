package page

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"simrun/reports"
	"simrun/scenarios"
	"simrun/scenarios/explore"
)

// Cell is a run of a sweep as a square of the grid.
type Cell struct {
	Seed, Value string
	Verdict     scenarios.Verdict
	Report      string // where its page is, from the sweep's; empty if it has none
}

// MostCells bounds the squares of a grid. How many there were is said.
const MostCells = 6000

// batch is what the page of a sweep tells.
type batch struct {
	Title, Scenario string
	Verdict, Class  string
	Facts           []string
	Measured        string
	Claims          []batchClaim
	Faults          []batchFault
	Idle            string
	Groups          []batchGroup
	Failures        []failure
	More            string
	Never           []string
	Probes          int
	Grid            grid
	Exports         []export
	Command, First  string
}

type batchClaim struct {
	Class, Sign, Says, Name string
	Held, Violated, Unknown string
	Remark                  string
}

type batchFault struct{ Verb, Armed, Fired, Effect, Held, Violated string }

type batchGroup struct{ Shows, Runs, First, Report, Takes string }

type failure struct {
	Seed, Value, Report, What, Class string
}

// grid is a square for each run, in the order of turns.
type grid struct {
	Height string
	Held   string // the squares of runs that held, as one path
	Cells  []square
	Note   string
	Seeds  []string
	Count  map[string]int
}

type square struct {
	X, Y, SignX, SignY, Class, Sign, Title, Report string
}

const (
	cellSize = 12.0
	cellStep = 14.0
	cellsRow = 80
)

// WriteBatch writes the page of a sweep. Cells are its runs in the order of turns; files lie beside it.
func WriteBatch(w io.Writer, b *explore.Batch, cells []Cell, all int, o Options) error {
	p := batch{Scenario: b.Scenario, Exports: exports(o.Files), Probes: len(b.Probes), Never: b.NeverReached()}
	p.Class, p.Verdict = string(b.Verdict), reports.BatchSentence(b)
	p.Title = b.Scenario + " " + p.Verdict
	p.Facts = []string{reports.SeedsFrom(b), reports.Span(b.SimulatedSeconds) + " simulated", reports.Counted(b.Messages, "message"),
		reports.Counted(b.Operations, "operation")}
	if b.Commit != "" {
		p.Facts = append(p.Facts, "commit "+b.Commit)
	}
	if m := b.Measured; m != nil {
		p.Measured = fmt.Sprintf("%s of wall time · %s seeds/s · %s × real time · %s events/s", reports.Span(m.WallSeconds), reports.Rate(m.SeedsPerSecond),
			reports.Rate(m.SimulatedPerWall), reports.Rate(m.EventsPerSecond))
	}
	report := map[[2]string]string{}
	for _, c := range cells {
		report[[2]string{c.Seed, c.Value}] = c.Report
	}
	p.claims(b)
	p.faults(b)
	for i := range b.Groups {
		g := &b.Groups[i]
		p.Groups = append(p.Groups, batchGroup{reports.Shows(&g.Cause), reports.Count(g.Runs), g.First, report[[2]string{g.First, g.Value}], reports.Takes(&g.Cause)})
	}
	for i, f := range b.Failures {
		if i == 100 {
			p.More = reports.Counted(len(b.Failures)-i, "more run") + " in batch.json"
			break
		}
		what := slices.Concat(f.Claims, f.Findings)
		p.Failures = append(p.Failures, failure{f.Seed, f.Value, report[[2]string{f.Seed, f.Value}], strings.Join(what, ", "), string(f.Verdict)})
	}
	if len(b.Failures) > 0 && o.Run != "" {
		p.Command, p.First = o.Command, o.Run
	}
	p.Grid = drawGrid(cells, all)
	return pages.ExecuteTemplate(w, "batch", &p)
}

// claims is a row for each claim, with the values of a matrix added up.
func (p *batch) claims(b *explore.Batch) {
	rows := b.ByClaim()
	for i := range rows {
		c := &rows[i]
		line := batchClaim{Says: c.Says, Name: c.Claim, Held: reports.Count(c.Holds), Violated: reports.Count(c.Violated), Unknown: reports.Count(c.Unknown),
			Remark: reports.Remark(b, c)}
		if c.Says == "" {
			line.Says = c.Claim
		}
		switch {
		case c.Sometimes && c.Holds > 0:
			line.Class, line.Sign, line.Remark, line.Violated, line.Unknown = "seen", "●", "seen, first in "+c.First, "", ""
		case c.Sometimes:
			line.Class, line.Sign, line.Remark, line.Violated, line.Unknown = "unseen", "○", "not seen", "", ""
		case c.Verdict == scenarios.Unknown:
			line.Class, line.Sign = "unknown", "?"
		case c.Verdict == scenarios.Holds:
			line.Class, line.Sign = "holds", "✓"
		case c.Expect == scenarios.Violated:
			line.Class, line.Sign = "expected", "✗"
		default:
			line.Class, line.Sign = "violated", "✗"
			if line.Remark == "" && c.First != "" {
				line.Remark = "first in " + c.First
			}
		}
		if c.Overall {
			line.Remark = c.Figure
		}
		p.Claims = append(p.Claims, line)
	}
}

func (p *batch) faults(b *explore.Batch) {
	for _, f := range b.Faults {
		p.Faults = append(p.Faults, batchFault{f.Verb, reports.Count(f.Armed), reports.Count(f.Fired), reports.Count(f.WithEffect),
			reports.Count(f.Runs[scenarios.Holds]), reports.Count(f.Runs[scenarios.Violated])})
	}
	p.Idle = strings.Join(b.WithoutEffect, ", ")
}

// drawGrid draws the runs in rows. Each verdict has a sign besides its colour; what held is one path, since it is most.
func drawGrid(cells []Cell, all int) grid {
	g := grid{Count: map[string]int{}}
	var held strings.Builder
	for i, c := range cells {
		x, y := 4+cellStep*float64(i%cellsRow), 4+cellStep*float64(i/cellsRow)
		g.Count[string(c.Verdict)]++
		g.Seeds = append(g.Seeds, strings.TrimSpace(c.Seed+" "+c.Value))
		if c.Verdict == scenarios.Holds && c.Report == "" {
			held.WriteString("M" + num(x) + " " + num(y) + "h12v12h-12z")
			continue
		}
		sign := map[scenarios.Verdict]string{scenarios.Violated: "✗", scenarios.Unknown: "?", scenarios.Diverged: "≠"}[c.Verdict]
		g.Cells = append(g.Cells, square{num(x), num(y), num(x + cellSize/2), num(y + cellSize - 2.5), "cell-" + string(c.Verdict), sign,
			strings.TrimSpace(c.Seed+" "+c.Value) + ": " + string(c.Verdict), c.Report})
	}
	g.Held = held.String()
	g.Height = num(8 + cellStep*float64((len(cells)+cellsRow-1)/cellsRow))
	if all > len(cells) {
		g.Note = fmt.Sprintf("%s of %s", reports.Count(len(cells)), reports.Counted(all, "run"))
	} else {
		g.Note = reports.Counted(all, "run")
	}
	return g
}
