// Package txn answers which isolation transactions really had, from what they appended to lists and read of them.
//
// A list shows its own past: who reads [1 2 3] knows in which order its elements were appended. So one read of all
// gives the order of a list's versions, each element says whose it is, and what depends on what follows without a guess:
// ww, whose append came after whose; wr, who read whose; and rw, whose append came after what somebody read. Transactions
// that depend on one another in a circle have no serial order, and which dependencies make the circle says what went wrong
// (Kingsbury & Alvaro, Elle, VLDB 2020; Adya, Weak Consistency, MIT 1999). The verdict takes time linear in the
// size of the history; the search for the shortest witness of a violation is bounded.
package txn

import (
	"cmp"
	"slices"
	"strconv"

	"simrun/checkers/linear"
)

// Txn is a transaction: its steps, in order. What one that failed, or whose answer was lost, read is not known.
type Txn struct {
	linear.Span
	Steps []Step
}

// Step is an append to a list or a read of one whose result is known. A read that was not answered is left out.
type Step struct {
	Key   linear.Value
	Read  bool
	Value linear.Value   // what was appended; appended values are unique within a key
	List  []linear.Value // what was read
}

// Append is a step.
func Append(key, value linear.Value) Step { return Step{Key: key, Value: value} }

// Read is a step.
func Read(key linear.Value, list ...linear.Value) Step {
	return Step{Key: key, Read: true, List: list}
}

// Options say what is claimed, and bound the search for a witness.
type Options struct {
	Level Level // the zero is Serializable
	Edges int64 // most edges looked at for a shortest cycle; 0 means 20,000,000
	// Name spells a list or an element in a Reason; nil means as a number.
	Name func(linear.Value) string
}

// Anomaly is one thing that no such isolation allows.
//
// Invariant: Witness has at least one transaction, and Cycle, if it is not empty, leads from each of its transactions to the
// next and from the last to the first.
type Anomaly struct {
	Kind    string
	Reason  string
	Key     linear.Value // the list that it is about; Nil for a cycle
	Witness []uint64     // in the order of their calls
	Cycle   []Dependency

	grave int // the less, the graver
}

// Dependency is why one transaction comes after another.
type Dependency struct {
	From, To uint64
	Why      string       // ww, wr, rw, process (one client) or realtime
	Key      linear.Value // of ww, wr and rw: the list
	Before   linear.Value // ww, wr: what From appended; rw: the last element that From saw, or Nil
	After    linear.Value // ww, rw: what To appended; Nil where To saw Before as the last element
}

// Check judges transactions, and shows of what it finds the Gravest. The result is Unknown where a value was appended twice,
// for then nobody can say whose it is.
func Check(txns []Txn, o Options) linear.Result {
	found, err := Find(txns, o)
	switch {
	case err != nil:
		return linear.Result{Verdict: linear.Unknown, Reason: err.Error()}
	case len(found) == 0:
		return linear.Result{Verdict: linear.Holds}
	}
	worst := Gravest(found)
	return linear.Result{Verdict: linear.Violated, Anomaly: worst.Kind, Reason: worst.Reason, Witness: worst.Witness}
}

// Gravest is, of some anomalies that Find found, and of these those that the weakest level forbids, the one with the least witness.
func Gravest(found []Anomaly) Anomaly {
	worst := found[0]
	for _, a := range found {
		if a.grave>>8 == worst.grave>>8 && len(a.Witness) < len(worst.Witness) {
			worst = a
		}
	}
	return worst
}

// Find looks for all kinds of anomalies that the level forbids, and gives one of each, the gravest first. Those that need no
// circle come by the least witness that is seen first. Circles that hang together are named by the gravest of them.
func Find(txns []Txn, o Options) ([]Anomaly, error) {
	if o.Level == "" {
		o.Level = Serializable
	}
	if o.Edges == 0 {
		o.Edges = 20_000_000
	}
	promise, known := promises[o.Level]
	if !known {
		return nil, unknownLevel(o.Level)
	}
	if o.Name == nil {
		o.Name = func(v linear.Value) string { return strconv.FormatInt(int64(v), 10) }
	}
	x, err := newIndex(txns, o.Name)
	if err != nil {
		return nil, err
	}
	found := x.circles(promise, o.Edges)
	for i, r := range rules {
		if r.depth > promise.depth {
			continue
		}
		if a, is := r.find(x); is {
			a.Kind, a.Witness, a.grave = r.kind, x.inOrder(a.Witness), gravity(r.depth, i)
			found = append(found, a)
		}
	}
	slices.SortStableFunc(found, func(a, b Anomaly) int { return cmp.Compare(a.grave, b.grave) })
	return found, nil
}

// gravity orders what is found: first by how weak a level forbids it, then by its place among its like.
func gravity(d depth, place int) int { return int(d)<<8 | place }
