package explore

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"simrun/scenarios"
)

// Minimum is what a shrink came to.
type Minimum struct {
	Offence scenarios.Offence
	// From is the run that was shrunk: "thunderstorm@7f3a2c91d04be655".
	From string
	// Plan is the least plan that was found, with the luck that shows the offence. It has no other claim.
	Plan *scenarios.Plan
	// Run is the plan's run.
	Run *scenarios.Run
	// Shown is under how many of the Lucks that were tried the least plan shows it.
	Shown, Lucks int
	// Needed is a line for each of Plan.Faults.
	Needed []Need
	// Needless are the faults of the original run without which it is violated all the same.
	Needless []scenarios.Fault
	// Gone is what else of the original plan is not needed: "node worker/2", "link class lan".
	Gone []string
	// Runs is how many runs it took.
	Runs int
	// Least says that no further step makes it smaller; else the budget or the time ended first.
	Least bool
	// Calm says that no fault at all is needed. Then nothing but the faults was taken away.
	Calm bool
}

// Need is a fault of a minimum and what became of the plan without it: the offence was not shown in Held of the
// Of lucks that were tried.
type Need struct {
	Fault    scenarios.Fault
	Held, Of int
}

// File is the least plan as a scenario file, to be kept, with a comment that says what it shows, which run showed it first, and
// which faults it needs.
func (m *Minimum) File() []byte {
	var b bytes.Buffer
	say := func(format string, args ...any) { fmt.Fprintf(&b, strings.TrimRight("# "+format, " ")+"\n", args...) }
	say("%s.", m.Offence)
	say("")
	say("This is the least of %s that shows it; it does under %d of %d lucks.", m.From, m.Shown, m.Lucks)
	if m.Calm {
		say("It needs no fault at all.")
	} else {
		say("Of %s it needs:", counted(len(m.Needed)+len(m.Needless), "fault"))
	}
	for i := range m.Needed {
		n := &m.Needed[i]
		say("  %s", n.Fault.String())
		if n.Of > 0 {
			say("      without it, it held under %d of %d lucks", n.Held, n.Of)
		}
	}
	say("")
	say("Once that is mended this stays as a regression: it has to hold, and each of its faults to strike.")
	say("  simrun %s.yaml --lucks %d", m.Plan.Scenario, RegressionLucks)
	b.WriteString("\n")
	b.Write(m.Plan.YAML())
	return b.Bytes()
}

// gone is what one plan has and a lesser one has not, besides faults.
func gone(plan, lesser *scenarios.Plan) (all []string) {
	parts := func(p *scenarios.Plan) (names []string) {
		for i := range p.Hosts {
			names = append(names, "node "+p.Hosts[i].Name)
		}
		for i := range p.Sites {
			names = append(names, "site "+p.Sites[i].Name)
		}
		for i := range p.Classes {
			names = append(names, "link class "+p.Classes[i].Name)
		}
		for i := range p.Phases {
			names = append(names, "phase "+p.Phases[i].Name)
		}
		return names
	}
	left := parts(lesser)
	for _, name := range parts(plan) {
		if !slices.Contains(left, name) {
			all = append(all, name)
		}
	}
	return all
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// leastName is the name of the least plan of a scenario that shows the offence, or of the least of that.
func leastName(scenario string, o scenarios.Offence) string {
	what := o.Claim
	if what == "" {
		what = o.Anomaly
	}
	suffix := "-" + strings.Trim(notInNames.ReplaceAllString(strings.ToLower(what), "-"), "-")
	return strings.TrimSuffix(scenario, suffix) + suffix
}

// minimum is the result, with what each fault is needed for.
func (h *hunt) minimum() *Minimum {
	plan := h.kept.plan
	m := &Minimum{Offence: h.offence, From: h.Run.Plan.Scenario + "@" + scenarios.FormatSeed(h.Run.Plan.Seed), Plan: plan, Calm: h.calm}
	h.walk(h.asks(0, newLucky(plan)), func(_ ask, o outcomeOf) int {
		m.Lucks++
		if o.shows {
			m.Shown++
		}
		return 0
	})
	for i := range plan.Faults {
		without := *plan
		without.Faults = slices.Delete(slices.Clone(plan.Faults), i, i+1)
		need := Need{Fault: plan.Faults[i]}
		h.walk(h.asks(0, newLucky(&without)), func(_ ask, o outcomeOf) int {
			need.Of++
			if !o.shows {
				need.Held++
			}
			return 0
		})
		m.Needed = append(m.Needed, need)
	}
	for i, f := range h.Run.Plan.Faults {
		if !slices.Contains(h.kept.ids, i) {
			m.Needless = append(m.Needless, f)
		}
	}
	m.Gone = gone(h.Run.Plan, plan)
	m.Runs, m.Least = h.runs, h.least
	m.Run = plan.Run(scenarios.RunOptions{})
	return m
}
