package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/sim/luck"
)

// drawn is a fault with what of its line is needed for the order of a plan and for the swarm.
type drawn struct {
	Fault
	line   *faultLine
	order  int // of its line in the phase
	origin Origin
}

// faults draws the script, then the swarm, which has the script's outages to reckon with.
func (d *draw) faults() {
	first := map[string]string{} // the sentence of a line: the target of the first fault that came of it
	var all []drawn
	for i, p := range d.spec.doc.Phases {
		for order, f := range p.Faults {
			d.line(f, i, ByScript, order, func(x drawn) { all = append(all, x) }, first)
		}
	}
	d.waitFor(all, first) // as far as it is known; what waits for the swarm stays, for now
	for i, p := range d.spec.doc.Phases {
		if p.Swarm != nil {
			all = append(all, d.swarm(p, i, all, first)...)
		}
	}
	all = d.waitFor(all, first)
	slices.SortStableFunc(all, func(a, b drawn) int {
		return cmp.Or(a.Fault.Compare(&b.Fault), cmp.Compare(a.order, b.order))
	})
	d.plan.Faults = make([]Fault, len(all))
	for i := range all {
		d.plan.Faults[i] = all[i].Fault
		if d.outline != nil {
			d.outline.Faults = append(d.outline.Faults, all[i].origin)
		}
	}
}

// line draws the faults of one line, for each member of its target if it says so. A plan's line says itself
// who drew it.
func (d *draw) line(f *faultLine, phase int, by string, order int, emit func(drawn), first map[string]string) {
	if f.DrawnBy != "" {
		by = string(f.DrawnBy)
	}
	draw := func(target *selector, words, sentence string) {
		l := &series{faultLine: f, phase: phase, by: by, target: target, every: d.every(f, phase),
			name: d.unique(fmt.Sprintf("%s %s %s %s", d.plan.Phases[phase].Name, by, words, f.when()))}
		for nth, x := range d.edited(l, d.series(l)) {
			if len(x.Targets) == 0 || d.spec.noRestarts() && !withoutRestart(&x) {
				continue
			}
			if _, seen := first[sentence]; !seen {
				first[sentence] = x.Target
			}
			emit(drawn{x, f, order, Origin{l.stream(), nth}})
		}
	}
	if f.target.op != "each" {
		draw(&f.target, f.String(), f.String())
		return
	}
	for _, m := range f.target.whole().members(d.topology, f.verb.Takes) {
		one := string(f.verb.Verb) + " " + m
		draw(&selector{name: m}, one, one)
	}
}

// mostRepeats is how often one line of `every` strikes in one phase at most.
const mostRepeats = 10_000

// series is what a line gives in its phase: one fault, or as many as the phase has room for.
type series struct {
	*faultLine
	phase  int
	by     string
	target *selector     // one of its own for each member, if the line says so
	every  *nodes.Spread // how long it leaves off between two; nil if there is only one
	name   string        // of its luck
}

// series draws a line's faults.
func (d *draw) series(l *series) (faults []Fault) {
	p := &d.plan.Phases[l.phase]
	luck := d.stream("fault", l.name)
	if l.every == nil {
		x := d.fault(l, luck)
		if l.At != nil {
			x.At = p.From + part(luck, luckWhen).span(*l.At)
		} else {
			x.At, x.After, x.On = p.From, l.event, l.moment
			if !x.On.IsZero() {
				x.On.Hosts = l.watches.members(d.topology, Hosts)
			}
			l.await(&x, luck)
		}
		if x.At >= p.To {
			return nil // its time is past the end of this phase
		}
		return []Fault{x}
	}
	at := p.From
	for i := range uint64(mostRepeats) {
		each := part(luck, luckEach+i)
		if at += part(*each.Stream, luckWhen).length(*l.every); at >= p.To {
			break
		}
		x := d.fault(l, *each.Stream)
		x.At = at
		at += x.For
		faults = append(faults, x)
	}
	return faults
}

// await draws which occurrence a fault waits for.
func (l *series) await(x *Fault, luck luck.Stream) {
	x.Nth, x.Wait = 1, 0
	if l.Nth != nil {
		x.Nth = l.Nth.At(part(luck, luckCount).next())
	}
	if l.Wait != nil {
		x.Wait = part(luck, luckWhen).span(*l.Wait)
	}
}

// every is how long a line leaves off between two times: what it says or, of a kind of the swarm that says nothing,
// the tempo of the run.
func (d *draw) every(f *faultLine, phase int) *nodes.Spread {
	if !f.untimed {
		return f.Every
	}
	p := d.spec.doc.Phases[phase]
	return &nodes.Spread{Mean: max(p.Swarm.Tempo.At(d.one("tempo", p.Phase)), time.Microsecond)}
}

// fault draws what every fault of a line has: target, length and options.
func (d *draw) fault(l *series, luck luck.Stream) Fault {
	x := Fault{Phase: l.phase, Verb: l.verb.Verb, DrawnBy: l.by}
	if l.options != nil {
		x.Options = l.options.draw(part(luck, luckOptions))
	}
	if l.For != nil {
		x.For = part(luck, luckLength).length(*l.For)
	}
	target := l.target
	if target.or != nil {
		target = target.or[part(luck, luckOr).Below(len(target.or))]
	}
	x.Targets = d.inhabited(&x, d.targets(l.faultLine, target, part(luck, luckTarget), &x.Options))
	x.Target = TargetText(x.Targets)
	if o, ok := l.options.(*buggify); ok {
		x.Options.Points = o.Points.draw(part(luck, luckPoints), d.topology.pointsOf(x.Targets))
	}
	return x
}

// inhabited are the targets at which anybody is, where sites are drawn. Of several parts of a network there must be
// two, and of a partition nobody is in two.
func (d *draw) inhabited(f *Fault, targets []Target) []Target {
	takes := f.Verb.Info().Takes
	if takes == Suppliers || !d.spec.roams() {
		return targets
	}
	var left []Target
	in := map[string]bool{}
	for _, t := range targets {
		if f.Options.Shape == Groups && slices.ContainsFunc(t.Hosts, func(h string) bool { return in[h] }) {
			t = Group(slices.DeleteFunc(slices.Clone(t.Hosts), func(h string) bool { return in[h] }))
		}
		for _, h := range t.Hosts {
			in[h] = true
		}
		if len(t.Hosts) > 0 {
			left = append(left, t)
		}
	}
	if takes == Traffic && len(targets) > 1 && len(left) < 2 {
		return nil
	}
	return left
}

// targets draws whom a fault strikes. A partition needs parts.
func (d *draw) targets(f *faultLine, target *selector, src source, o *Options) []Target {
	if f.verb.Verb != Partition && f.verb.Verb != Flap {
		return target.draw(src, d.topology, f.verb.Takes)
	}
	switch {
	case o.Shape == Ring && target.items == nil:
		return d.topology.singly(shuffle(src, target.members(d.topology, Traffic)), Traffic)
	case o.Shape == Bridge && target.items == nil:
		mixed := shuffle(src, target.members(d.topology, Traffic))
		if len(mixed) < 3 {
			return nil
		}
		mixed = mixed[1:] // the first is the bridge
		half := (len(mixed) + 1) / 2
		return []Target{d.part(mixed[:half]), d.part(mixed[half:])}
	case target.op == "random" && target.of == nil:
		mixed := shuffle(src, d.topology.all)
		return []Target{d.part(mixed[:1+src.Below(max(1, len(mixed)-1))])}
	default:
		return target.draw(src, d.topology, Traffic)
	}
}

// part is a group of hosts, in their order.
func (d *draw) part(hosts []string) Target { return Group(union(d.topology.all, [][]string{hosts})) }

// waitFor puts the concrete target of what a fault waits for in the place of the words of its line. What
// waits for a line that drew nothing never comes, and is left out.
func (d *draw) waitFor(all []drawn, first map[string]string) []drawn {
	kept := all[:0:0]
	for i := range all {
		x := &all[i]
		if x.line.event.Verb != "" {
			target, ok := first[x.line.event.Sentence()]
			if !ok {
				continue
			}
			x.After.Target = target
		}
		kept = append(kept, *x)
	}
	return kept
}
