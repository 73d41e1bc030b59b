package cycles

import "slices"

// Knot is a part of a graph in which every node leads to every other. All cycles lie in knots.
type Knot struct {
	*Graph
	names []int32 // what its nodes are in the whole graph; plain ones come first
}

// Knots finds the parts of the graph that hold all cycles of some kinds of edges, in the order of their first nodes.
func (g *Graph) Knots(kinds Kind) (knots []*Knot) {
	w := Walk{Kinds: kinds}
	of, members := g.components(w)
	local := make([]int32, g.nodes())
	for c, nodes := range members {
		slices.Sort(nodes) // hidden nodes are the last
		k := &Knot{names: nodes}
		plain, _ := slices.BinarySearch(nodes, g.plain)
		b := &Builder{plain: int32(plain), nodes: int32(len(nodes))}
		for i, v := range nodes {
			local[v] = int32(i)
		}
		for i, v := range nodes {
			for e := g.first[v]; e < g.first[v+1]; e++ {
				if _, may := w.step(0, g.kinds[e]); may && of[g.to[e]] == int32(c) {
					b.Edge(int32(i), local[g.to[e]], g.kinds[e])
				}
			}
		}
		k.Graph = b.Graph()
		knots = append(knots, k)
	}
	slices.SortFunc(knots, func(a, b *Knot) int { return int(a.names[0] - b.names[0]) })
	return knots
}

// Step is a node of a cycle, and the kind of the edge from it to the next; the last leads to the first.
type Step struct {
	Node int32
	Kind Kind
}

// Search bounds the search for a shortest cycle by the edges that it looks at. Once they are used up, the shortest that was
// found until then is as good as any; whether there is a cycle at all is always decided.
type Search struct{ Edges int64 }

// Shortest is a shortest cycle of the walk in the knot, without hidden nodes; nil if there is none.
func (k *Knot) Shortest(w Walk, budget *Search) []Step {
	of, members := k.components(w)
	if len(members) == 0 {
		return nil
	}
	slices.SortFunc(members, func(a, b []int32) int { return len(a) - len(b) })
	h := &hunt{k: k, w: w, of: of, budget: budget, met: make([]int32, len(of)), from: make([]int32, len(of)), by: make([]Kind, len(of))}
	for _, states := range members {
		slices.Sort(states)
		for _, s := range states {
			if len(h.best) == 2 || len(h.best) > 0 && budget.Edges <= 0 {
				return h.best
			}
			if !k.hidden(s / w.width()) {
				h.around(s)
			}
		}
	}
	return h.best
}

// hunt looks for shorter and shorter cycles, breadth first from each state.
type hunt struct {
	k      *Knot
	w      Walk
	of     []int32
	budget *Search
	round  int32
	met    []int32 // the round in which a state was met
	from   []int32 // and how it was reached
	by     []Kind
	best   []Step
	level  []int32
	next   []int32
}

// around looks for a cycle through one state that is shorter than the best. A step ends at a plain node, so that what
// a hidden one leads to is as near as the hidden one itself.
func (h *hunt) around(start int32) {
	width := h.w.width()
	h.round++
	h.level = append(h.level[:0], start)
	for length := 1; len(h.level) > 0 && (len(h.best) == 0 || length < len(h.best)); length++ {
		h.next = h.next[:0]
		for i := 0; i < len(h.level); i++ {
			s := h.level[i]
			v := s / width
			h.budget.Edges -= int64(h.k.first[v+1] - h.k.first[v])
			for e := h.k.first[v]; e < h.k.first[v+1]; e++ {
				state, may := h.w.step(s%width, h.k.kinds[e])
				t := h.k.to[e]*width + state
				if !may || h.of[t] != h.of[start] || h.met[t] == h.round {
					continue
				}
				h.met[t], h.from[t], h.by[t] = h.round, s, h.k.kinds[e]
				switch {
				case t == start:
					h.best = h.cycle(start)
					return
				case h.k.hidden(t / width):
					h.level = append(h.level, t)
				default:
					h.next = append(h.next, t)
				}
			}
		}
		h.level, h.next = h.next, h.level
	}
}

// cycle follows the way back from the start to itself.
func (h *hunt) cycle(start int32) (steps []Step) {
	width := h.w.width()
	for s := start; len(steps) == 0 || s != start; {
		kind := h.by[s]
		s = h.from[s]
		for h.k.hidden(s / width) {
			kind = h.by[s]
			s = h.from[s]
		}
		steps = append(steps, Step{h.k.names[s/width], kind})
	}
	slices.Reverse(steps)
	return steps
}
