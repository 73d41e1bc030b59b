package explore

import (
	"simrun/scenarios"
)

// RegressionLucks is under how many lucks a regression is usually run: what comes after changed code has new luck, so
// the one that once showed it may not any more.
const RegressionLucks = 64

// Regression is a plan that once violated a claim and is not to do so any more, under any of many lucks of packets and
// disks. It proves something only if the storm still comes: each of its faults has to have an effect under
// at least one of them, or the batch is unknown.
type Regression struct {
	Plan *scenarios.Plan
	// Lucks is how many there are, the plan's own first; zero is RegressionLucks.
	Lucks int
	// Jobs is how many worlds run at once; zero is one per core.
	Jobs int
}

// Do runs it until it is violated, or to the end. Idle are the faults that never had an effect.
func (r Regression) Do() (batch *Batch, idle []scenarios.Fault, err error) {
	triggers := TriggersOf(r.Plan)
	batch, err = Sweep{Scenario: r.Plan.Scenario, Base: r.Plan.Seed, Count: orUsual(r.Lucks, RegressionLucks), Claims: r.Plan.Claims, Jobs: r.Jobs,
		Run: func(t Turn) (*scenarios.Result, error) {
			plan := *r.Plan
			plan.Seed = t.Seed
			return plan.Run(scenarios.RunOptions{}).Result, nil
		},
		Each: func(_ *Batch, e *Entry) { triggers.Note(e.Run) },
	}.Do()
	triggers.Judge(batch)
	return batch, triggers.Idle(), err
}

// Triggers are the faults of a plan, and in how many runs of it each had an effect.
type Triggers struct {
	plan   *scenarios.Plan
	struck []int
}

// TriggersOf are the plan's, before any run.
func TriggersOf(p *scenarios.Plan) *Triggers { return &Triggers{p, make([]int, len(p.Faults))} }

// Note takes in a run of the plan.
func (t *Triggers) Note(r *scenarios.Result) {
	for i := range t.struck {
		if i < len(r.Faults) && r.Faults[i].Effects > 0 {
			t.struck[i]++
		}
	}
}

// Idle are the faults that never had an effect.
func (t *Triggers) Idle() (idle []scenarios.Fault) {
	for i, n := range t.struck {
		if n == 0 {
			idle = append(idle, t.plan.Faults[i])
		}
	}
	return idle
}

// Judge makes a batch unknown in which a fault never had an effect. One that is violated says enough.
func (t *Triggers) Judge(b *Batch) {
	if len(t.Idle()) > 0 {
		b.Verdict = scenarios.Worse(b.Verdict, scenarios.Unknown)
	}
}
