package cycles

// Walk says which ways through a graph count.
type Walk struct {
	Kinds Kind // the kinds of edges that may be taken
	Apart Kind // of these, the kinds of which no two may follow one another
}

// step is the state of the walk after it takes an edge: 1 after an edge of a kind that must stand apart, else 0. It
// returns false for an edge that may not be taken.
func (w Walk) step(state int32, kind Kind) (int32, bool) {
	switch {
	case kind == 0:
		return state, true
	case kind&w.Kinds == 0:
		return 0, false
	case kind&w.Apart == 0:
		return 0, true
	default:
		return 1, state == 0
	}
}

// width is how many states a node has in the walk. State s of node v is v*width+s.
func (w Walk) width() int32 {
	if w.Apart != 0 {
		return 2
	}
	return 1
}

// components finds the strongly connected components of the walk (Tarjan, SIAM J. Comput. 1972), with a stack of its own,
// so that a way of a million steps is no deeper than memory. It gives each state the number of its component, and
// the members of those that have more than one; other states have number -1.
func (g *Graph) components(w Walk) (of []int32, members [][]int32) {
	width := w.width()
	n := g.nodes() * width
	of = make([]int32, n)
	index := make([]int32, n) // 1 and up once found
	low := make([]int32, n)
	at := make([]int32, n) // the next edge to look at
	var stack, path []int32
	found := int32(0)
	onStack := make([]bool, n)
	for i := range of {
		of[i] = -1
	}
	enter := func(s int32) {
		found++
		index[s], low[s], at[s] = found, found, g.first[s/width]
		stack, path = append(stack, s), append(path, s)
		onStack[s] = true
	}
	for root := range n {
		if index[root] != 0 {
			continue
		}
		enter(root)
	walking:
		for len(path) > 0 {
			s := path[len(path)-1]
			v := s / width
			for at[s] < g.first[v+1] {
				e := at[s]
				at[s]++
				state, may := w.step(s%width, g.kinds[e])
				if !may {
					continue
				}
				switch t := g.to[e]*width + state; {
				case index[t] == 0:
					enter(t)
					continue walking
				case onStack[t]:
					low[s] = min(low[s], index[t])
				}
			}
			path = path[:len(path)-1]
			if len(path) > 0 {
				up := path[len(path)-1]
				low[up] = min(low[up], low[s])
			}
			if low[s] != index[s] {
				continue
			}
			from := len(stack) - 1
			for stack[from] != s {
				from--
			}
			for _, t := range stack[from:] {
				onStack[t] = false
				if len(stack)-from > 1 {
					of[t] = int32(len(members))
				}
			}
			if len(stack)-from > 1 {
				members = append(members, append([]int32(nil), stack[from:]...))
			}
			stack = stack[:from]
		}
	}
	return of, members
}
