package replicas

import (
	"cmp"
	"fmt"
	"slices"

	"simrun/checkers/cycles"
	"simrun/checkers/linear"
)

// told is the kind of edge between versions whose order is known.
const told cycles.Kind = 1 << 4

// order looks for values of a key that have no order which suits all clients.
func (s *sessions) order(b *book, clients [][]*Access) {
	r := &riddle{nodes: map[linear.Value]int32{}, why: map[cycles.Edge][2]*Access{}}
	for _, mine := range clients {
		s.wishes(b, r, mine)
	}
	r.facts(b)
	graph := cycles.NewBuilder(len(r.nodes), len(r.edges))
	for _, e := range r.edges {
		graph.Edge(e.From, e.To, e.Kind)
	}
	walk := cycles.Walk{Kinds: cycles.Kind(All) | told}
	budget := &cycles.Search{Edges: 1_000_000}
	for _, knot := range graph.Graph().Knots(walk.Kinds) {
		circle := knot.Shortest(walk, budget)
		broken := Guarantee(0)
		var witness []*Access
		for i, step := range circle {
			why := r.why[cycles.Edge{From: step.Node, To: circle[(i+1)%len(circle)].Node, Kind: step.Kind}]
			witness = append(witness, why[0], why[1])
			broken |= Guarantee(step.Kind &^ told)
		}
		if broken != 0 {
			s.take(b, shown(broken.String(), fmt.Sprintf("%d values of %s have no order that keeps the %s of those who saw or wrote them",
				len(circle), s.name(b.key), broken), witness...))
		}
	}
}

// riddle is which value of a key must come before which, and why.
type riddle struct {
	nodes map[linear.Value]int32
	edges []cycles.Edge
	why   map[cycles.Edge][2]*Access
}

func (r *riddle) node(v linear.Value) int32 {
	n, known := r.nodes[v]
	if !known {
		n = int32(len(r.nodes))
		r.nodes[v] = n
	}
	return n
}

func (r *riddle) follow(first, then *Access, kind cycles.Kind) {
	e := cycles.Edge{From: r.node(first.Value), To: r.node(then.Value), Kind: kind}
	if _, known := r.why[e]; !known && e.From != e.To {
		r.edges = append(r.edges, e)
		r.why[e] = [2]*Access{first, then}
	}
}

// ambiguous says whether nobody can say which write of its value, or which delete, an access is or saw.
func (b *book) ambiguous(a *Access) bool {
	return a.Value == linear.Nil && (a.writes() || b.deletes) || b.repeated[a.Value]
}

// wishes are what the guarantees ask for one client.
func (s *sessions) wishes(b *book, r *riddle, mine []*Access) {
	var read, wrote, last *Access
	for _, a := range mine {
		if b.ambiguous(a) {
			continue
		}
		if last != nil && last.Return > a.Call {
			continue
		}
		for _, before := range []*Access{wrote, read} {
			switch {
			case before == nil || s.want&between(before, a) == 0:
			case before.Value == a.Value && a.writes():
				s.take(b, shown(between(before, a).String(), fmt.Sprintf("operation %d read %s of %s, which operation %d of the same client wrote only then", before.ID, s.name(a.Value), s.name(b.key), a.ID), before, a))
			default:
				r.follow(before, a, cycles.Kind(between(before, a)))
			}
		}
		switch {
		case !a.Certain():
		case a.writes():
			wrote, last = a, a
		default:
			read, last = a, a
		}
	}
}

// facts are what is known of the order: versions that were told, and that nothing comes before the first write.
func (r *riddle) facts(b *book) {
	type version struct {
		of    *Access
		place int64
	}
	var versions []version
	var nothing *Access
	for _, a := range b.accesses {
		if b.ambiguous(a) {
			continue
		}
		if place, _, known := b.place(a); known {
			versions = append(versions, version{a, place})
		}
		if a.Value == linear.Nil && !a.Told {
			nothing = a
		}
	}
	slices.SortStableFunc(versions, func(a, b version) int { return cmp.Compare(a.place, b.place) })
	for i := 1; i < len(versions); i++ {
		if versions[i-1].place < versions[i].place {
			r.follow(versions[i-1].of, versions[i].of, told)
		}
	}
	for _, a := range b.accesses {
		if nothing != nil && !b.ambiguous(a) {
			r.follow(nothing, a, told)
		}
	}
}
