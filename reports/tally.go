package reports

import (
	"fmt"
	"slices"
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
	p.title(b.Scenario, "", SeedsFrom(b))
	p.tally(b)
	p.kinds(b)
	p.unreached(b)
	p.guidance(b.Guidance)
	p.causes(b)
	p.conclusion(b)
	if dir != "" {
		p.line("%s", dir)
	}
	p.failures(b, runOf)
	return p.flush()
}

// SeedsFrom is how many seeds a batch has, and which is the first.
func SeedsFrom(b *explore.Batch) string {
	text := Counted(b.Seeds, "seed") + " from " + b.Base
	if b.Seeds == 1 && b.Shard == "" {
		text = "seed " + b.Base
	}
	if b.Shard != "" {
		text = "shard " + b.Shard + " · " + text
	}
	return text
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
			p.line("%s%s  %s", lead, p.counts(c), Remark(b, c))
		}
		for j := range b.Claims {
			if at := &b.Claims[j]; at.Claim == c.Claim && at.Expect == c.Expect && at.Value != "" && !c.AsExpected() && !at.AsExpected() {
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
	case b.Slight():
		return p.Ink.soft("not in these runs")
	default:
		return p.Ink.open("never seen: this storm proves nothing about it")
	}
}

// Remark is what the counts of a claim alone do not say.
func Remark(b *explore.Batch, c *explore.BatchClaim) string {
	switch {
	case c.Expect == scenarios.Violated && c.Violated > 0:
		return "as expected"
	case c.AsExpected():
		return ""
	case c.Exhausted > 0 && c.Violated == 0:
		return "out of budget"
	case c.Verdict != scenarios.Violated && b.Slight():
		return "not in these runs"
	case c.Expect == scenarios.Violated:
		return "expected, never seen"
	case c.Verdict == scenarios.Unknown:
		return "decided by no run"
	default:
		return ""
	}
}

// kinds is fault kinds × (armed, fired, with an effect) and, where something is violated, × what the runs came to
// in which one had an effect.
func (p *page) kinds(b *explore.Batch) {
	column := 0
	for _, f := range b.Faults {
		column = max(column, runes(f.Verb))
	}
	judged := b.Verdicts[scenarios.Violated] > 0
	if len(b.Faults) > 0 {
		heads := fmt.Sprintf("%9s %9s %12s", "armed", "fired", "with effect")
		if judged {
			heads += fmt.Sprintf(" %16s %9s", "runs that held", "violated")
		}
		p.line("")
		p.line("  %s%s", left("", column), p.Ink.soft(heads))
	}
	for _, f := range b.Faults {
		runs := ""
		if judged {
			runs = fmt.Sprintf(" %16s %9s", Count(f.Runs[scenarios.Holds]), Count(f.Runs[scenarios.Violated]))
		}
		p.line("  %s%9s %9s %12s%s", left(f.Verb, column), Count(f.Armed), Count(f.Fired), Count(f.WithEffect), runs)
	}
	if len(b.WithoutEffect) == 0 {
		return
	}
	text := "never had an effect: "
	if b.Slight() {
		text = "no effect in these runs: "
	}
	p.line("")
	p.hang("  "+p.Ink.open(text), 2+runes(text), strings.Join(b.WithoutEffect, ", "))
}

// mostProbes bounds how many probes a terminal names; the JSON has all.
const mostProbes = 12

// unreached is what no run has reached of the probes in nodes' code. A few runs say little of it.
func (p *page) unreached(b *explore.Batch) {
	never := b.NeverReached()
	if len(never) == 0 || b.Slight() {
		return
	}
	n := len(never)
	if n > mostProbes {
		never = append(never[:mostProbes], fmt.Sprintf("and %d more", n-mostProbes))
	}
	p.line("")
	lead := "never reached: "
	p.hang("  "+p.Ink.soft(lead), 2+runes(lead), fmt.Sprintf("%d of %d probes: ", n, len(b.Probes))+strings.Join(never, "; "))
}

// guidance is what a guided sweep came to, and what of it plans came to first that were not a seed's own.
func (p *page) guidance(g *explore.Guidance) {
	if g == nil {
		return
	}
	p.line("")
	lead := "guided: "
	p.hang("  "+p.Ink.soft(lead), 2+runes(lead), fmt.Sprintf("%s, %s; %s and %s with faults, of which variations were the first at %s and %s",
		Counted(g.Fresh, "fresh plan"), Counted(g.Varied, "variation"), Counted(g.Found.States, "state"), Counted(g.Found.Pairs, "pair"),
		Count(g.FoundVaried.States), Count(g.FoundVaried.Pairs)))
}

// causes is a row for each group of failures: what they show, and by which kinds of fault.
func (p *page) causes(b *explore.Batch) {
	if len(b.Groups) == 0 {
		return
	}
	column := 0
	for i := range b.Groups {
		column = min(max(column, runes(Shows(&b.Groups[i].Cause))), p.width/2)
	}
	const cells = 26 // the two that follow
	p.line("")
	p.line("  %s%s", left("", column+2), p.Ink.soft(fmt.Sprintf("%6s  %-16s  %s", "runs", "first", "it takes")))
	for i := range b.Groups {
		g := &b.Groups[i]
		p.hang(fmt.Sprintf("  %s %s%6s  %s  ", p.Ink.bad("✗"), left(clip(Shows(&g.Cause), column), column), Count(g.Runs), g.First),
			4+column+cells, Takes(&g.Cause))
	}
	if n := b.Unexplained(); n > 0 {
		p.line("  %s", p.Ink.soft(Counted(n, "more violated run")+" not looked into"))
	}
}

// Shows is what a failed run shows.
func Shows(c *explore.Cause) string {
	switch {
	case c.Claim == "" && c.Node == "":
		return c.Anomaly
	case c.Claim == "":
		return c.Anomaly + " of " + c.Node
	case c.Anomaly == "":
		return c.Claim
	}
	return c.Claim + ": " + c.Anomaly
}

// Takes is by which kinds of fault it does.
func Takes(c *explore.Cause) string {
	switch {
	case c.Unclear != "":
		return "? " + c.Unclear
	case len(c.Faults) == 0:
		return "no fault"
	}
	return strings.Join(c.Faults, ", ")
}

// conclusion is the batch in one sentence, and what it took.
func (p *page) conclusion(b *explore.Batch) {
	p.line("")
	sentence := b.Scenario + " " + BatchSentence(b)
	switch b.Verdict {
	case scenarios.Holds:
		p.line("%s", p.Ink.good(sentence))
	case scenarios.Unknown:
		p.line("%s", p.Ink.open(sentence))
	default:
		p.line("%s", p.Ink.bad(sentence))
	}
	took := Span(b.SimulatedSeconds) + " simulated"
	m := b.Measured
	if m == nil {
		p.line("%s", p.Ink.soft(took))
		return
	}
	p.line("%s", p.Ink.soft(took+" in "+Span(m.WallSeconds)+" · "+Rate(m.SeedsPerSecond)+" seeds/s · "+
		Rate(m.SimulatedPerWall)+" × real time · "+Rate(m.EventsPerSecond)+" events/s"))
	if m.Replayed == 0 || b.Verdict == scenarios.Diverged {
		return
	}
	replays := Counted(m.Replayed, "replay") + " identical"
	if m.Elsewhere > 0 {
		replays += ", " + Count(m.Elsewhere) + " in a second process"
	}
	p.line("%s", p.Ink.soft(replays))
}

// BatchSentence is what a batch came to, after the name of its scenario.
func BatchSentence(b *explore.Batch) string {
	switch b.Verdict {
	case scenarios.Holds:
		return "holds in " + extent(b)
	case scenarios.Unknown:
		return "is unknown: something was not decided in " + extent(b)
	case scenarios.Diverged:
		return fmt.Sprintf("diverged in %s of %s", Count(b.Verdicts[scenarios.Diverged]), Counted(worlds(b), "run"))
	default:
		return fmt.Sprintf("is violated in %s of %s", Count(b.Verdicts[scenarios.Violated]), Counted(worlds(b), "run"))
	}
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

// failures names the runs that went wrong, as lines to paste: first the first of each group.
func (p *page) failures(b *explore.Batch, runOf func(explore.Failure) string) {
	if len(b.Failures) == 0 {
		return
	}
	p.line("")
	for i, f := range foremostOf(b) {
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

func foremostOf(b *explore.Batch) []explore.Failure {
	leads := func(f explore.Failure) bool {
		return slices.ContainsFunc(b.Groups, func(g explore.Group) bool { return g.First == f.Seed && g.Value == f.Value })
	}
	var first, rest []explore.Failure
	for _, f := range b.Failures {
		if leads(f) {
			first = append(first, f)
		} else {
			rest = append(rest, f)
		}
	}
	return append(first, rest...)
}
