package scenarios

import (
	"reflect"
	"slices"
	"strings"

	"simrun/nodes"
)

// topology is who is where: what selectors choose from. It is shared by all plans that have the same numbers
// of copies; nobody writes to it.
type topology struct {
	hosts     []Host
	all       []string            // their names
	suppliers []string            // sorted
	byName    map[string][]string // the hosts of a node, a copy, a site, a supplier, a role
	index     map[string]int      // of a host
}

// newTopology is the topology of hosts of which the nodes stand at those sites: at one of several, if it is not drawn yet.
func newTopology(sites []Site, hosts []Host, stands map[string][]string) *topology {
	t := &topology{hosts: hosts, byName: map[string][]string{}, index: map[string]int{}}
	supplier := map[string]string{}
	for _, s := range sites {
		t.byName[s.Name] = nil
		supplier[s.Name] = s.Power
		if s.Power != "" && !slices.Contains(t.suppliers, s.Power) {
			t.suppliers = append(t.suppliers, s.Power)
			t.byName[s.Power] = nil
		}
	}
	slices.Sort(t.suppliers)
	for i := range hosts {
		h := &hosts[i]
		t.all = append(t.all, h.Name)
		t.index[h.Name] = i
		names := []string{h.Name, string(h.Kind.Role) + "s"}
		if h.Node != h.Name {
			names = append(names, h.Node)
		}
		for _, site := range stands[h.Node] {
			if names = append(names, site); supplier[site] != "" {
				names = append(names, supplier[site])
			}
		}
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			t.byName[name] = append(t.byName[name], h.Name)
		}
	}
	return t
}

// everybody is all that a verb can strike.
func (t *topology) everybody(takes Takes) []string {
	if takes == Suppliers {
		return t.suppliers
	}
	return t.all
}

// named is what a name stands for; nil if it is nothing here that the verb strikes.
func (t *topology) named(name string, takes Takes) []string {
	if takes == Suppliers {
		if slices.Contains(t.suppliers, name) {
			return []string{name}
		}
		return nil
	}
	return t.byName[name]
}

// hostsOf is the members themselves or, of suppliers, the hosts that they feed.
func (t *topology) hostsOf(members []string, takes Takes) []string {
	if takes != Suppliers {
		return members
	}
	var hosts []string
	for _, m := range members {
		hosts = append(hosts, t.byName[m]...)
	}
	return hosts
}

// singly makes a target of each member.
func (t *topology) singly(members []string, takes Takes) []Target {
	targets := make([]Target, len(members))
	for i, m := range members {
		targets[i] = Target{Name: m, Hosts: t.hostsOf(members[i:i+1], takes)}
	}
	return targets
}

// names are all words that a selector may say here.
func (t *topology) names(takes Takes) []string {
	if takes == Suppliers {
		return t.suppliers
	}
	var names []string
	for name := range t.byName {
		if !strings.Contains(name, "/") {
			names = append(names, name)
		}
	}
	names = append(names, "all")
	slices.Sort(names)
	return names
}

// expandNames puts all copies of a node in the place of its name, in the lists of every configuration.
func (t *topology) expandNames() {
	done := map[any]any{}
	for i := range t.hosts {
		config := t.hosts[i].Config
		if config == nil {
			continue
		}
		if done[config] == nil {
			done[config] = t.expanded(config)
		}
		t.hosts[i].Config = done[config]
	}
}

// expanded is the configuration itself if it names no node with copies, else a copy of it.
func (t *topology) expanded(config any) any {
	from := reflect.ValueOf(config).Elem()
	if from.Kind() != reflect.Struct {
		return config
	}
	to := reflect.New(from.Type())
	to.Elem().Set(from)
	if !t.expandIn(to.Elem()) {
		return config
	}
	return to.Interface()
}

func (t *topology) expandIn(v reflect.Value) (changed bool) {
	for i := range v.NumField() {
		f := v.Field(i)
		switch {
		case f.Type() == reflect.TypeFor[[]nodes.NodeName]() && f.CanSet():
			var all []nodes.NodeName
			for _, name := range f.Interface().([]nodes.NodeName) {
				copies := t.byName[string(name)]
				if len(copies) == 1 && copies[0] == string(name) || len(copies) == 0 {
					all = append(all, name)
					continue
				}
				changed = true
				for _, c := range copies {
					all = append(all, nodes.NodeName(c))
				}
			}
			f.Set(reflect.ValueOf(all))
		case f.Kind() == reflect.Struct:
			changed = t.expandIn(f) || changed
		}
	}
	return changed
}

// union is the members of the groups, in the order of all.
func union(all []string, groups [][]string) []string {
	in := map[string]bool{}
	for _, g := range groups {
		for _, h := range g {
			in[h] = true
		}
	}
	var u []string
	for _, h := range all {
		if in[h] {
			u = append(u, h)
		}
	}
	return u
}

// without is all but those.
func without(all, those []string) []string {
	out := map[string]bool{}
	for _, h := range those {
		out[h] = true
	}
	var rest []string
	for _, h := range all {
		if !out[h] {
			rest = append(rest, h)
		}
	}
	return rest
}
