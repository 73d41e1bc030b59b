package checkers

import (
	"fmt"
	"slices"

	"simrun/nodes/history"
)

// AtLeastOnce is J1: every background job that a server acknowledged is executed to an answer. Foreground
// jobs are promised only by their answer, and are not judged here.
type AtLeastOnce struct {
	Terms `yaml:",inline"`
	Rot   int `yaml:"rot" doc:"how many bits rot on a server's disk: one that serves on must still have all jobs but those of its last so many records; 0 excuses whatever rot costs"`
}

// Judge looks for acknowledged jobs that nobody did.
func (c *AtLeastOnce) Judge(e *Evidence) Judgement {
	v := e.jobView()
	acknowledged, excused := 0, ""
	owed := map[string][]*job{}
	for _, j := range v.list {
		first := j.firstPromise()
		if first == nil {
			continue
		}
		acknowledged++
		switch {
		case e.wrecked(j.server, first.created) && !c.outlivesRot(e, j):
			if c.Rot == 0 || j.firstDone() == nil {
				excused = fmt.Sprintf("the disk of %s was made to lose what was durable", j.server)
			}
		case c.expired(j, e.End), j.firstDone() == nil && c.spent(e, j, e.End):
		case j.firstDone() == nil:
			owed[j.server] = append(owed[j.server], j)
		default:
			if swallowed := c.swallowed(e, j); swallowed != nil {
				return c.violated(e, "swallowed-job", []*job{j}, acknowledged,
					"%s took the submission of %s at %s for a job that had long been done", j.server, swallowed.Host, stamp(swallowed.Call))
			}
		}
	}
	if acknowledged == 0 {
		return vacuous("no background job was acknowledged")
	}
	open := 0
	gauges := e.gauges("jobs")
	for i := range e.Hosts {
		server := e.Hosts[i].Name
		jobs := owed[server]
		if len(jobs) == 0 {
			continue
		}
		if lost, why := c.lost(e, server, jobs, gauges[server]); lost {
			return c.violated(e, "lost-job", jobs, acknowledged, "%s", why)
		} else if why != "" {
			excused = why
		}
		open += len(jobs)
	}
	j := holds("%d of %d", acknowledged-open, acknowledged)
	if excused != "" {
		j.Verdict, j.State, j.Reason = Unknown, Censored, excused
	}
	j.Data = map[string]float64{"acknowledged": float64(acknowledged), "open": float64(open)}
	return j
}

// firstPromise is the first acknowledged background submission, or nil.
func (j *job) firstPromise() (first *attempt) {
	for _, a := range j.attempts {
		if a.background && a.created != history.Never && (first == nil || a.created < first.created) {
			first = a
		}
	}
	return first
}

// lost says whether the server certainly has not all of the jobs that it owes, or, if not, why it may still
// be about to do them: it is down, has fewer hands than work, or believes them to be in some.
func (c *AtLeastOnce) lost(e *Evidence, server string, jobs []*job, samples []history.Sample) (bool, string) {
	w := e.forecast()
	up, runs := w.calm(place{path: path{a: server}}).At(e.End)
	if !runs {
		return false, fmt.Sprintf("%s was struck at the end, with %s to do", server, count(len(jobs), "acknowledged job"))
	}
	if n := len(samples); n > 0 && samples[n-1].At >= e.started(server) && samples[n-1].Value < int64(len(jobs)) {
		return true, fmt.Sprintf("%s holds %s at the end, but owes %d that it acknowledged", server,
			count(int(samples[n-1].Value), "job"), len(jobs))
	}
	from := e.End - c.Settle
	if up.From > from {
		return false, fmt.Sprintf("%s was back too late to do %s", server, count(len(jobs), "acknowledged job"))
	}
	r := e.reachFor(defaultLimit, defaultGrace)
	for _, j := range jobs {
		if from < j.firstPromise().created {
			return false, fmt.Sprintf("%s acknowledged jobs that it had too little time for", server)
		}
		staff := e.staff(server, j.attempts[0].what.function)
		for _, worker := range e.crew(server) {
			if why := e.mayHold(worker, server, j.begun(), e.End); why != "" {
				return false, why
			}
		}
		able := slices.DeleteFunc(slices.Clone(staff), func(worker string) bool { return !r.bond(worker, server).Cover(from, e.End) })
		if len(able) == 0 {
			return false, fmt.Sprintf("%s has no worker in reach at the end", server)
		}
		if !e.handsFree(able, from, e.End) {
			return false, fmt.Sprintf("the workers of %s are at work to the end", server)
		}
	}
	return true, fmt.Sprintf("%s never had %s done that it acknowledged, with workers idle beside it", server, count(len(jobs), "job"))
}

// outlivesRot says whether a job must be there although bits have rotted on its server's disk. The server serves on,
// where it might have refused to start; and before it died it made so many records durable after the job's that one of
// them is whole, and shows that the job's is missing.
func (c *AtLeastOnce) outlivesRot(e *Evidence, j *job) bool {
	since := j.firstPromise().created
	if c.Rot == 0 || e.struckBy(j.server, since, func(verb string) bool { return wrecks(verb) && verb != "corrupt-disk" }) {
		return false
	}
	samples := e.gauges("jobs")[j.server]
	if n := len(samples); n == 0 || samples[n-1].At < e.started(j.server) {
		return false
	}
	death := history.Never
	for _, at := range e.deaths()[j.server] {
		if at >= since {
			death = min(death, at)
		}
	}
	later := 0
	for _, a := range e.jobView().attempts {
		if a.job != nil && a.key.server == j.server && a.job.firstPromise() == a && a.Call >= since && a.created < death {
			later++
			since = a.created
		}
	}
	return later >= c.Rot
}

// started is when the host's process last came up.
func (e *Evidence) started(host string) (at history.Time) {
	for i := range e.Downs {
		if d := &e.Downs[i]; d.Host == host && dies(d.Why) {
			at = max(at, d.To)
		}
	}
	return at
}

// swallowed finds a background submission that was acknowledged with the handle of a job that had been done
// before it was called: somebody had been told, or its server had had calm for long enough to know.
func (c *AtLeastOnce) swallowed(e *Evidence, j *job) *attempt {
	if len(j.attempts) < 2 {
		return nil
	}
	for _, a := range j.attempts {
		if !a.background || a.created == history.Never || slices.ContainsFunc(j.runs, func(x *execution) bool { return x.done() && x.Return >= a.Call }) {
			continue
		}
		for _, b := range j.attempts {
			if b.answered && b.Return < a.Call {
				return a
			}
		}
		for _, x := range j.runs {
			if x.done() && x.Return+c.Settle < a.Call && e.reachFor(defaultLimit, 0).link(x.Host, j.server).Cover(x.Return, x.Return+c.Settle) {
				return a
			}
		}
	}
	return nil
}

func (c *AtLeastOnce) violated(e *Evidence, anomaly string, jobs []*job, acknowledged int, reason string, args ...any) Judgement {
	j := jobs[0]
	figure := fmt.Sprintf("%d of %d acknowledged jobs undone", len(jobs), acknowledged)
	t := e.tell().job(j)
	if anomaly == "lost-job" {
		t.say(e.End, "the run ends; nobody has done %s", j.handle)
	}
	return Judgement{Verdict: Violated, Anomaly: anomaly, Figure: figure, Reason: fmt.Sprintf(reason, args...), Witness: j.witness(),
		Window: history.Window{From: j.begun(), To: e.End}, Story: t.lines()}
}

// witness is the operations that concern the job.
func (j *job) witness() (ids []uint64) {
	for _, a := range j.attempts {
		ids = append(ids, a.ID)
	}
	for _, x := range j.runs {
		ids = append(ids, x.ID)
	}
	return ids[:min(len(ids), mostWitnesses)]
}
