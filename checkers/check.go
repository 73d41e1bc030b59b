// Package checkers answers whether a history keeps what was claimed: history in, verdict out. It knows no
// simulator, so it judges a run of real machines as it judges a simulated one. Here stands what a check is; package evidence is
// what it goes by, packages service, data and jobs are the checks, and package checks has all of them by name.
//
// The weather is never blamed on the servers: each check says what excuses an operation, and a correct
// service under any weather raises no alarm. Where that leaves nothing to judge, the verdict is Unknown,
// which is never a pass.
package checkers

import (
	"fmt"
	"time"

	"simrun/checkers/evidence"
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
	Judge(e *evidence.Evidence) Judgement
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

// With is a judgement of that verdict, with the number behind it.
func (v Verdict) With(figure string, args ...any) Judgement {
	return Judgement{Verdict: v, Figure: fmt.Sprintf(figure, args...)}
}

// Because is the judgement of a run that could not decide, in one sentence.
func (s State) Because(reason string, args ...any) Judgement {
	return Judgement{Verdict: Unknown, State: s, Reason: fmt.Sprintf(reason, args...)}
}

// What checks take for granted where a scenario leaves it unsaid.
const (
	DefaultLimit = 10 * time.Second // how soon an answer must come to be in time, and servers must have come to rest
	DefaultGrace = 3 * time.Second  // how long a way must have been whole before anybody is blamed; more than nodes need to redial
)

// BadOperation is the error of a history that has an operation which the model cannot read.
type BadOperation struct {
	Operation *history.Operation
	Problem   string
}

func (e *BadOperation) Error() string {
	return fmt.Sprintf("operation %d (%s): %s", e.Operation.ID, e.Operation.Kind, e.Problem)
}
