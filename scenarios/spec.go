package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"simrun/nodes"
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
	classes []LinkClass
	sites   []siteSpec // sorted by name
	nodes   []nodeSpec // sorted by name
	fixed   *topology  // of every plan, if no number of copies is random
	most    *topology  // with the greatest numbers of copies
}

type siteSpec struct {
	name string
	line *siteLine
}

type nodeSpec struct {
	name    string
	line    *nodeLine
	kind    *nodes.Kind
	counted bool
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
	r.Struct(root, "", nil, d)
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
	for i := range d.Classes {
		c := &d.Classes[i].line
		spec.classes = append(spec.classes, LinkClass{d.Classes[i].name, c.Delay, c.Loss, c.Repeat, c.Bandwidth})
	}
	slices.SortFunc(spec.classes, func(a, b LinkClass) int { return strings.Compare(a.Name, b.Name) })
	for i := range d.Sites {
		spec.sites = append(spec.sites, siteSpec{d.Sites[i].name, &d.Sites[i].line})
	}
	slices.SortFunc(spec.sites, func(a, b siteSpec) int { return strings.Compare(a.name, b.name) })
	for i := range d.Nodes {
		n := &d.Nodes[i]
		spec.nodes = append(spec.nodes, nodeSpec{n.name, &n.line, r.readNode(n), r.nodeField(n, "count") != nil})
	}
	slices.SortFunc(spec.nodes, func(a, b nodeSpec) int { return strings.Compare(a.name, b.name) })

	spec.most = spec.populate(func(n *nodeSpec) int { return n.line.Count.Max() })
	if len(spec.most.hosts) > mostHosts {
		r.Fail(r.root.Field("nodes"), "nodes", "these are more than %d hosts", mostHosts)
		spec.most = newTopology(nil, nil)
	}
	if !slices.ContainsFunc(spec.nodes, func(n nodeSpec) bool { return !n.line.Count.Constant() }) {
		spec.fixed = spec.most
	}
}

// mostHosts is how many hosts a scenario may have.
const mostHosts = 20_000

func (r *reader) nodeField(n *entry[nodeLine], key string) *decode.Node {
	return r.root.Field("nodes").Field(n.name).Field(key)
}

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
func (r *reader) readNode(n *entry[nodeLine]) *nodes.Kind {
	kind := r.catalog.kind(n.line.Run)
	if kind == nil {
		return nil // said when names are looked up
	}
	if kind.Config == nil {
		if n.line.With.Node != nil {
			r.Fail(n.line.With.Node, n.path+".with", "a %s has nothing to configure", kind.Name)
		}
		return kind
	}
	n.line.config = kind.Config()
	at, path := n.line.With.Node, n.path+".with"
	if at == nil {
		empty := *n.at
		empty.Kind, empty.Fields = decode.Map, nil
		at, path = &empty, n.path
	}
	r.Struct(at, path, nil, n.line.config)
	return kind
}

// populate makes the topology with the numbers of copies that count says.
func (s *Spec) populate(count func(*nodeSpec) int) *topology {
	sites := make([]Site, len(s.sites))
	at := map[string]*Site{}
	for i, site := range s.sites {
		sites[i] = Site{Name: site.name, Power: site.line.Power, Inside: site.line.Inside}
		at[site.name] = &sites[i]
	}
	var hosts []Host
	for i := range s.nodes {
		n := &s.nodes[i]
		if n.kind == nil {
			n = &nodeSpec{n.name, n.line, &nodes.Kind{}, n.counted} // wrong, and said to be
		}
		h := Host{Name: n.name, Node: n.name, Kind: n.kind, Site: n.line.Site, Config: n.line.config,
			Limits: n.line.Limits, Restart: n.line.Restart}
		if h.Restart == (Restart{}) {
			h.Restart = UsualRestart
		}
		if site := at[h.Site]; site != nil {
			h.Supplier = site.Power
		}
		if !n.counted {
			hosts = append(hosts, h)
			continue
		}
		for k := range min(count(n), mostHosts) {
			copied := h
			copied.Name = fmt.Sprintf("%s/%d", n.name, k+1)
			if hosts = append(hosts, copied); len(hosts) > mostHosts {
				return newTopology(sites, hosts)
			}
		}
	}
	t := newTopology(sites, hosts)
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
