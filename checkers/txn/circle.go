package txn

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"simrun/checkers/cycles"
	"simrun/checkers/linear"
)

// circles looks for transactions that depend on one another in a circle, in a graph of what depends on what: the
// shortest of each kind.
func (x *index) circles(p promise, edges int64) (found []Anomaly) {
	g := x.graph(p.order)
	budget := &cycles.Search{Edges: edges}
	for _, knot := range g.Knots(ww | wr | rw | p.order) {
		gravest(knot, p, budget, func(kind string, grave int, steps []cycles.Step) {
			known := slices.IndexFunc(found, func(a Anomaly) bool { return a.Kind == kind })
			switch {
			case known < 0:
				found = append(found, x.circle(kind, grave, steps))
			case len(steps) < len(found[known].Cycle):
				found[known] = x.circle(kind, grave, steps)
			}
		})
	}
	return found
}

// gravest looks for the gravest class of circles that there is without the orders of clients and of time, and then with
// them, as far as that makes a shorter one.
func gravest(knot *cycles.Knot, p promise, budget *cycles.Search, take func(kind string, grave int, steps []cycles.Step)) {
	orders := []cycles.Kind{0}
	if p.order&process != 0 {
		orders = append(orders, process)
	}
	if p.order&realtime != 0 {
		orders = append(orders, process|realtime)
	}
	shortest := 0
	for i, order := range orders {
		for _, c := range classes {
			if c.depth > p.depth {
				break
			}
			w := c.walk
			w.Kinds |= order
			steps := knot.Shortest(w, budget)
			if steps == nil {
				continue
			}
			if shortest == 0 || len(steps) < shortest {
				shortest = len(steps)
				take(named(c.name, steps), gravity(c.depth, len(rules)+i), steps)
			}
			break
		}
	}
}

// graph says what depends on what. Its nodes are the transactions.
func (x *index) graph(order cycles.Kind) *cycles.Graph {
	b := cycles.NewBuilder(len(x.txns), 4*len(x.txns))
	for k := range x.lists {
		if l := &x.lists[k]; !l.broken {
			x.dependencies(b, l)
		}
	}
	var spans []cycles.Span
	for i := range x.txns {
		if x.committed[i] {
			spans = append(spans, cycles.Span{Node: int32(i), Span: x.txns[i].Span})
		}
	}
	if order&realtime != 0 {
		b.Order(spans, realtime, false)
	}
	if order&process != 0 {
		slices.SortStableFunc(spans, func(a, b cycles.Span) int { return cmp.Compare(a.Client, b.Client) })
		for from := 0; from < len(spans); {
			to := from
			for to < len(spans) && spans[to].Client == spans[from].Client {
				to++
			}
			b.Order(spans[from:to], process, true)
			from = to
		}
	}
	return b.Graph()
}

// dependencies adds those that a list shows.
func (x *index) dependencies(b *cycles.Builder, l *list) {
	writer := func(i int) int32 { return l.makers[i].txn }
	for i := 1; i < len(l.order); i++ {
		b.Edge(writer(i-1), writer(i), ww)
	}
	rest := b.Fan(l.unseen)
	if n := len(l.order); n > 0 {
		rest.From(writer(n-1), ww)
	}
	l.views(func(r access, _, own int) bool {
		n := len(l.saw(x, r))
		if n > own {
			b.Edge(writer(n-own-1), r.txn, wr)
		}
		switch {
		case own > 0: // its own appends say when it was
		case n < len(l.order):
			b.Edge(r.txn, writer(n), rw)
		default:
			rest.From(r.txn, rw)
		}
		return true
	})
}

// circle makes an anomaly of a circle.
func (x *index) circle(kind string, grave int, steps []cycles.Step) Anomaly {
	a := Anomaly{Kind: kind, Key: linear.Nil, grave: grave}
	var told strings.Builder
	for i, s := range steps {
		d := x.why(s.Node, steps[(i+1)%len(steps)].Node, s.Kind)
		a.Cycle = append(a.Cycle, d)
		a.Witness = append(a.Witness, d.From)
		fmt.Fprintf(&told, "%d -%s-> ", d.From, d.Why)
	}
	a.Reason = fmt.Sprintf("%d transactions each come before the next in a circle: %s%d", len(steps), &told, a.Cycle[0].From)
	a.Witness = x.inOrder(a.Witness)
	return a
}

// why looks up what makes one transaction depend on another.
func (x *index) why(from, to int32, kind cycles.Kind) Dependency {
	d := Dependency{From: x.txns[from].ID, To: x.txns[to].ID, Key: linear.Nil, Before: linear.Nil, After: linear.Nil}
	switch kind {
	case process:
		d.Why = "process"
	case realtime:
		d.Why = "realtime"
	case ww:
		d.Why = "ww"
		x.overwrites(&d, from, to)
	case wr:
		d.Why = "wr"
		x.reads(&d, from, to)
	case rw:
		d.Why = "rw"
		x.misses(&d, from, to)
	}
	return d
}

// overwrites finds what To appended right after what From had, or after all that was read.
func (x *index) overwrites(d *Dependency, from, to int32) {
	for j := range x.txns[to].Steps {
		s := &x.txns[to].Steps[j]
		l := &x.lists[x.place[s.Key]]
		if s.Read || l.broken {
			continue
		}
		at, seen := l.at[s.Value]
		if !seen {
			at = int32(len(l.order))
		}
		if at > 0 && l.makers[at-1].txn == from {
			d.Key, d.Before, d.After = s.Key, l.order[at-1], s.Value
			return
		}
	}
}

// reads finds a read of To of which the last element of others is one of From.
func (x *index) reads(d *Dependency, from, to int32) {
	x.look(to, func(l *list, read []linear.Value, own int) bool {
		if n := len(read) - own; n > 0 && l.makers[n-1].txn == from {
			d.Key, d.Before = l.key, read[n-1]
			return true
		}
		return false
	})
}

// misses finds a read of From to which To was the next to append.
func (x *index) misses(d *Dependency, from, to int32) {
	x.look(from, func(l *list, read []linear.Value, own int) bool {
		after, found := linear.Nil, false
		switch n := len(read); {
		case own > 0:
		case n < len(l.order):
			after = l.order[n]
			found = l.makers[n].txn == to
		default:
			for _, s := range x.txns[to].Steps {
				if _, seen := l.at[s.Value]; !s.Read && s.Key == l.key && !seen {
					after, found = s.Value, true
					break
				}
			}
		}
		if found {
			d.Key, d.After = l.key, after
			if len(read) > 0 {
				d.Before = read[len(read)-1]
			}
		}
		return found
	})
}

// look gives what a transaction read, with the number of its own appends before, until it is enough.
func (x *index) look(txn int32, enough func(l *list, read []linear.Value, own int) bool) {
	own := map[linear.Value]int{}
	for j := range x.txns[txn].Steps {
		s := &x.txns[txn].Steps[j]
		if !s.Read {
			own[s.Key]++
			continue
		}
		l := &x.lists[x.place[s.Key]]
		if !l.broken && enough(l, l.saw(x, access{txn, int32(j)}), own[s.Key]) {
			return
		}
	}
}
