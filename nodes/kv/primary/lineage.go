package primary

import "fmt"

// span is a part of a history: what one primary ordered in one epoch, from an offset on, up to where the next span begins. No
// two epochs have one ID, not even where the monitors forgot which there have been.
type span struct{ epoch, id, first uint64 }

// lineage is who ordered what stands in a log, oldest first. An entry's offset and the ID of its span decide it, and all before
// it: an epoch has one primary, which only appends. So two logs agree up to the last offset at which their lineages do.
//
// Invariant: epochs and firsts rise.
type lineage []span

// mostSpans bounds a lineage. What it has forgotten agrees with nobody's, so a replica from before then is sent everything.
const mostSpans = 256

// at is the span of an offset; the zero span before any.
func (l lineage) at(offset uint64) (s span) {
	for _, next := range l {
		if next.first > offset {
			break
		}
		s = next
	}
	return s
}

// until is the lineage of a log that ends at an offset.
func (l lineage) until(end uint64) lineage {
	n := len(l)
	for n > 0 && l[n-1].first > end {
		n--
	}
	return l[:n:n]
}

// with is the lineage with one more span, in memory of its own.
func (l lineage) with(s span) lineage {
	if len(l) >= mostSpans {
		l = l[len(l)-mostSpans+1:]
	}
	return append(append(make(lineage, 0, len(l)+1), l...), s)
}

// last is the last offset of the i-th span in a log that ends at end.
func (l lineage) last(i int, end uint64) uint64 {
	if i+1 < len(l) {
		return min(l[i+1].first-1, end)
	}
	return end
}

// fork is the last offset up to which two logs agree; known is false if their lineages do not say.
func fork(a lineage, aEnd uint64, b lineage, bEnd uint64) (at uint64, known bool) {
	if aEnd == 0 || bEnd == 0 {
		return 0, true
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] != b[j] || a[i].first > min(aEnd, bEnd) {
				continue
			}
			return min(a.last(i, aEnd), b.last(j, bEnd)), true
		}
	}
	// Both begin with their first entries, and these differ: nothing is shared.
	return 0, len(a) > 0 && len(b) > 0 && a[0].first == 1 && b[0].first == 1
}

func putLineage(b []byte, l lineage) []byte {
	b = putNumbers(b, uint64(len(l)))
	for _, s := range l {
		b = putNumbers(b, s.epoch, s.id, s.first)
	}
	return b
}

func (w *wire) lineage() (l lineage) {
	n := w.number()
	if n > mostSpans {
		w.bad = true
		return nil
	}
	var before span
	for range n {
		s := span{w.number(), w.number(), w.number()}
		if w.bad || s.epoch <= before.epoch || s.first <= before.first {
			w.bad = true
			return nil
		}
		l, before = append(l, s), s
	}
	return l
}

// place is where a log ends: further along is a later epoch, or the same one and a greater offset.
type place struct{ epoch, offset uint64 }

func (p place) before(other place) bool {
	return p.epoch < other.epoch || p.epoch == other.epoch && p.offset < other.offset
}

func (p place) String() string { return fmt.Sprintf("%d/%d", p.epoch, p.offset) }
