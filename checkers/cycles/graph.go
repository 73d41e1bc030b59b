// Package cycles answers which things of millions wait for each other in a circle, and shows the shortest such circle.
package cycles

// Kind is a set of kinds of edges, a bit for each that its user knows. Zero is the kind of an edge that only leads on:
// it is in every set.
type Kind uint8

// Edge leads from one node to another.
type Edge struct {
	From, To int32
	Kind     Kind
}

// Graph is a directed graph in rows. Its first nodes are those of the user; the others are hidden: they stand for
// nothing, but link many with many by few edges. A way from one node through hidden ones to the next is one step, of the
// kind of its first edge; the others on it have kind zero.
//
// Invariant: len(first) is the number of nodes and one more; the edges of node v are to[first[v]:first[v+1]].
type Graph struct {
	plain int32 // nodes from here on are hidden
	first []int32
	to    []int32
	kinds []Kind
}

// Builder collects the edges of a graph.
type Builder struct {
	plain, nodes int32
	edges        []Edge
}

// NewBuilder begins a graph of so many nodes, which are numbered from 0, and of about so many edges.
func NewBuilder(nodes, edges int) *Builder {
	return &Builder{plain: int32(nodes), nodes: int32(nodes), edges: make([]Edge, 0, edges)}
}

// Hide adds a hidden node.
func (b *Builder) Hide() int32 {
	b.nodes++
	return b.nodes - 1
}

// Edge adds an edge. One from a node to itself is left out.
func (b *Builder) Edge(from, to int32, kind Kind) {
	if from != to {
		b.edges = append(b.edges, Edge{from, to, kind})
	}
}

// Graph makes the graph. Edges of a node keep the order in which they were added.
func (b *Builder) Graph() *Graph {
	g := &Graph{plain: b.plain, first: make([]int32, b.nodes+1), to: make([]int32, len(b.edges)), kinds: make([]Kind, len(b.edges))}
	for i := range b.edges {
		g.first[b.edges[i].From+1]++
	}
	for v := range b.nodes {
		g.first[v+1] += g.first[v]
	}
	next := append([]int32(nil), g.first...)
	for _, e := range b.edges {
		at := next[e.From]
		next[e.From]++
		g.to[at], g.kinds[at] = e.To, e.Kind
	}
	return g
}

func (g *Graph) nodes() int32 { return int32(len(g.first) - 1) }

// hidden says whether the node stands for nothing.
func (g *Graph) hidden(v int32) bool { return v >= g.plain }

// Fan leads from any node to all of its targets, but for the node itself. Its edges are as many as nodes and targets,
// where one for each pair would be quadratic.
type Fan struct {
	b             *Builder
	targets       []int32
	place         map[int32]int
	before, after []int32 // before[i] leads to targets[:i+1], after[i] to targets[i:]
}

// Fan prepares edges to all of the targets, which must differ.
func (b *Builder) Fan(targets []int32) *Fan {
	f := &Fan{b: b, targets: targets, place: make(map[int32]int, len(targets))}
	f.before, f.after = make([]int32, len(targets)), make([]int32, len(targets))
	for i, target := range targets {
		f.place[target] = i
		f.before[i], f.after[i] = b.Hide(), b.Hide()
		b.Edge(f.before[i], target, 0)
		b.Edge(f.after[i], target, 0)
		if i > 0 {
			b.Edge(f.before[i], f.before[i-1], 0)
			b.Edge(f.after[i-1], f.after[i], 0)
		}
	}
	return f
}

// From leads from a node to all of the targets but itself.
func (f *Fan) From(node int32, kind Kind) {
	i, member := f.place[node]
	switch {
	case len(f.targets) == 0:
	case !member:
		f.b.Edge(node, f.after[0], kind)
	default:
		if i > 0 {
			f.b.Edge(node, f.before[i-1], kind)
		}
		if i+1 < len(f.targets) {
			f.b.Edge(node, f.after[i+1], kind)
		}
	}
}
