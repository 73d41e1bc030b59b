package jobs

import (
	"fmt"
	"slices"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// Results is J9: what a client is told of a job is what a worker made of it, and it was made of the payload
// that came first under its handle.
type Results struct {
	Terms `yaml:",inline"`
}

// Judge holds every answer against the executions of its job.
func (c *Results) Judge(e *evidence.Evidence) checkers.Judgement {
	v := e.Jobs()
	checked := 0
	for _, j := range v.List {
		for _, x := range j.Runs {
			if a := contradicts(v, x); a != nil {
				return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "wrong-payload",
					Figure: "wrong payload for " + j.JobKey.String(),
					Reason: fmt.Sprintf("%s was given %q for %s, which was submitted with %q", x.Host, wording.Short(x.Payload),
						j.JobKey, wording.Short(a.Payload)),
					Witness: []uint64{a.ID, x.ID}, Window: history.Window{From: a.Call, To: x.Call}, Story: e.Tell().Job(j).Lines()}
			}
		}
		for _, a := range j.Attempts {
			if !a.Answered {
				continue
			}
			checked++
			if anomaly, why := c.falseAnswer(e, j, a); why != "" {
				return checkers.Judgement{Verdict: checkers.Violated, Anomaly: anomaly,
					Figure: "false answer for " + j.JobKey.String(), Reason: why,
					Witness: witnessOf(j), Window: history.Window{From: a.Call, To: a.Return}, Story: e.Tell().Job(j).Lines()}
			}
		}
	}
	if checked == 0 {
		return checkers.Vacuous.Because("nobody was given a result")
	}
	j := checkers.Holds.With("%s checked", wording.Count(checked, "result"))
	j.Data = map[string]float64{"checked": float64(checked)}
	return j
}

// falseAnswer says why what the client was told is not what a worker said. A run whose worker died, or lost
// its connection, before it could record what it had said may have said anything.
func (c *Results) falseAnswer(e *evidence.Evidence, j *evidence.Job, a *evidence.Attempt) (anomaly, why string) {
	ran := false
	for _, x := range j.Runs {
		switch {
		case x.Call > a.Return:
		case x.Outcome == history.Pending && x.End <= a.Return:
			ran = true // it died without a word
		case !x.Done() || x.Return > a.Return:
			ran = true
		case x.Failed == a.Failed && (a.Failed || x.Result == a.Result):
			return "", ""
		}
	}
	switch {
	case !a.Failed:
		return "false-result", fmt.Sprintf("%s was told %q at %s, which no worker had made of %s", a.Host,
			wording.Short(a.Result), wording.Stamp(a.Return), j.JobKey)
	case ran || c.Retries > 0 || c.JobTimeout > 0 || weatherAt(e, j, a):
		return "", "" // given up: its worker was lost, or took too long
	default:
		return "false-failure", fmt.Sprintf("%s was told at %s that %s failed, which no worker had said", a.Host,
			wording.Stamp(a.Return), j.JobKey)
	}
}

// weatherAt says whether a worker may have been lost with the job while the attempt was under way.
func weatherAt(e *evidence.Evidence, j *evidence.Job, a *evidence.Attempt) bool {
	r := e.ReachFor(checkers.DefaultLimit, 0)
	for _, worker := range e.Crew(j.Server) {
		if r.Turned(worker, j.Server, a.Call, a.Return) != "" {
			return true
		}
	}
	return false
}

// contradicts finds a submission that shows that a run was given another payload than the job's first: one that
// was acknowledged before any submission with the run's payload was made, also one that was told nothing.
func contradicts(v *evidence.Jobs, x *evidence.Execution) *evidence.Attempt {
	j := x.Job
	if len(j.Attempts) == 0 || j.Attempts[0].Payload == x.Payload && len(j.Attempts) == 1 {
		return nil
	}
	mayBeFirst := func(a *evidence.Attempt) bool {
		return a.Payload == x.Payload && a.Call <= x.Call &&
			!slices.ContainsFunc(j.Attempts, func(b *evidence.Attempt) bool { return b.Created < a.Call })
	}
	mayHaveMade := func(a *evidence.Attempt) bool { return a.Job == nil && a.Outcome != history.Fail && mayBeFirst(a) }
	identity := j.Attempts[0].Identity
	if slices.ContainsFunc(j.Attempts, mayBeFirst) || identity.Unique != "" &&
		slices.ContainsFunc(v.ByIdentity[identity], mayHaveMade) {
		return nil
	}
	for _, a := range j.Attempts {
		if a.Payload != x.Payload && a.Created <= x.Call {
			return a
		}
	}
	return nil
}

// NoPhantoms is J3: nobody executes what nobody submitted.
type NoPhantoms struct{}

// Judge finds a submission for every execution.
func (c *NoPhantoms) Judge(e *evidence.Evidence) checkers.Judgement {
	v := e.Jobs()
	if len(v.Runs) == 0 {
		return checkers.Vacuous.Because("nobody executed a job")
	}
	for _, x := range v.Runs {
		if !slices.ContainsFunc(v.ByWork[evidence.Work{Server: x.Key.Server, Function: x.Function, Payload: x.Payload}],
			func(a *evidence.Attempt) bool { return mayComeFrom(x, a) }) {
			return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "phantom", Figure: "nobody submitted " + x.Key.String(),
				Reason: fmt.Sprintf("%s executed %s (%s, %q) at %s, which nobody had submitted to %s", x.Host, x.Key, x.Function,
					wording.Short(x.Payload), wording.Stamp(x.Call), x.Key.Server),
				Witness: []uint64{x.ID}, Window: history.Window{From: x.Call, To: min(x.End, e.End)},
				Story: e.Tell().Job(x.Job).Lines()}
		}
	}
	return checkers.Holds.With("%s, all submitted", wording.Count(len(v.Runs), "execution"))
}

// mayComeFrom says whether the submission may be the one behind the run: it came before, and was neither refused
// nor told another handle. Not every worker asks for the unique id.
func mayComeFrom(x *evidence.Execution, a *evidence.Attempt) bool {
	return a.Call <= x.Call && a.Outcome != history.Fail && (a.Key.Handle == "" || a.Key == x.Key) &&
		(x.Unique == "" || a.Identity.Unique == x.Unique || x.Unique == "-")
}
