package version

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Sibling is one write of a key that no other one is known to have replaced.
type Sibling struct {
	Dot     Dot
	At      Stamp  // when it was written
	Deleted bool   // it is a tombstone, and has no value
	Value   []byte // never written to again
}

// Set is all that a copy knows of a key. It is passed between nodes whole, never in parts: who has seen a dot and has no
// sibling of it has replaced it.
//
// Invariants: Siblings is sorted by dot and has none twice; Seen has all of them.
type Set struct {
	Seen     Vector
	Siblings []Sibling
}

// Limits bound what writes can make of a Set. The zero is the defaults named here.
type Limits struct {
	// Siblings is how many there may be for another to be added without having seen any. Others' copies have been
	// bounded in the same way, so what they merge to is bounded by the number of nodes that wrote. Default 64.
	Siblings int
	// Entries is how many actors a vector may tell of before it forgets those of the oldest epochs. What is forgotten
	// may come back from a copy that was away as if it were new: a sibling too many, never one too few. Default 256.
	Entries int
}

func (l Limits) withDefaults() Limits {
	return Limits{cmp.Or(max(l.Siblings, 0), 64), cmp.Or(max(l.Entries, 0), 256)}
}

// Errors of writes.
var (
	ErrSiblings = errors.New("version: too many siblings; read them, and write what they come to")
	ErrCount    = errors.New("version: no further write can be counted")
)

// Merge is what both copies know together. It commutes, associates, and merging twice changes nothing.
func Merge(a, b Set) Set {
	all := Set{Seen: a.Seen.Merge(b.Seen)}
	as, bs := a.Siblings, b.Siblings
	for len(as) > 0 || len(bs) > 0 {
		switch order := compareFirst(as, bs); {
		case order == 0:
			all.Siblings = append(all.Siblings, larger(as[0], bs[0]))
			as, bs = as[1:], bs[1:]
		case order < 0:
			if !b.Seen.Has(as[0].Dot) {
				all.Siblings = append(all.Siblings, as[0])
			}
			as = as[1:]
		default:
			if !a.Seen.Has(bs[0].Dot) {
				all.Siblings = append(all.Siblings, bs[0])
			}
			bs = bs[1:]
		}
	}
	return all
}

func compareFirst(as, bs []Sibling) int {
	switch {
	case len(as) == 0:
		return 1
	case len(bs) == 0:
		return -1
	}
	return as[0].Dot.Compare(bs[0].Dot)
}

// larger is one of two siblings with the same dot, which are the same unless somebody damaged one. Copies agree in which
// one they keep.
func larger(a, b Sibling) Sibling {
	if a.newer(b) < 0 {
		return b
	}
	return a
}

// newer orders siblings by when they were written, and those of one moment in some way that all nodes agree in.
func (s Sibling) newer(o Sibling) int {
	return cmp.Or(s.At.Compare(o.At), s.Dot.Compare(o.Dot), compareValues(s.Deleted, o.Deleted, s.Value, o.Value))
}

// compareValues puts a tombstone after any value.
func compareValues(deletedA, deletedB bool, a, b []byte) int {
	switch {
	case deletedA == deletedB:
		return bytes.Compare(a, b)
	case deletedA:
		return 1
	}
	return -1
}

// Covers says whether o knows nothing that s does not: merging it would change nothing.
func (s Set) Covers(o Set) bool {
	if !s.Seen.Covers(o.Seen) {
		return false
	}
	for _, one := range s.Siblings {
		if _, kept := o.find(one.Dot); !kept && o.Seen.Has(one.Dot) {
			return false
		}
	}
	return true
}

// Order is how two copies stand to each other.
type Order uint8

// The orders.
const (
	Equal Order = iota
	Before
	After
	Concurrent
)

// String is the order's name.
func (o Order) String() string { return [...]string{"equal", "before", "after", "concurrent"}[o] }

// Compare says whether a is older than b, newer, the same, or neither.
func Compare(a, b Set) Order {
	switch ab, ba := a.Covers(b), b.Covers(a); {
	case ab && ba:
		return Equal
	case ab:
		return After
	case ba:
		return Before
	}
	return Concurrent
}

// Values are those of the siblings that are no tombstones.
func (s Set) Values() (values [][]byte) {
	for _, one := range s.Siblings {
		if !one.Deleted {
			values = append(values, one.Value)
		}
	}
	return values
}

// IsTombstone says that the key was deleted, and not written since.
func (s Set) IsTombstone() bool {
	return len(s.Siblings) > 0 && len(s.Values()) == 0
}

// Newest is the sibling that was written last, by its stamp. Of an empty set there is none.
func (s Set) Newest() (Sibling, bool) {
	if len(s.Siblings) == 0 {
		return Sibling{}, false
	}
	return slices.MaxFunc(s.Siblings, Sibling.newer), true
}

// Prune is the set with no more entries in its vector than the limit, if the siblings need no more. Copies that know
// the same forget the same.
func (s Set) Prune(l Limits) Set {
	excess := len(s.Seen) - l.withDefaults().Entries
	if excess <= 0 {
		return s
	}
	var idle Vector // entries that no sibling needs
	for _, d := range s.Seen {
		if !slices.ContainsFunc(s.Siblings, func(one Sibling) bool { return one.Dot.Actor == d.Actor }) {
			idle = append(idle, d)
		}
	}
	slices.SortFunc(idle, func(a, b Dot) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Node, b.Node))
	})
	idle = idle[:min(excess, len(idle))]
	s.Seen = slices.DeleteFunc(slices.Clone(s.Seen), func(d Dot) bool { return slices.Contains(idle, d) })
	return s
}

// String is the set on one line.
func (s Set) String() string {
	var b strings.Builder
	b.WriteString(s.Seen.String())
	for _, one := range s.Siblings {
		if one.Deleted {
			fmt.Fprintf(&b, " %s deleted", one.Dot)
		} else {
			fmt.Fprintf(&b, " %s=%q", one.Dot, one.Value)
		}
	}
	return b.String()
}

func (s Set) find(d Dot) (int, bool) {
	return slices.BinarySearchFunc(s.Siblings, d, func(one Sibling, d Dot) int { return one.Dot.Compare(d) })
}
