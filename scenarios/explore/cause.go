package explore

import (
	"fmt"

	"simrun/scenarios"
)

// Cause is what a failed run shows, and the least set of fault verbs with which it still does. Failures of one
// cause are one bug as far as anybody can tell without reading them.
type Cause struct {
	Claim   string `json:"claim,omitempty"` // none of a finding that no claim asked about
	Anomaly string `json:"anomaly,omitempty"`
	Node    string `json:"node,omitempty"` // of a finding: the kind of the node
	// Faults are verbs, sorted; none where it shows without any fault.
	Faults []string `json:"faults"`
	// Unclear says why Faults are not known.
	Unclear string `json:"unclear,omitempty"`
}

// Group is a cause, and how many of the failures that were looked into have it.
type Group struct {
	Cause
	Runs  int    `json:"runs"`
	First string `json:"first"`           // its first seed
	Value string `json:"value,omitempty"` // of the matrix, of the first
}

// MostCauses is how many failures of a batch are looked into, the first by their turns.
const MostCauses = 20

// The least that tells two bugs apart: a sweep may look into many failures.
const (
	causeLucks  = 4
	causeBudget = 100
)

// CauseOf looks into a failed run. What it finds is a function of the run alone, whatever else failed beside it:
// shards find the same. It is nil if more says no before it is done.
func CauseOf(run *scenarios.Run, jobs int, more func() bool) *Cause {
	offence, err := run.OffenceOf("")
	if err != nil {
		return &Cause{Faults: []string{}, Unclear: err.Error()}
	}
	c := &Cause{Claim: offence.Claim, Anomaly: offence.Anomaly, Faults: []string{}}
	if c.Claim == "" {
		c.Node = offence.Shape
	}
	if run.Result.Hash == "" { // abandoned
		c.Unclear = "a task that never gives way takes seconds in each run"
		return c
	}
	stopped := false
	least, err := Kinds{Run: run, Lucks: causeLucks, Budget: causeBudget, Jobs: jobs, More: func() bool {
		stopped = stopped || more != nil && !more()
		return !stopped
	}}.Do()
	switch {
	case err != nil:
		c.Unclear = err.Error()
	case stopped:
		return nil
	default:
		for _, verb := range least.Verbs {
			c.Faults = append(c.Faults, string(verb))
		}
	}
	return c
}

// groupsOf puts failures of one cause together.
func groupsOf(failures []Failure) []Group {
	groups := []Group{}
	index := map[string]int{}
	for i := range failures {
		f := &failures[i]
		if f.Cause == nil {
			continue
		}
		key := fmt.Sprintf("%q", []any{f.Cause.Claim, f.Cause.Anomaly, f.Cause.Node, f.Cause.Faults, f.Cause.Unclear})
		at, known := index[key]
		if !known {
			at = len(groups)
			index[key] = at
			groups = append(groups, Group{Cause: *f.Cause, First: f.Seed, Value: f.Value})
		}
		groups[at].Runs++
	}
	return groups
}

// causes looks into the first failures.
func (b *Batch) causes(look func(*Failure) *Cause) {
	looked := 0
	for i := range b.Failures {
		f := &b.Failures[i]
		if f.Verdict != scenarios.Violated {
			continue
		}
		if looked == MostCauses {
			return
		}
		looked++
		if f.Cause = look(f); f.Cause == nil {
			return
		}
	}
}

// Unexplained is how many violated runs nobody looked into.
func (b *Batch) Unexplained() int {
	n := b.Verdicts[scenarios.Violated]
	for _, g := range b.Groups {
		n -= g.Runs
	}
	return n
}
