package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"simrun/nodes"
	"simrun/nodes/probe"
	"simrun/scenarios/decode"
	"simrun/sim/luck"
)

// Spec is a scenario at one value of its matrix: read, and with all names in it looked up. What a seed
// decides is still open in it; Draw makes a Plan of it. Nobody writes to a Spec once it is loaded, so many
// goroutines may draw from it.
type Spec struct {
	Name    string
	Summary string
	Value   string // the point of the matrix: "nodes.worker.count=3"
	// Seed is the luck of a plan, if Seeded: a file with `seed:`.
	Seed   luck.Seed
	Seeded bool

	Claims []Claim // in the order of the file

	point   []decode.Pair // what Value says
	doc     document
	catalog *Catalog
	classes []entry[classLine] // sorted by name
	sites   []siteSpec         // sorted by name
	nodes   []nodeSpec         // sorted by name
	opened  []decode.Opened    // what each plan draws in these and in links, but for the nodes' own configuration
	fixed   *topology          // of every plan, if no number of copies is random
	most    *topology          // with the greatest numbers of copies
	probes  []*probe.Probe     // in the nodes' code, by name
}

type siteSpec struct {
	name string
	line *siteLine
	at   *decode.Node
	path string
}

type nodeSpec struct {
	name    string
	line    *nodeLine
	kind    *nodes.Kind
	counted bool
	at      *decode.Node
	path    string
	sites   []string        // one of these
	opened  []decode.Opened // what each plan draws
	luck    decode.Luck     // a draw that its kind allows: that of line
}

// stand is how many copies of a node there are, and at which of its sites.
type stand struct {
	line   *nodeLine
	copies int
	sites  []string
}

// reader looks names up and holds a document to what it means.
type reader struct {
	*decode.Decoder
	spec    *Spec
	catalog *Catalog
	root    *decode.Node
}

func readSpec(problems *decode.Problems, root *decode.Node, catalog *Catalog) *Spec {
	r := &reader{Decoder: newDecoder(problems), spec: &Spec{catalog: catalog}, catalog: catalog, root: root}
	d := &r.spec.doc
	r.Luck = func(string) uint64 { return 0 }
	r.Struct(root, "", nil, d)
	r.spec.opened = r.Opened
	r.spec.Name, r.spec.Summary = d.Scenario, strings.TrimSpace(d.Summary)
	if d.Scenario != "" && !bareName.MatchString(d.Scenario) {
		r.Hint(root.Field("scenario"), "scenario", "use a-z, 0-9 and -", "%q is no name of a scenario", d.Scenario)
	}
	if d.Seed.text != "" {
		r.spec.Seed, _ = ParseSeed(d.Seed.text)
		r.spec.Seeded = true
	}
	r.readWorld()
	r.readLinks()
	for _, l := range d.Workload {
		r.readLoad(l)
	}
	r.readPhases()
	r.readClaims()
	r.lookUp()
	if len(problems.Errors()) == 0 {
		r.warnOfLoad()
	}
	return r.spec
}

// readWorld looks at sites and nodes, and makes the topology.
func (r *reader) readWorld() {
	d, spec := &r.spec.doc, r.spec
	r.unambiguous()
	spec.classes = slices.SortedFunc(slices.Values(d.Classes), func(a, b entry[classLine]) int { return strings.Compare(a.name, b.name) })
	for i := range d.Sites {
		s := &d.Sites[i]
		spec.sites = append(spec.sites, siteSpec{s.name, &s.line, s.value, s.path})
	}
	slices.SortFunc(spec.sites, func(a, b siteSpec) int { return strings.Compare(a.name, b.name) })
	for i := range d.Nodes {
		spec.nodes = append(spec.nodes, r.readNode(&d.Nodes[i]))
	}
	slices.SortFunc(spec.nodes, func(a, b nodeSpec) int { return strings.Compare(a.name, b.name) })
	spec.probes = probesOf(spec.nodes)

	spec.most = spec.populate(func(n *nodeSpec) stand { return stand{n.line, n.line.Count.Max(), n.sites} })
	if len(spec.most.hosts) > mostHosts {
		r.Fail(r.root.Field("nodes"), "nodes", "these are more than %d hosts", mostHosts)
		spec.most = newTopology(nil, nil, nil)
	}
	if !slices.ContainsFunc(spec.nodes, func(n nodeSpec) bool { return !n.line.Count.Constant() || len(n.opened) > 0 }) {
		spec.fixed = spec.most
	}
}

// mostHosts is how many hosts a scenario may have.
const mostHosts = 20_000

// unambiguous holds names of nodes, sites and suppliers apart, since selectors say nothing but the name.
func (r *reader) unambiguous() {
	d := &r.spec.doc
	taken := map[string]string{}
	for _, word := range reserved {
		taken[word] = "a word of the language"
	}
	claim := func(name, what string, at *decode.Node, path string) {
		if other, ok := taken[name]; ok && other != what {
			r.Fail(at, path, "%q is %s already", name, other)
			return
		}
		taken[name] = what
	}
	for _, n := range d.Nodes {
		claim(n.name, "the name of a node", n.at, n.path)
	}
	for _, s := range d.Sites {
		claim(s.name, "the name of a site", s.at, s.path)
	}
	for _, s := range d.Sites {
		if s.line.Power == "" {
			continue
		}
		at := r.root.Field("sites").Field(s.name).Field("power")
		if !goodName.MatchString(s.line.Power) {
			r.Hint(at, s.path+".power", "use letters, digits, - and _", "%q is no name", s.line.Power)
			continue
		}
		claim(s.line.Power, "the name of a supplier", at, s.path+".power")
	}
}

// readNode reads the configuration of a node into what its kind makes for it.
func (r *reader) readNode(e *entry[nodeLine]) nodeSpec {
	n := nodeSpec{name: e.name, line: &e.line, kind: r.catalog.kind(e.line.Run), counted: e.value.Field("count") != nil,
		at: e.value, path: e.path, sites: []string{e.line.Site}}
	if site := e.value.Field("site"); site != nil && site.Kind == decode.List {
		n.sites = nil
		for _, item := range site.Items {
			n.sites = append(n.sites, item.Text)
		}
	}
	for _, o := range r.Opened {
		if under(n.path)(o) {
			n.opened = append(n.opened, o)
		}
	}
	switch {
	case n.kind == nil: // said when names are looked up
	case n.kind.Config != nil:
		opened, luck := r.readOpen(func(d *decode.Decoder) { n.line.config = n.configure(d) })
		n.opened, n.luck = append(n.opened, opened...), luck
	case n.line.With.Node != nil:
		r.Fail(n.line.With.Node, n.path+".with", "a %s has nothing to configure", n.kind.Name)
	}
	return n
}

// populate makes the topology in which the nodes stand as it is said.
func (s *Spec) populate(where func(*nodeSpec) stand) *topology {
	sites := make([]Site, len(s.sites))
	at := map[string]*Site{}
	for i, site := range s.sites {
		sites[i] = Site{Name: site.name, Power: site.line.Power, Inside: site.line.Inside}
		at[site.name] = &sites[i]
	}
	var hosts []Host
	stands := map[string][]string{}
	for i := range s.nodes {
		n := &s.nodes[i]
		here := where(n)
		stands[n.name] = here.sites
		h := Host{Name: n.name, Node: n.name, Kind: n.kind, Site: here.line.Site, Config: here.line.config,
			Limits: here.line.Limits, Restart: here.line.Restart}
		if h.Kind == nil {
			h.Kind = &nodes.Kind{} // wrong, and said to be
		}
		switch {
		case s.noRestarts():
			h.Restart = Restart{Never: true}
		case h.Restart == (Restart{}):
			h.Restart = UsualRestart
		}
		if site := at[h.Site]; site != nil {
			h.Supplier = site.Power
		}
		if !n.counted {
			hosts = append(hosts, h)
			continue
		}
		for k := range min(here.copies, mostHosts) {
			copied := h
			copied.Name = fmt.Sprintf("%s/%d", n.name, k+1)
			if hosts = append(hosts, copied); len(hosts) > mostHosts {
				return newTopology(sites, hosts, stands)
			}
		}
	}
	t := newTopology(sites, hosts, stands)
	t.expandNames()
	return t
}

func (r *reader) readLinks() {
	for i := range r.spec.doc.Links {
		l := &r.spec.doc.Links[i]
		path := fmt.Sprintf("links[%d].between", i)
		at := r.root.Field("links")
		if at.Kind == decode.List {
			at = at.Items[i]
		}
		if len(l.Between) < 2 && len(l.Between) > 0 {
			r.Fail(at.Field("between"), path, "a link is between two or more")
		}
		for j := range l.Between {
			if s := &l.Between[j]; s.op != "" || s.items != nil {
				r.Fail(s.at, s.path, "a link is between sites and nodes, each by its name")
			} else {
				r.resolve(s, Traffic)
			}
		}
	}
}
