package explore

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/scenarios"
)

// draft is a plan that is being made smaller. It becomes a plan again by being written and read, so that
// whatever was found is a scenario file: what could not be read back is no candidate.
//
// Invariant: ids has, for each fault of the plan, its index in the plan that the shrink began with.
type draft struct {
	plan *scenarios.Plan
	ids  []int
	swap [2]string // copies of a node that take each other's place once it is written
}

// newDraft is the plan with no claim but the one that the offence is about. It is called after both, which keeps its runs
// apart from those of the scenario that it comes from.
func newDraft(p *scenarios.Plan, o scenarios.Offence) *draft {
	d := (&draft{plan: p}).clone()
	d.plan.Summary = fmt.Sprintf("The least of %s@%s that shows it: %s.", p.Scenario, scenarios.FormatSeed(p.Seed), o)
	d.plan.Scenario = leastName(p.Scenario, o)
	d.plan.Claims = slices.DeleteFunc(slices.Clone(p.Claims), func(c scenarios.Claim) bool { return c.Name != o.Claim })
	for i := range d.plan.Claims {
		d.plan.Claims[i].Expect = scenarios.Holds // it is to be mended, whatever was expected of the scenario
	}
	for i := range p.Faults {
		d.plan.Faults[i].DrawnBy = scenarios.ByScript // whoever drew it first, now it is written down
		d.ids = append(d.ids, i)
	}
	return d
}

// clone is a draft of its own, down to all that cuts change.
func (d *draft) clone() *draft {
	p := *d.plan
	p.Sites, p.Hosts, p.Faults = slices.Clone(p.Sites), slices.Clone(p.Hosts), slices.Clone(p.Faults)
	p.Classes, p.Links, p.Phases = slices.Clone(p.Classes), slices.Clone(p.Links), slices.Clone(p.Phases)
	p.Workload, p.Claims = slices.Clone(p.Workload), slices.Clone(p.Claims)
	for i := range p.Phases {
		p.Phases[i].Load = slices.Clone(p.Phases[i].Load)
	}
	return &draft{plan: &p, ids: slices.Clone(d.ids)}
}

// load writes the draft and reads it back, and counts what the loader warns of.
func (d *draft) load(catalog *scenarios.Catalog) (plan *scenarios.Plan, warnings int, err error) {
	d.sort()
	text := d.plan.YAML()
	if d.swap[0] != "" {
		text = copyName.ReplaceAllFunc(text, func(name []byte) []byte {
			switch string(name) {
			case d.swap[0]:
				return []byte(d.swap[1])
			case d.swap[1]:
				return []byte(d.swap[0])
			}
			return name
		})
	}
	sc, err := scenarios.ReadText("minimal.yaml", text, scenarios.ReadOptions{Catalog: *catalog})
	if err != nil {
		return nil, 0, err
	}
	plan = scenarios.Draw(sc.Specs[0], d.plan.Seed)
	if len(plan.Faults) != len(d.ids) {
		return nil, 0, fmt.Errorf("of %d faults %d are read back", len(d.ids), len(plan.Faults))
	}
	return plan, len(sc.Warnings), nil
}

// sort puts the faults into the order of a plan.
func (d *draft) sort() {
	order := make([]int, len(d.plan.Faults))
	for i := range order {
		order[i] = i
	}
	was, ids := d.plan.Faults, d.ids
	slices.SortStableFunc(order, func(i, j int) int {
		return was[i].Compare(&was[j])
	})
	faults, sorted := make([]scenarios.Fault, len(order)), make([]int, len(order))
	for i, from := range order {
		faults[i], sorted[i] = was[from], ids[from]
	}
	d.plan.Faults, d.ids = faults, sorted
}

func (d *draft) drop(i int) {
	d.plan.Faults = slices.Delete(d.plan.Faults, i, i+1)
	d.ids = slices.Delete(d.ids, i, i+1)
}

// dropping is the draft without those faults. What waited for one of them strikes instead when it last did.
func (d *draft) dropping(chunk []int, struck []scenarios.FaultResult) *draft {
	less := d.clone()
	said := map[string]bool{}
	for i := range d.plan.Faults {
		if f := &d.plan.Faults[i]; !slices.Contains(chunk, i) {
			said[string(f.Verb)+" "+f.Target] = true
		}
	}
	for i := len(d.plan.Faults) - 1; i >= 0; i-- {
		f := &less.plan.Faults[i]
		waits := !f.After.IsZero() && !f.After.Heal && !said[f.After.Sentence()]
		if slices.Contains(chunk, i) || waits && !less.unhook(i, struck) {
			less.drop(i)
		}
	}
	return less
}

// unhook makes a fault that waits strike at the time when it struck. It returns false if it never did.
func (d *draft) unhook(i int, struck []scenarios.FaultResult) bool {
	if i >= len(struck) || struck[i].Fired == 0 {
		return false
	}
	f := &d.plan.Faults[i]
	at := time.Duration(math.Round(struck[i].At * float64(time.Second)))
	for k := range d.plan.Phases {
		if p := &d.plan.Phases[k]; p.From <= at && at < p.To {
			f.Phase, f.At, f.After, f.On, f.Nth, f.Wait = k, at, scenarios.Event{}, scenarios.Moment{}, 0, 0
			return true
		}
	}
	return false
}

// shorten makes a phase last no longer than that; all that comes after it comes sooner.
func (d *draft) shorten(phase int, lasts time.Duration) {
	p := d.plan.Phases
	by := p[phase].To - p[phase].From - lasts
	p[phase].To -= by
	for i := phase + 1; i < len(p); i++ {
		p[i].From -= by
		p[i].To -= by
	}
	for i := range d.plan.Faults {
		if f := &d.plan.Faults[i]; f.Phase > phase {
			f.At -= by
		}
	}
}

// skip takes a phase without faults out.
func (d *draft) skip(phase int) {
	d.shorten(phase, 0)
	d.plan.Phases = slices.Delete(d.plan.Phases, phase, phase+1)
	for i := range d.plan.Faults {
		if f := &d.plan.Faults[i]; f.Phase > phase {
			f.Phase--
		}
	}
}

// without is the draft without some hosts: the last copies of a node or, with its name as well, all of it. It
// is nil where somebody would be left with nobody to talk to, and where those that a phase mends could not serve any more.
func (d *draft) without(names []string) *draft {
	less := d.clone()
	p := less.plan
	gone := map[string]bool{}
	for _, n := range names {
		gone[n] = true
	}
	p.Hosts = slices.DeleteFunc(p.Hosts, func(h scenarios.Host) bool { return gone[h.Name] })
	for i := range p.Hosts {
		config, ok := pruned(p.Hosts[i].Config, gone)
		if !ok {
			return nil
		}
		p.Hosts[i].Config = config
	}
	left := func(words []string) []string {
		return slices.DeleteFunc(slices.Clone(words), func(w string) bool { return gone[w] })
	}
	for i := range p.Links {
		p.Links[i].Between = left(p.Links[i].Between)
	}
	p.Links = slices.DeleteFunc(p.Links, func(l scenarios.Link) bool { return len(l.Between) < 2 })
	thin := func(loads []scenarios.Load) []scenarios.Load {
		for i := range loads {
			loads[i].Nodes = left(loads[i].Nodes)
		}
		return slices.DeleteFunc(loads, func(l scenarios.Load) bool { return len(l.Nodes) == 0 })
	}
	p.Workload = thin(p.Workload)
	for i := range p.Phases {
		if p.Phases[i].OwnLoad {
			p.Phases[i].Load = thin(p.Phases[i].Load)
		}
		mended := left(p.Phases[i].Heal.Hosts)
		if d.roles(mended) != d.roles(p.Phases[i].Heal.Hosts) {
			return nil
		}
		p.Phases[i].Heal.Hosts = mended
	}
	for i := len(p.Faults) - 1; i >= 0; i-- {
		if !spare(&p.Faults[i], left) || !less.hasPoints(&p.Faults[i]) {
			less.drop(i)
		}
	}
	return less
}

// roles is how many roles those hosts have among them.
func (d *draft) roles(hosts []string) int {
	roles := map[nodes.Role]bool{}
	for i := range d.plan.Hosts {
		if h := &d.plan.Hosts[i]; slices.Contains(hosts, h.Name) {
			roles[h.Kind.Role] = true
		}
	}
	return len(roles)
}

// spare leaves in a fault's targets only the hosts that are left. It returns false if there are none.
func spare(f *scenarios.Fault, left func([]string) []string) bool {
	if f.Verb.Info().Takes == scenarios.Suppliers {
		return true
	}
	var targets []scenarios.Target
	for _, t := range f.Targets {
		hosts := left(t.Hosts)
		switch {
		case len(hosts) == 0:
			continue
		case strings.HasPrefix(t.Name, "["):
			t = scenarios.Group(hosts)
		}
		t.Hosts = hosts
		targets = append(targets, t)
	}
	f.Targets, f.Target = targets, scenarios.TargetText(targets)
	return len(targets) > 0
}

// hasPoints leaves in a fault's points only those that the code of its targets has. It returns false if it had some and
// has none now.
func (d *draft) hasPoints(f *scenarios.Fault) bool {
	if len(f.Options.Points) == 0 {
		return true
	}
	f.Options.Points = slices.DeleteFunc(slices.Clone(f.Options.Points), func(point string) bool {
		return !slices.ContainsFunc(d.plan.Hosts, func(h scenarios.Host) bool {
			return slices.Contains(h.Kind.Points, point) &&
				slices.ContainsFunc(f.Targets, func(t scenarios.Target) bool { return slices.Contains(t.Hosts, h.Name) })
		})
	})
	return len(f.Options.Points) > 0
}

// pruned is the configuration without those nodes in its lists; false if a list would be empty then.
func pruned(config any, gone map[string]bool) (any, bool) {
	if config == nil || reflect.ValueOf(config).Elem().Kind() != reflect.Struct {
		return config, true
	}
	to := reflect.New(reflect.TypeOf(config).Elem())
	to.Elem().Set(reflect.ValueOf(config).Elem())
	ok := prune(to.Elem(), gone)
	return to.Interface(), ok
}

func prune(v reflect.Value, gone map[string]bool) bool {
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.Type() == reflect.TypeFor[[]nodes.NodeName]() && f.CanSet():
			names := slices.DeleteFunc(slices.Clone(f.Interface().([]nodes.NodeName)),
				func(n nodes.NodeName) bool { return gone[string(n)] })
			if len(names) == 0 && f.Len() > 0 {
				return false
			}
			f.Set(reflect.ValueOf(names))
		case f.Kind() == reflect.Struct:
			if !prune(f, gone) {
				return false
			}
		}
	}
	return true
}

// copyName matches NODE/NUMBER.
var copyName = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9_-]*/[0-9]+`)

var words = regexp.MustCompile(`[A-Za-z0-9_-]+`)

// claimedBy are the words of the claim.
func claimedBy(p *scenarios.Plan, o scenarios.Offence) map[string]bool {
	claimed := map[string]bool{}
	for _, c := range p.Claims {
		if c.Name == o.Claim {
			for _, w := range words.FindAllString(c.Text, -1) {
				claimed[w] = true
			}
		}
	}
	return claimed
}

// protectedBy are the names of the nodes that a claim of those words names, by themselves or by where they stand.
func protectedBy(p *scenarios.Plan, claimed map[string]bool) map[string]bool {
	protected := map[string]bool{}
	for i := range p.Hosts {
		if h := &p.Hosts[i]; claimed[h.Node] || claimed[h.Site] || h.Supplier != "" && claimed[h.Supplier] {
			protected[h.Node] = true
		}
	}
	return protected
}
