package checkers

import "simrun/nodes/history"

// The events that the toolkit itself sees; nodes report others by Recorder.Sometimes.
const (
	powerLost = "power lost with job running"
	unsynced  = "died with write unsynced"
)

// Events are those; whoever loads a scenario holds it to them and to what its nodes report.
func Events() []string { return []string{powerLost, unsynced} }

// Sometimes asks for a rare, wanted event: a storm that never struck proves nothing. It holds in a run that
// saw the event; over a batch, in which one run must have seen it.
type Sometimes struct {
	Event string `yaml:"sometimes" doc:"the event: \"power lost with job running\", \"died with write unsynced\", or what a node reports"`
}

// Judge looks for the event in one run.
func (c *Sometimes) Judge(e *Evidence) Judgement {
	switch c.Event {
	case powerLost:
		if jobs, first := e.jobsInTheDark(); jobs > 0 {
			return seen(first, "%s at %s", count(jobs, "job"), stamp(first))
		}
	case unsynced:
		if bytes, first := e.unsyncedBytes(); bytes > 0 {
			return seen(first, "%s at %s", count(int(bytes), "byte"), stamp(first))
		}
	}
	if at, ok := e.History.Sometimes[c.Event]; ok {
		return seen(at, "at %s", stamp(at))
	}
	return vacuous("%q did not occur", c.Event)
}

func seen(at history.Time, figure string, args ...any) Judgement {
	j := holds(figure, args...)
	j.Window = history.Window{From: at, To: at}
	return j
}

// jobsInTheDark counts the acknowledged, unfinished jobs of servers at the moment they lost their machine,
// and says when that first was.
func (e *Evidence) jobsInTheDark() (jobs int, first history.Time) {
	first = history.Never
	for i := range e.Downs {
		d := &e.Downs[i]
		if !loses(d.Why) || e.hosts[d.Host] == nil || e.hosts[d.Host].Role != "server" {
			continue
		}
		for _, j := range e.jobView().onHost[d.Host] {
			if j.unfinishedAt(d.From) {
				jobs++
				first = min(first, d.From)
			}
		}
	}
	return jobs, first
}

// unfinishedAt says whether, at that time, the job was acknowledged and certainly not done: nobody had
// handed an answer over, and of foreground jobs somebody still waited for one.
func (j *job) unfinishedAt(at history.Time) bool {
	if x := j.firstDone(); x != nil && x.Return <= at {
		return false
	}
	for _, a := range j.attempts {
		if a.created <= at && (a.background || a.Return > at) {
			return true
		}
	}
	return false
}

// unsyncedBytes is what servers had written and not synced when they died.
func (e *Evidence) unsyncedBytes() (bytes int64, first history.Time) {
	first = history.Never
	for i := range e.Downs {
		d := &e.Downs[i]
		if h := e.hosts[d.Host]; d.Unsynced > 0 && dies(d.Why) && h != nil && h.Role == "server" {
			bytes += d.Unsynced
			first = min(first, d.From)
		}
	}
	return bytes, first
}
