// Package version answers which of two values of a key is the newer, or that neither is.
//
// A Set keeps every value that no other one is known to replace, its siblings, by dotted version vectors: each write is
// given a dot of its own, and says by a vector which earlier ones its writer had seen (Preguiça, Baquero, Almeida,
// Fonte & Gonçalves, "Dotted Version Vectors: Logical Clocks for Optimistic Replication", 2010, and "Brief Announcement:
// Efficient Causality Tracking in Distributed Storage Systems with Dotted Version Vectors", PODC 2012). The siblings of
// one key share one vector, as in Almeida, Baquero, Gonçalves, Preguiça & Fonte, "Scalable and Accurate Causality
// Tracking for Eventually Consistent Stores", 2014. No write is lost, and whoever reads has to put siblings together.
//
// A Cell keeps one value, the last by a Stamp. Of writes that did not know of each other one is lost, silently.
package version

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"simrun/nodes/ring"
)

// Actor is a node during one unbroken life of its copy of a key. A node that has dropped its copy, because it was handed
// over or was a tombstone, no longer knows which dots it gave out; so its next copy counts under a new epoch.
type Actor struct {
	Node  ring.ID
	Epoch uint64
}

// Compare orders actors.
func (a Actor) Compare(o Actor) int {
	return cmp.Or(cmp.Compare(a.Node, o.Node), cmp.Compare(a.Epoch, o.Epoch))
}

// Dot names one write of a key: the Count-th of an actor, from 1.
type Dot struct {
	Actor
	Count uint64
}

// mostCount leaves room to count on, whatever a peer or a client claims to have seen.
const mostCount = 1 << 62

// Compare orders dots. It says nothing of which write came first.
func (d Dot) Compare(o Dot) int {
	return cmp.Or(d.Actor.Compare(o.Actor), cmp.Compare(d.Count, o.Count))
}

// String is the node, the epoch and the count.
func (d Dot) String() string {
	return strconv.FormatUint(uint64(d.Node), 10) + "." + strconv.FormatUint(d.Epoch, 10) + ":" + strconv.FormatUint(d.Count, 10)
}

// Vector says which writes were seen: of each actor all up to a count. It is also what a client is given with the values
// that it reads, and gives back with what it writes.
//
// Invariant: it is sorted by actor, has none twice, and every node, epoch and count is positive.
type Vector []Dot

// Count is how many writes of an actor were seen.
func (v Vector) Count(a Actor) uint64 {
	if i, found := v.find(a); found {
		return v[i].Count
	}
	return 0
}

// Has says whether a write was seen.
func (v Vector) Has(d Dot) bool { return d.Count <= v.Count(d.Actor) }

// Covers says whether all that o has seen was seen.
func (v Vector) Covers(o Vector) bool {
	for _, d := range o {
		if !v.Has(d) {
			return false
		}
	}
	return true
}

// Merge is what either has seen.
func (v Vector) Merge(o Vector) Vector {
	both := make(Vector, 0, len(v)+len(o))
	for len(v) > 0 && len(o) > 0 {
		switch v[0].Actor.Compare(o[0].Actor) {
		case -1:
			both, v = append(both, v[0]), v[1:]
		case 1:
			both, o = append(both, o[0]), o[1:]
		default:
			both = append(both, Dot{v[0].Actor, max(v[0].Count, o[0].Count)})
			v, o = v[1:], o[1:]
		}
	}
	return append(append(both, v...), o...)
}

// with has seen one write more, the next of an actor.
func (v Vector) with(d Dot) Vector {
	i, found := v.find(d.Actor)
	if found {
		v[i].Count = d.Count
		return v
	}
	return slices.Insert(v, i, d)
}

func (v Vector) find(a Actor) (int, bool) {
	return slices.BinarySearchFunc(v, a, func(d Dot, a Actor) int { return d.Actor.Compare(a) })
}

// String is the vector on one line.
func (v Vector) String() string {
	var words []string
	for _, d := range v {
		words = append(words, d.String())
	}
	return "[" + strings.Join(words, " ") + "]"
}
