package scenarios

import (
	"math"
	"slices"
	"strings"

	"simrun/nodes"
	"simrun/scenarios/decode"
	"simrun/sim/luck"
)

// What a line leaves open, a range or a list of values where a single one is wanted, is drawn once for each plan:
// the line is read again, with the variates of the seed. Every value has a stream of its own, named after its path,
// so that one more of them shifts none of the others.

// mostTries is how many combinations of open values are drawn for a line until whoever it configures allows one.
const mostTries = 50

// readOpen reads a line that may leave values open. It is right if some combination of them is; opened is which
// they are, and with is a luck that gives such a combination.
func (r *reader) readOpen(read func(*decode.Decoder)) (opened []decode.Opened, with decode.Luck) {
	var first *decode.Decoder
	for try := range mostTries {
		d := newDecoder(&decode.Problems{})
		d.Open, d.Luck = true, func(path string) uint64 { return variate(luck.Seed(0).Stream("open", path), try) }
		read(d)
		if first == nil {
			first = d
		}
		if len(*d.Problems) == 0 {
			r.References = append(r.References, d.References...)
			return d.Opened, d.Luck
		}
		if len(d.Opened) == 0 {
			break
		}
	}
	r.References = append(r.References, first.References...)
	*r.Problems = append(*r.Problems, *first.Problems...)
	return first.Opened, first.Luck
}

// variate is the variate of a value at the n-th try to draw a combination.
func variate(s luck.Stream, n int) uint64 {
	try := s.Numbered(uint64(n))
	return try.Uint64()
}

// settle reads a line of that name, which stands at a path, with its open values drawn. It returns false if none
// of the combinations that it tries is allowed.
func (d *draw) settle(name, path string, open bool, read func(*decode.Decoder)) bool {
	for try := range mostTries {
		dec := newDecoder(&decode.Problems{})
		dec.Open, dec.Luck = open, func(at string) uint64 {
			return variate(d.stream("open", name+strings.TrimPrefix(at, path)), try)
		}
		if read(dec); len(*dec.Problems) == 0 {
			return true
		}
	}
	return false
}

// roams says that some node stands where the seed says, so that nobody may be at a site.
func (s *Spec) roams() bool {
	return slices.ContainsFunc(s.nodes, func(n nodeSpec) bool { return len(n.sites) > 1 })
}

// node is the line of a node with all in it settled.
func (d *draw) node(n *nodeSpec) *nodeLine {
	if len(n.opened) == 0 {
		return n.line
	}
	line := *n.line
	d.settle(n.path, n.path, false, func(dec *decode.Decoder) {
		line = nodeLine{}
		dec.Struct(n.at, n.path, nil, &line)
	})
	line.config = n.line.config
	if n.line.config != nil {
		var config any
		if d.settle(n.path, n.path, true, func(dec *decode.Decoder) { config = n.configure(dec) }) {
			line.config = config
		}
	}
	return &line
}

// configure reads the node's configuration into what its kind makes for it.
func (n *nodeSpec) configure(d *decode.Decoder) any {
	config := n.kind.Config()
	at, path := n.at.Field("with"), n.path+".with"
	if at == nil {
		empty := *n.at
		empty.Kind, empty.Fields = decode.Map, nil
		at, path = &empty, n.path
	}
	d.Struct(at, path, nil, config)
	return config
}

// weakest is the least that a host of the node can do in a second, however its open values are drawn: each is set in
// turn to whichever of its ends leaves the least. It is 0 if the kind does not say.
func (n *nodeSpec) weakest() float64 {
	if n.kind == nil || n.kind.Capacity == nil || n.line.config == nil {
		return 0
	}
	least := capacity(n.kind, n.line.config)
	fixed := map[string]uint64{}
	try := func() float64 {
		d := newDecoder(&decode.Problems{})
		d.Open, d.Luck = true, func(path string) uint64 {
			if u, ok := fixed[path]; ok {
				return u
			}
			return n.luck(path)
		}
		if config := n.configure(d); len(*d.Problems) == 0 {
			return capacity(n.kind, config)
		}
		return 0
	}
	for _, o := range n.opened {
		if !strings.HasPrefix(o.Path, n.path+".with") {
			continue
		}
		worst := n.luck(o.Path)
		for _, u := range o.Ends {
			fixed[o.Path] = u
			if c := try(); c > 0 && (c < least || least == 0) {
				least, worst = c, u
			}
		}
		fixed[o.Path] = worst
	}
	return least
}

// capacity is how many requests of an average length a host of the kind answers in a second; 0 is not known.
func capacity(k *nodes.Kind, config any) float64 {
	if c := k.Capacity(config); c > 0 && !math.IsInf(c, 0) {
		return c
	}
	return 0
}

// class is a link class with all in it settled.
func (d *draw) class(c *entry[classLine]) LinkClass {
	line := c.line
	if slices.ContainsFunc(d.spec.opened, under(c.path)) {
		d.settle(c.path, c.path, false, func(dec *decode.Decoder) {
			line = classLine{}
			dec.Struct(c.value, c.path, nil, &line)
		})
	}
	return LinkClass{c.name, line.Delay, line.Loss, line.Repeat, line.Bandwidth}
}

// inside is the link class of a site's own hosts.
func (d *draw) inside(s *siteSpec) string {
	line := *s.line
	if slices.ContainsFunc(d.spec.opened, under(s.path)) {
		d.settle(s.path, s.path, false, func(dec *decode.Decoder) {
			line = siteLine{}
			dec.Struct(s.at, s.path, nil, &line)
		})
	}
	return line.Inside
}

// is is the class of a link. Its luck has the name of what it connects.
func (d *draw) is(l *linkLine) string {
	line := *l
	if slices.ContainsFunc(d.spec.opened, under(l.path)) {
		d.settle(d.unique(streamName("links", l.Between)), l.path, false, func(dec *decode.Decoder) {
			line = linkLine{}
			dec.Struct(l.at, l.path, nil, &line)
		})
	}
	return line.Is
}

// options are those of a line of the workload, with all in them settled.
func (d *draw) options(l *loadLine, name string) any {
	if !l.open {
		return l.options
	}
	options := l.options
	d.settle("workload "+name, l.path, true, func(dec *decode.Decoder) { options = l.configure(dec) })
	return options
}

// configure reads the options of the line's operation.
func (l *loadLine) configure(d *decode.Decoder) any {
	options := l.operation.Options()
	own := decode.Keys(l)
	d.Struct(l.at, l.path, func(f decode.Field) bool { return slices.Contains(own, f.Key) }, options)
	return options
}

// under says whether a value stands in the line at a path.
func under(path string) func(decode.Opened) bool {
	return func(o decode.Opened) bool { return strings.HasPrefix(o.Path, path+".") }
}
