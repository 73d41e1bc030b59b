package checkers

import (
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

// exhausted says whether the job had all its attempts, and every one was lost.
func (t *Terms) exhausted(j *job) bool {
	return t.Retries > 0 && len(j.runs) > t.Retries && j.firstDone() == nil
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
	from := x.job.begun()
	if x.done() && e.reachFor(defaultLimit, 0).link(x.Host, server).Cover(x.Return, x.Return+t.Settle) {
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

// wrecked says whether the server's disk was made to lose or change what had been durable, since a time.
func (e *Evidence) wrecked(server string, since history.Time) bool {
	wrecks := func(verb string) bool {
		return verb == "wipe-disk" || verb == "corrupt-disk" || verb == "misdirect-write"
	}
	for i := range e.Impairments {
		if m := &e.Impairments[i]; wrecks(m.Verb) && m.End >= since && slices.Contains(m.From, server) {
			return true
		}
	}
	for i := range e.Downs {
		if d := &e.Downs[i]; wrecks(d.Why) && d.Host == server && d.To >= since {
			return true
		}
	}
	return false
}
