package service

import (
	"fmt"
	"math"
	"slices"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/wording"
	"simrun/nodes"
	"simrun/nodes/history"
)

// Degradation is A8: what goes on in one phase costs the calls that it leaves valid little: their latency stays within a
// multiple of what it was in a calm phase, and as many of them are answered.
type Degradation struct {
	Of         string            `yaml:"degradation" doc:"the operation: read"`
	From       evidence.Selector `yaml:"from" doc:"whose operations; all clients if it is not said"`
	In         string            `yaml:"in" doc:"the phase that is judged"`
	Baseline   string            `yaml:"baseline" doc:"the phase that it is compared with; the first if it is not said"`
	Quantile   nodes.Percent     `yaml:"quantile" doc:"which latency is compared: 99% is the one that all but one in a hundred stay within"`
	Slower     float64           `yaml:"slower" doc:"how many times the latency of the baseline it may be"`
	Throughput nodes.Percent     `yaml:"throughput" doc:"the share of the baseline's answers a second that must be reached, reckoned for the calls that are made and that the weather leaves valid"`
	Within     time.Duration     `yaml:"within" doc:"how soon an answer must come to count; a call without one took forever"`
	Grace      time.Duration     `yaml:"grace" doc:"how long a client must have had a path to a live server with live workers before its call is valid"`
	Least      int               `yaml:"least" doc:"fewer valid calls than that in either phase say nothing"`
	Majority   bool              `yaml:"majority" doc:"the servers need a majority of them to serve: a call is valid only if the server in reach has one"`
}

func newDegradation() checkers.Check {
	return &Degradation{Quantile: 990_000, Slower: 10, Throughput: 500_000, Within: checkers.DefaultLimit,
		Grace: checkers.DefaultGrace, Least: 100}
}

// Validate says what cannot be compared.
func (c *Degradation) Validate() error {
	switch {
	case c.In == "":
		return fmt.Errorf("in which phase?")
	case c.Slower < 1:
		return fmt.Errorf("a latency of %g times the baseline's is no degradation", c.Slower)
	default:
		return nil
	}
}

// Judge compares two phases.
func (c *Degradation) Judge(e *evidence.Evidence) checkers.Judgement {
	in, known := e.Phase(c.In)
	if !known {
		return checkers.Vacuous.Because("there was no phase %s", c.In)
	}
	baseline := e.Phases[0]
	if c.Baseline != "" {
		if baseline, known = e.Phase(c.Baseline); !known {
			return checkers.Vacuous.Because("there was no phase %s", c.Baseline)
		}
	}
	before, after := c.measure(e, baseline), c.measure(e, in)
	j := c.compare(e, before, after)
	j.Data = map[string]float64{"baseline": before.latency.Seconds(), "latency": after.latency.Seconds(),
		"baseline-rate": before.rate, "rate": after.rate}
	return checkers.Bitten(e, j)
}

// pace is how a phase went: the latency that most calls stayed within, and how many were asked and answered a second.
type pace struct {
	phase        history.Phase
	asked        int
	valid        []judged
	latency      time.Duration
	asking, rate float64
}

func (c *Degradation) measure(e *evidence.Evidence, p history.Phase) pace {
	to := min(p.To, e.End)
	var ops []*history.Operation
	for _, o := range e.OfKind(c.Of, c.From) {
		if p.From <= o.Call && o.Call < to {
			ops = append(ops, o)
		}
	}
	sli := evidence.Indicator{Kind: c.Of, Limit: c.Within, Grace: c.Grace, Overload: true, Majority: c.Majority}
	t, valid := tallied(e, sli, ops)
	valid = slices.DeleteFunc(valid, func(o judged) bool { // answered late, and the weather had to do with it
		late := o.good && o.Return-o.Call > c.Within/50 && e.Excuse(sli, e.ReachOf(sli), e.NeedOf(o.Operation), o.Operation) != ""
		t.good -= one(late)
		return late
	})
	m := pace{phase: p, asked: t.asked, valid: valid}
	took := make([]time.Duration, len(valid))
	for i, o := range valid {
		took[i] = history.Never
		if o.good {
			took[i] = o.Return - o.Call
		}
	}
	if slices.Sort(took); len(took) > 0 {
		m.latency = took[min(len(took)-1, int(uint64(len(took))*uint64(c.Quantile)/uint64(nodes.PerMillion)))]
		// What the weather excuses would have been answered like the rest.
		share := ratioOf(float64(len(valid)), float64(t.asked))
		m.rate = ratioOf(float64(t.good), float64(share*(to-p.From).Seconds()))
		m.asking = ratioOf(float64(t.asked), (to - p.From).Seconds())
	}
	return m
}

func (c *Degradation) compare(e *evidence.Evidence, before, after pace) checkers.Judgement {
	for _, m := range []pace{before, after} {
		switch few := len(m.valid) < max(c.Least, 1); {
		case m.asked == 0:
			return checkers.Vacuous.Because("nobody asked to %s in %s", c.Of, m.phase.Name)
		case few && m.asked >= max(c.Least, 1):
			return checkers.Censored.Because("the weather excuses %d of %s in %s", m.asked-len(m.valid),
				wording.Count(m.asked, "call"), m.phase.Name)
		case few:
			return checkers.Vacuous.Because("only %s in %s", wording.Count(len(m.valid), "valid call"), m.phase.Name)
		}
	}
	figure := fmt.Sprintf("%s of calls within %s, %s before; %.3g/s answered, %.3g/s before", c.Quantile, took(after.latency),
		took(before.latency), after.rate, before.rate)
	bad := func(anomaly, reason string, args ...any) checkers.Judgement {
		slowest := slices.MaxFunc(after.valid, func(a, b judged) int { return int(min(max(a.lasted()-b.lasted(), -1), 1)) })
		return checkers.Judgement{Verdict: checkers.Violated, Anomaly: anomaly, Figure: figure,
			Reason: fmt.Sprintf(reason, args...), Witness: []uint64{slowest.ID},
			Window: history.Window{From: after.phase.From, To: min(after.phase.To, e.End)},
			Story:  e.Tell().Operation(slowest.Operation).Lines()}
	}
	allowed := float64(before.latency) * c.Slower
	// Calls come when they come, not when the one before was answered: where fewer were asked, by chance or by the workload, no
	// more can be answered.
	expected := float64(before.rate * min(1, ratioOf(after.asking, before.asking)))
	switch {
	case before.latency == history.Never:
		return checkers.Censored.Because("calls went without an answer in %s too, so there is nothing to compare with",
			before.phase.Name)
	case float64(after.latency) > math.Max(allowed, 1):
		return bad("slow", "%s of the valid calls in %s took up to %s; %s in %s, of which %g times is allowed", c.Quantile,
			after.phase.Name,
			took(after.latency), took(before.latency), before.phase.Name, c.Slower)
	case after.rate < float64(expected*float64(c.Throughput)/float64(nodes.PerMillion)):
		return bad("low-throughput", "%.3g calls a second were answered in %s; as in %s it would be %.3g, of which %s is asked", after.rate,
			after.phase.Name, before.phase.Name, expected, c.Throughput)
	}
	return checkers.Holds.With("%s", figure)
}

// lasted is how long the call took, for ever if it was not answered in time.
func (o judged) lasted() time.Duration {
	if !o.good {
		return history.Never
	}
	return o.Return - o.Call
}

// took is a latency as stories write it.
func took(d time.Duration) string {
	if d == history.Never {
		return "for ever"
	}
	return wording.Brief(d)
}
