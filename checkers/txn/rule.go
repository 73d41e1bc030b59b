package txn

import (
	"fmt"
	"slices"

	"simrun/checkers/linear"
)

// rule finds a kind of anomaly that needs no circle.
type rule struct {
	kind  string
	depth depth
	find  func(x *index) (Anomaly, bool)
}

// rules are the kinds, the gravest first.
var rules = []rule{
	{"phantom-element", writes, phantom},
	{"repeated-element", writes, repeated},
	{"incompatible-order", writes, incompatible},
	{"misplaced-element", writes, misplaced},
	{"G1a", committed, aborted},
	{"dirty-update", committed, dirtyUpdate},
	{"G1b", committed, intermediate},
	{"internal", committed, internal},
	{"unrepeatable-read", snapshots, unrepeatable},
	{"lost-update", snapshots, lostUpdate},
}

// soil finds the first read of an element that fits.
func (x *index) soil(fits func(k int32, v linear.Value) bool) (k int32, at int, read access, found bool) {
	for k := range x.lists {
		l := &x.lists[k]
		if !l.soiled {
			continue
		}
		for _, r := range l.readers {
			if at := slices.IndexFunc(x.step(r).List, func(v linear.Value) bool { return fits(int32(k), v) }); at >= 0 {
				return int32(k), at, r, true
			}
		}
	}
	return 0, 0, access{}, false
}

// phantom: somebody read an element that nobody appended.
func phantom(x *index) (Anomaly, bool) {
	k, at, r, found := x.soil(func(k int32, v linear.Value) bool { _, known := x.by[element{k, v}]; return !known })
	if !found {
		return Anomaly{}, false
	}
	t := &x.txns[r.txn]
	return Anomaly{Key: x.lists[k].key, Witness: []uint64{t.ID},
		Reason: fmt.Sprintf("transaction %d read %s in list %s, which nobody appended", t.ID, x.name(x.step(r).List[at]), x.name(x.lists[k].key))}, true
}

// failed says whether the element was appended by a transaction that certainly did not commit.
func (x *index) failed(k int32, v linear.Value) bool {
	a, known := x.by[element{k, v}]
	return known && !x.txns[a.txn].Possible()
}

// aborted is G1a: somebody read what was undone.
func aborted(x *index) (Anomaly, bool) {
	k, at, r, found := x.soil(x.failed)
	if !found {
		return Anomaly{}, false
	}
	v := x.step(r).List[at]
	w, t := &x.txns[x.by[element{k, v}].txn], &x.txns[r.txn]
	return Anomaly{Key: x.lists[k].key, Witness: []uint64{w.ID, t.ID},
		Reason: fmt.Sprintf("transaction %d read %s in list %s, which %d had appended, but %d failed", t.ID, x.name(v), x.name(x.lists[k].key), w.ID, w.ID)}, true
}

// dirtyUpdate: what was undone is the ground on which another transaction committed.
func dirtyUpdate(x *index) (Anomaly, bool) {
	for k := range x.lists {
		l := &x.lists[k]
		if !l.soiled {
			continue
		}
		for _, r := range l.readers {
			read := x.step(r).List
			at := slices.IndexFunc(read, func(v linear.Value) bool { return x.failed(int32(k), v) })
			if at < 0 {
				continue
			}
			on := slices.IndexFunc(read[at:], func(v linear.Value) bool { return x.stands(int32(k), v) })
			if on < 0 {
				continue
			}
			undone, kept := read[at], read[at+on]
			w, u := &x.txns[x.by[element{int32(k), undone}].txn], &x.txns[x.by[element{int32(k), kept}].txn]
			return Anomaly{Key: l.key, Witness: []uint64{w.ID, u.ID, x.txns[r.txn].ID},
				Reason: fmt.Sprintf("%s, which transaction %d appended to list %s, stands behind %s, which %d had appended, but %d failed",
					x.name(kept), u.ID, x.name(l.key), x.name(undone), w.ID, w.ID)}, true
		}
	}
	return Anomaly{}, false
}

// repeated: an element stands in a list twice.
func repeated(x *index) (Anomaly, bool) {
	for k := range x.lists {
		l := &x.lists[k]
		if len(l.at) == len(l.order) {
			continue
		}
		seen := map[linear.Value]bool{}
		for _, v := range l.order {
			if seen[v] {
				w, t := &x.txns[x.by[element{int32(k), v}].txn], &x.txns[l.readers[l.from].txn]
				return Anomaly{Key: l.key, Witness: []uint64{w.ID, t.ID},
					Reason: fmt.Sprintf("transaction %d read %s twice in list %s, which %d had appended once", t.ID, x.name(v), x.name(l.key), w.ID)}, true
			}
			seen[v] = true
		}
	}
	return Anomaly{}, false
}

// incompatible: what two transactions read of a list cannot be versions of one list.
func incompatible(x *index) (Anomaly, bool) {
	for k := range x.lists {
		l := &x.lists[k]
		if !l.broken {
			continue
		}
		for _, r := range l.readers {
			if !l.before(l.saw(x, r)) {
				t, u := &x.txns[l.readers[l.from].txn], &x.txns[r.txn]
				return Anomaly{Key: l.key, Witness: []uint64{t.ID, u.ID},
					Reason: fmt.Sprintf("transactions %d and %d read list %s in orders that exclude one another", t.ID, u.ID, x.name(l.key))}, true
			}
		}
	}
	return Anomaly{}, false
}

// misplaced: of what one transaction appended, the later stands in the list and the earlier not before it.
func misplaced(x *index) (Anomaly, bool) {
	for k := range x.lists {
		l := &x.lists[k]
		for i := 1; i < len(l.appends); i++ {
			if l.appends[i-1].txn != l.appends[i].txn {
				continue
			}
			first, then := x.step(l.appends[i-1]).Value, x.step(l.appends[i]).Value
			at, seen := l.at[then]
			before, also := l.at[first]
			if !seen || also && before < at {
				continue
			}
			w, t := &x.txns[l.appends[i].txn], &x.txns[l.readers[l.from].txn]
			return Anomaly{Key: l.key, Witness: []uint64{w.ID, t.ID},
				Reason: fmt.Sprintf("transaction %d appended %s and then %s to list %s, where %d read the second without the first before it",
					w.ID, x.name(first), x.name(then), x.name(l.key), t.ID)}, true
		}
	}
	return Anomaly{}, false
}

// intermediate is G1b: a transaction read of another what this one went on to append to.
func intermediate(x *index) (Anomaly, bool) {
	for k := range x.lists {
		l := &x.lists[k]
		for _, r := range l.readers {
			read := l.saw(x, r)
			if len(read) == 0 {
				continue
			}
			last := l.last(x, read)
			if last.txn == r.txn {
				continue
			}
			for j, s := range x.txns[last.txn].Steps[last.step+1:] {
				if s.Read || s.Key != l.key {
					continue
				}
				w, t := &x.txns[last.txn], &x.txns[r.txn]
				return Anomaly{Key: l.key, Witness: []uint64{w.ID, t.ID},
					Reason: fmt.Sprintf("transaction %d read list %s as %d had left it between appending %s and %s", t.ID, x.name(l.key), w.ID,
						x.name(read[len(read)-1]), x.name(w.Steps[int(last.step)+1+j].Value))}, true
			}
		}
	}
	return Anomaly{}, false
}

// internal: a transaction did not see its own appends up to there, no more and no less, as the last elements.
func internal(x *index) (a Anomaly, found bool) {
	for k := range x.lists {
		l := &x.lists[k]
		l.views(func(r access, first, own int) bool {
			t, read, wrong := &x.txns[r.txn], l.saw(x, r), ""
			switch n := len(read) - own; {
			case !x.endsWith(read, l.appends[first:first+own]):
				wrong = "did not read at the end of list %s what it had itself appended"
			case n > 0 && l.last(x, read[:n]).txn == r.txn:
				wrong = "read in list %s what it had itself not appended yet"
			}
			if found = wrong != ""; found {
				a = Anomaly{Key: l.key, Witness: []uint64{t.ID}, Reason: fmt.Sprintf("transaction %d "+wrong, t.ID, x.name(l.key))}
			}
			return !found
		})
		if found {
			return a, true
		}
	}
	return a, false
}

// endsWith says whether the last of what was read are these appends.
func (x *index) endsWith(read []linear.Value, appends []access) bool {
	from := len(read) - len(appends)
	if from < 0 {
		return false
	}
	for i, a := range appends {
		if read[from+i] != x.step(a).Value {
			return false
		}
	}
	return true
}

// unrepeatable: a transaction read a list twice, and saw the second time what others had appended meanwhile.
func unrepeatable(x *index) (a Anomaly, found bool) {
	for k := range x.lists {
		l := &x.lists[k]
		last, others := access{-1, 0}, 0
		l.views(func(r access, _, own int) bool {
			n := len(l.saw(x, r)) - own
			if found = last.txn == r.txn && n != others; found {
				t := &x.txns[r.txn]
				a = Anomaly{Key: l.key, Witness: []uint64{t.ID},
					Reason: fmt.Sprintf("transaction %d read %d elements of others in list %s, and then %d", t.ID, others, x.name(l.key), n)}
			}
			last, others = r, n
			return !found
		})
		if found {
			return a, true
		}
	}
	return a, false
}

// lostUpdate: two transactions read the same version of a list and both appended to it.
func lostUpdate(x *index) (a Anomaly, found bool) {
	for k := range x.lists {
		l := &x.lists[k]
		if l.broken {
			continue
		}
		updated := map[int]int32{}
		l.views(func(r access, first, own int) bool {
			if own > 0 || first == len(l.appends) || l.appends[first].txn != r.txn {
				return true
			}
			version := len(l.saw(x, r))
			before, other := updated[version]
			if found = other && before != r.txn; found {
				t, u := &x.txns[before], &x.txns[r.txn]
				a = Anomaly{Key: l.key, Witness: []uint64{t.ID, u.ID},
					Reason: fmt.Sprintf("transactions %d and %d read list %s when it had %d elements, and both appended to it", t.ID, u.ID, x.name(l.key), version)}
			}
			updated[version] = r.txn
			return !found
		})
		if found {
			return a, true
		}
	}
	return a, false
}
