package scenarios

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"simrun/checkers/evidence"
	"simrun/nodes"
	"simrun/scenarios/decode"
)

func newDecoder(problems *decode.Problems) *decode.Decoder {
	return &decode.Decoder{Problems: problems, Names: map[reflect.Type]string{
		reflect.TypeFor[evidence.Selector](): "selector",
	}}
}

// lookUp finds what the names that were read stand for.
func (r *reader) lookUp() {
	d := &r.spec.doc
	known := map[string][]string{
		"site": d.Sites.names(), "link class": d.Classes.names(), "kind": r.catalog.kindNames(),
		"phase": r.phaseNames(), "operation": r.operations(),
	}
	for _, ref := range r.References {
		switch ref.To {
		case "node":
			r.lookUpNode(ref)
		case "selector":
			s := &selector{}
			if ref.Name == "core" {
				r.lookUpCore(ref)
				break
			}
			if s.DecodeNode(r.Decoder, ref.At, ref.Path, decode.Rules{}); s.name != "" {
				r.resolve(s, Hosts)
			}
		default:
			names, ok := known[ref.To]
			if !ok {
				panic("scenarios: nobody knows what a " + ref.To + " is, which a configuration refers to")
			}
			if !slices.Contains(names, ref.Name) {
				r.Hint(ref.At, ref.Path, decode.Suggest(ref.Name, names), "no %s %q", ref.To, ref.Name)
			}
		}
	}
}

// lookUpCore checks that somebody is healed, whom a check means by core.
func (r *reader) lookUpCore(ref decode.Reference) {
	if !slices.ContainsFunc(r.spec.doc.Phases, func(p *phaseLine) bool { return p.Heal.at != nil }) {
		r.Fail(ref.At, ref.Path, "no phase heals, so there is no core")
	}
}

// lookUpNode checks the name of a node in a configuration. All copies of a node take its place in a list.
func (r *reader) lookUpNode(ref decode.Reference) {
	node, number, isCopy := strings.Cut(ref.Name, "/")
	i := slices.IndexFunc(r.spec.nodes, func(n nodeSpec) bool { return n.name == node })
	switch {
	case i < 0:
		r.Hint(ref.At, ref.Path, decode.Suggest(ref.Name, r.spec.doc.Nodes.names()), "no node %q", ref.Name)
	case isCopy:
		r.lookUpCopy(ref.At, ref.Path, &r.spec.nodes[i], number)
	case r.spec.nodes[i].counted && !strings.HasSuffix(ref.Path, "]"):
		r.Fail(ref.At, ref.Path, "%q has copies; name one, such as %s/1", ref.Name, ref.Name)
	}
}

// lookUpCopy checks NODE/NUMBER. It must be there in every run.
func (r *reader) lookUpCopy(at *decode.Node, path string, n *nodeSpec, number string) {
	least := n.line.Count.Min()
	copied, _ := strconv.Atoi(number) // a number, if the name is among those of the copies
	switch {
	case !n.counted:
		r.Fail(at, path, "%q has no copies; write %s", n.name, n.name)
	case slices.Contains(r.spec.most.all, n.name+"/"+number) && copied > least:
		r.Fail(at, path, "%s/%s is not there in every run: its count is %s", n.name, number, n.line.Count)
	case !slices.Contains(r.spec.most.all, n.name+"/"+number):
		r.Fail(at, path, "no %s/%s; the last one is %s/%d", n.name, number, n.name, least)
	}
}

// resolve looks up the names in a selector, and holds operators to those that can select something.
func (r *reader) resolve(s *selector, takes Takes) bool {
	before := len(*r.Problems)
	r.resolveIn(s, takes, 0)
	return len(*r.Problems) == before
}

func (r *reader) resolveIn(s *selector, takes Takes, depth int) {
	for _, item := range slices.Concat(s.items, s.or) {
		r.resolveIn(item, takes, depth+1)
	}
	if s.of != nil {
		r.resolveIn(s.of, takes, depth+1)
	}
	switch {
	case s.op == "each" && depth > 0:
		r.Fail(s.at, s.path, "each can stand in front only")
	case s.op == "leader" && takes == Suppliers:
		r.Fail(s.at, s.path, "a supplier has no leader")
	case s.of != nil && (s.of.op == "leader" || s.op == "leader" && s.of.random()):
		r.Fail(s.at, s.path, "%s of %q selects nothing", s.op, s.of)
	case s.name != "":
		r.resolveName(s, takes)
	case (s.op == "minority" || s.op == "majority") && !s.of.random():
		if n := len(s.of.members(r.least(), takes)); s.op == "minority" && minority(n) == 0 && n > 0 {
			r.Fail(s.at, s.path, "a minority of %d is nobody", n)
		}
	case s.op == "all" || s.op != "" && s.of == nil:
		if takes == Suppliers && len(r.spec.most.suppliers) == 0 && len(r.spec.sites) > 0 {
			r.Fail(s.at, s.path, "no site names its supplier of power")
		}
	}
}

// least is the topology with the fewest copies.
func (r *reader) least() *topology {
	if r.spec.fixed != nil {
		return r.spec.fixed
	}
	return r.spec.populate(func(n *nodeSpec) stand {
		sure := stand{n.line, n.line.Count.Min(), n.sites}
		if len(n.sites) > 1 {
			sure.sites = nil
		}
		return sure
	})
}

func (r *reader) resolveName(s *selector, takes Takes) {
	t := r.spec.most
	node, number, isCopy := strings.Cut(s.name, "/")
	if isCopy && takes != Suppliers {
		i := slices.IndexFunc(r.spec.nodes, func(n nodeSpec) bool { return n.name == node })
		if i >= 0 {
			r.lookUpCopy(s.at, s.path, &r.spec.nodes[i], number)
			return
		}
	}
	if len(t.named(s.name, takes)) > 0 {
		return
	}
	if takes == Suppliers {
		if site := r.spec.doc.Sites.find(s.name); site != nil && site.Power != "" {
			r.Hint(s.at, s.path, fmt.Sprintf("%s hangs on %q", s.name, site.Power), "%q is a site; power is cut at a supplier", s.name)
			return
		}
		if !r.mentioned(s.name) {
			r.Hint(s.at, s.path, decode.Suggest(s.name, t.suppliers), "no supplier %q", s.name)
		}
		return
	}
	if _, known := t.byName[s.name]; known {
		if r.spec.Seeded {
			return // a plan may have drawn all from there to elsewhere
		}
		r.Fail(s.at, s.path, "nobody is at %q", s.name)
		return
	}
	if role := nodes.Role(strings.TrimSuffix(s.name, "s")); role == nodes.Client || role == nodes.Worker || role == nodes.Server {
		r.Fail(s.at, s.path, "no node here is a %s", role)
		return
	}
	r.Hint(s.at, s.path, decode.Suggest(s.name, t.names(takes)), "no node, site or supplier %q", s.name)
}

// mentioned says whether a site that could not be read whole names this value anywhere: a key that is
// misspelt has been complained of already.
func (r *reader) mentioned(name string) bool {
	sites := r.root.Field("sites")
	if sites == nil {
		return false
	}
	for _, site := range sites.Fields {
		for _, f := range site.Value.Fields {
			if f.Value.Text == name {
				return true
			}
		}
	}
	return false
}

func (r *reader) phaseNames() []string {
	var names []string
	for _, p := range r.spec.doc.Phases {
		names = append(names, p.Phase)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// operations are what the kinds in this scenario can be asked to do.
func (r *reader) operations() []string {
	var names []string
	for i := range r.spec.nodes {
		if k := r.spec.nodes[i].kind; k != nil {
			for _, o := range k.Operations {
				names = append(names, o.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
