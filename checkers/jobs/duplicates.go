package jobs

import (
	"fmt"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// ExplainedDuplicates is J2': a job runs again only if, between the two attempts, its worker or its server
// was lost before the result was durable, its time ran out, or its answer was lost; and a client submits again
// only what it was not told had been done.
type ExplainedDuplicates struct {
	Terms `yaml:",inline"`
}

// Judge looks for repeats that nothing explains.
func (c *ExplainedDuplicates) Judge(e *evidence.Evidence) checkers.Judgement {
	v := e.Jobs()
	if len(v.Runs) == 0 {
		return checkers.Vacuous.Because("nobody executed a job")
	}
	repeats := 0
	for _, j := range v.List {
		for i := 1; i < len(j.Runs); i++ {
			repeats++
			if !explained(e, &c.Terms, j.Runs[i-1], j.Runs[i]) {
				return c.needless(e, j, j.Runs[i-1], j.Runs[i])
			}
		}
	}
	again := 0
	for _, o := range e.Operations {
		attempts := v.ByOp[o.ID]
		for i := 1; i < len(attempts); i++ {
			again++
			if done := acceptedBefore(attempts[:i], attempts[i].Call); done != nil {
				return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "needless-submission",
					Figure: fmt.Sprintf("%d repeats", repeats),
					Reason: fmt.Sprintf("%s submits again at %s what it had been told of at %s", o.Host,
						wording.Stamp(attempts[i].Call), wording.Stamp(done.Return)),
					Witness: []uint64{done.ID, attempts[i].ID}, Window: history.Window{From: done.Call, To: attempts[i].Call},
					Story: e.Tell().Operation(o).Lines()}
			}
		}
	}
	j := checkers.Holds.With("%s of %s, all explained", wording.Count(repeats, "repeat"), wording.Count(len(v.Runs), "execution"))
	j.Data = map[string]float64{"executions": float64(len(v.Runs)), "repeats": float64(repeats), "resubmissions": float64(again)}
	return j
}

// explained says whether the second run of a job has a reason: the first was lost before it began; or it is
// itself a stale assignment, whose own connection was lost before the other began.
func explained(e *evidence.Evidence, t *Terms, first, second *evidence.Execution) bool {
	if _, lost := lossOf(e, t, first, second.Call); lost {
		return true
	}
	_, stale := lossOf(e, t, &evidence.Execution{Operation: &history.Operation{Host: second.Host, Call: second.Call},
		Key: second.Key, Job: second.Job}, first.Call)
	return stale
}

// acceptedBefore is an attempt that had succeeded by then: accepted into the background, or answered.
func acceptedBefore(attempts []*evidence.Attempt, by history.Time) *evidence.Attempt {
	for _, a := range attempts {
		if a.Outcome == history.Ok && !a.Failed && a.Return < by {
			return a
		}
	}
	return nil
}

func (c *ExplainedDuplicates) needless(e *evidence.Evidence, j *evidence.Job, first, second *evidence.Execution) checkers.Judgement {
	ended := "was still at it"
	if first.Return <= second.Call {
		ended = fmt.Sprintf("had ended at %s", wording.Stamp(first.Return))
	}
	return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "needless-repeat",
		Figure: fmt.Sprintf("%s ran %d times", j.JobKey, len(j.Runs)),
		Reason: fmt.Sprintf("%s started %s at %s although %s %s and neither it nor %s was lost",
			second.Host, j.JobKey, wording.Stamp(second.Call), first.Host, ended, j.Server),
		Witness: []uint64{first.ID, second.ID}, Window: history.Window{From: first.Call, To: second.Call},
		Story: e.Tell().Job(j).Lines()}
}

// ExactlyOnce is J2, for services and weather where that is claimed: no request has two results, and none
// that was accepted has none.
type ExactlyOnce struct {
	Terms `yaml:",inline"`
}

// Judge counts the results of each request, over all the jobs that it became.
func (c *ExactlyOnce) Judge(e *evidence.Evidence) checkers.Judgement {
	v := e.Jobs()
	for _, j := range v.List {
		if done := doneRuns(j); len(done) > 1 {
			return c.twice(e, j.JobKey.String(), e.Tell().Job(j), done)
		}
	}
	for _, o := range e.Operations {
		var done []*evidence.Execution
		t := e.Tell()
		seen := map[*evidence.Job]bool{}
		for _, a := range v.ByOp[o.ID] {
			if a.Job != nil && !seen[a.Job] {
				seen[a.Job] = true
				done = append(done, doneRuns(a.Job)...)
			}
		}
		if len(done) > 1 {
			return c.twice(e, "the "+o.Kind+" of "+o.Host, t.Operation(o), done)
		}
	}
	if j := (&AtLeastOnce{Terms: c.Terms}).Judge(e); j.Verdict != checkers.Holds && j.State != checkers.Vacuous {
		return j
	}
	if len(v.Runs) == 0 {
		return checkers.Vacuous.Because("nobody executed a job")
	}
	return checkers.Holds.With("%s, none twice", wording.Count(len(v.Runs), "execution"))
}

func doneRuns(j *evidence.Job) (done []*evidence.Execution) {
	for _, x := range j.Runs {
		if x.Done() {
			done = append(done, x)
		}
	}
	return done
}

func (c *ExactlyOnce) twice(e *evidence.Evidence, what string, t *evidence.Teller, done []*evidence.Execution) checkers.Judgement {
	return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "duplicate",
		Figure: fmt.Sprintf("%d results of one request", len(done)),
		Reason: fmt.Sprintf("%s was done at %s and again at %s", what, wording.Stamp(done[0].Return),
			wording.Stamp(done[1].Return)),
		Witness: []uint64{done[0].ID, done[1].ID}, Window: history.Window{From: done[0].Call, To: done[1].Return}, Story: t.Lines()}
}

// NoOverlap is J5: no two workers are at one job at a time, unless the weather had parted the first from the
// server, which could then not know that it still lived.
type NoOverlap struct {
	Terms `yaml:",inline"`
}

// Judge looks for runs of one job that overlap.
func (c *NoOverlap) Judge(e *evidence.Evidence) checkers.Judgement {
	v := e.Jobs()
	if len(v.Runs) == 0 {
		return checkers.Vacuous.Because("nobody executed a job")
	}
	excused := 0
	for _, j := range v.List {
		var first *evidence.Execution // of the runs so far, the one that lasts longest
		for _, second := range j.Runs {
			if first == nil || second.Call >= first.End {
				first = second
				continue
			}
			if !explained(e, &c.Terms, first, second) {
				return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "overlap",
					Figure: "2 workers at " + j.JobKey.String(),
					Reason: fmt.Sprintf("%s started %s at %s while %s was at it, in reach of %s", second.Host, j.JobKey,
						wording.Stamp(second.Call), first.Host, j.Server),
					Witness: []uint64{first.ID, second.ID},
					Window:  history.Window{From: second.Call, To: min(first.End, second.End)},
					Story:   e.Tell().Job(j).Lines()}
			}
			excused++
			if second.End > first.End {
				first = second
			}
		}
	}
	return checkers.Holds.With("%s, %s under weather that parted worker and server", wording.Count(len(v.Runs), "execution"),
		wording.Count(excused, "overlap"))
}
