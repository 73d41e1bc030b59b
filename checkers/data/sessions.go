package data

import (
	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/replicas"
	"simrun/checkers/wording"
)

// Sessions asks that each client's own reads and writes of a key make sense to it, whichever replicas they went to.
type Sessions struct {
	Guarantees []Guarantee       `yaml:"guarantees" doc:"which of the four guarantees are given; all if it is not said"`
	From       evidence.Selector `yaml:"from" doc:"whose reads and writes; all if it is not said"`
}

// Guarantee is one of the four of Terry et al.
type Guarantee string

var guarantees = []replicas.Guarantee{replicas.ReadYourWrites, replicas.MonotonicReads, replicas.MonotonicWrites,
	replicas.WritesFollowReads}

// Values are all guarantees.
func (Guarantee) Values() (names []string) {
	for _, g := range guarantees {
		names = append(names, g.String())
	}
	return names
}

// Judge goes through the accesses of every client.
func (c *Sessions) Judge(e *evidence.Evidence) checkers.Judgement {
	e = e.Only(c.From)
	a := accessed(e)
	switch {
	case a.err != nil:
		return unreadable(a.err)
	case len(a.values) == 0:
		return checkers.Vacuous.Because("nobody read or wrote a key")
	}
	want := replicas.Guarantee(0)
	for _, g := range guarantees {
		for _, name := range c.Guarantees {
			if string(name) == g.String() {
				want |= g
			}
		}
	}
	if len(c.Guarantees) == 0 {
		want = replicas.All
	}
	sessions := map[int32]bool{}
	for i := range a.values {
		sessions[a.values[i].Client] = true
	}
	figure := wording.Count(len(a.values), "operation") + " of " + wording.Count(len(sessions), "client")
	if found := replicas.Sessions(a.values, want, a.Spell); len(found) > 0 {
		return violation(e, found[0], "%s of %s", found[0].Anomaly, found[0].Object)
	}
	return checkers.Holds.With("%s", figure)
}
