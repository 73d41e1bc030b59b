package linear

import (
	"fmt"

	"simrun/nodes/history"
)

// What follows puts into words, and into as few operations as can be, what is wrong with a register.

func (r *registers) bad(anomaly string, key Value, reason string, witness ...*RegisterOp) *Result {
	var spans []*Span
	for _, op := range witness {
		for spans = append(spans, &op.Span); !op.Certain() && op.Possible(); spans = append(spans, &op.Span) {
			op = r.proof(op, key)
		}
	}
	result := violated(anomaly, reason, spans...)
	result.Object = r.object(key)
	return &result
}

// proof is the operation that shows that an uncertain write happened: one that read its value, or swapped it away.
func (r *registers) proof(op *RegisterOp, key Value) *RegisterOp {
	c, _ := r.find(key, op.Value)
	x := &r.clusters[c]
	if x.fOp != none && x.fOp != x.writer {
		return r.op(x.fOp)
	}
	return r.op(r.clusters[x.next].writer)
}

// did tells what an operation did: "operation 3 wrote 1".
func (r *registers) did(op *RegisterOp) string {
	if op.Do == CAS {
		return fmt.Sprintf("operation %d swapped %s for %s", op.ID, r.name(op.Old), r.name(op.Value))
	}
	return fmt.Sprintf("operation %d %s %s", op.ID, op.Do, r.name(op.Value))
}

func (r *registers) unwritten(op *RegisterOp, key, value Value) *Result {
	for i := range r.n {
		if w, k := r.at(i); k == key && w.Do != Read && w.Value == value && w.Outcome == history.Fail {
			return r.bad("aborted-read", key, fmt.Sprintf("%s by %s, but operation %d, which was to write %s, had failed",
				r.did(op), op.Return, w.ID, r.name(value)), op, w)
		}
	}
	return r.bad("unwritten-read", key, fmt.Sprintf("%s by %s, but nobody ever wrote %s", r.did(op), op.Return, r.name(value)), op)
}

// future is the violation of a cluster whose value was read before its write began.
func (r *registers) future(c *cluster) *Result {
	if c.writer == none || c.f >= r.op(c.writer).Call {
		return nil
	}
	read, write := r.op(c.fOp), r.op(c.writer)
	return r.bad("future-read", c.key, fmt.Sprintf("%s by %s, but %s only from %s on", r.did(read), c.f, r.did(write), write.Call),
		read, write)
}

func (r *registers) lostUpdate(a, b *RegisterOp, key Value) *Result {
	return r.bad("lost-update", key, fmt.Sprintf("%s and %s, but only one can have found %s", r.did(a), r.did(b), r.name(a.Old)),
		a, b)
}

// late is the violation of a value that was still found after a swap had replaced it.
func (r *registers) late(c, next *cluster) *Result {
	old, swapped := r.op(c.sOp), r.op(next.fOp)
	return r.bad("stale-read", c.key, fmt.Sprintf("%s after %s, but %s by %s, when swaps had replaced that", r.did(old), c.s, r.did(swapped), next.f),
		old, swapped)
}

// circle is the violation of swaps each of which found what another of them wrote.
func (r *registers) circle(c *cluster) *Result {
	first := r.op(c.writer)
	witness := []*RegisterOp{first}
	for n := c.next; r.clusters[n].writer != c.writer; n = r.clusters[n].next {
		witness = append(witness, r.op(r.clusters[n].writer))
	}
	return r.bad("swap-circle", c.key, fmt.Sprintf("%s, but %s was there only after that and %d more", r.did(first), r.name(first.Old), len(witness)-1), witness...)
}

// stale is the violation of a zone that lies in a forward one, or that is forward too and overlaps it. Three operations
// show it if one is all within a forward zone of other values, and else four.
func (r *registers) stale(outer, inner *cluster) *Result {
	if x := r.within(inner, outer); x != nil {
		return r.between(outer, x)
	}
	if inner.f < inner.s {
		if x := r.within(outer, inner); x != nil {
			return r.between(inner, x)
		}
	}
	a, b, c, d := r.op(outer.fOp), r.op(outer.sOp), r.op(inner.fOp), r.op(inner.sOp)
	return r.bad("stale-read", outer.key, fmt.Sprintf("%s by %s and %s after %s, yet %s by %s and %s after %s: no order keeps the two apart",
		r.did(a), outer.f, r.did(b), outer.s, r.did(c), inner.f, r.did(d), inner.s), a, b, c, d)
}

// within is an operation of one zone that went on while all of another had to be, or nil.
func (r *registers) within(c, other *cluster) *RegisterOp {
	values := map[Value]bool{c.value: true}
	for n := c.next; n != none; n = r.clusters[n].next {
		values[r.clusters[n].value] = true
	}
	for i := range r.n {
		op, key := r.at(i)
		if key == c.key && op.Possible() && values[op.Value] && op.Call > other.f && op.End() < other.s {
			return op
		}
	}
	return nil
}

// between is the violation of an operation of another value while a zone has to be.
func (r *registers) between(c *cluster, x *RegisterOp) *Result {
	last := r.op(c.sOp)
	if c.fOp == none {
		return r.bad("stale-read", c.key, fmt.Sprintf("%s after %s, though before that %s, %s", r.did(last), c.s, r.did(x), x.times()), last, x)
	}
	first := r.op(c.fOp)
	return r.bad("stale-read", c.key, fmt.Sprintf("%s by %s and %s after %s, though in between %s, %s",
		r.did(first), c.f, r.did(last), c.s, r.did(x), x.times()), first, last, x)
}
