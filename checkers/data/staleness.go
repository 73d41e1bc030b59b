package data

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/linear"
	"simrun/checkers/replicas"
	"simrun/checkers/wording"
	"simrun/nodes"
)

// Staleness bounds how old what a read saw was, in versions and in time.
type Staleness struct {
	Versions int               `yaml:"versions" doc:"by how many newer versions a read may be behind; 0 is none, -1 is any number"`
	Age      time.Duration     `yaml:"age" doc:"for how long a value may have been overwritten that is read; 0 is any time"`
	From     evidence.Selector `yaml:"from" doc:"whose reads; all if it is not said"`
}

func newStaleness() checkers.Check { return &Staleness{Versions: -1} }

// Validate says what cannot be meant.
func (c *Staleness) Validate() error {
	if c.Versions < 0 && c.Age == 0 {
		return errors.New("it bounds neither versions nor age")
	}
	return nil
}

// Judge measures every read.
func (c *Staleness) Judge(e *evidence.Evidence) checkers.Judgement {
	a := accessed(e)
	if a.err != nil {
		return unreadable(a.err)
	}
	lags, unclear := replicas.Staleness(a.values)
	if c.From != "" && c.From != "all" {
		mine := map[uint64]bool{}
		for _, o := range e.OfKind("read", c.From) {
			mine[o.ID] = true
		}
		lags = slices.DeleteFunc(lags, func(l replicas.Lag) bool { return !mine[l.Read] })
	}
	if len(lags) == 0 {
		return checkers.Vacuous.Because("there is no read of which it can be said what it had to see, of %s",
			wording.Count(unclear, "read"))
	}
	versions, ages := make([]int, len(lags)), make([]time.Duration, len(lags))
	stale := 0
	worst := lags[0]
	for i, l := range lags {
		versions[i], ages[i] = l.Versions, l.Age
		stale += one(l.Versions > 0)
		if c.beyond(l) && (!c.beyond(worst) || l.Age > worst.Age) {
			worst = l
		}
	}
	slices.Sort(versions)
	slices.Sort(ages)
	median, most := len(lags)/2, len(lags)-1
	figure := fmt.Sprintf("at most %s and %s behind, median %d and %s, %s of %s stale", wording.Count(versions[most], "version"),
		wording.Brief(ages[most]),
		versions[median], wording.Brief(ages[median]), wording.Thousands(stale), wording.Count(len(lags), "read"))
	data := map[string]float64{"reads": float64(len(lags)), "stale": float64(stale), "unclear": float64(unclear),
		"max-versions": float64(versions[most]), "median-versions": float64(versions[median]),
		"max-age": ages[most].Seconds(), "median-age": ages[median].Seconds()}
	j := checkers.Holds.With("%s", figure)
	if c.beyond(worst) {
		j = violation(e, c.result(worst, a), "%s", figure)
	}
	j.Data = data
	return j
}

func (c *Staleness) beyond(l replicas.Lag) bool {
	return c.Versions >= 0 && l.Versions > c.Versions || c.Age > 0 && l.Age > c.Age
}

func (c *Staleness) result(l replicas.Lag, a *accesses) linear.Result {
	allowed := ""
	if c.Versions >= 0 {
		allowed = wording.Count(c.Versions, "version")
	}
	if c.Age > 0 {
		allowed = cmp.Or(allowed, "any version") + " and " + nodes.Short(c.Age)
	}
	return linear.Result{Anomaly: "stale-read", Witness: []uint64{l.Missed, l.Read}, Object: a.Spell(l.Key),
		Reason: fmt.Sprintf("operation %d read of %s what was %s old, and had been overwritten for %s; %s allowed", l.Read,
			a.Spell(l.Key),
			wording.Count(l.Versions, "version"), wording.Brief(l.Age), allowed)}
}
