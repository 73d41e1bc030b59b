package jobs

import (
	"cmp"
	"slices"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/weather"
	"simrun/nodes/history"
)

// Terms is what a job service was configured to do, as far as claims about its jobs must know.
type Terms struct {
	Retries    int           `yaml:"retries" doc:"how often the servers hand out a job again whose worker was lost; 0 is without end"`
	JobTimeout time.Duration `yaml:"job-timeout" doc:"after how long the servers take a job from its worker, or for failed; 0 is never"`
	Patience   time.Duration `yaml:"patience" doc:"a silence shorter than this is no reason to take a peer for lost"`
	Settle     time.Duration `yaml:"settle" doc:"after so long in calm, what a server was told is durable, and what it had to do is done"`
}

func NewTerms() Terms { return Terms{Patience: time.Second, Settle: checkers.DefaultLimit} }

// spent says whether the server may by a time have given the job up: it told somebody so, or has counted as many
// attempts as it may make. It counts what it hands out, also to a worker that dies before it can begin.
func (t *Terms) spent(e *evidence.Evidence, j *evidence.Job, by history.Time) bool {
	switch {
	case t.Retries == 0:
		return false
	case slices.ContainsFunc(j.Attempts, func(a *evidence.Attempt) bool { return a.Answered && a.Failed && a.Call <= by }):
		return true
	default:
		return len(j.Runs) > t.Retries || len(j.Runs)+unseen(e, t, j, by) > t.Retries
	}
}

// unseen is how many attempts at a job there may have been by a time that nobody began: it was handed to a worker that was then
// parted from the server with nothing in hand, or the server died over it, while nobody was seen to have it. After the
// last run that was seen, hand-outs follow one another as soon as each loss is known.
func unseen(e *evidence.Evidence, t *Terms, j *evidence.Job, by history.Time) (n int) {
	idle := partings(e, t, j, by)
	free := e.Since(j)
	for i := 0; i <= len(j.Runs); i++ {
		taken := free + t.Patience
		if i < len(j.Runs) {
			taken = j.Runs[i].Call
		}
		idle = slices.DeleteFunc(idle, func(s weather.Strike) bool {
			if s.From > taken || s.Noticed() < free {
				return false
			}
			n++
			if i == len(j.Runs) {
				taken = max(taken, s.Noticed()+t.Patience)
			}
			return true
		})
		if i < len(j.Runs) {
			free = parted(e, t, j.Runs[i])
		}
	}
	return n
}

// partings is the strikes that may by a time have taken the job from a worker before it began: those on the server,
// and those that part a worker from it which is not seen to have this job. They are in the order of their starts.
func partings(e *evidence.Evidence, t *Terms, j *evidence.Job, by history.Time) (strikes []weather.Strike) {
	w := e.Weather()
	has := func(worker string, at history.Time) bool {
		return slices.ContainsFunc(j.Runs, func(x *evidence.Execution) bool {
			return x.Host == worker && x.Call <= at &&
				at <= x.End
		})
	}
	for _, worker := range e.Crew(j.Server) {
		for s := range w.On(worker).Over(e.Since(j), by) {
			if s.Parts(t.Patience) && !has(worker, s.From) {
				strikes = append(strikes, s)
			}
		}
		for s := range w.Between(worker, j.Server).Over(e.Since(j), by) {
			if s.CutsOff(t.Patience) && !has(worker, s.From) {
				strikes = append(strikes, s)
			}
		}
	}
	for s := range w.On(j.Server).Over(e.Since(j), by) {
		if s.Parts(t.Patience) {
			strikes = append(strikes, s)
		}
	}
	slices.SortStableFunc(strikes, func(a, b weather.Strike) int { return cmp.Compare(a.From, b.From) })
	return strikes
}

// parted is when a worker first may have lost what it was at.
func parted(e *evidence.Evidence, t *Terms, x *evidence.Execution) history.Time {
	if l, lost := lossOf(e, t, x, x.End); lost {
		return max(l.from, x.Call)
	}
	return x.End
}

// expired says whether a server may have taken a run for failed by a time. Its clock may be fast by half.
func (t *Terms) expired(j *evidence.Job, by history.Time) bool {
	if t.JobTimeout == 0 || len(j.Runs) == 0 {
		return false
	}
	return by-j.Begun() >= t.JobTimeout/2
}

// loss is why one attempt at a job was lost, if it was.
type loss struct {
	from history.Time
	why  string
}

// lossOf looks for what may have parted a run from its server before a time: its worker or its server died,
// nothing passed between them for longer than a correct node's patience, or its lease ran out. Weather that
// only slows, and a process that only stood still, part nobody. Once a result had been handed over, and calm
// had lasted long enough to make it durable, nothing explains another run.
func lossOf(e *evidence.Evidence, t *Terms, x *evidence.Execution, by history.Time) (loss, bool) {
	w, server := e.Weather(), x.Key.Server
	from := e.Since(x.Job)
	if x.Done() && e.ReachFor(checkers.DefaultLimit, 0).Link(x.Host, server).Cover(x.Return, x.Return+t.Settle) &&
		!wrecked(e, server, x.Return) {
		by = min(by, x.Return)
	}
	first, found := loss{from: history.Never}, false
	note := func(s weather.Strike) {
		if s.From <= by && s.To >= from && s.From < first.from {
			first, found = loss{max(s.From, from), s.Why}, true
		}
	}
	for _, host := range []string{x.Host, server} {
		for s := range w.On(host).Over(from, by) {
			if s.Parts(t.Patience) {
				note(s)
			}
		}
	}
	for s := range w.Between(x.Host, server).Over(from, by) {
		if s.CutsOff(t.Patience) {
			note(s)
		}
	}
	if t.JobTimeout > 0 && by-from >= t.JobTimeout/2 && by > x.Call && from+t.JobTimeout/2 < first.from {
		first, found = loss{from + t.JobTimeout/2, "its time ran out"}, true
	}
	return first, found
}

// wrecked says whether the server's disk was made to lose or change what had been durable, since a time.
func wrecked(e *evidence.Evidence, server string, since history.Time) bool {
	return struckBy(e, server, since, weather.Wrecks)
}

// struckBy says whether one of some faults was on the host, since a time.
func struckBy(e *evidence.Evidence, host string, since history.Time, meant func(verb string) bool) bool {
	for i := range e.Impairments {
		if m := &e.Impairments[i]; meant(m.Verb) && m.End >= since && slices.Contains(m.From, host) {
			return true
		}
	}
	for i := range e.Downs {
		if d := &e.Downs[i]; meant(d.Why) && d.Host == host && d.To >= since {
			return true
		}
	}
	return false
}
