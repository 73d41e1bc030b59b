package jobs

import (
	"fmt"
	"slices"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/weather"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// AtLeastOnce is J1: every background job that a server acknowledged is executed to an answer. Foreground
// jobs are promised only by their answer, and are not judged here.
type AtLeastOnce struct {
	Terms `yaml:",inline"`
	Rot   int `yaml:"rot" doc:"how many bits rot on a server's disk: one that serves on must still have all jobs but those of its last so many records; 0 excuses whatever rot costs"`
}

// Judge looks for acknowledged jobs that nobody did.
func (c *AtLeastOnce) Judge(e *evidence.Evidence) checkers.Judgement {
	v := e.Jobs()
	acknowledged, excused := 0, ""
	owed := map[string][]*evidence.Job{}
	for _, j := range v.List {
		first := firstPromise(j)
		if first == nil {
			continue
		}
		acknowledged++
		switch {
		case wrecked(e, j.Server, first.Created) && !c.outlivesRot(e, j):
			if c.Rot == 0 || j.FirstDone() == nil {
				excused = fmt.Sprintf("the disk of %s was made to lose what was durable", j.Server)
			}
		case c.expired(j, e.End), j.FirstDone() == nil && c.spent(e, j, e.End):
		case j.FirstDone() == nil:
			owed[j.Server] = append(owed[j.Server], j)
		default:
			if swallowed := c.swallowed(e, j); swallowed != nil {
				return c.violated(e, "swallowed-job", []*evidence.Job{j}, acknowledged,
					"%s took the submission of %s at %s for a job that had long been done", j.Server, swallowed.Host,
					wording.Stamp(swallowed.Call))
			}
		}
	}
	if acknowledged == 0 {
		return checkers.Vacuous.Because("no background job was acknowledged")
	}
	open := 0
	gauges := gaugesOf(e, "jobs")
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
	j := checkers.Holds.With("%d of %d", acknowledged-open, acknowledged)
	if excused != "" {
		j.Verdict, j.State, j.Reason = checkers.Unknown, checkers.Censored, excused
	}
	j.Data = map[string]float64{"acknowledged": float64(acknowledged), "open": float64(open)}
	return j
}

// firstPromise is the first acknowledged background submission, or nil.
func firstPromise(j *evidence.Job) (first *evidence.Attempt) {
	for _, a := range j.Attempts {
		if a.Background && a.Created != history.Never && (first == nil || a.Created < first.Created) {
			first = a
		}
	}
	return first
}

// lost says whether the server certainly has not all of the jobs that it owes, or, if not, why it may still
// be about to do them: it is down, has fewer hands than work, or believes them to be in some.
func (c *AtLeastOnce) lost(e *evidence.Evidence, server string, jobs []*evidence.Job, samples []history.Sample) (bool, string) {
	w := e.Weather()
	up, runs := w.Host(server, 0, weather.Nothing).At(e.End)
	if !runs {
		return false, fmt.Sprintf("%s was struck at the end, with %s to do", server, wording.Count(len(jobs), "acknowledged job"))
	}
	if n := len(samples); n > 0 && samples[n-1].At >= started(e, server) && samples[n-1].Value < int64(len(jobs)) {
		return true, fmt.Sprintf("%s holds %s at the end, but owes %d that it acknowledged", server,
			wording.Count(int(samples[n-1].Value), "job"), len(jobs))
	}
	from := e.End - c.Settle
	if up.From > from {
		return false, fmt.Sprintf("%s was back too late to do %s", server, wording.Count(len(jobs), "acknowledged job"))
	}
	r := e.ReachFor(checkers.DefaultLimit, checkers.DefaultGrace)
	for _, j := range jobs {
		if from < firstPromise(j).Created {
			return false, fmt.Sprintf("%s acknowledged jobs that it had too little time for", server)
		}
		staff := e.Staff(server, j.Attempts[0].Identity.Function)
		for _, worker := range e.Crew(server) {
			if why := mayHold(e, worker, server, j.Begun(), e.End); why != "" {
				return false, why
			}
		}
		able := slices.DeleteFunc(slices.Clone(staff),
			func(worker string) bool { return !r.Bond(worker, server).Cover(from, e.End) })
		if len(able) == 0 {
			return false, fmt.Sprintf("%s has no worker in reach at the end", server)
		}
		if !e.HandsFree(able, from, e.End) {
			return false, fmt.Sprintf("the workers of %s are at work to the end", server)
		}
	}
	return true, fmt.Sprintf("%s never had %s done that it acknowledged, with workers idle beside it", server,
		wording.Count(len(jobs), "job"))
}

// outlivesRot says whether a job must be there although bits have rotted on its server's disk. The server serves on,
// where it might have refused to start; and before it died it made so many records durable after the job's that one of
// them is whole, and shows that the job's is missing.
func (c *AtLeastOnce) outlivesRot(e *evidence.Evidence, j *evidence.Job) bool {
	since := firstPromise(j).Created
	if c.Rot == 0 || struckBy(e, j.Server, since, func(verb string) bool { return weather.Wrecks(verb) && verb != "corrupt-disk" }) {
		return false
	}
	samples := gaugesOf(e, "jobs")[j.Server]
	if n := len(samples); n == 0 || samples[n-1].At < started(e, j.Server) {
		return false
	}
	death := history.Never
	for _, at := range weather.Deaths(e.History)[j.Server] {
		if at >= since {
			death = min(death, at)
		}
	}
	later := 0
	for _, a := range e.Jobs().Attempts {
		if a.Job != nil && a.Key.Server == j.Server && firstPromise(a.Job) == a && a.Call >= since && a.Created < death {
			later++
			since = a.Created
		}
	}
	return later >= c.Rot
}

// started is when the host's process last came up.
func started(e *evidence.Evidence, host string) (at history.Time) {
	for i := range e.Downs {
		if d := &e.Downs[i]; d.Host == host && weather.Dies(d.Why) {
			at = max(at, d.To)
		}
	}
	return at
}

// swallowed finds a background submission that was acknowledged with the handle of a job that had been done
// before it was called: somebody had been told, or its server had had calm for long enough to know.
func (c *AtLeastOnce) swallowed(e *evidence.Evidence, j *evidence.Job) *evidence.Attempt {
	if len(j.Attempts) < 2 {
		return nil
	}
	for _, a := range j.Attempts {
		if !a.Background || a.Created == history.Never ||
			slices.ContainsFunc(j.Runs, func(x *evidence.Execution) bool { return x.Done() && x.Return >= a.Call }) {
			continue
		}
		for _, b := range j.Attempts {
			if b.Answered && b.Return < a.Call {
				return a
			}
		}
		for _, x := range j.Runs {
			if x.Done() && x.Return+c.Settle < a.Call &&
				e.ReachFor(checkers.DefaultLimit, 0).Link(x.Host, j.Server).Cover(x.Return, x.Return+c.Settle) {
				return a
			}
		}
	}
	return nil
}

func (c *AtLeastOnce) violated(e *evidence.Evidence, anomaly string, jobs []*evidence.Job, acknowledged int, reason string,
	args ...any) checkers.Judgement {
	j := jobs[0]
	figure := fmt.Sprintf("%d of %d acknowledged jobs undone", len(jobs), acknowledged)
	t := e.Tell().Job(j)
	if anomaly == "lost-job" {
		t.Say(e.End, "the run ends; nobody has done %s", j.Handle)
	}
	return checkers.Judgement{Verdict: checkers.Violated, Anomaly: anomaly, Figure: figure, Reason: fmt.Sprintf(reason, args...),
		Witness: witnessOf(j),
		Window:  history.Window{From: j.Begun(), To: e.End}, Story: t.Lines()}
}

// witnessOf is the operations that concern the job.
func witnessOf(j *evidence.Job) (ids []uint64) {
	for _, a := range j.Attempts {
		ids = append(ids, a.ID)
	}
	for _, x := range j.Runs {
		ids = append(ids, x.ID)
	}
	return ids[:min(len(ids), checkers.MostWitnesses)]
}
