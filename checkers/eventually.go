package checkers

import (
	"fmt"
	"time"

	"simrun/nodes"
	"simrun/nodes/history"
)

// Eventually asks that a state is reached in a phase, and reached again as soon whenever late work disturbs it.
type Eventually struct {
	What   Condition     `yaml:"eventually" doc:"the state: queue-empty (the servers' gauge \"jobs\" is 0)"`
	Of     Selector      `yaml:"of" doc:"which servers; all if it is not said"`
	Within time.Duration `yaml:"within" doc:"how soon after the start of the phase"`
	In     string        `yaml:"in" doc:"the phase; the last one if it is not said"`
}

// Condition is a state that Eventually knows.
type Condition string

// Values are all conditions.
func (Condition) Values() []string { return []string{"queue-empty"} }

func newEventually() Check { return &Eventually{What: "queue-empty", Within: defaultLimit} }

// Judge looks at the gauges of every server in the phase.
func (c *Eventually) Judge(e *Evidence) Judgement {
	phase, ok := e.phase(c.In)
	if c.In == "" && len(e.Phases) > 0 {
		phase, ok = e.Phases[len(e.Phases)-1], true
	}
	switch due := phase.From + c.Within; {
	case !ok:
		return vacuous("there was no phase %s", c.In)
	case due > min(phase.To, e.End):
		return vacuous("the phase %s ends before %s are over", phase.Name, nodes.Short(c.Within))
	}
	var censoredBy string
	var longest time.Duration
	gauges := e.gauges("jobs")
	servers := e.selected(c.Of, "server")
	for _, server := range servers {
		samples := gauges[server.Name]
		if len(samples) == 0 {
			censoredBy = server.Name + " shows no gauge \"jobs\""
			continue
		}
		full, left := fullest(samples, history.Window{From: phase.From, To: min(phase.To, e.End)})
		if length := full.To - full.From; length <= c.Within {
			longest = max(longest, length)
			continue
		}
		if why := e.holdsUp(server.Name, full.From, c.Within); why != "" {
			censoredBy = server.Name + ": " + why
			continue
		}
		return Judgement{Verdict: Violated, Anomaly: "queue-stuck", Figure: count(int(left), "job") + " left at " + server.Name,
			Reason: fmt.Sprintf("%s was not empty from %s to %s, %s allowed", server.Name, stamp(full.From), stamp(full.To), nodes.Short(c.Within)),
			Window: full, Story: e.stuck(server.Name, samples, full)}
	}
	switch {
	case len(servers) == 0:
		return vacuous("there is no server to look at")
	case censoredBy != "":
		return censored("%s", censoredBy)
	}
	return holds("empty %s into %s, %s allowed", brief(longest), phase.Name, nodes.Short(c.Within))
}

// gauges is the samples of a gauge by host.
func (e *Evidence) gauges(name string) map[string][]history.Sample {
	samples := map[string][]history.Sample{}
	for _, s := range e.Samples {
		if s.Name == name {
			samples[s.Host] = append(samples[s.Host], s)
		}
	}
	return samples
}

// fullest is the longest time within a window for which the gauge was not 0, and its last value in it. What
// comes late, because packets had backed off, starts a time of its own.
func fullest(samples []history.Sample, in history.Window) (full history.Window, left int64) {
	value, since := int64(0), in.From
	stretch := func(to history.Time) {
		if value != 0 && to-since > full.To-full.From {
			full, left = history.Window{From: since, To: to}, value
		}
	}
	for _, s := range samples {
		switch {
		case s.At > in.To:
			stretch(in.To)
			return full, left
		case s.Value == 0 && s.At > in.From:
			stretch(s.At)
		case value == 0:
			since = max(in.From, s.At)
		}
		value = s.Value
	}
	stretch(in.To)
	return full, left
}

// holdsUp is why a server's queue may rightly not be empty when it is due: it has itself no power or no
// workers in reach, a worker was struck and may still hold a job, or there was more work than hands.
func (e *Evidence) holdsUp(server string, from history.Time, within time.Duration) string {
	r := e.reachFor(within, 0)
	due := from + within
	if !r.w.host(server, r.delay, nothing).Cover(from, due) {
		return "it was struck itself"
	}
	var workers []string
	for _, worker := range e.staff(server, "") {
		if r.bond(worker, server).Cover(from, due) {
			workers = append(workers, worker)
		}
	}
	for _, worker := range e.crew(server) {
		if why := e.mayHold(worker, server, 0, due); why != "" {
			return why
		}
	}
	switch {
	case len(workers) == 0:
		return "no worker stayed in reach"
	case !e.handsFree(workers, from, due):
		return "every worker in reach was at work"
	}
	return ""
}

// mayHold is why a server may still believe at a time that the worker is at a job which it got at or after
// since: the worker was struck, and the server could not yet notice.
func (e *Evidence) mayHold(worker, server string, since, at history.Time) string {
	w := e.forecast()
	for _, on := range []*spells{w.onHost[worker], w.between(worker, server)} {
		for s := range on.over(min(since, at), at) {
			if s.To >= since && at <= s.noticed() {
				return fmt.Sprintf("%s may hold a job since %s at %s", worker, s.why, stamp(s.From))
			}
		}
	}
	return ""
}

// stuck tells the story of a queue that did not empty: when it last was, what it shows, and the first job that is not
// known to be done.
func (e *Evidence) stuck(server string, samples []history.Sample, full history.Window) []string {
	t := e.tell()
	t.cast[server] = true
	for _, j := range e.jobView().onHost[server] {
		if j.firstDone() == nil && len(j.attempts) > 0 && j.begun() <= full.From {
			t.job(j)
			break
		}
	}
	var last history.Time
	value := int64(0)
	for _, s := range samples {
		if s.Value == 0 && s.At <= full.From {
			last = s.At
		}
		if s.At <= full.To {
			value = s.Value
		}
	}
	t.say(last, "%s is empty for the last time before", server)
	t.say(full.To, "%s still shows %s", server, count(int(value), "job"))
	return t.lines()
}
