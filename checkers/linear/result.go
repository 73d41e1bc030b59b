package linear

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

// Options bound what an algorithm may take, in what is the same on every machine. The zero is the default.
type Options struct {
	States int64 // steps of a general search; 0 means 1,000,000
	Bytes  int64 // memory of a general search; 0 means 256 MiB
}
