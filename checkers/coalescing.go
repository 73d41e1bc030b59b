package checkers

import (
	"fmt"

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
func (c *Coalescing) Judge(e *Evidence) Judgement {
	v := e.jobView()
	for _, j := range v.list {
		if a, b := j.strangers(); a != nil {
			return c.violated(e, "wrongly-coalesced", a, b, "%s and %s were given one handle, %s, for different work", a.Host, b.Host, j.jobKey)
		}
	}
	shared, certain := 0, 0
	open := map[what][]*attempt{}
	for _, b := range v.attempts {
		if b.what.unique == "" || b.job == nil {
			continue
		}
		first := open[b.what][:0]
		for _, a := range open[b.what] {
			if x := a.job.firstDone(); x != nil && x.Return <= b.Call {
				continue // it is over, as far as anybody can tell
			}
			first = append(first, a)
			if !c.mustShare(e, a, b) {
				continue
			}
			certain++
			if a.key == b.key {
				shared++
				break
			}
			return c.violated(e, "not-coalesced", a, b, "%s was given %s at %s for what %s had been given %s at %s, with nobody done yet",
				b.Host, b.key.handle, stamp(b.created), a.Host, a.key.handle, stamp(a.created))
		}
		open[b.what] = append(first, b)
	}
	if certain == 0 {
		return vacuous("no submission came certainly while another of its identity was unfinished")
	}
	return holds("%d of %d shared their job", shared, certain)
}

// strangers finds two submissions that were given one handle although nothing makes them one: another
// function or unique id, or no unique id at all.
func (j *job) strangers() (a, b *attempt) {
	for _, b := range j.attempts[min(1, len(j.attempts)):] {
		if a := j.attempts[0]; a.what != b.what || a.what.unique == "" {
			return a, b
		}
	}
	return nil, nil
}

// mustShare says whether b certainly came while the job of a was unfinished and kept.
func (c *Coalescing) mustShare(e *Evidence, a, b *attempt) bool {
	done := a.job.firstDone()
	if a.created >= b.Call || done != nil && done.Return <= b.created {
		return false
	}
	if c.spent(e, a.job, b.created) || c.expired(a.job, b.created) || e.wrecked(a.key.server, a.created) {
		return false
	}
	if a.background {
		return true
	}
	return a.Return > b.created && e.reachFor(defaultLimit, 0).link(a.Host, a.key.server).Cover(a.Call, b.created)
}

func (c *Coalescing) violated(e *Evidence, anomaly string, a, b *attempt, reason string, args ...any) Judgement {
	t := e.tell().job(a.job)
	if b.job != a.job {
		t.job(b.job)
	}
	return Judgement{Verdict: Violated, Anomaly: anomaly, Figure: "2 submissions of " + b.label(), Reason: fmt.Sprintf(reason, args...),
		Witness: []uint64{a.ID, b.ID}, Window: history.Window{From: a.Call, To: b.created}, Story: t.lines()}
}
