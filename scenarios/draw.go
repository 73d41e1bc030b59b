package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"simrun/nodes"
	"simrun/scenarios/decode"
	"simrun/sim/luck"
)

// Draw makes the plan that a seed stands for. It is a pure function: the same scenario and seed give the same
// plan, whatever the order of keys in the file. Every range and choice is drawn once, from a stream that is
// named after the line it stands in, so that the draws of one line do not hang on another's being there.
//
// The luck of a plan's own file is its Seed; of a file that is a plan, seed is usually Spec.Seed.
func Draw(s *Spec, seed luck.Seed) *Plan {
	d := &draw{spec: s, seed: seed, names: map[string]int{}}
	p := &Plan{Scenario: s.Name, Summary: s.Summary, Value: s.Value, Seed: seed, point: s.point,
		Claims: s.Claims, NoRestarts: s.noRestarts(), probes: s.probes}
	d.plan = p
	d.topology = s.fixed
	if d.topology == nil {
		d.topology = s.populate(func(n *nodeSpec) stand {
			line := d.node(n)
			return stand{line, n.line.Count.At(d.one("count", n.name)), []string{line.Site}}
		})
	}
	p.Hosts = d.topology.hosts
	p.shape = d.topology
	d.world()
	d.phases()
	d.faults()
	return p
}

type draw struct {
	spec     *Spec
	seed     luck.Seed
	plan     *Plan
	topology *topology
	names    map[string]int // how many lines of that name there were, to tell apart those with the same words
}

// stream is the luck of the line of that name.
func (d *draw) stream(name ...string) luck.Stream {
	return d.seed.Stream(append([]string{"plan"}, name...)...)
}

// one is the single variate of that name.
func (d *draw) one(name ...string) uint64 {
	s := d.stream(name...)
	return s.Uint64()
}

// part is a stream for one part of a line, so that the parts do not hang on each other.
func part(s luck.Stream, i uint64) source {
	sub := s.Numbered(i)
	return source{&sub}
}

// The parts of a fault's luck.
const (
	luckWhen uint64 = iota
	luckTarget
	luckLength
	luckOptions
	luckCount
	luckEach             // and on: of each repetition
	luckOr     = 1 << 62 // which of several alternatives
	luckPoints = 1 << 63 // but not so far
)

// world draws what is open in sites and links.
func (d *draw) world() {
	for i := range d.spec.classes {
		d.plan.Classes = append(d.plan.Classes, d.class(&d.spec.classes[i]))
	}
	for i := range d.spec.sites {
		s := &d.spec.sites[i]
		ups := s.line.UPS
		d.plan.Sites = append(d.plan.Sites, Site{Name: s.name, Power: s.line.Power, Inside: d.inside(s),
			UPS: readable(ups, ups.At(d.one("ups", s.name)))})
	}
	for i := range d.spec.doc.Links {
		l := &d.spec.doc.Links[i]
		link := Link{Is: d.is(l)}
		for j := range l.Between {
			link.Between = append(link.Between, l.Between[j].name)
			link.Ends = append(link.Ends, l.Between[j].members(d.topology, Traffic))
		}
		d.plan.Links = append(d.plan.Links, link)
	}
}

// phases draws how long the phases are, what they mend and how much comes in them.
func (d *draw) phases() {
	shared := d.loads(d.spec.doc.Workload, "")
	d.plan.Workload = shared
	var at time.Duration
	for _, line := range d.spec.doc.Phases {
		length := source{ptr(d.stream("lasts", line.Phase))}.length(line.Lasts)
		p := Phase{Name: line.Phase, From: at, To: at + length, Heal: d.heal(line), stop: line.stop}
		switch {
		case line.stop:
		case line.loads != nil:
			p.Load, p.OwnLoad = d.loads(line.loads, line.Phase+" "), true
		default:
			p.Load = shared
		}
		d.plan.Phases = append(d.plan.Phases, p)
		at = p.To
	}
}

func ptr(s luck.Stream) *luck.Stream { return &s }

func (d *draw) loads(lines []*loadLine, prefix string) []Load {
	var loads []Load
	for _, l := range lines {
		name := d.unique(prefix + l.stream)
		load := Load{Stream: name, Operation: l.operation, Rate: l.Rate.At(d.one("rate", name)), Options: d.options(l, name)}
		if n := len(l.mixes); n > 0 {
			load.Mix = l.mixes[decode.Range[int]{Hi: n - 1}.At(d.one("mix", name))]
		}
		groups := make([][]string, len(l.From))
		for i := range l.From {
			load.Nodes = append(load.Nodes, l.From[i].String())
			groups[i] = l.From[i].members(d.topology, Hosts)
		}
		if load.From = union(d.topology.all, groups); len(load.From) > 0 {
			loads = append(loads, load)
		}
	}
	return loads
}

// unique tells a name from the same one before it, by a number.
func (d *draw) unique(name string) string {
	d.names[name]++
	if n := d.names[name]; n > 1 {
		return name + " #" + strconv.Itoa(n)
	}
	return name
}

// heal draws whom the beginning of a phase mends.
func (d *draw) heal(line *phaseLine) Heal {
	s := &line.Heal
	src := source{ptr(d.stream("heal", line.Phase))}
	switch {
	case s.at == nil:
		return Heal{}
	case s.op == "all":
		return Heal{All: true}
	case s.name == "core":
		return Heal{Hosts: d.core(line)}
	default:
		var groups [][]string
		for _, t := range s.draw(src, d.topology, Hosts) {
			groups = append(groups, t.Hosts)
		}
		return Heal{Hosts: union(d.topology.all, groups)}
	}
}

// drawn is a fault with what of its line is needed for the order of a plan and for the swarm.
type drawn struct {
	Fault
	line  *faultLine
	order int // of its line in the phase
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
	}
}

// line draws the faults of one line, for each member of its target if it says so. A plan's line says itself
// who drew it.
func (d *draw) line(f *faultLine, phase int, by string, order int, emit func(drawn), first map[string]string) {
	if f.DrawnBy != "" {
		by = string(f.DrawnBy)
	}
	if f.target.op != "each" {
		name := d.unique(fmt.Sprintf("%s %s %s %s", d.plan.Phases[phase].Name, by, f, f.when()))
		d.repeat(f, &f.target, d.stream("fault", name), phase, by, order, f.String(), emit, first)
		return
	}
	for _, m := range f.target.whole().members(d.topology, f.verb.Takes) {
		one := &selector{name: m}
		name := d.unique(fmt.Sprintf("%s %s %s %s %s", d.plan.Phases[phase].Name, by, f.verb.Verb, m, f.when()))
		d.repeat(f, one, d.stream("fault", name), phase, by, order, string(f.verb.Verb)+" "+m, emit, first)
	}
}

// mostRepeats is how often one line of `every` strikes in one phase at most.
const mostRepeats = 10_000

// repeat draws a line's faults: one, or as many as the phase has room for.
func (d *draw) repeat(f *faultLine, target *selector, luck luck.Stream, phase int, by string, order int, sentence string,
	emit func(drawn), first map[string]string) {
	p := &d.plan.Phases[phase]
	every := d.every(f, phase)
	tell := func(x Fault) {
		if len(x.Targets) == 0 || d.spec.noRestarts() && !withoutRestart(&x) {
			return
		}
		if _, seen := first[sentence]; !seen {
			first[sentence] = x.Target
		}
		emit(drawn{x, f, order})
	}
	if every == nil {
		x := d.fault(f, target, luck, phase, by)
		switch {
		case f.At != nil:
			if x.At = p.From + part(luck, luckWhen).span(*f.At); x.At >= p.To {
				return // its time is past the end of this phase
			}
		default:
			x.At, x.After, x.On = p.From, f.event, f.moment
			x.Nth = 1
			if f.Nth != nil {
				x.Nth = f.Nth.At(part(luck, luckCount).next())
			}
			if f.Wait != nil {
				x.Wait = part(luck, luckWhen).span(*f.Wait)
			}
			if !x.On.IsZero() {
				x.On.Hosts = f.watches.members(d.topology, Hosts)
			}
		}
		tell(x)
		return
	}
	at := p.From
	for i := range uint64(mostRepeats) {
		each := part(luck, luckEach+i)
		if at += part(*each.Stream, luckWhen).length(*every); at >= p.To {
			return
		}
		x := d.fault(f, target, *each.Stream, phase, by)
		x.At = at
		at += x.For
		tell(x)
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
func (d *draw) fault(f *faultLine, target *selector, luck luck.Stream, phase int, by string) Fault {
	x := Fault{Phase: phase, Verb: f.verb.Verb, DrawnBy: by}
	if f.options != nil {
		x.Options = f.options.draw(part(luck, luckOptions))
	}
	if f.For != nil {
		x.For = part(luck, luckLength).length(*f.For)
	}
	if target.or != nil {
		target = target.or[part(luck, luckOr).Below(len(target.or))]
	}
	x.Targets = d.inhabited(&x, d.targets(f, target, part(luck, luckTarget), &x.Options))
	x.Target = TargetText(x.Targets)
	if o, ok := f.options.(*buggify); ok {
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
