package scenarios

import (
	"strconv"
	"time"

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
	return d.do()
}

func (d *draw) do() *Plan {
	s := d.spec
	p := &Plan{Scenario: s.Name, Summary: s.Summary, Value: s.Value, Seed: d.seed, point: s.point,
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

	varied  *Variation // nil: all is drawn by seed
	swaps   map[string]luck.Seed
	outline *Outline
	seen    map[string]bool // lines of the outline
}

// stream is the luck of the line of that name.
func (d *draw) stream(name ...string) luck.Stream {
	return d.by(name).Stream(append([]string{"plan"}, name...)...)
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
