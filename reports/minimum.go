package reports

import (
	"fmt"
	"strings"
	"time"

	"simrun/scenarios"
	"simrun/scenarios/explore"
)

// Regressions is where least plans are kept, so that they are run again after every change.
const Regressions = "scenarios/regressions"

// Minimum tells of the least plan that was found: what is wrong, which faults it needs, and which it does not.
// File is where the plan was kept, and saved where it was kept as a regression too; empty if it was not.
func (t *Terminal) Minimum(m *explore.Minimum, from *scenarios.Run, file, saved string) error {
	p := t.page()
	p.title(from.Plan.Scenario, from.Plan.Value, "seed "+from.Result.Seed)
	p.line("")
	p.hang(p.Ink.bad("✗ "), 2, m.Offence.String())
	p.needs(m)
	p.needless(m)
	if len(m.Gone) > 0 {
		p.line("")
		p.hang("Nor: ", 5, p.Ink.soft(strings.Join(m.Gone, ", ")))
	}
	p.line("")
	p.line("%s", p.Ink.bold(fmt.Sprintf("%s to %d, %s to %d, %s to %s", Counted(len(from.Plan.Faults), "fault"), len(m.Plan.Faults),
		Counted(len(from.Plan.Hosts), "node"), len(m.Plan.Hosts), spanOf(from.Plan.Length()), spanOf(m.Plan.Length()))))
	took := Counted(m.Runs, "run")
	if m.Lucks > 0 {
		took += fmt.Sprintf(" · shown under %d of %d", m.Shown, m.Lucks) + " lucks"
	}
	if !m.Least {
		took += "; they or the time ended before nothing smaller was left to try"
	}
	p.line("%s", p.Ink.soft(took))
	for _, kept := range []string{file, saved} {
		if kept != "" {
			p.line("%s", kept)
		}
	}
	p.line("")
	switch {
	case saved != "":
		p.line("  %s %s --lucks %d", p.Command, saved, explore.RegressionLucks)
	case file != "":
		p.line("  %s %s", p.Command, file)
		p.line("  %s replay %s", p.Command, file)
		p.line("  cp %s %s/%s.yaml", file, Regressions, m.Plan.Scenario)
	}
	return p.flush()
}

func spanOf(d time.Duration) string { return Span(d.Seconds()) }

// needs lists the faults that are left, by how often the claim held without them.
func (p *page) needs(m *explore.Minimum) {
	p.line("")
	if m.Calm {
		p.hang("  ", 2, "It needs no fault at all, so nothing but the faults was taken away.")
		return
	}
	p.line("Needed:")
	for i := range m.Needed {
		n := &m.Needed[i]
		p.hang("  ", 4, n.Fault.String())
		if n.Of == 0 {
			p.line("    %s", p.Ink.soft("not tried without it"))
		} else {
			p.line("    %s", p.Ink.soft(fmt.Sprintf("held in %d of %d without it", n.Held, n.Of)))
		}
	}
}

// needless lists the faults without which it is violated all the same.
func (p *page) needless(m *explore.Minimum) {
	if len(m.Needless) == 0 {
		return
	}
	p.line("")
	p.line("Not needed, violated without it:")
	for i := range m.Needless {
		if i == mostFaults {
			p.line("  %s", p.Ink.soft("… and "+Counted(len(m.Needless)-i, "more fault")))
			return
		}
		for _, line := range wrap(m.Needless[i].String(), p.width-2) {
			p.line("  %s", p.Ink.soft(line))
		}
	}
}
