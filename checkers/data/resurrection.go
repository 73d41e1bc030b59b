package data

import (
	"slices"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/replicas"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// NoResurrection is D4: what was deleted, or certainly was not written, is never read again.
type NoResurrection struct {
	In     string            `yaml:"in" doc:"the phase from which on deleted values must be gone; the whole run if it is not said. Weak stores bring them back until their replicas agree"`
	Within time.Duration     `yaml:"within" doc:"how soon after the start of that phase"`
	From   evidence.Selector `yaml:"from" doc:"whose reads and writes; all if it is not said"`
}

// Judge looks for values that came back.
func (c *NoResurrection) Judge(e *evidence.Evidence) checkers.Judgement {
	e = e.Only(c.From)
	a := accessed(e)
	if a.err != nil {
		return unreadable(a.err)
	}
	var after history.Time
	if c.In != "" {
		phase, known := e.Phase(c.In)
		if !known {
			return checkers.Vacuous.Because("there was no phase %s", c.In)
		}
		after = phase.From + c.Within
	}
	all := append(slices.Clone(a.values), a.elements...)
	reads, ends := 0, 0
	for i := range all {
		reads += one(all[i].Kind == replicas.Read && all[i].Outcome == history.Ok && all[i].Call >= after)
		ends += one(all[i].Kind == replicas.Delete && all[i].Certain() || all[i].Kind == replicas.Write && !all[i].Possible())
	}
	if found := replicas.Resurrected(all, after, a.Spell); len(found) > 0 {
		return violation(e, found[0], "%s", found[0].Object)
	}
	if reads == 0 || ends == 0 {
		return checkers.Vacuous.Because("%s, and %s that had to be gone", wording.Count(reads, "read"), wording.Count(ends, "value"))
	}
	return checkers.Holds.With("%s of what %s left", wording.Count(reads, "read"), wording.Count(ends, "deletion"))
}
