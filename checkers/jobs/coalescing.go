package jobs

import (
	"fmt"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// Coalescing is J4: at each server, submissions of one function and unique id share a job while it is
// unfinished, and no others do. Whether two share one is judged only where it is certain: the second was made
// after the first was acknowledged, and acknowledged before any worker had an answer. Restarts change nothing for
// what was promised; a foreground job goes with its last client.
type Coalescing struct {
	Terms `yaml:",inline"`
}

// Judge compares submissions with the unfinished jobs of their identity.
func (c *Coalescing) Judge(e *evidence.Evidence) checkers.Judgement {
	v := e.Jobs()
	for _, j := range v.List {
		if a, b := strangers(j); a != nil {
			return c.violated(e, "wrongly-coalesced", a, b, "%s and %s were given one handle, %s, for different work", a.Host,
				b.Host, j.JobKey)
		}
	}
	shared, certain := 0, 0
	open := map[evidence.Identity][]*evidence.Attempt{}
	for _, b := range v.Attempts {
		if b.Identity.Unique == "" || b.Job == nil {
			continue
		}
		first := open[b.Identity][:0]
		for _, a := range open[b.Identity] {
			if x := a.Job.FirstDone(); x != nil && x.Return <= b.Call {
				continue // it is over, as far as anybody can tell
			}
			first = append(first, a)
			if !c.mustShare(e, a, b) {
				continue
			}
			certain++
			if a.Key == b.Key {
				shared++
				break
			}
			return c.violated(e, "not-coalesced", a, b,
				"%s was given %s at %s for what %s had been given %s at %s, with nobody done yet",
				b.Host, b.Key.Handle, wording.Stamp(b.Created), a.Host, a.Key.Handle, wording.Stamp(a.Created))
		}
		open[b.Identity] = append(first, b)
	}
	if certain == 0 {
		return checkers.Vacuous.Because("no submission came certainly while another of its identity was unfinished")
	}
	return checkers.Holds.With("%d of %d shared their job", shared, certain)
}

// strangers finds two submissions that were given one handle although nothing makes them one: another
// function or unique id, or no unique id at all.
func strangers(j *evidence.Job) (a, b *evidence.Attempt) {
	for _, b := range j.Attempts[min(1, len(j.Attempts)):] {
		if a := j.Attempts[0]; a.Identity != b.Identity || a.Identity.Unique == "" {
			return a, b
		}
	}
	return nil, nil
}

// mustShare says whether b certainly came while the job of a was unfinished and kept.
func (c *Coalescing) mustShare(e *evidence.Evidence, a, b *evidence.Attempt) bool {
	done := a.Job.FirstDone()
	if a.Created >= b.Call || done != nil && done.Return <= b.Created {
		return false
	}
	if c.spent(e, a.Job, b.Created) || c.expired(a.Job, b.Created) || wrecked(e, a.Key.Server, a.Created) {
		return false
	}
	if a.Background {
		return true
	}
	return a.Return > b.Created && e.ReachFor(checkers.DefaultLimit, 0).Link(a.Host, a.Key.Server).Cover(a.Call, b.Created)
}

func (c *Coalescing) violated(e *evidence.Evidence, anomaly string, a, b *evidence.Attempt, reason string,
	args ...any) checkers.Judgement {
	t := e.Tell().Job(a.Job)
	if b.Job != a.Job {
		t.Job(b.Job)
	}
	return checkers.Judgement{Verdict: checkers.Violated, Anomaly: anomaly, Figure: "2 submissions of " + b.Label(),
		Reason:  fmt.Sprintf(reason, args...),
		Witness: []uint64{a.ID, b.ID}, Window: history.Window{From: a.Call, To: b.Created}, Story: t.Lines()}
}
