package scenarios

import (
	"fmt"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/scenarios/decode"
)

// YAML is the plan as a scenario file: it reads back as a Spec from which any seed draws this plan, but for
// the luck, which is the file's own `seed`. It names no other file, so it can be kept and committed.
func (p *Plan) YAML() []byte {
	w := &printer{plan: p}
	w.line("scenario: %s", p.Scenario)
	if p.Summary != "" {
		w.line("summary: %s", decode.Quote(p.Summary))
	}
	w.line("seed: %s", decode.Quote(FormatSeed(p.Seed)))
	if p.NoRestarts {
		w.line("restarts: no")
	}
	w.matrix()
	w.world()
	w.workload("workload:", "", p.Workload)
	w.phases()
	w.claims()
	return []byte(w.String())
}

type printer struct {
	strings.Builder
	plan *Plan
}

func (w *printer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// matrix keeps the point of the matrix, as a matrix of that one point. In a plan it says what was done already.
func (w *printer) matrix() {
	if w.plan.Value != "" {
		w.line("matrix: [%s]", decode.Flow(w.plan.point))
	}
}

func (w *printer) world() {
	p := w.plan
	if len(p.Classes) > 0 {
		w.line("\nlink-classes:")
	}
	for i := range p.Classes {
		c := &p.Classes[i]
		w.line("  %s: %s", c.Name, decode.Flow(decode.Encode(&classLine{c.Delay, c.Loss, c.Repeat, c.Bandwidth}, nil)))
	}
	w.line("\nsites:")
	for _, s := range p.Sites {
		w.line("  %s: %s", s.Name, decode.Flow(decode.Encode(&siteLine{s.Power, nodes.Exactly(s.UPS), s.Inside}, nil)))
	}
	if len(p.Links) > 0 {
		w.line("\nlinks:")
	}
	for _, l := range p.Links {
		w.line("  - {between: [%s], is: %s}", strings.Join(l.Between, ", "), l.Is)
	}
	w.line("\nnodes:")
	for i := 0; i < len(p.Hosts); {
		h, count := &p.Hosts[i], 0
		for i < len(p.Hosts) && p.Hosts[i].Node == h.Node {
			i, count = i+1, count+1
		}
		w.node(h, count)
	}
}

func (w *printer) node(h *Host, count int) {
	pairs := []decode.Pair{{Key: "run", Value: decode.Quote(h.Kind.Name)}, {Key: "site", Value: h.Site}}
	if h.Name != h.Node {
		pairs = append(pairs, decode.Pair{Key: "count", Value: fmt.Sprint(count)})
	}
	if h.Config != nil {
		if with := decode.Encode(h.Config, h.Kind.Config()); len(with) > 0 {
			pairs = append(pairs, decode.Pair{Key: "with", Value: decode.Flow(with)})
		}
	}
	if limits := decode.Encode(&h.Limits, nil); len(limits) > 0 {
		pairs = append(pairs, decode.Pair{Key: "limits", Value: decode.Flow(limits)})
	}
	if h.Restart != UsualRestart {
		pairs = append(pairs, decode.Pair{Key: "restart", Value: h.Restart.String()})
	}
	w.line("  %s: %s", h.Node, decode.Flow(pairs))
}

func (w *printer) workload(title, indent string, loads []Load) {
	if len(loads) == 0 {
		return
	}
	if indent == "" {
		title = "\n" + title
	}
	w.line("%s%s", indent, title)
	for i := range loads {
		l := &loads[i]
		pairs := []decode.Pair{{Key: "from", Value: "[" + strings.Join(l.Nodes, ", ") + "]"},
			{Key: "do", Value: decode.Quote(l.Operation.Name)}, {Key: "rate", Value: l.Rate.String()}}
		if len(l.Mix) > 0 {
			var mix []decode.Pair
			for _, s := range l.Mix {
				mix = append(mix, decode.Pair{Key: s.Variant, Value: s.Of.String()})
			}
			pairs = append(pairs, decode.Pair{Key: "mix", Value: decode.Flow(mix)})
		}
		if l.Options != nil {
			pairs = append(pairs, decode.Encode(l.Options, l.Operation.Options())...)
		}
		w.line("%s  - %s", indent, decode.Flow(pairs))
	}
}

func (w *printer) phases() {
	w.line("\nphases:")
	for i := range w.plan.Phases {
		p := &w.plan.Phases[i]
		w.line("  - phase: %s", p.Name)
		w.line("    lasts: %s", nodes.Short(p.To-p.From))
		switch {
		case p.Heal.All:
			w.line("    heal: all")
		case p.Heal.Any():
			w.line("    heal: [%s]", strings.Join(p.Heal.Hosts, ", "))
		}
		if p.stop {
			w.line("    workload: stop")
		} else if p.OwnLoad {
			w.workload("workload:", "    ", p.Load)
		}
		w.faults(i)
	}
}

func (w *printer) faults(phase int) {
	title := false
	for i := range w.plan.Faults {
		f := &w.plan.Faults[i]
		if f.Phase != phase {
			continue
		}
		if !title {
			w.line("    faults:")
			title = true
		}
		w.line("      - %s", decode.Flow(f.pairs(w.plan.Phases[phase].From)))
	}
}

// pairs is the fault as a line of its phase, which begins at start.
func (f *Fault) pairs(start time.Duration) []decode.Pair {
	var pairs []decode.Pair
	add := func(key, value string) { pairs = append(pairs, decode.Pair{Key: key, Value: value}) }
	switch {
	case !f.After.IsZero():
		add("after", decode.Quote(f.After.String()))
	case !f.On.IsZero():
		add("on", decode.Quote(f.On.String()))
	default:
		add("at", nodes.Short(f.At-start))
	}
	if f.Nth > 1 {
		add("nth", fmt.Sprint(f.Nth))
	}
	if f.Wait > 0 {
		add("wait", nodes.Short(f.Wait))
	}
	add(string(f.Verb), f.Target)
	if f.For > 0 {
		add("for", nodes.Short(f.For))
	}
	pairs = append(pairs, f.optionPairs()...)
	if f.DrawnBy != ByScript {
		add("drawn-by", f.DrawnBy)
	}
	return pairs
}

// String is the fault as a line of a scenario, with its time counted from the start of the run.
func (f *Fault) String() string { return decode.Flow(f.pairs(0)) }

// optionPairs are the options that the fault's verb reads.
func (f *Fault) optionPairs() []decode.Pair {
	info := f.Verb.Info()
	if info.options == nil {
		return nil
	}
	var pairs []decode.Pair
	for _, key := range decode.Keys(info.options()) {
		if value := f.Options.text(key, f.Verb); value != "" {
			pairs = append(pairs, decode.Pair{Key: key, Value: value})
		}
	}
	return pairs
}

// text is the option of that key as a scenario writes it; "" if it is as usual.
func (o *Options) text(key string, verb Verb) string {
	switch key {
	case "shape":
		return unless(o.Shape, Groups)
	case "direction":
		return unless(o.Direction, Both)
	case "delay":
		return o.Delay.String()
	case "rate":
		if (verb == FailSync || verb == FailRead) && o.Rate == nodes.PerMillion {
			return ""
		}
		if verb == Buggify && o.Rate == usualOdds {
			return ""
		}
		return o.Rate.String()
	case "by":
		if verb == DriftClock {
			return o.Drift.String()
		}
		return nodes.Short(o.By)
	case "bandwidth":
		return o.Bandwidth.String()
	case "limit":
		return string(o.Limit)
	case "down":
		return nodes.Short(o.Down)
	case "up":
		return nodes.Short(o.Up)
	case "points":
		return "[" + strings.Join(o.Points, ", ") + "]"
	case "sectors":
		return unless(fmt.Sprint(o.Sectors), "1")
	}
	panic("scenarios: no way to write the option " + key + " of " + string(verb))
}

func unless[T ~string](value, usual T) string {
	if value == usual {
		return ""
	}
	return string(value)
}

func (w *printer) claims() {
	if len(w.plan.Claims) == 0 {
		return
	}
	w.line("\nclaims:")
	for i := range w.plan.Claims {
		c := &w.plan.Claims[i]
		w.line("  - claim: %s", decode.Quote(c.Name))
		if c.Says != "" {
			w.line("    says: %s", decode.Quote(c.Says))
		}
		w.line("    check: %s", c.Text)
		if c.Expect != Holds {
			w.line("    expect: %s", c.Expect)
		}
	}
}
