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

// Eventually asks that a state is reached in a phase, and reached again as soon whenever late work disturbs it.
type Eventually struct {
	What   Condition         `yaml:"eventually" doc:"the state: queue-empty (the servers' gauge \"jobs\" is 0)"`
	Of     evidence.Selector `yaml:"of" doc:"which servers; all if it is not said"`
	Within time.Duration     `yaml:"within" doc:"how soon after the start of the phase"`
	In     string            `yaml:"in" doc:"the phase; the last one if it is not said"`
}

// Condition is a state that Eventually knows.
type Condition string

// Values are all conditions.
func (Condition) Values() []string { return []string{"queue-empty"} }

func newEventually() checkers.Check {
	return &Eventually{What: "queue-empty", Within: checkers.DefaultLimit}
}

// Judge looks at the gauges of every server in the phase.
func (c *Eventually) Judge(e *evidence.Evidence) checkers.Judgement {
	phase, ok := e.Phase(c.In)
	if c.In == "" && len(e.Phases) > 0 {
		phase, ok = e.Phases[len(e.Phases)-1], true
	}
	switch due := phase.From + c.Within; {
	case !ok:
		return checkers.Vacuous.Because("there was no phase %s", c.In)
	case due > min(phase.To, e.End):
		return checkers.Vacuous.Because("the phase %s ends before %s are over", phase.Name, nodes.Short(c.Within))
	}
	var censoredBy string
	var longest time.Duration
	gauges := gaugesOf(e, "jobs")
	servers := e.Selected(c.Of, "server")
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
		if why := holdsUp(e, server.Name, full.From, c.Within); why != "" {
			censoredBy = server.Name + ": " + why
			continue
		}
		return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "queue-stuck",
			Figure: wording.Count(int(left), "job") + " left at " + server.Name,
			Reason: fmt.Sprintf("%s was not empty from %s to %s, %s allowed", server.Name, wording.Stamp(full.From),
				wording.Stamp(full.To), nodes.Short(c.Within)),
			Window: full, Story: stuck(e, server.Name, samples, full)}
	}
	switch {
	case len(servers) == 0:
		return checkers.Vacuous.Because("there is no server to look at")
	case censoredBy != "":
		return checkers.Censored.Because("%s", censoredBy)
	}
	return checkers.Holds.With("empty %s into %s, %s allowed", wording.Brief(longest), phase.Name, nodes.Short(c.Within))
}

// gaugesOf is the samples of a gauge by host.
func gaugesOf(e *evidence.Evidence, name string) map[string][]history.Sample {
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
func holdsUp(e *evidence.Evidence, server string, from history.Time, within time.Duration) string {
	r := e.ReachFor(within, 0)
	due := from + within
	if !r.Well(server).Cover(from, due) {
		return "it was struck itself"
	}
	var workers []string
	for _, worker := range e.Staff(server, "") {
		if r.Bond(worker, server).Cover(from, due) {
			workers = append(workers, worker)
		}
	}
	for _, worker := range e.Crew(server) {
		if why := mayHold(e, worker, server, 0, due); why != "" {
			return why
		}
	}
	switch {
	case len(workers) == 0:
		return "no worker stayed in reach"
	case !e.HandsFree(workers, from, due):
		return "every worker in reach was at work"
	}
	return ""
}

// mayHold is why a server may still believe at a time that the worker is at a job which it got at or after
// since: the worker was struck, and the server could not yet notice.
func mayHold(e *evidence.Evidence, worker, server string, since, at history.Time) string {
	w := e.Weather()
	for _, on := range []*weather.Spells{w.On(worker), w.Between(worker, server)} {
		for s := range on.Over(min(since, at), at) {
			if s.To >= since && at <= s.Noticed() {
				return fmt.Sprintf("%s may hold a job since %s at %s", worker, s.Why, wording.Stamp(s.From))
			}
		}
	}
	return ""
}

// stuck tells the story of a queue that did not empty: when it last was, what it shows, and the first job that is not
// known to be done.
func stuck(e *evidence.Evidence, server string, samples []history.Sample, full history.Window) []string {
	t := e.Tell().With(server)
	for _, j := range e.Jobs().OnHost[server] {
		if j.FirstDone() == nil && len(j.Attempts) > 0 && j.Begun() <= full.From {
			t.Job(j)
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
	t.Say(last, "%s is empty for the last time before", server)
	t.Say(full.To, "%s still shows %s", server, wording.Count(int(value), "job"))
	return t.Lines()
}
