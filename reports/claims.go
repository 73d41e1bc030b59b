package reports

import (
	"strings"

	"simrun/reports/recording"
	"simrun/scenarios"
)

// claims is a line per claim: a mark, its name, and its figure or why there is none.
func (p *page) claims(r *scenarios.Result) {
	if len(r.Claims) == 0 {
		return
	}
	p.line("")
	column := 0
	for _, c := range r.Claims {
		column = max(column, runes(c.Claim))
	}
	for i := range r.Claims {
		c := &r.Claims[i]
		lead := "  " + p.mark(r, c) + " " + left(c.Claim, column) + "  "
		p.hang(lead, 6+column, Figure(r, c))
	}
}

// mark is the verdict as one sign, which does without colour.
func (p *page) mark(r *scenarios.Result, c *scenarios.ClaimResult) string {
	switch {
	case r.Sees(c.Claim) && c.Verdict == scenarios.Holds:
		return p.Ink.good("●")
	case r.Sees(c.Claim):
		return p.Ink.open("○")
	case c.Verdict == scenarios.Holds:
		return p.Ink.good("✓")
	case c.Verdict == scenarios.Violated && c.Expect == scenarios.Violated:
		return p.Ink.open("✗")
	case c.Verdict == scenarios.Violated:
		return p.Ink.bad("✗")
	default:
		return p.Ink.open("?")
	}
}

// Figure is what stands behind the name of a claim.
func Figure(r *scenarios.Result, c *scenarios.ClaimResult) string {
	text := c.Figure
	if text == "" || c.Verdict == scenarios.Unknown {
		text = strings.TrimSuffix(c.Reason, ".")
	}
	note := ""
	switch {
	case r.Sees(c.Claim):
		if c.Verdict != scenarios.Holds && text == "" {
			note = "not in this run"
		}
	case c.Expect == scenarios.Violated && c.Verdict == scenarios.Violated:
		note = "violated, as expected"
	case c.Expect == scenarios.Violated && c.Verdict == scenarios.Holds:
		note = "held, though a weakness is expected here"
	case c.Verdict == scenarios.Unknown && text == "":
		note = "unknown"
	}
	if text == "" || note == "" {
		return text + note
	}
	return text + " (" + note + ")"
}

// violations tells the story of everything that should not have been; of the first, if the run was recorded, with what was said
// and what the disks were told.
func (p *page) violations(r *scenarios.Result, told *recording.Recording) {
	var slice *recording.Slice
	var tale []recording.Line
	if told != nil {
		if slice = told.Slice(); slice != nil {
			tale = told.Tale(slice)
		}
	}
	for i := range r.Claims {
		c := &r.Claims[i]
		if c.Verdict != scenarios.Violated || c.Expect == scenarios.Violated {
			continue
		}
		if slice == nil || slice.Claim == nil || slice.Claim.Claim != c.Claim {
			p.violation(c, c.Story)
			continue
		}
		p.violation(c, retold(tale))
		p.strip(told, slice, tale)
	}
	for i := range r.Findings {
		p.finding(&r.Findings[i])
		if slice != nil && i == 0 && slice.Finding != nil {
			p.strip(told, slice, tale)
		}
	}
	if r.Divergence != nil {
		p.divergence(r.Divergence)
	}
}

// retold is a tale as stories are written.
func retold(tale []recording.Line) (lines []string) {
	for _, l := range tale {
		if l.Plain {
			lines = append(lines, l.Text)
		} else {
			lines = append(lines, recording.Stamp(l.At)+"  "+l.Text)
		}
	}
	return lines
}

func (p *page) violation(c *scenarios.ClaimResult, story []string) {
	p.line("")
	p.line("%s", p.Ink.bad("✗ "+c.Claim+" is violated"))
	if c.Says != "" {
		p.hang("  ", 2, c.Says)
	}
	if c.Reason != "" {
		p.hang("  ", 2, c.Reason)
	}
	if len(story) > 0 {
		p.line("")
		p.story(story)
	}
}

// mostStory bounds what a terminal shows of one story; result.json has all of it.
const mostStory = 40

// story sets its lines so that the moments stand in a column of their own and long lines hang behind it.
func (p *page) story(lines []string) {
	column := 0
	for _, line := range lines {
		if at, _, ok := moment(line); ok {
			column = max(column, runes(at))
		}
	}
	for i, line := range lines {
		if i == mostStory {
			p.line("    … and %s in result.json", Counted(len(lines)-i, "line"))
			return
		}
		if i > 0 && line == lines[i-1] {
			continue
		}
		at, rest, ok := moment(line)
		if column == 0 || !ok && strings.TrimSpace(line) == "" {
			p.hang("    ", 4, line)
			continue
		}
		p.hang("    "+right(at, column)+"  ", 6+column, rest)
	}
}

// moment parts a line of a story into when and what. A line that does not begin with a time has no when.
func moment(line string) (at, rest string, ok bool) {
	line = strings.TrimSpace(line)
	at, rest, found := strings.Cut(line, "  ")
	if !found || at == "" || at[0] < '0' || at[0] > '9' {
		return "", line, false
	}
	return at, strings.TrimSpace(rest), true
}

// mostStack bounds how many lines of a stack a terminal shows.
const mostStack = 16

func (p *page) finding(f *scenarios.Finding) {
	p.line("")
	p.line("%s", p.Ink.bad("✗ "+f.Kind+" on "+f.Host+" at "+At(f.At)+", in task "+f.Task))
	if f.What != "" {
		p.hang("  ", 2, f.What)
	}
	if f.Stack == "" {
		return
	}
	p.line("")
	lines := strings.Split(strings.TrimSpace(f.Stack), "\n")
	for i, line := range lines {
		if i == mostStack {
			p.line("    … and %s in result.json", Counted(len(lines)-i, "line"))
			break
		}
		p.line("    %s", p.Ink.soft(clip(strings.ReplaceAll(line, "\t", "  "), p.width-4)))
	}
}

func (p *page) divergence(d *scenarios.Divergence) {
	p.line("")
	where := "✗ the two runs differ from step " + Count(d.Step) + " on, at " + At(d.At)
	if !d.Exact {
		where = "✗ the two runs differ at step " + Count(d.Step) + " or shortly before, at " + At(d.At)
	}
	p.line("%s", p.Ink.bad(where))
	p.hang("  was  ", 7, d.Was)
	p.hang("  is   ", 7, d.Is)
}
