package checkers

import (
	"fmt"

	"simrun/nodes/history"
)

// ExplainedDuplicates is J2': a job runs again only if, between the two attempts, its worker or its server
// was lost before the result was durable, its time ran out, or its answer was lost; and a client submits again
// only what it was not told had been done.
type ExplainedDuplicates struct {
	Terms `yaml:",inline"`
}

// Judge looks for repeats that nothing explains.
func (c *ExplainedDuplicates) Judge(e *Evidence) Judgement {
	v := e.jobView()
	if len(v.runs) == 0 {
		return vacuous("nobody executed a job")
	}
	repeats := 0
	for _, j := range v.list {
		for i := 1; i < len(j.runs); i++ {
			repeats++
			if !e.explained(&c.Terms, j.runs[i-1], j.runs[i]) {
				return c.needless(e, j, j.runs[i-1], j.runs[i])
			}
		}
	}
	again := 0
	for _, o := range e.Operations {
		attempts := v.byOp[o.ID]
		for i := 1; i < len(attempts); i++ {
			again++
			if done := acceptedBefore(attempts[:i], attempts[i].Call); done != nil {
				return Judgement{Verdict: Violated, Anomaly: "needless-submission",
					Figure:  fmt.Sprintf("%d repeats", repeats),
					Reason:  fmt.Sprintf("%s submits again at %s what it had been told of at %s", o.Host, stamp(attempts[i].Call), stamp(done.Return)),
					Witness: []uint64{done.ID, attempts[i].ID}, Window: history.Window{From: done.Call, To: attempts[i].Call},
					Story: e.tell().operation(o).lines()}
			}
		}
	}
	j := holds("%s of %s, all explained", count(repeats, "repeat"), count(len(v.runs), "execution"))
	j.Data = map[string]float64{"executions": float64(len(v.runs)), "repeats": float64(repeats), "resubmissions": float64(again)}
	return j
}

// explained says whether the second run of a job has a reason: the first was lost before it began; or it is
// itself a stale assignment, whose own connection was lost before the other began.
func (e *Evidence) explained(t *Terms, first, second *execution) bool {
	if _, lost := e.lossOf(t, first, second.Call); lost {
		return true
	}
	_, stale := e.lossOf(t, &execution{Operation: &history.Operation{Host: second.Host, Call: second.Call},
		key: second.key, job: second.job}, first.Call)
	return stale
}

// acceptedBefore is an attempt that had succeeded by then: accepted into the background, or answered.
func acceptedBefore(attempts []*attempt, by history.Time) *attempt {
	for _, a := range attempts {
		if a.Outcome == history.Ok && !a.failed && a.Return < by {
			return a
		}
	}
	return nil
}

func (c *ExplainedDuplicates) needless(e *Evidence, j *job, first, second *execution) Judgement {
	ended := "was still at it"
	if first.Return <= second.Call {
		ended = fmt.Sprintf("had ended at %s", stamp(first.Return))
	}
	return Judgement{Verdict: Violated, Anomaly: "needless-repeat", Figure: fmt.Sprintf("%s ran %d times", j.jobKey, len(j.runs)),
		Reason: fmt.Sprintf("%s started %s at %s although %s %s and neither it nor %s was lost",
			second.Host, j.jobKey, stamp(second.Call), first.Host, ended, j.server),
		Witness: []uint64{first.ID, second.ID}, Window: history.Window{From: first.Call, To: second.Call}, Story: e.tell().job(j).lines()}
}

// ExactlyOnce is J2, for services and weather where that is claimed: no request has two results, and none
// that was accepted has none.
type ExactlyOnce struct {
	Terms `yaml:",inline"`
}

// Judge counts the results of each request, over all the jobs that it became.
func (c *ExactlyOnce) Judge(e *Evidence) Judgement {
	v := e.jobView()
	for _, j := range v.list {
		if done := j.doneRuns(); len(done) > 1 {
			return c.twice(e, j.jobKey.String(), e.tell().job(j), done)
		}
	}
	for _, o := range e.Operations {
		var done []*execution
		t := e.tell()
		seen := map[*job]bool{}
		for _, a := range v.byOp[o.ID] {
			if a.job != nil && !seen[a.job] {
				seen[a.job] = true
				done = append(done, a.job.doneRuns()...)
			}
		}
		if len(done) > 1 {
			return c.twice(e, "the "+o.Kind+" of "+o.Host, t.operation(o), done)
		}
	}
	if j := (&AtLeastOnce{Terms: c.Terms}).Judge(e); j.Verdict != Holds && j.State != Vacuous {
		return j
	}
	if len(v.runs) == 0 {
		return vacuous("nobody executed a job")
	}
	return holds("%s, none twice", count(len(v.runs), "execution"))
}

func (j *job) doneRuns() (done []*execution) {
	for _, x := range j.runs {
		if x.done() {
			done = append(done, x)
		}
	}
	return done
}

func (c *ExactlyOnce) twice(e *Evidence, what string, t *teller, done []*execution) Judgement {
	return Judgement{Verdict: Violated, Anomaly: "duplicate", Figure: fmt.Sprintf("%d results of one request", len(done)),
		Reason:  fmt.Sprintf("%s was done at %s and again at %s", what, stamp(done[0].Return), stamp(done[1].Return)),
		Witness: []uint64{done[0].ID, done[1].ID}, Window: history.Window{From: done[0].Call, To: done[1].Return}, Story: t.lines()}
}

// NoOverlap is J5: no two workers are at one job at a time, unless the weather had parted the first from the
// server, which could then not know that it still lived.
type NoOverlap struct {
	Terms `yaml:",inline"`
}

// Judge looks for runs of one job that overlap.
func (c *NoOverlap) Judge(e *Evidence) Judgement {
	v := e.jobView()
	if len(v.runs) == 0 {
		return vacuous("nobody executed a job")
	}
	excused := 0
	for _, j := range v.list {
		var first *execution // of the runs so far, the one that lasts longest
		for _, second := range j.runs {
			if first == nil || second.Call >= first.end {
				first = second
				continue
			}
			if !e.explained(&c.Terms, first, second) {
				return Judgement{Verdict: Violated, Anomaly: "overlap", Figure: "2 workers at " + j.jobKey.String(),
					Reason:  fmt.Sprintf("%s started %s at %s while %s was at it, in reach of %s", second.Host, j.jobKey, stamp(second.Call), first.Host, j.server),
					Witness: []uint64{first.ID, second.ID}, Window: history.Window{From: second.Call, To: min(first.end, second.end)},
					Story: e.tell().job(j).lines()}
			}
			excused++
			if second.end > first.end {
				first = second
			}
		}
	}
	return holds("%s, %s under weather that parted worker and server", count(len(v.runs), "execution"), count(excused, "overlap"))
}
