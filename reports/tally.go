package reports

import (
	"fmt"
	"strings"

	"simrun/scenarios"
	"simrun/scenarios/explore"
)

// mostFailures bounds how many runs of a batch a terminal names; its JSON has more.
const mostFailures = 8

// Batch tells of a sweep: each claim and each kind of fault by its counts, then the batch in one sentence.
// dir is where its runs are, if all of them were kept; runOf gives what to write after `replay` for a run that
// went wrong.
func (t *Terminal) Batch(b *explore.Batch, dir string, runOf func(explore.Failure) string) error {
	p := t.page()
	p.title(b.Scenario, "", seedsFrom(b))
	p.tally(b)
	p.kinds(b)
	p.conclusion(b)
	if dir != "" {
		p.line("%s", dir)
	}
	p.failures(b, runOf)
	return p.flush()
}

func seedsFrom(b *explore.Batch) string {
	if b.Seeds == 1 {
		return "seed " + b.Base
	}
	return Counted(b.Seeds, "seed") + " from " + b.Base
}

// tally is claims × counts. The values of a matrix are added up; those at which a claim is not as expected
// have a line of their own.
func (p *page) tally(b *explore.Batch) {
	rows := b.ByClaim()
	column := 0
	for _, c := range rows {
		column = max(column, runes(c.Claim))
	}
	p.line("")
	p.line("  %s%s", left("", column+2), p.Ink.soft(fmt.Sprintf("%9s %9s %9s", "held", "violated", "unknown")))
	for i := range rows {
		c := &rows[i]
		lead := "  " + p.tallyMark(c) + " " + left(c.Claim, column)
		switch {
		case c.Sometimes:
			p.line("%s  %s", lead, p.sighting(b, c))
		case c.Overall:
			p.hang(lead+"  ", column+6, overall(c))
		default:
			p.line("%s%s%s", lead, p.counts(c), remark(b, c))
		}
		for j := range b.Claims {
			if at := &b.Claims[j]; at.Claim == c.Claim && at.Value != "" && !c.AsExpected() && !at.AsExpected() {
				p.line("    %s%s", left("  at "+clip(at.Value, column-5), column), p.counts(at))
			}
		}
	}
}

func (p *page) counts(c *explore.BatchClaim) string {
	violated := fmt.Sprintf("%9s", Count(c.Violated))
	if c.Violated > 0 && c.Expect == scenarios.Holds {
		violated = p.Ink.bad(violated)
	}
	return fmt.Sprintf("%9s %s %9s", Count(c.Holds), violated, Count(c.Unknown))
}

func (p *page) tallyMark(c *explore.BatchClaim) string {
	switch {
	case c.Sometimes && c.Holds > 0:
		return p.Ink.good("●")
	case c.Sometimes:
		return p.Ink.open("○")
	case c.Verdict == scenarios.Unknown:
		return p.Ink.open("?")
	case c.Verdict == scenarios.Holds:
		return p.Ink.good("✓")
	case c.Expect == scenarios.Violated:
		return p.Ink.open("✗")
	default:
		return p.Ink.bad("✗")
	}
}

// overall is what stands behind a claim that was judged over all runs at once.
func overall(c *explore.BatchClaim) string {
	text := c.Figure
	if c.Verdict != scenarios.Holds && c.Reason != "" {
		text = strings.TrimSuffix(c.Reason, ".")
	}
	if c.Expect == scenarios.Violated && c.Verdict == scenarios.Violated {
		text += " (as expected)"
	}
	return text
}

func (p *page) sighting(b *explore.Batch, c *explore.BatchClaim) string {
	switch {
	case c.Holds > 0:
		return fmt.Sprintf("%7s seen, first in %s", Count(c.Holds), c.First)
	case b.Seeds < scenarios.Smallest:
		return p.Ink.soft("not in these runs")
	default:
		return p.Ink.open("never seen: this storm proves nothing about it")
	}
}

// remark is what the counts of a claim alone do not say.
func remark(b *explore.Batch, c *explore.BatchClaim) string {
	switch {
	case c.Expect == scenarios.Violated && c.Violated > 0:
		return "  as expected"
	case c.AsExpected():
		return ""
	case c.Exhausted > 0 && c.Violated == 0:
		return "  out of budget"
	case c.Verdict != scenarios.Violated && b.Seeds < scenarios.Smallest:
		return "  not in these runs"
	case c.Expect == scenarios.Violated:
		return "  expected, never seen"
	case c.Verdict == scenarios.Unknown:
		return "  decided by no run"
	default:
		return ""
	}
}

// kinds is fault kinds × (armed, fired, with an effect).
func (p *page) kinds(b *explore.Batch) {
	if len(b.Faults) == 0 {
		return
	}
	column := 0
	for _, f := range b.Faults {
		column = max(column, runes(f.Verb))
	}
	p.line("")
	p.line("  %s%s", left("", column), p.Ink.soft(fmt.Sprintf("%9s %9s %12s", "armed", "fired", "with effect")))
	for _, f := range b.Faults {
		note := ""
		if f.WithEffect == 0 {
			note = p.Ink.open("  never had an effect")
		}
		p.line("  %s%9s %9s %12s%s", left(f.Verb, column), Count(f.Armed), Count(f.Fired), Count(f.WithEffect), note)
	}
}

// conclusion is the batch in one sentence, and what it took.
func (p *page) conclusion(b *explore.Batch) {
	p.line("")
	switch b.Verdict {
	case scenarios.Holds:
		p.line("%s", p.Ink.good(b.Scenario+" holds in "+extent(b)))
	case scenarios.Violated:
		p.line("%s", p.Ink.bad(fmt.Sprintf("%s is violated in %s of %s", b.Scenario, Count(b.Verdicts[scenarios.Violated]),
			Counted(worlds(b), "run"))))
	case scenarios.Unknown:
		p.line("%s", p.Ink.open(b.Scenario+" is unknown: something was not decided in "+extent(b)))
	case scenarios.Diverged:
		p.line("%s", p.Ink.bad(fmt.Sprintf("%s diverged in %s of %s", b.Scenario, Count(b.Verdicts[scenarios.Diverged]),
			Counted(worlds(b), "run"))))
	}
	took := Span(b.SimulatedSeconds) + " simulated"
	if m := b.Measured; m != nil {
		took += " in " + Span(m.WallSeconds) + " · " + Rate(m.SeedsPerSecond) + " seeds/s · " +
			Rate(m.SimulatedPerWall) + " × real time"
		if m.Replayed > 0 && b.Verdict != scenarios.Diverged {
			took += " · " + Counted(m.Replayed, "replay") + " identical"
		}
	}
	p.line("%s", p.Ink.soft(took))
}

// extent is how far the batch went: its seeds and, of a matrix, its values.
func extent(b *explore.Batch) string {
	if values := worlds(b) / max(b.Seeds, 1); values > 1 {
		return Counted(b.Seeds, "seed") + " at " + Counted(values, "value")
	}
	return Counted(b.Seeds, "seed")
}

// worlds is how many worlds the batch ran: its seeds, times the values of a matrix.
func worlds(b *explore.Batch) (n int) {
	for _, of := range b.Verdicts {
		n += of
	}
	return n
}

// failures names the runs that went wrong, as lines to paste.
func (p *page) failures(b *explore.Batch, runOf func(explore.Failure) string) {
	if len(b.Failures) == 0 {
		return
	}
	p.line("")
	for i, f := range b.Failures {
		if i == mostFailures {
			p.line("  %s", p.Ink.soft("… and "+Counted(len(b.Failures)-i, "more run")))
			return
		}
		run := runOf(f)
		p.line("  %s replay %s", p.Command, run)
		if i == 0 && f.Verdict == scenarios.Violated {
			p.line("  %s shrink %s", p.Command, run)
		}
		if i == 0 {
			p.line("  %s plan %s", p.Command, run)
		}
	}
}
