// Package checkers answers whether a history keeps what was claimed: history in, verdict out. It knows no
// simulator, so it judges a run of real machines as it judges a simulated one.
//
// The weather is never blamed on the servers: each check says what excuses an operation, and a correct
// service under any weather raises no alarm. Where that leaves nothing to judge, the verdict is Unknown,
// which is never a pass.
package checkers

import (
	"fmt"

	"simrun/nodes/history"
)

// Verdict is what a check found.
type Verdict string

// The verdicts.
const (
	Holds    Verdict = "holds"
	Violated Verdict = "violated"
	Unknown  Verdict = "unknown"
)

// State is why a verdict is Unknown through no fault of the check. A batch in which no run could decide is
// unknown; a single run that is vacuous or censored has not failed.
type State string

// The states.
const (
	Decided  State = ""         // or a budget ran out, if the verdict is Unknown
	Vacuous  State = "vacuous"  // too little happened to say
	Censored State = "censored" // the weather, or the end of the run, cut the observation short
)

// Judgement is what a check says of one run, or of a batch.
//
// Invariant: a Judgement with a State is Unknown, and one that is Violated has an Anomaly and a Reason.
type Judgement struct {
	Verdict Verdict
	State   State
	Figure  string             // "2214 of 2214": the number behind the verdict, whatever the verdict
	Reason  string             // one sentence: why it is violated or unknown
	Anomaly string             // the kind of violation, for grouping: "lost-job"
	Witness []uint64           // the least set of operations that shows it
	Story   []string           // the offending operation in words, a line per event
	Window  history.Window     // when it happened; zero if no one time can be named
	Object  string             // the object among several that it is about: a key, a partition; empty where there is one
	Data    map[string]float64 // figures that JudgeBatch adds up
	Bad     *BadOperation      // the operation that it cannot read, if that is why it is unknown
}

// Check is a claim's predicate: a pointer to a struct of options. Options mean what they say, so that a limit of nothing
// allows nothing; CheckNamed gives a check with the limits that a scenario has which says none.
type Check interface {
	Judge(e *Evidence) Judgement
}

// BatchCheck is a Check that says more about many runs than the sum of what it says about each. Over a batch, any
// other Check is violated if one run is.
type BatchCheck interface {
	Check
	JudgeBatch(points []Point) Judgement
}

// Point is one value of a scenario's matrix ("nodes.worker.count=3", empty without a matrix), with what
// the check's Judge said of each run at that value.
type Point struct {
	Value string
	Runs  []Judgement
}

// Definition is a check as a scenario may name it. A check whose main argument is a value, as in
// {available: submit, within: 10s}, has an option of its own name; the others are named bare, or by
// {name: gearman.retry-budget, attempts: 3}.
type Definition struct {
	Name string
	Doc  string // one sentence for the reference
	// New makes a pointer to the check's options, filled with their defaults, whose fields carry `yaml` and
	// `doc` tags. If it has a method Validate() error, whoever loads a scenario calls it.
	New func() Check
}

// All is every check, in the order of the reference.
func All() []Definition { return definitions }

// CheckNamed is the check of that name, with its usual options.
func CheckNamed(name string) (c Check, found bool) {
	for _, d := range definitions {
		if d.Name == name {
			return d.New(), true
		}
	}
	return nil, false
}

func holds(figure string, args ...any) Judgement {
	return Judgement{Verdict: Holds, Figure: fmt.Sprintf(figure, args...)}
}

func vacuous(reason string, args ...any) Judgement {
	return Judgement{Verdict: Unknown, State: Vacuous, Reason: fmt.Sprintf(reason, args...)}
}

func censored(reason string, args ...any) Judgement {
	return Judgement{Verdict: Unknown, State: Censored, Reason: fmt.Sprintf(reason, args...)}
}
