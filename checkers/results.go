package checkers

import (
	"fmt"
	"slices"

	"simrun/nodes/history"
)

// Results is J9: what a client is told of a job is what a worker made of it, and it was made of the payload
// that came first under its handle.
type Results struct {
	Terms `yaml:",inline"`
}

// Judge holds every answer against the executions of its job.
func (c *Results) Judge(e *Evidence) Judgement {
	v := e.jobView()
	checked := 0
	for _, j := range v.list {
		for _, x := range j.runs {
			if a := v.contradicts(x); a != nil {
				return Judgement{Verdict: Violated, Anomaly: "wrong-payload", Figure: "wrong payload for " + j.jobKey.String(),
					Reason:  fmt.Sprintf("%s was given %q for %s, which was submitted with %q", x.Host, short(x.payload), j.jobKey, short(a.payload)),
					Witness: []uint64{a.ID, x.ID}, Window: history.Window{From: a.Call, To: x.Call}, Story: e.tell().job(j).lines()}
			}
		}
		for _, a := range j.attempts {
			if !a.answered {
				continue
			}
			checked++
			if anomaly, why := c.falseAnswer(e, j, a); why != "" {
				return Judgement{Verdict: Violated, Anomaly: anomaly, Figure: "false answer for " + j.jobKey.String(), Reason: why,
					Witness: j.witness(), Window: history.Window{From: a.Call, To: a.Return}, Story: e.tell().job(j).lines()}
			}
		}
	}
	if checked == 0 {
		return vacuous("nobody was given a result")
	}
	j := holds("%s checked", count(checked, "result"))
	j.Data = map[string]float64{"checked": float64(checked)}
	return j
}

// falseAnswer says why what the client was told is not what a worker said. A run whose worker died, or lost
// its connection, before it could record what it had said may have said anything.
func (c *Results) falseAnswer(e *Evidence, j *job, a *attempt) (anomaly, why string) {
	ran := false
	for _, x := range j.runs {
		switch {
		case x.Call > a.Return:
		case x.Outcome == history.Pending && x.end <= a.Return:
			ran = true // it died without a word
		case !x.done() || x.Return > a.Return:
			ran = true
		case x.failed == a.failed && (a.failed || x.result == a.result):
			return "", ""
		}
	}
	switch {
	case !a.failed:
		return "false-result", fmt.Sprintf("%s was told %q at %s, which no worker had made of %s", a.Host, short(a.result), stamp(a.Return), j.jobKey)
	case ran || c.Retries > 0 || c.JobTimeout > 0 || e.weatherAt(j, a):
		return "", "" // given up: its worker was lost, or took too long
	default:
		return "false-failure", fmt.Sprintf("%s was told at %s that %s failed, which no worker had said", a.Host, stamp(a.Return), j.jobKey)
	}
}

// weatherAt says whether a worker may have been lost with the job while the attempt was under way.
func (e *Evidence) weatherAt(j *job, a *attempt) bool {
	r := e.reachFor(defaultLimit, 0)
	for _, worker := range e.crew(j.server) {
		if r.turned(worker, j.server, a.Call, a.Return) != "" {
			return true
		}
	}
	return false
}

// contradicts finds a submission that shows that a run was given another payload than the job's first: one that
// was acknowledged before any submission with the run's payload was made, also one that was told nothing.
func (v *jobs) contradicts(x *execution) *attempt {
	j := x.job
	if len(j.attempts) == 0 || j.attempts[0].payload == x.payload && len(j.attempts) == 1 {
		return nil
	}
	mayBeFirst := func(a *attempt) bool {
		return a.payload == x.payload && a.Call <= x.Call && !slices.ContainsFunc(j.attempts, func(b *attempt) bool { return b.created < a.Call })
	}
	mayHaveMade := func(a *attempt) bool { return a.job == nil && a.Outcome != history.Fail && mayBeFirst(a) }
	identity := j.attempts[0].what
	if slices.ContainsFunc(j.attempts, mayBeFirst) || identity.unique != "" && slices.ContainsFunc(v.byWhat[identity], mayHaveMade) {
		return nil
	}
	for _, a := range j.attempts {
		if a.payload != x.payload && a.created <= x.Call {
			return a
		}
	}
	return nil
}

// NoPhantoms is J3: nobody executes what nobody submitted.
type NoPhantoms struct{}

// Judge finds a submission for every execution.
func (c *NoPhantoms) Judge(e *Evidence) Judgement {
	v := e.jobView()
	if len(v.runs) == 0 {
		return vacuous("nobody executed a job")
	}
	for _, x := range v.runs {
		if !slices.ContainsFunc(v.byWork[work{x.key.server, x.function, x.payload}], x.mayComeFrom) {
			return Judgement{Verdict: Violated, Anomaly: "phantom", Figure: "nobody submitted " + x.key.String(),
				Reason:  fmt.Sprintf("%s executed %s (%s, %q) at %s, which nobody had submitted to %s", x.Host, x.key, x.function, short(x.payload), stamp(x.Call), x.key.server),
				Witness: []uint64{x.ID}, Window: history.Window{From: x.Call, To: min(x.end, e.End)}, Story: e.tell().job(x.job).lines()}
		}
	}
	return holds("%s, all submitted", count(len(v.runs), "execution"))
}

// mayComeFrom says whether the submission may be the one behind the run: it came before, and was neither refused
// nor told another handle. Not every worker asks for the unique id.
func (x *execution) mayComeFrom(a *attempt) bool {
	return a.Call <= x.Call && a.Outcome != history.Fail && (a.key.handle == "" || a.key == x.key) &&
		(x.unique == "" || a.what.unique == x.unique || x.unique == "-")
}
