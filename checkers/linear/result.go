package linear

import (
	"cmp"
	"slices"
	"strconv"

	"simrun/nodes/history"
)

// Verdict is what an algorithm found.
type Verdict uint8

// The verdicts. Unknown says that a budget ran out, or that the algorithm does not decide such a history.
const (
	Unknown Verdict = iota
	Holds
	Violated
)

// String is the verdict as checkers spell it.
func (v Verdict) String() string { return [...]string{"unknown", "holds", "violated"}[v] }

// Result is a verdict with its argument.
//
// Invariant: a Result that is Violated has an Anomaly, a Reason and a Witness of at least one operation.
type Result struct {
	Verdict Verdict
	Anomaly string   // the kind of violation, for grouping: "stale-read"
	Reason  string   // one sentence: why it is violated or unknown
	Witness []uint64 // IDs of the least set of operations that shows it, in the order of their calls
	Object  string   // the object among several that it is about: a key, a partition; empty where there is one
}

// Options say how a history is to be read, and bound what an algorithm may take, in what is the same on every
// machine. The zero is the default.
type Options struct {
	States int64 // steps of a general search; 0 means 1,000,000
	Bytes  int64 // memory of a general search; 0 means 256 MiB
	// Brief spares a search to look for the least witness: it is one operation that no order gets past.
	Brief bool
	// Initial is what a register holds before the first write; nil means Nil.
	Initial *Value
	// Name spells a value or a key in a Reason and in Object; nil means as a number.
	Name func(Value) string
}

func (o Options) filled() Options {
	if o.States == 0 {
		o.States = 1_000_000
	}
	if o.Bytes == 0 {
		o.Bytes = 256 << 20
	}
	return o
}

func (o *Options) initial() Value {
	if o.Initial == nil {
		return Nil
	}
	return *o.Initial
}

// name spells a value.
func (o *Options) name(v Value) string {
	switch {
	case v == Nil:
		return "nothing"
	case o.Name != nil:
		return o.Name(v)
	default:
		return strconv.FormatInt(int64(v), 10)
	}
}

// object spells a key as a Result's Object.
func (o *Options) object(key Value) string {
	if key == Nil {
		return ""
	}
	return o.name(key)
}

// holds is the Result of a history with nothing wrong in it.
func holds() Result { return Result{Verdict: Holds} }

// violated makes a Result of what is wrong; operations may repeat, and come in any order.
func violated(anomaly, reason string, witness ...*Span) Result {
	slices.SortStableFunc(witness, func(a, b *Span) int { return cmp.Or(cmp.Compare(a.Call, b.Call), cmp.Compare(a.ID, b.ID)) })
	r := Result{Verdict: Violated, Anomaly: anomaly, Reason: reason}
	for _, s := range slices.CompactFunc(witness, func(a, b *Span) bool { return a.ID == b.ID }) {
		r.Witness = append(r.Witness, s.ID)
	}
	return r
}

// times tells from when to when an operation went on.
func (s *Span) times() string {
	if s.End() == history.Never {
		return "from " + s.Call.String() + " on"
	}
	return s.Call.String() + " to " + s.Return.String()
}
