package scenarios

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/scenarios/decode"
)

// mostFaults is how many lines of faults a scenario may have.
const mostFaults = 20_000

// readPhases holds the phases to what they mean: names, healing, workload, and what strikes in them.
func (r *reader) readPhases() {
	if n := len(r.spec.faultLines()); n > mostFaults {
		r.Fail(r.root.Field("phases"), "phases", "these are %d faults; a scenario has %d at most", n, mostFaults)
		r.spec.doc.Phases = nil
		return
	}
	first := map[string]*decode.Node{}
	left := nodes.Longest
	for _, p := range r.spec.doc.Phases {
		if left -= p.Lasts.Max(); left < 0 {
			r.Fail(p.at.Field("lasts"), p.path+".lasts", "with this phase the run is longer than %s", nodes.Short(nodes.Longest))
			left = nodes.Longest
		}
		if at := p.at.Field("phase"); at != nil && p.Phase != "" {
			if before := first[p.Phase]; before != nil {
				r.Fail(at, p.path+".phase", "there are two phases %q; the other is in line %d", p.Phase, before.Line)
			}
			first[p.Phase] = at
		}
		r.readHeal(p)
		r.readPhaseLoad(p)
		for _, f := range p.Faults {
			r.readFault(f, p)
		}
		if p.Swarm != nil {
			r.readSwarm(p.Swarm, p)
		}
	}
	r.readEvents()
}

func (r *reader) readHeal(p *phaseLine) {
	s := &p.Heal
	switch {
	case s.at == nil || s.op == "all":
	case s.name == "core":
		if len(r.spec.most.byName[string(nodes.Server)+"s"]) == 0 {
			r.Fail(s.at, s.path, "no node here is a server, so there is no core")
		}
	case s.has("each") || s.has("leader"):
		r.Fail(s.at, s.path, "heal takes all, core, or names of nodes and sites")
	default:
		r.resolve(s, Hosts)
	}
}

func (r *reader) readPhaseLoad(p *phaseLine) {
	n := p.Workload.Node
	switch {
	case n == nil:
	case n.Kind == decode.Scalar && n.Text == "stop":
		p.stop = true
	case n.Kind == decode.List:
		if r.Value(n, p.Workload.path, &p.loads, decode.Rules{}) {
			for _, l := range p.loads {
				r.readLoad(l)
			}
		}
	default:
		r.Hint(n, p.Workload.path, "write stop, or a list of lines", "this is no workload of a phase")
	}
}

// readFault looks at a line of the script.
func (r *reader) readFault(f *faultLine, p *phaseLine) {
	if r.readTarget(f); f.untimed {
		r.Fail(f.at, f.path, "a fault needs one of at, every, after and on, to say when it strikes")
	}
	if f.At != nil && !f.broken && p.Lasts.Max() > 0 && earliest(*f.At) >= p.Lasts.Max() {
		r.Fail(f.at.Field("at"), f.path+".at", "the phase is over by then: it lasts %s", p.Lasts)
	}
}

func earliest(s nodes.Spread) time.Duration {
	switch {
	case len(s.Choices) > 0:
		return slices.Min(s.Choices)
	case s.Mean > 0:
		return 0
	default:
		return s.Lo
	}
}

// readTarget looks up whom a fault strikes and what it waits for.
func (r *reader) readTarget(f *faultLine) {
	if f.verb == nil || f.target.at == nil {
		return
	}
	if r.resolve(&f.target, f.verb.Takes) && !f.broken {
		for _, s := range f.target.alternatives() {
			r.readShape(f, s)
		}
		r.readPoints(f)
	} else {
		f.broken = true
	}
	if f.watches != nil && r.resolve(f.watches, Hosts) {
		r.readMomentName(f)
	}
}

// readShape holds a partition to parts that can be divided.
func (r *reader) readShape(f *faultLine, s *selector) {
	nested := slices.ContainsFunc(s.items, func(i *selector) bool { return i.items != nil })
	if nested && f.verb.Takes != Traffic {
		r.Fail(s.at, s.path, "groups of groups are for network faults; write one list")
		return
	}
	shapes := f.shapes()
	if shapes == nil {
		return
	}
	t := r.least()
	for _, shape := range shapes {
		switch {
		case shape == Ring && len(s.items) == 0 && len(s.members(t, Traffic)) < 4 || shape == Ring && len(s.items) > 0 && len(s.items) < 4:
			r.Fail(s.at, s.path, "a ring of fewer than 4 divides nobody")
		case shape == Bridge && len(s.items) > 0 && len(s.items) != 2:
			r.Fail(s.at, s.path, "a bridge is between two parts")
		case shape == Bridge && len(s.items) == 0 && len(s.members(t, Traffic)) < 3:
			r.Fail(s.at, s.path, "a bridge needs three: two that it parts and one between them")
		case s.op == "all" && len(s.items) == 0 && (shape == Groups || shape == Isolate):
			r.Fail(s.at, s.path, "there is nobody left to be parted from")
		case len(s.items) > 1 && shape == Groups && r.overlap(s):
			return
		}
	}
}

// shapes are those that a partition may take; nil for another verb.
func (f *faultLine) shapes() []Shape {
	var shape decode.Choice[Shape]
	switch o := f.options.(type) {
	case *partition:
		shape = o.Shape
	case *flap:
		shape = o.Shape
	default:
		return nil
	}
	if shape.IsZero() {
		return []Shape{Groups}
	}
	return shape.Of
}

// overlap complains of a host that is on both sides of a partition. Who a leader is, and whether it is on the other side as
// well, is seen when the fault strikes.
func (r *reader) overlap(s *selector) bool {
	if s.random() || s.has("leader") {
		return false
	}
	in := map[string]string{}
	for _, item := range s.items {
		for _, h := range item.members(r.least(), Traffic) {
			if other, twice := in[h]; twice {
				r.Fail(item.at, item.path, "%s is in %s and in %s, and cannot be parted from itself", h, other, item)
				return true
			}
			in[h] = item.String()
		}
	}
	return false
}

// onDisk are the moments that every host has, besides the notes of its node.
var onDisk = []string{"sync-begin", "sync-end", "rename"}

func (r *reader) readMomentName(f *faultLine) {
	t := r.spec.most
	f.moment.Hosts = f.watches.members(t, Hosts)
	notes := slices.Clone(onDisk)
	for _, h := range f.moment.Hosts {
		notes = append(notes, t.hosts[t.index[h]].Kind.Notes...)
	}
	slices.Sort(notes)
	if notes = slices.Compact(notes); !slices.Contains(notes, f.moment.Name) {
		near := decode.Nearest(f.moment.Name, notes)
		hint := "one of: " + strings.Join(notes, ", ")
		if near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		r.Hint(f.watches.at, f.watches.path, hint, "%s has no moment %q", f.moment.Node, f.moment.Name)
	}
}

func (r *reader) readSwarm(s *swarmLine, p *phaseLine) {
	path := p.path + ".swarm"
	at := p.at.Field("swarm")
	families := s.families()
	if n := at.Field("families"); n != nil && s.Families.Max() > len(families) && len(families) > 0 {
		r.Hint(n, path+".families", "these are of: "+strings.Join(families, ", "), "%s families of %d cannot be there", s.Families, len(families))
	}
	if n := at.Field("enable"); n != nil && s.Enable.Max() > len(s.Kinds) && len(s.Kinds) > 0 {
		r.Fail(n, path+".enable", "%s of %d kinds cannot be enabled", s.Enable, len(s.Kinds))
	}
	if k := s.KeepUp; k != nil && k.Of.at != nil {
		switch {
		case k.Of.random() || k.Of.has("leader"):
			r.Fail(k.Of.at, k.Of.path, "keep-up is for hosts that have a name")
		case r.resolve(&k.Of, Hosts):
			if n := len(k.Of.members(r.least(), Hosts)); k.AtLeast.Max() > n {
				r.Fail(at.Field("keep-up").Field("at-least"), path+".keep-up.at-least",
					"%s of %s can never be up: there is only %d", k.AtLeast, k.Of.String(), n)
			}
		}
	}
	for _, f := range s.Kinds {
		switch {
		case f.untimed && at.Field("tempo") == nil:
			r.Fail(f.at, f.path, "a kind of the swarm needs every, or the swarm a tempo, to say how often it strikes")
		case f.untimed:
			f.mustEnd(r.Decoder)
		}
		if f.verb != nil && f.Every == nil && (f.At != nil || f.After != "" || f.On != "") {
			r.Fail(f.at, f.path, "a kind of the swarm comes every so often; what waits for a time or an event belongs into faults")
		}
		r.readTarget(f)
	}
}

// readEvents looks up what `after` waits for: some fault of the scenario.
func (r *reader) readEvents() {
	lines := r.spec.faultLines()
	if slices.ContainsFunc(lines, func(f *faultLine) bool { return f.verb == nil }) {
		return // what is waited for may be the one whose verb is misspelt
	}
	said := map[string][]*faultLine{}
	for _, f := range lines {
		for _, sentence := range r.spec.sentences(f) {
			said[sentence] = append(said[sentence], f)
		}
	}
	for _, f := range lines {
		if f.event.Heal && !slices.ContainsFunc(r.spec.doc.Phases, func(p *phaseLine) bool { return p.Heal.at != nil }) {
			r.Fail(f.at.Field("after"), f.path+".after", "no phase heals")
		}
		wanted := f.event.Sentence()
		if _, known := verbIndex[f.event.Verb]; known && f.event.Target != "" && said[wanted] == nil {
			hint := decode.Suggest(wanted, slices.Sorted(maps.Keys(said)))
			r.Hint(f.at.Field("after"), f.path+".after", hint, "no fault here is %q", wanted)
		}
	}
	r.readCircles(lines, said)
}

// faultLines are all faults of the scenario, in its order.
func (s *Spec) faultLines() []*faultLine {
	var all []*faultLine
	for _, p := range s.doc.Phases {
		all = append(all, p.Faults...)
		if p.Swarm != nil {
			all = append(all, p.Swarm.Kinds...)
		}
	}
	return all
}

// sentences are the verb and target of a line, for each member if it is `each`.
func (s *Spec) sentences(f *faultLine) []string {
	if f.verb == nil {
		return nil
	}
	if f.target.op != "each" {
		return []string{f.String()}
	}
	members := f.target.whole().members(s.most, f.verb.Takes)
	all := make([]string, len(members))
	for i, m := range members {
		all[i] = string(f.verb.Verb) + " " + m
	}
	return all
}

// readCircles complains of faults that wait for each other.
func (r *reader) readCircles(lines []*faultLine, said map[string][]*faultLine) {
	free := map[*faultLine]bool{} // can strike
	for changed := true; changed; {
		changed = false
		for _, f := range lines {
			those := said[f.event.Sentence()]
			if !free[f] && (len(those) == 0 || slices.ContainsFunc(those, func(g *faultLine) bool { return free[g] })) {
				free[f], changed = true, true
			}
		}
	}
	for _, f := range lines {
		if !free[f] {
			r.Fail(f.at.Field("after"), f.path+".after", "this never comes: the faults wait for each other")
		}
	}
}
