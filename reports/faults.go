package reports

import (
	"cmp"
	"slices"
	"strings"

	"simrun/scenarios"
)

// mostFaults bounds how many faults a terminal lists; result.json has all of them.
const mostFaults = 16

// faults lists what struck, in the order of time: when, the verb, its target, how long, and what it did. What
// never struck is named in one sentence, since a fault that does nothing proves nothing.
func (p *page) faults(r *scenarios.Result) {
	var struck, missed []scenarios.FaultResult
	for _, f := range r.Faults {
		if f.Fired > 0 {
			struck = append(struck, f)
		} else {
			missed = append(missed, f)
		}
	}
	shown := foremost(struck)
	if len(struck)+len(missed) > 0 {
		p.line("")
	}
	if len(struck) > 0 {
		p.table(shown)
	}
	if n := len(struck) - len(shown); n > 0 {
		p.line("  %s", p.Ink.soft("… and "+Counted(n, "more fault")+" in result.json"))
	}
	if len(missed) > 0 {
		p.hang(p.Ink.soft("  never struck: "), 16, named(missed))
	}
}

// foremost picks those that the scenario itself wrote before those that chance added, and puts them in the
// order of time.
func foremost(struck []scenarios.FaultResult) []scenarios.FaultResult {
	shown := slices.Clone(struck)
	slices.SortStableFunc(shown, func(a, b scenarios.FaultResult) int {
		return cmp.Or(cmp.Compare(chance(a), chance(b)), cmp.Compare(a.At, b.At))
	})
	shown = shown[:min(len(shown), mostFaults)]
	slices.SortStableFunc(shown, func(a, b scenarios.FaultResult) int { return cmp.Compare(a.At, b.At) })
	return shown
}

func chance(f scenarios.FaultResult) int {
	if f.DrawnBy == "swarm" {
		return 1
	}
	return 0
}

func (p *page) table(faults []scenarios.FaultResult) {
	const cells = 5
	rows := make([][cells]string, len(faults))
	var width [cells]int
	for i, f := range faults {
		lasts := ""
		if f.For > 0 {
			lasts = "for " + Span(f.For)
		}
		rows[i] = [cells]string{At(f.At), f.Verb, clip(Target(f.Target), 34), lasts, effect(f)}
		for j, cell := range rows[i] {
			width[j] = max(width[j], runes(cell))
		}
	}
	for _, row := range rows {
		p.line("  %s  %s  %s  %s  %s", right(row[0], width[0]), p.Ink.bold(left(row[1], width[1])), left(row[2], width[2]),
			left(row[3], width[3]), row[4])
	}
}

// effect is the last cell of a fault: what it did, as a count of what its verb touches.
func effect(f scenarios.FaultResult) string {
	times := ""
	if f.Fired > 1 {
		times = ", fired " + Count(f.Fired) + " times"
	}
	if f.Effects == 0 {
		return "no effect" + times
	}
	return Counted(f.Effects, touched(f.Verb)) + times
}

// touched is the noun of what a verb's effects are counted in.
func touched(verb string) string {
	switch v := scenarios.Verb(verb); v {
	case scenarios.CutPower, scenarios.CrashMachine:
		return "machine"
	case scenarios.Crash, scenarios.Stop, scenarios.Start:
		return "process"
	case scenarios.Pause, scenarios.PauseMachine:
		return "late wake"
	case scenarios.SlowCPU:
		return "slow computation"
	case scenarios.ResetConnections:
		return "connection"
	case scenarios.Exhaust:
		return "refusal"
	case scenarios.Buggify:
		return "rarer way"
	}
	for _, v := range scenarios.Verbs() {
		if string(v.Verb) == verb {
			return map[string]string{"network": "packet", "clock": "clock reading", "disk": "disk operation"}[v.Family]
		}
	}
	return "effect"
}

// Target is whom a fault struck, for people: the parts of a network are told apart by bars.
func Target(target string) string {
	if !strings.HasPrefix(target, "[") {
		return target
	}
	parts := strings.Split(target[1:len(target)-1], ", ")
	depth := 0
	text := ""
	for i, part := range parts {
		switch {
		case i == 0:
		case depth == 0:
			text += " | "
		default:
			text += ", "
		}
		depth += strings.Count(part, "[") - strings.Count(part, "]")
		text += strings.Trim(part, "[]")
	}
	if strings.HasPrefix(target, "[[") && !strings.Contains(text, " | ") {
		text += " | the rest"
	}
	return text
}

// named lists faults by verb and target, each once.
func named(faults []scenarios.FaultResult) string {
	var names []string
	for _, f := range faults {
		if name := f.Verb + " " + Target(f.Target); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if n := len(names); n > 6 {
		names = append(names[:5], Count(n-5)+" more")
	}
	return strings.Join(names, ", ")
}

// Ledger is a fault of a plan and what it did, for people.
type Ledger struct {
	At, Verb, Target, For, DrawnBy, Effect string
	Idle                                   bool // it did nothing
}

// Ledgers are the faults of a run in the order of time; those that never struck come last.
func Ledgers(r *scenarios.Result) (all []Ledger) {
	faults := slices.Clone(r.Faults)
	slices.SortStableFunc(faults, func(a, b scenarios.FaultResult) int {
		return cmp.Or(cmp.Compare(min(b.Fired, 1), min(a.Fired, 1)), cmp.Compare(a.At, b.At))
	})
	for _, f := range faults {
		l := Ledger{At: At(f.At), Verb: f.Verb, Target: Target(f.Target), DrawnBy: f.DrawnBy, Effect: effect(f), Idle: f.Effects == 0}
		if f.For > 0 {
			l.For = Span(f.For)
		}
		if f.Fired == 0 {
			l.At, l.Effect = "", "never struck"
		}
		all = append(all, l)
	}
	return all
}
