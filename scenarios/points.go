package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"simrun/scenarios/decode"
	"simrun/sim/luck"
)

// points says at which points of its targets' code a `buggify` strikes: these, so many of them, or, if it is not said, a quarter.
type points struct {
	names []string
	count decode.Range[int]
	at    *decode.Node // nil if it is not said
	path  string
}

// DecodeNode reads a list of names or a number; the names are looked up later.
func (p *points) DecodeNode(d *decode.Decoder, n *decode.Node, path string, _ decode.Rules) {
	*p = points{at: n, path: path}
	if n.Kind == decode.List {
		if d.Value(n, path, &p.names, decode.Rules{}) && len(p.names) == 0 {
			d.Fail(n, path, "this list is empty")
		}
		return
	}
	before := len(*d.Problems)
	if !d.Value(n, path, &p.count, decode.Rules{Min: "1"}) {
		*d.Problems = (*d.Problems)[:before]
		d.Fail(n, path, "%s", decode.NotA(n.Text, "a number such as 3 or 1..4, or a list of points"))
	}
}

// Wants says so for the reference.
func (points) Wants() string { return "number, range, or list of points" }

// pointsOf are all points of the code that runs on the targets, by name.
func (t *topology) pointsOf(targets []Target) []string {
	var all []string
	for i := range targets {
		for _, h := range targets[i].Hosts {
			all = append(all, t.hosts[t.index[h]].Kind.Points...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// readPoints holds a `buggify` to points that its targets have.
func (r *reader) readPoints(f *faultLine) {
	o, ok := f.options.(*buggify)
	if !ok {
		return
	}
	known := r.spec.most.pointsOf([]Target{{Hosts: f.target.members(r.spec.most, Hosts)}})
	p := &o.Points
	switch {
	case len(known) == 0:
		r.Fail(f.target.at, f.target.path, "the code of %s has no points", f.target.String())
	case p.count.Max() > len(known):
		r.Fail(p.at, p.path, "%s points are more than there are: %s has %d", p.count, f.target.String(), len(known))
	}
	for i, name := range p.names {
		if len(known) == 0 || slices.Contains(known, name) {
			continue
		}
		at := p.at
		if len(at.Items) > i {
			at = at.Items[i]
		}
		hint := "one of: " + strings.Join(known, ", ")
		if near := decode.Nearest(name, known); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		r.Hint(at, fmt.Sprintf("%s[%d]", p.path, i), hint, "%s has no point %q", f.target.String(), name)
	}
}

// draw chooses the points of a strike. Each has a rank of its own, by its name, and the lowest are chosen, so that a
// point that is new in the code leaves the others' luck alone.
func (p *points) draw(s source, known []string) []string {
	rank, count := luck.Seed(s.next()), p.count.At(s.next())
	if p.names != nil {
		return slices.DeleteFunc(slices.Clone(known), func(name string) bool { return !slices.Contains(p.names, name) })
	}
	type ranked struct {
		name string
		rank uint64
	}
	var ranks []ranked
	for _, name := range known {
		s := rank.Stream(name)
		ranks = append(ranks, ranked{name, s.Uint64()})
	}
	slices.SortFunc(ranks, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	if p.at == nil {
		for count = 1; count < len(ranks) && ranks[count].rank < 1<<62; count++ {
		}
	}
	var chosen []string
	for _, r := range ranks[:min(count, len(ranks))] {
		chosen = append(chosen, r.name)
	}
	slices.Sort(chosen)
	return chosen
}
