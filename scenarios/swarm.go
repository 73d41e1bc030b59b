package scenarios

import (
	"cmp"
	"slices"
	"time"

	"simrun/nodes"
)

// swarm draws the weather of a phase: some of its kinds, each as often as it says. What would take too many of
// those down that are to be kept up is left out; so what one line draws can keep another's fault from coming,
// but never changes it.
func (d *draw) swarm(p *phaseLine, phase int, script []drawn, first map[string]string) []drawn {
	kinds := d.enabled(p)
	keep := d.keepers(p)
	var candidates []drawn
	for order, f := range kinds {
		if f == nil {
			continue
		}
		d.line(f, phase, BySwarm, len(p.Faults)+order, func(x drawn) {
			if p.Swarm.Restarts != nil && !*p.Swarm.Restarts {
				x.For = d.untilHealed(&x.Fault)
			}
			candidates = append(candidates, x)
		}, first)
	}
	if len(keep) == 0 {
		return candidates
	}
	slices.SortStableFunc(candidates, func(a, b drawn) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.order, b.order))
	})
	for _, x := range d.outages(script) {
		keep.take(x)
	}
	kept := candidates[:0]
	for _, x := range candidates {
		if out := d.outage(&x.Fault, x.At, x.At); keep.allow(out) {
			keep.take(out)
			kept = append(kept, x)
		}
	}
	return kept
}

// families are those of the swarm's kinds, in the order of the table of verbs.
func (s *swarmLine) families() (all []string) {
	for i := range verbs {
		family := verbs[i].Family
		if !slices.Contains(all, family) && slices.ContainsFunc(s.Kinds, func(f *faultLine) bool { return f.verb != nil && f.verb.Family == family }) {
			all = append(all, family)
		}
	}
	return all
}

// present are the kinds of the families that this run has; nil in the place of the others.
func (d *draw) present(p *phaseLine) []*faultLine {
	kinds := slices.Clone(p.Swarm.Kinds)
	if p.at.Field("swarm").Field("families") == nil {
		return kinds
	}
	rank := map[string]uint64{}
	families := p.Swarm.families()
	for _, f := range families {
		rank[f] = d.one("family", p.Phase, f)
	}
	slices.SortStableFunc(families, func(a, b string) int { return cmp.Compare(rank[a], rank[b]) })
	families = families[:min(p.Swarm.Families.At(d.one("families", p.Phase)), len(families))]
	for i, f := range kinds {
		if !slices.Contains(families, f.verb.Family) {
			kinds[i] = nil
		}
	}
	return kinds
}

// enabled are the kinds of the swarm that this run has; nil in the place of the others. Each line draws its own
// rank, and the lowest are enabled.
func (d *draw) enabled(p *phaseLine) []*faultLine {
	kinds := d.present(p)
	if p.at.Field("swarm").Field("enable") == nil {
		return kinds
	}
	n := p.Swarm.Enable.At(d.one("enable", p.Phase))
	type ranked struct {
		i    int
		rank uint64
	}
	var ranks []ranked
	for i, f := range p.Swarm.Kinds {
		name := d.unique("rank " + p.Phase + " " + f.String())
		if kinds[i] != nil {
			ranks = append(ranks, ranked{i, d.one(name)})
		}
	}
	slices.SortFunc(ranks, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	for _, r := range ranks[min(n, len(ranks)):] {
		kinds[r.i] = nil
	}
	return kinds
}

// untilHealed is how long what stops a process lasts where restarts are forbidden: until a phase heals all its
// hosts, else to the end of the run.
func (d *draw) untilHealed(f *Fault) time.Duration {
	switch f.Verb {
	case Crash, CrashMachine, CutPower, Stop:
	default:
		return f.For
	}
	return d.healed(f, f.At) - f.At
}

// healed is when a phase that begins after a time mends all that the fault struck.
func (d *draw) healed(f *Fault, after time.Duration) time.Duration {
	phases := d.plan.Phases
	for i := range phases {
		p := &phases[i]
		if p.From > after && (p.Heal.All || p.Heal.Any() && coveredBy(f, p.Heal.Hosts)) {
			return p.From
		}
	}
	return phases[len(phases)-1].To
}

func coveredBy(f *Fault, hosts []string) bool {
	for _, t := range f.Targets {
		for _, h := range t.Hosts {
			if !slices.Contains(hosts, h) {
				return false
			}
		}
	}
	return true
}

// outage is a time in which hosts serve nobody, or may not.
type outage struct {
	hosts    []string
	leaders  [][]string // one of each of these; who it is shows only when it strikes
	from, to time.Duration
}

// outage is what a fault takes away if it strikes at some time between from and to.
func (d *draw) outage(f *Fault, from, to time.Duration) outage {
	info := f.Verb.Info()
	if !info.Down {
		return outage{}
	}
	var out outage
	for _, t := range f.Targets {
		if t.Leader {
			out.leaders = append(out.leaders, t.Hosts)
		} else {
			out.hosts = append(out.hosts, t.Hosts...)
		}
	}
	out.from, out.to = from, d.ends(f, to)
	return out
}

// ends is when a fault that strikes at a time is over.
func (d *draw) ends(f *Fault, at time.Duration) time.Duration {
	end := d.healed(f, at)
	switch {
	case f.Verb == FailSync && d.neverBack(f): // who cannot sync may end, and then stays so
	case f.For > 0:
		end = min(end, at+f.For)
	case f.Verb == Crash || f.Verb == CrashMachine:
		longest := time.Duration(0)
		for _, t := range f.Targets {
			for _, h := range t.Hosts {
				r := d.topology.hosts[d.topology.index[h]].Restart
				if r.Never {
					return end
				}
				longest = max(longest, r.After)
			}
		}
		end = min(end, at+longest)
	}
	return end
}

// neverBack says whether a process that the fault may end is not started again before a phase heals it.
func (d *draw) neverBack(f *Fault) bool {
	return slices.ContainsFunc(f.Targets, func(t Target) bool {
		return slices.ContainsFunc(t.Hosts, func(h string) bool { return d.topology.hosts[d.topology.index[h]].Restart.Never })
	})
}

// span is when a fault may strike, at the earliest and at the latest.
type span struct{ from, to time.Duration }

// outages are those of the script. What waits for a moment may come at any time of its phase; what waits for
// another fault comes after that one, as far as it is known.
func (d *draw) outages(script []drawn) []outage {
	strikes := make([]span, len(script))
	known := make([]bool, len(script))
	for i := range script {
		f := &script[i].Fault
		if !f.Waits() {
			strikes[i], known[i] = span{f.At, f.At}, true
		} else if !f.On.IsZero() || f.After.Heal || f.Nth > 1 {
			strikes[i], known[i] = d.anyTime(f), true
		}
	}
	for changed := true; changed; {
		changed = false
		for i := range script {
			if !known[i] {
				known[i] = d.followed(&script[i].Fault, script, strikes, known, &strikes[i])
				changed = changed || known[i]
			}
		}
	}
	var all []outage
	for i := range script {
		if !known[i] {
			strikes[i] = d.anyTime(&script[i].Fault)
		}
		if out := d.outage(&script[i].Fault, strikes[i].from, strikes[i].to); out.to > out.from {
			all = append(all, out)
		}
	}
	return all
}

func (d *draw) anyTime(f *Fault) span {
	p := &d.plan.Phases[f.Phase]
	return span{p.From, p.To + f.Wait}
}

// followed reckons when a fault strikes that waits for others of which the times are known.
func (d *draw) followed(f *Fault, script []drawn, strikes []span, known []bool, into *span) bool {
	s, any := span{}, false
	for i := range script {
		x := &script[i].Fault
		if x.Verb != f.After.Verb || x.Target != f.After.Target {
			continue
		}
		if !known[i] {
			return false
		}
		from, to := strikes[i].from, strikes[i].to
		if f.After.Restore {
			from, to = d.ends(x, from), d.ends(x, to)
		}
		if !any || from < s.from {
			s.from = from
		}
		s.to, any = max(s.to, to), true
	}
	p := &d.plan.Phases[f.Phase]
	*into = span{max(s.from, p.From) + f.Wait, min(s.to, p.To) + f.Wait}
	return any
}

// keeper sees to it that enough hosts of a set are up.
//
// Invariant: at no time are more of them out than spare says, but for what the script takes.
type keeper struct {
	of    map[string]bool
	spare int // how many may be out at a time
	outs  []outage
}

// keepers are those of a phase: what its swarm is told to keep up and, where nobody that ends comes back, one host of
// each role of which nothing is said. Else there would soon be nobody left about whom anything could be claimed.
func (d *draw) keepers(p *phaseLine) (all keepers) {
	said := map[string]bool{}
	if up := p.Swarm.KeepUp; up != nil {
		k := newKeeper(up.Of.members(d.topology, Hosts), up.AtLeast.At(d.one("keep-up", p.Phase)))
		all, said = append(all, k), k.of
	}
	if !d.spec.noRestarts() {
		return all
	}
	for _, role := range roles {
		members := d.topology.byName[string(role)+"s"]
		if !slices.ContainsFunc(members, func(h string) bool { return said[h] }) {
			all = append(all, newKeeper(members, 1))
		}
	}
	return all
}

var roles = []nodes.Role{nodes.Server, nodes.Worker, nodes.Client}

func newKeeper(members []string, least int) *keeper {
	k := &keeper{of: make(map[string]bool, len(members)), spare: len(members) - least}
	for _, h := range members {
		k.of[h] = true
	}
	return k
}

// keepers are all that must agree.
type keepers []*keeper

func (all keepers) take(o outage) {
	for _, k := range all {
		k.take(o)
	}
}

func (all keepers) allow(o outage) bool {
	return !slices.ContainsFunc(all, func(k *keeper) bool { return !k.allows(o) })
}

func (k *keeper) take(o outage) {
	if k.concerns(o) {
		k.outs = append(k.outs, o)
	}
}

// concerns says whether an outage can touch any of the hosts that are to be kept up.
func (k *keeper) concerns(o outage) bool {
	return slices.ContainsFunc(o.hosts, func(h string) bool { return k.of[h] }) || slices.ContainsFunc(o.leaders, k.touches)
}

func (k *keeper) touches(hosts []string) bool {
	return slices.ContainsFunc(hosts, func(h string) bool { return k.of[h] })
}

// allows says whether enough would be up at all times of the outage. The number of those that are out grows
// only where an outage begins, so it is enough to look there.
func (k *keeper) allows(o outage) bool {
	if !k.concerns(o) {
		return true
	}
	if k.out(o, o.from) > k.spare {
		return false
	}
	for _, other := range k.outs {
		if other.from > o.from && other.from < o.to && k.out(o, other.from) > k.spare {
			return false
		}
	}
	return true
}

// out is how many would be out at a time, at the worst: a leader is none of those that are out already.
func (k *keeper) out(o outage, at time.Duration) int {
	gone := map[string]bool{}
	leaders := 0
	add := func(o outage) {
		for _, h := range o.hosts {
			if k.of[h] {
				gone[h] = true
			}
		}
		for _, hosts := range o.leaders {
			if k.touches(hosts) {
				leaders++
			}
		}
	}
	add(o)
	for _, other := range k.outs {
		if other.from <= at && at < other.to {
			add(other)
		}
	}
	return min(len(gone)+leaders, len(k.of))
}
