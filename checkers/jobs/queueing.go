package jobs

import (
	"fmt"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/weather"
	"simrun/checkers/wording"
	"simrun/nodes"
	"simrun/nodes/history"
)

// NoStarvation is J6: no job waits for long while a worker that could do it is idle beside it, with nothing
// wrong about either, nor with any worker that the server may believe to have it.
type NoStarvation struct {
	Within time.Duration `yaml:"within" doc:"how long a job may wait beside an idle worker"`
	Grace  time.Duration `yaml:"grace" doc:"how long after weather a worker has to connect again; more than it needs to redial"`
}

func newNoStarvation() checkers.Check {
	return &NoStarvation{Within: 3 * time.Second, Grace: checkers.DefaultGrace}
}

// Judge looks at the jobs that waited for long.
func (c *NoStarvation) Judge(e *evidence.Evidence) checkers.Judgement {
	v := e.Jobs()
	r := e.ReachFor(checkers.DefaultLimit, 0)
	judged, longest := 0, time.Duration(0)
	for _, j := range v.List {
		w, queued := waited(j, e.End)
		if !queued {
			continue
		}
		judged++
		if w.To-w.From <= c.Within {
			longest = max(longest, w.To-w.From)
			continue
		}
		if worker, idle := c.idler(e, r, j, w); worker != "" {
			return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "starvation",
				Figure: wording.Brief(w.To-w.From) + " in the queue",
				Reason: fmt.Sprintf("%s waited from %s to %s, and %s was idle beside it from %s to %s", j.JobKey,
					wording.Stamp(w.From), wording.Stamp(w.To), worker, wording.Stamp(idle.From), wording.Stamp(idle.To)),
				Witness: witnessOf(j), Window: idle, Story: e.Tell().Job(j).Lines()}
		}
	}
	if judged == 0 {
		return checkers.Vacuous.Because("no job was seen to wait")
	}
	return checkers.Holds.With("%s, %s at most beside an idle worker", wording.Count(judged, "job"), nodes.Short(c.Within))
}

// waited is a job's time in the queue, from its first acknowledgement to its first run; of a foreground job, as
// long as somebody waits for it.
func waited(j *evidence.Job, end history.Time) (w history.Window, queued bool) {
	w.From = history.Never
	for _, a := range j.Attempts {
		w.From = min(w.From, a.Created)
		if a.Background {
			w.To = end
		}
		w.To = max(w.To, a.Return)
	}
	if len(j.Runs) > 0 {
		w.To = min(w.To, j.Runs[0].Call)
	}
	w.To = min(w.To, end)
	return w, w.From < w.To
}

// idler is a worker that was idle for too long while the job waited.
func (c *NoStarvation) idler(e *evidence.Evidence, r *evidence.Reach, j *evidence.Job, w history.Window) (string, history.Window) {
	function := j.Attempts[0].Identity.Function
	staff := e.Staff(j.Server, function)
	for _, worker := range e.Crew(j.Server) {
		if r.Turned(worker, j.Server, j.Begun(), w.To) != "" || mayHold(e, worker, j.Server, j.Begun(), w.To) != "" {
			return "", w
		}
	}
	for _, a := range j.Attempts {
		if !a.Background && r.Turned(a.Host, j.Server, a.Call, w.To) != "" {
			return "", w // its client may be gone, and it with it
		}
	}
	for _, worker := range staff {
		free := r.Bond(worker, j.Server).Near(w.From, w.To).Late(c.Grace).And(e.Jobs().Idle[worker].Near(w.From, w.To))
		if idle := free.Longest(w.From, w.To); idle.To-idle.From > c.Within {
			return worker, idle
		}
	}
	return "", w
}

// RetryBudget is J7: no job is handed out more often than its retries allow, and a client that waits for one
// whose attempts are spent is told.
type RetryBudget struct {
	Terms `yaml:",inline"`
}

// Judge counts the attempts at each job.
func (c *RetryBudget) Judge(e *evidence.Evidence) checkers.Judgement {
	v := e.Jobs()
	switch {
	case c.Retries == 0:
		return checkers.Vacuous.Because("retries are without end")
	case len(v.Runs) == 0:
		return checkers.Vacuous.Because("nobody executed a job")
	}
	most := 0
	for _, j := range v.List {
		most = max(most, len(j.Runs))
		if len(j.Runs) > c.Retries+1 {
			return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "retries-exceeded",
				Figure: fmt.Sprintf("%d attempts at %s", len(j.Runs), j.JobKey),
				Reason: fmt.Sprintf("%s was handed out %d times; %s are %d attempts", j.JobKey, len(j.Runs), retries(c.Retries),
					c.Retries+1),
				Witness: witnessOf(j), Window: history.Window{From: j.Begun(), To: j.Runs[len(j.Runs)-1].Call},
				Story: e.Tell().Job(j).Lines()}
		}
		if a := c.untold(e, j); a != nil {
			return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "untold-failure",
				Figure:  fmt.Sprintf("%d attempts at %s", len(j.Runs), j.JobKey),
				Reason:  fmt.Sprintf("all attempts at %s were lost, and %s, which waited for it, was not told", j.JobKey, a.Host),
				Witness: witnessOf(j), Window: history.Window{From: a.Call, To: min(a.Return, e.End)},
				Story: e.Tell().Job(j).Lines()}
		}
	}
	return checkers.Holds.With("%s at most, %d allowed", wording.Count(most, "attempt"), c.Retries+1)
}

func retries(n int) string {
	if n == 1 {
		return "1 retry"
	}
	return fmt.Sprintf("%d retries", n)
}

// untold is a client that waited, in reach, for a job whose attempts were all lost, and heard nothing for long
// after the server had to know.
func (c *RetryBudget) untold(e *evidence.Evidence, j *evidence.Job) *evidence.Attempt {
	if len(j.Runs) <= c.Retries || j.FirstDone() != nil {
		return nil
	}
	last := j.Runs[len(j.Runs)-1]
	known := last.End
	w := e.Weather()
	for _, on := range []*weather.Spells{w.On(last.Host), w.Between(last.Host, j.Server)} {
		for s := range on.Over(last.Call, last.End) {
			if s.To >= last.Call {
				known = max(known, s.Noticed())
			}
		}
	}
	for _, a := range j.Attempts {
		if due := known + c.Settle; !a.Background && a.Outcome != history.Ok && due < min(a.Return, e.End) &&
			e.ReachFor(checkers.DefaultLimit, 0).Link(a.Host, j.Server).Cover(a.Call, due) {
			return a
		}
	}
	return nil
}
