package checkers

import (
	"fmt"
	"time"

	"simrun/nodes"
	"simrun/nodes/history"
)

// NoStarvation is J6: no job waits for long while a worker that could do it is idle beside it, with nothing
// wrong about either, nor with any worker that the server may believe to have it.
type NoStarvation struct {
	Within time.Duration `yaml:"within" doc:"how long a job may wait beside an idle worker"`
	Grace  time.Duration `yaml:"grace" doc:"how long after weather a worker has to connect again; more than it needs to redial"`
}

func newNoStarvation() Check { return &NoStarvation{Within: 3 * time.Second, Grace: defaultGrace} }

// Judge looks at the jobs that waited for long.
func (c *NoStarvation) Judge(e *Evidence) Judgement {
	v := e.jobView()
	r := e.reachFor(defaultLimit, 0)
	judged, longest := 0, time.Duration(0)
	for _, j := range v.list {
		w, queued := j.waited(e.End)
		if !queued {
			continue
		}
		judged++
		if w.To-w.From <= c.Within {
			longest = max(longest, w.To-w.From)
			continue
		}
		if worker, idle := c.idler(e, r, j, w); worker != "" {
			return Judgement{Verdict: Violated, Anomaly: "starvation", Figure: brief(w.To-w.From) + " in the queue",
				Reason: fmt.Sprintf("%s waited from %s to %s, and %s was idle beside it from %s to %s", j.jobKey,
					stamp(w.From), stamp(w.To), worker, stamp(idle.From), stamp(idle.To)),
				Witness: j.witness(), Window: idle, Story: e.tell().job(j).lines()}
		}
	}
	if judged == 0 {
		return vacuous("no job was seen to wait")
	}
	return holds("%s, %s at most beside an idle worker", count(judged, "job"), nodes.Short(c.Within))
}

// waited is a job's time in the queue, from its first acknowledgement to its first run; of a foreground job, as
// long as somebody waits for it.
func (j *job) waited(end history.Time) (w history.Window, queued bool) {
	w.From = history.Never
	for _, a := range j.attempts {
		w.From = min(w.From, a.created)
		if a.background {
			w.To = end
		}
		w.To = max(w.To, a.Return)
	}
	if len(j.runs) > 0 {
		w.To = min(w.To, j.runs[0].Call)
	}
	w.To = min(w.To, end)
	return w, w.From < w.To
}

// idler is a worker that was idle for too long while the job waited.
func (c *NoStarvation) idler(e *Evidence, r *reach, j *job, w history.Window) (string, history.Window) {
	function := j.attempts[0].what.function
	staff := e.staff(j.server, function)
	for _, worker := range e.crew(j.server) {
		if r.turned(worker, j.server, j.begun(), w.To) != "" || e.mayHold(worker, j.server, j.begun(), w.To) != "" {
			return "", w
		}
	}
	for _, a := range j.attempts {
		if !a.background && r.turned(a.Host, j.server, a.Call, w.To) != "" {
			return "", w // its client may be gone, and it with it
		}
	}
	for _, worker := range staff {
		free := r.bond(worker, j.server).Near(w.From, w.To).Late(c.Grace).And(e.jobView().idle[worker].Near(w.From, w.To))
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
func (c *RetryBudget) Judge(e *Evidence) Judgement {
	v := e.jobView()
	switch {
	case c.Retries == 0:
		return vacuous("retries are without end")
	case len(v.runs) == 0:
		return vacuous("nobody executed a job")
	}
	most := 0
	for _, j := range v.list {
		most = max(most, len(j.runs))
		if len(j.runs) > c.Retries+1 {
			return Judgement{Verdict: Violated, Anomaly: "retries-exceeded", Figure: fmt.Sprintf("%d attempts at %s", len(j.runs), j.jobKey),
				Reason:  fmt.Sprintf("%s was handed out %d times; %s are %d attempts", j.jobKey, len(j.runs), retries(c.Retries), c.Retries+1),
				Witness: j.witness(), Window: history.Window{From: j.begun(), To: j.runs[len(j.runs)-1].Call}, Story: e.tell().job(j).lines()}
		}
		if a := c.untold(e, j); a != nil {
			return Judgement{Verdict: Violated, Anomaly: "untold-failure", Figure: fmt.Sprintf("%d attempts at %s", len(j.runs), j.jobKey),
				Reason:  fmt.Sprintf("all attempts at %s were lost, and %s, which waited for it, was not told", j.jobKey, a.Host),
				Witness: j.witness(), Window: history.Window{From: a.Call, To: min(a.Return, e.End)}, Story: e.tell().job(j).lines()}
		}
	}
	return holds("%s at most, %d allowed", count(most, "attempt"), c.Retries+1)
}

func retries(n int) string {
	if n == 1 {
		return "1 retry"
	}
	return fmt.Sprintf("%d retries", n)
}

// untold is a client that waited, in reach, for a job whose attempts were all lost, and heard nothing for long
// after the server had to know.
func (c *RetryBudget) untold(e *Evidence, j *job) *attempt {
	if len(j.runs) <= c.Retries || j.firstDone() != nil {
		return nil
	}
	last := j.runs[len(j.runs)-1]
	known := last.end
	w := e.forecast()
	for _, on := range []*spells{w.onHost[last.Host], w.between(last.Host, j.server)} {
		for s := range on.over(last.Call, last.end) {
			if s.To >= last.Call {
				known = max(known, s.noticed())
			}
		}
	}
	for _, a := range j.attempts {
		if due := known + c.Settle; !a.background && a.Outcome != history.Ok && due < min(a.Return, e.End) &&
			e.reachFor(defaultLimit, 0).link(a.Host, j.server).Cover(a.Call, due) {
			return a
		}
	}
	return nil
}
