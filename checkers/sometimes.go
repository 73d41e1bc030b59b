package checkers

import (
	"simrun/checkers/evidence"
	"simrun/checkers/weather"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

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
func (c *Sometimes) Judge(e *evidence.Evidence) Judgement {
	switch c.Event {
	case powerLost:
		if jobs, first := jobsInTheDark(e); jobs > 0 {
			return seen(first, "%s at %s", wording.Count(jobs, "job"), wording.Stamp(first))
		}
	case unsynced:
		if bytes, first := unsyncedBytes(e); bytes > 0 {
			return seen(first, "%s at %s", wording.Count(int(bytes), "byte"), wording.Stamp(first))
		}
	}
	if at, ok := e.History.Sometimes[c.Event]; ok {
		return seen(at, "at %s", wording.Stamp(at))
	}
	return Vacuous.Because("%q did not occur", c.Event)
}

func seen(at history.Time, figure string, args ...any) Judgement {
	j := Holds.With(figure, args...)
	j.Window = history.Window{From: at, To: at}
	return j
}

// jobsInTheDark counts the acknowledged, unfinished jobs of servers at the moment they lost their machine,
// and says when that first was.
func jobsInTheDark(e *evidence.Evidence) (jobs int, first history.Time) {
	first = history.Never
	for i := range e.Downs {
		d := &e.Downs[i]
		if !weather.Loses(d.Why) || e.Host(d.Host) == nil || e.Host(d.Host).Role != "server" {
			continue
		}
		for _, j := range e.Jobs().OnHost[d.Host] {
			if unfinishedAt(j, d.From) {
				jobs++
				first = min(first, d.From)
			}
		}
	}
	return jobs, first
}

// unfinishedAt says whether, at that time, the job was acknowledged and certainly not done: nobody had
// handed an answer over, and of foreground jobs somebody still waited for one.
func unfinishedAt(j *evidence.Job, at history.Time) bool {
	if x := j.FirstDone(); x != nil && x.Return <= at {
		return false
	}
	for _, a := range j.Attempts {
		if a.Created <= at && (a.Background || a.Return > at) {
			return true
		}
	}
	return false
}

// unsyncedBytes is what servers had written and not synced when they died.
func unsyncedBytes(e *evidence.Evidence) (bytes int64, first history.Time) {
	first = history.Never
	for i := range e.Downs {
		d := &e.Downs[i]
		if h := e.Host(d.Host); d.Unsynced > 0 && weather.Dies(d.Why) && h != nil && h.Role == "server" {
			bytes += d.Unsynced
			first = min(first, d.From)
		}
	}
	return bytes, first
}
