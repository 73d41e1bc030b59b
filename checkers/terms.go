package checkers

import (
	"cmp"
	"slices"
	"time"

	"simrun/nodes/history"
)

// Terms is what a job service was configured to do, as far as claims about its jobs must know.
type Terms struct {
	Retries    int           `yaml:"retries" doc:"how often the servers hand out a job again whose worker was lost; 0 is without end"`
	JobTimeout time.Duration `yaml:"job-timeout" doc:"after how long the servers take a job from its worker, or for failed; 0 is never"`
	Patience   time.Duration `yaml:"patience" doc:"a silence shorter than this is no reason to take a peer for lost"`
	Settle     time.Duration `yaml:"settle" doc:"after so long in calm, what a server was told is durable, and what it had to do is done"`
}

func newTerms() Terms { return Terms{Patience: time.Second, Settle: defaultLimit} }

// spent says whether the server may by a time have given the job up: it told somebody so, or has counted as many
// attempts as it may make. It counts what it hands out, also to a worker that dies before it can begin.
func (t *Terms) spent(e *Evidence, j *job, by history.Time) bool {
	switch {
	case t.Retries == 0:
		return false
	case slices.ContainsFunc(j.attempts, func(a *attempt) bool { return a.answered && a.failed && a.Call <= by }):
		return true
	default:
		return len(j.runs) > t.Retries || len(j.runs)+e.unseen(t, j, by) > t.Retries
	}
}

// unseen is how many attempts at a job there may have been by a time that nobody began: it was handed to a worker that was then
// parted from the server with nothing in hand, or the server died over it, while nobody was seen to have it. After the
// last run that was seen, hand-outs follow one another as soon as each loss is known.
func (e *Evidence) unseen(t *Terms, j *job, by history.Time) (n int) {
	idle := e.partings(t, j, by)
	free := e.since(j)
	for i := 0; i <= len(j.runs); i++ {
		taken := free + t.Patience
		if i < len(j.runs) {
			taken = j.runs[i].Call
		}
		idle = slices.DeleteFunc(idle, func(s strike) bool {
			if s.From > taken || s.noticed() < free {
				return false
			}
			n++
			if i == len(j.runs) {
				taken = max(taken, s.noticed()+t.Patience)
			}
			return true
		})
		if i < len(j.runs) {
			free = e.parted(t, j.runs[i])
		}
	}
	return n
}

// partings is the strikes that may by a time have taken the job from a worker before it began: those on the server,
// and those that part a worker from it which is not seen to have this job. They are in the order of their starts.
func (e *Evidence) partings(t *Terms, j *job, by history.Time) (strikes []strike) {
	w := e.forecast()
	has := func(worker string, at history.Time) bool {
		return slices.ContainsFunc(j.runs, func(x *execution) bool { return x.Host == worker && x.Call <= at && at <= x.end })
	}
	for _, worker := range e.crew(j.server) {
		for s := range w.onHost[worker].over(e.since(j), by) {
			if s.parts(t.Patience) && !has(worker, s.From) {
				strikes = append(strikes, s)
			}
		}
		for s := range w.between(worker, j.server).over(e.since(j), by) {
			if s.cutsOff(t.Patience) && !has(worker, s.From) {
				strikes = append(strikes, s)
			}
		}
	}
	for s := range w.onHost[j.server].over(e.since(j), by) {
		if s.parts(t.Patience) {
			strikes = append(strikes, s)
		}
	}
	slices.SortStableFunc(strikes, func(a, b strike) int { return cmp.Compare(a.From, b.From) })
	return strikes
}

// parted is when a worker first may have lost what it was at.
func (e *Evidence) parted(t *Terms, x *execution) history.Time {
	if l, lost := e.lossOf(t, x, x.end); lost {
		return max(l.from, x.Call)
	}
	return x.end
}

// expired says whether a server may have taken a run for failed by a time. Its clock may be fast by half.
func (t *Terms) expired(j *job, by history.Time) bool {
	if t.JobTimeout == 0 || len(j.runs) == 0 {
		return false
	}
	return by-j.begun() >= t.JobTimeout/2
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
func (e *Evidence) lossOf(t *Terms, x *execution, by history.Time) (loss, bool) {
	w, server := e.forecast(), x.key.server
	from := e.since(x.job)
	if x.done() && e.reachFor(defaultLimit, 0).link(x.Host, server).Cover(x.Return, x.Return+t.Settle) && !e.wrecked(server, x.Return) {
		by = min(by, x.Return)
	}
	first, found := loss{from: history.Never}, false
	note := func(s strike) {
		if s.From <= by && s.To >= from && s.From < first.from {
			first, found = loss{max(s.From, from), s.why}, true
		}
	}
	for _, host := range []string{x.Host, server} {
		for s := range w.onHost[host].over(from, by) {
			if s.parts(t.Patience) {
				note(s)
			}
		}
	}
	for s := range w.between(x.Host, server).over(from, by) {
		if s.cutsOff(t.Patience) {
			note(s)
		}
	}
	if t.JobTimeout > 0 && by-from >= t.JobTimeout/2 && by > x.Call && from+t.JobTimeout/2 < first.from {
		first, found = loss{from + t.JobTimeout/2, "its time ran out"}, true
	}
	return first, found
}

// parts says whether a strike on a host ends its connections: a death, or a machine that is silent for so long.
func (s strike) parts(patience time.Duration) bool {
	switch {
	case !s.down || s.why == "pause":
		return false
	case s.why == "pause-machine":
		return s.To-s.From >= patience
	default:
		return true
	}
}

// cutsOff says whether a strike on a path may end the connections that run over it: by a reset, by a silence
// longer than the patience, or by loss that can amount to one.
func (s strike) cutsOff(patience time.Duration) bool {
	switch {
	case s.why == "reset-connections" || s.why == "flap":
		return true
	case s.down:
		return s.To-s.From >= patience
	case s.delay > 0:
		return s.delay >= patience
	default:
		return true
	}
}

// wrecks says whether a fault makes a disk lose or change what had been durable.
func wrecks(verb string) bool {
	return verb == "wipe-disk" || verb == "corrupt-disk" || verb == "misdirect-write"
}

// wrecked says whether the server's disk was made to lose or change what had been durable, since a time.
func (e *Evidence) wrecked(server string, since history.Time) bool {
	return e.struckBy(server, since, wrecks)
}

// struckBy says whether one of some faults was on the host, since a time.
func (e *Evidence) struckBy(host string, since history.Time, meant func(verb string) bool) bool {
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
