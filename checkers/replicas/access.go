// Package replicas answers what clients of replicated data were shown of it: whether their own sessions made sense to them,
// how old it was, and whether what was gone came back.
//
// All of it asks for the order of a key's versions. Where the store tells a version with each value, that is the order. Where
// it does not, written values are unique and so each read says whose write it saw; what follows from that alone is
// still judged, and each function says how much that is.
package replicas

import (
	"cmp"
	"slices"
	"strconv"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// Access is a read or a write of one key.
//
// What a read that was not answered ok saw is not known, so such a read says nothing. Values that are written should be unique
// within a key; one that is written twice says nothing but by the versions that it was told with. To write Nil is to delete.
type Access struct {
	linear.Span
	Key     linear.Value
	Kind    Kind
	Value   linear.Value // what was written or read; Nil for a delete, and for a read that found nothing
	Version int64        // the place of the value among the key's, if the store told it; greater is newer
	Told    bool         // whether it did
}

// Kind is what an access does.
type Kind uint8

// The kinds. A delete is a write of nothing.
const (
	Read Kind = iota
	Write
	Delete
)

func (a *Access) writes() bool { return a.Kind != Read }

func (a *Access) deletes() bool { return a.Kind == Delete || a.Kind == Write && a.Value == linear.Nil }

// known says whether a read's result is.
func (a *Access) known() bool { return a.Kind == Read && a.Outcome == history.Ok }

// book is what was done to one key.
//
// Invariant: accesses are in the order of their calls.
type book struct {
	key      linear.Value
	accesses []*Access
	writer   map[linear.Value]*Access // of each value; deletes have none
	version  map[linear.Value]*Access // an access that was told the version of a value
	repeated map[linear.Value]bool    // values that were written twice
	deletes  bool
}

// books sorts accesses by their keys, in the order in which these first come.
func books(accesses []Access) []*book {
	var all []*book
	byKey := map[linear.Value]*book{}
	sorted := make([]*Access, len(accesses))
	for i := range accesses {
		sorted[i] = &accesses[i]
	}
	slices.SortStableFunc(sorted, func(a, b *Access) int { return cmp.Compare(a.Call, b.Call) })
	for _, a := range sorted {
		b := byKey[a.Key]
		if b == nil {
			b = &book{key: a.Key, writer: map[linear.Value]*Access{}, version: map[linear.Value]*Access{}}
			byKey[a.Key] = b
			all = append(all, b)
		}
		b.add(a)
	}
	return all
}

func (b *book) add(a *Access) {
	switch {
	case a.Kind == Read && !a.known(), !a.Possible():
		return
	case a.deletes():
		b.deletes = true
	case a.Kind == Write && b.writer[a.Value] != nil:
		if b.repeated == nil {
			b.repeated = map[linear.Value]bool{}
		}
		b.repeated[a.Value] = true
	case a.Kind == Write:
		b.writer[a.Value] = a
	}
	b.accesses = append(b.accesses, a)
	if a.Told && !a.deletes() && b.version[a.Value] == nil {
		b.version[a.Value] = a
	}
}

// oldest is the version of a key that was never written.
const oldest = -1 << 63

// place is the version of what the access wrote or read, and who was told it; not known where nobody was. Where a
// key is never deleted, to find nothing is to see it before the first write.
func (b *book) place(a *Access) (version int64, teller *Access, known bool) {
	switch teller := b.version[a.Value]; {
	case a.Told:
		return a.Version, a, true
	case a.deletes() || b.repeated[a.Value]:
		return 0, nil, false
	case teller != nil && a.Value != linear.Nil:
		return teller.Version, teller, true
	case a.Kind == Read && a.Value == linear.Nil && !b.deletes:
		return oldest, a, true
	default:
		return 0, nil, false
	}
}

// fork looks for one version that was told with two values, or one value with two versions. No order comes of such.
func (b *book) fork() (one, other *Access) {
	if len(b.version) == 0 {
		return nil, nil
	}
	first := map[int64]*Access{}
	for _, a := range b.accesses {
		if !a.Told || a.Value == linear.Nil {
			continue
		}
		before := first[a.Version]
		if before == nil {
			first[a.Version], before = a, a
			if !b.repeated[a.Value] {
				before = b.version[a.Value]
			}
		}
		if before.Value != a.Value || before.Version != a.Version {
			return before, a
		}
	}
	return nil, nil
}

// shown makes a violation of accesses, in the order of their calls, each once.
func shown(anomaly, reason string, witness ...*Access) linear.Result {
	slices.SortStableFunc(witness, func(a, b *Access) int { return cmp.Or(cmp.Compare(a.Call, b.Call), cmp.Compare(a.ID, b.ID)) })
	r := linear.Result{Verdict: linear.Violated, Anomaly: anomaly, Reason: reason}
	for _, a := range witness {
		if !slices.Contains(r.Witness, a.ID) {
			r.Witness = append(r.Witness, a.ID)
		}
	}
	return r
}

// number spells a key or a value where nobody says better.
func number(v linear.Value) string { return strconv.FormatInt(int64(v), 10) }
