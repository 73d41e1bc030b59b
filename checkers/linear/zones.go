package linear

import (
	"maps"
	"slices"

	"simrun/nodes/history"
)

// Registers whose every value is written once are judged by the zones of Gibbons & Korach ("Testing Shared Memories", SIAM
// J. Comput. 1997), with swaps as a third kind of write.
//
// A cluster is the write of a value and its reads. A swap finds the value of one cluster and writes that of another, so
// nothing can come between the two: clusters that are chained by swaps make one zone. All operations of a zone are
// next to each other in any order of the whole. Let f be the least end in it and s the greatest call. If f < s the zone
// is forward: it takes at least all the time from f to s. If not, it is backward, and can be done at any one moment from s
// to f. So, if each zone has an order of its own, the whole has one iff no two forward zones overlap, and no
// backward one lies within a forward one.
//
// A write or swap that may not have happened, and whose value nobody saw, changes nothing by being left out: what was
// seen was not its value. If the value was seen, it happened, by an end that nobody knows.

// cluster is a value that one register held. Operations go by their place in the history.
type cluster struct {
	key, value Value
	f, s       history.Time // Invariant: f is End of fOp and s is Call of sOp, but for what a register held at first
	fOp, sOp   int32
	writer     int32 // or none, for what it held at first
	next       int32 // the cluster whose writer swapped this value away, or none
	happened   bool  // the writer took effect
	chained    bool  // a swap made it a part of another's zone
}

// dawn is before all calls: when registers got what they held at first.
const dawn history.Time = -1 << 63

type registers struct {
	Options
	at       func(i int32) (op *RegisterOp, key Value)
	n        int32
	clusters []cluster
	index    pairs          // of clusters
	repeats  map[Value]bool // keys with a value that was written twice
}

func judgeRegisters(n int, at func(i int32) (*RegisterOp, Value), o Options) Result {
	r := &registers{Options: o, at: at, n: int32(n), repeats: map[Value]bool{}}
	r.gatherWrites()
	for _, step := range []func() *Result{r.gatherReads, r.chain, r.sweep} {
		if bad := step(); bad != nil {
			return *bad
		}
	}
	return r.searchRepeats()
}

func (r *registers) op(i int32) *RegisterOp {
	op, _ := r.at(i)
	return op
}

func (r *registers) find(key, value Value) (c int32, place int) {
	return r.index.find(key, value, func(n int32) (Value, Value) { return r.clusters[n].key, r.clusters[n].value })
}

// add makes a cluster that has nothing in it yet.
func (r *registers) add(key, value Value, writer int32, place int) {
	r.index.put(int32(len(r.clusters)), place)
	r.clusters = append(r.clusters, cluster{key: key, value: value, f: history.Never, s: dawn, fOp: none, sOp: none, writer: writer, next: none})
}

// join puts an operation into the cluster.
func (c *cluster) join(i int32, op *RegisterOp) {
	if end := op.End(); c.fOp == none && c.f == history.Never || end < c.f {
		c.f, c.fOp = end, i
	}
	if op.Call > c.s || c.sOp == none {
		c.s, c.sOp = op.Call, i
	}
}

func (r *registers) gatherWrites() {
	writes := 0
	for i := range r.n {
		if op := r.op(i); op.Do != Read && op.Possible() {
			writes++
		}
	}
	r.clusters = make([]cluster, 0, writes+1)
	r.index.reserve(writes + 1)
	for i := range r.n {
		op, key := r.at(i)
		if op.Do == Read || !op.Possible() {
			continue
		}
		c, place := r.find(key, op.Value)
		if c != none || op.Value == r.initial() {
			r.repeats[key] = true
			continue
		}
		r.add(key, op.Value, i, place)
		if c := &r.clusters[len(r.clusters)-1]; op.Certain() {
			c.happened = true
			c.join(i, op)
		}
	}
}

// gatherReads puts the reads into their clusters, and chains those of swaps.
func (r *registers) gatherReads() *Result {
	for i := range r.n {
		op, key := r.at(i)
		if op.Do == Write || !op.Certain() || r.repeated(key) {
			continue
		}
		if op.Do == CAS {
			c, _ := r.find(key, op.Value)
			if bad := r.settle(c, op, key); bad != nil {
				return bad
			}
			continue
		}
		c, bad := r.saw(op, key, op.Value)
		if bad != nil {
			return bad
		}
		r.clusters[c].join(i, op)
		if bad = r.settle(c, nil, key); bad != nil {
			return bad
		}
	}
	return nil
}

func (r *registers) repeated(key Value) bool { return len(r.repeats) > 0 && r.repeats[key] }

// saw is the cluster of a value that an operation found.
func (r *registers) saw(op *RegisterOp, key, value Value) (int32, *Result) {
	c, place := r.find(key, value)
	if c == none {
		if value != r.initial() {
			return none, r.unwritten(op, key, value)
		}
		c = int32(len(r.clusters))
		r.add(key, value, none, place)
		r.clusters[c].f, r.clusters[c].happened = dawn, true
	}
	return c, nil
}

// settle chains the cluster that a swap wrote to that of what it found. Where a cluster was seen, its writer happened, and
// if that was a swap, so did the writer of what it found, and so on.
func (r *registers) settle(c int32, swap *RegisterOp, key Value) *Result {
	for swap != nil || !r.clusters[c].happened {
		if x := &r.clusters[c]; !x.happened {
			writer := r.op(x.writer)
			x.happened = true
			x.join(x.writer, writer)
			if swap = nil; writer.Do == CAS {
				swap = writer
			}
		}
		if swap == nil {
			return nil
		}
		old, bad := r.saw(swap, key, swap.Old)
		if bad != nil {
			return bad
		}
		if other := r.clusters[old].next; other != none {
			return r.lostUpdate(r.op(r.clusters[other].writer), swap, key)
		}
		r.clusters[old].next = c
		c, swap = old, nil
	}
	return nil
}

// chain holds each cluster to its own order, and makes one zone of those that are chained.
func (r *registers) chain() *Result {
	for i := range r.clusters {
		c := &r.clusters[i]
		if !c.happened || r.repeated(c.key) || c.writer != none && r.op(c.writer).Do == CAS {
			continue
		}
		if bad := r.future(c); bad != nil {
			return bad
		}
		for n := c.next; n != none; n = r.clusters[n].next {
			next := &r.clusters[n]
			next.chained = true
			if bad := r.future(next); bad != nil {
				return bad
			}
			if c.s > next.f {
				return r.late(c, next)
			}
			if next.f < c.f {
				c.f, c.fOp = next.f, next.fOp
			}
			if next.s > c.s {
				c.s, c.sOp = next.s, next.sOp
			}
		}
	}
	for i := range r.clusters {
		if c := &r.clusters[i]; c.happened && !c.chained && c.writer != none && r.op(c.writer).Do == CAS && !r.repeated(c.key) {
			return r.circle(c)
		}
	}
	return nil
}

// sweep holds the zones of each register against each other, in the order in which they begin.
func (r *registers) sweep() *Result {
	zones := make([]item, 0, len(r.clusters))
	for i := range r.clusters {
		if c := &r.clusters[i]; c.happened && !c.chained && !r.repeated(c.key) {
			zones = append(zones, item{inOrder(int64(min(c.f, c.s))), int32(i)})
		}
	}
	var last lasts // the last forward zone of each register; it reaches the furthest, as no two overlap
	for _, z := range sortItems(zones) {
		c := &r.clusters[z.i]
		before := last.of(c.key)
		if *before != none {
			if b := &r.clusters[*before]; c.f < b.s && (c.f < c.s || b.f < c.s) {
				return r.stale(b, c)
			}
		}
		if c.f < c.s {
			*before = z.i
		}
	}
	return nil
}

// lasts is a zone for each register.
type lasts struct {
	index pairs
	keys  []Value
	zones []int32
}

// of is the place of a register's zone; none is in it at first.
func (l *lasts) of(key Value) *int32 {
	n, place := l.index.find(key, Nil, func(n int32) (Value, Value) { return l.keys[n], Nil })
	if n == none {
		n = int32(len(l.keys))
		l.index.put(n, place)
		l.keys, l.zones = append(l.keys, key), append(l.zones, none)
	}
	return &l.zones[n]
}

// searchRepeats judges the registers that zones cannot.
func (r *registers) searchRepeats() Result {
	result := holds()
	for _, key := range slices.Sorted(maps.Keys(r.repeats)) {
		found := Search(RegisterModel(r.initial()), r.needed(key), r.Options)
		found.Object = r.object(key)
		switch found.Verdict {
		case Violated:
			return found
		case Unknown:
			result = found
		}
	}
	return result
}

// needed are the operations of a register, without writes that perhaps did not happen and whose value nobody found.
func (r *registers) needed(key Value) (ops []RegisterOp) {
	found := map[Value]bool{}
	for i := range r.n {
		if op, k := r.at(i); k == key && op.Possible() {
			switch {
			case op.Do == CAS:
				found[op.Old] = true
			case op.Do == Read && op.Certain():
				found[op.Value] = true
			}
		}
	}
	for i := range r.n {
		if op, k := r.at(i); k == key && (op.Certain() || op.Do != Read && found[op.Value]) {
			ops = append(ops, *op)
		}
	}
	return ops
}
