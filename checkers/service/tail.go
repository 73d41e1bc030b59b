package service

import (
	"fmt"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/wording"
	"simrun/nodes"
	"simrun/nodes/history"
)

// NoMetastableTail is A7: once all is healed, and still under load, everybody is served again and nobody is
// left without an answer. That the service has too much to do is no excuse here: a backlog that never ends is
// what the claim is about.
type NoMetastableTail struct {
	Of       string            `yaml:"no-metastable-tail" doc:"the operation: submit"`
	From     evidence.Selector `yaml:"from" doc:"whose operations; all clients if it is not said"`
	Within   time.Duration     `yaml:"within" doc:"how long after the heal the tail may last"`
	Answer   time.Duration     `yaml:"answer" doc:"how soon an answer must come to be good"`
	Majority bool              `yaml:"majority" doc:"the servers need a majority of them to serve: a call is valid only if the server in reach has one"`
}

func newNoMetastableTail() checkers.Check {
	return &NoMetastableTail{Within: checkers.DefaultLimit, Answer: checkers.DefaultLimit}
}

// crowd is a class of clients and what they ask for, as one figure of the aftermath.
type crowd struct{ node, variant, function string }

func (c crowd) String() string {
	s := c.node
	if c.variant != "" {
		s += " (" + c.variant + ")"
	}
	if c.function != "" {
		s += " for " + c.function
	}
	return s
}

type served struct {
	good int
	bad  []*history.Operation
}

// Judge looks at the calls that came after each heal and the time allowed, while the load went on.
func (c *NoMetastableTail) Judge(e *evidence.Evidence) checkers.Judgement {
	return checkers.Bitten(e, c.judge(e))
}

func (c *NoMetastableTail) judge(e *evidence.Evidence) checkers.Judgement {
	sli := evidence.Indicator{Kind: c.Of, Limit: c.Answer, Grace: min(checkers.DefaultGrace, c.Within), Overload: true,
		Majority: c.Majority}
	crowds := map[crowd]*served{}
	var order []crowd
	var goods, asked int
	var silent []*history.Operation
	for _, o := range e.OfKind(c.Of, c.From) {
		if !c.inTail(e, o.Call) {
			continue
		}
		asked++
		key := crowdOf(e, o)
		who := crowds[key]
		if who == nil {
			who = &served{}
			crowds[key] = who
			order = append(order, key)
		}
		switch e.Class(sli, o) {
		case evidence.Good, evidence.Lucky:
			who.good++
			goods++
		case evidence.Bad:
			who.bad = append(who.bad, o)
			if o.Outcome != history.Ok && o.Outcome != history.Fail {
				silent = append(silent, o)
			}
		}
	}
	figure := fmt.Sprintf("%d of %d calls answered in the aftermath", goods, asked)
	for _, key := range order {
		if who := crowds[key]; who.good == 0 && len(who.bad) > 0 {
			return c.violated(e, "starved-class", figure, who.bad, "%s had no good answer from %s after the heal on",
				key, nodes.Short(c.Within))
		}
	}
	switch {
	case len(silent) > 0:
		return c.violated(e, "metastable-tail", figure, silent, "%s after the heal, %s remained without an answer",
			nodes.Short(c.Within), wording.Count(len(silent), "call"))
	case asked == 0:
		return checkers.Vacuous.Because("no calls under load from %s after a heal on", nodes.Short(c.Within))
	case goods == 0:
		return checkers.Censored.Because("weather that was not healed excuses all of %s", wording.Count(asked, "call"))
	}
	return checkers.Holds.With("%s", figure)
}

func (c *NoMetastableTail) inTail(e *evidence.Evidence, t history.Time) bool {
	for _, p := range e.Phases {
		if p.Heal && p.Load && p.From+c.Within <= t && t < p.To {
			return true
		}
	}
	return false
}

func (c *NoMetastableTail) violated(e *evidence.Evidence, anomaly, figure string, ops []*history.Operation, reason string,
	args ...any) checkers.Judgement {
	return checkers.Judgement{Verdict: checkers.Violated, Anomaly: anomaly, Figure: figure, Reason: fmt.Sprintf(reason, args...),
		Witness: checkers.IDs(ops),
		Window:  history.Window{From: ops[0].Call, To: min(ops[0].Return, e.End)}, Story: e.Tell().Operation(ops[0]).Lines()}
}

// crowdOf is the class that an operation belongs to.
func crowdOf(e *evidence.Evidence, o *history.Operation) crowd {
	c := crowd{node: o.Host, variant: evidence.Text(o.Input("variant")), function: evidence.Text(o.Input("function"))}
	if h := e.Host(o.Host); h != nil {
		c.node = h.Node
	}
	return c
}

// UnknownFraction is A10: few valid calls end without an answer. A service that answers nothing breaks no
// other promise.
type UnknownFraction struct {
	Of       string            `yaml:"unknown-fraction" doc:"the operation: submit"`
	From     evidence.Selector `yaml:"from" doc:"whose operations; all clients if it is not said"`
	AtMost   nodes.Percent     `yaml:"at-most" doc:"the share of valid calls that may end without an answer"`
	Within   time.Duration     `yaml:"within" doc:"how long a call must have had to be answered"`
	Grace    time.Duration     `yaml:"grace" doc:"how long a client must have had a path to a live server with live workers before its call is valid"`
	Least    int               `yaml:"least" doc:"fewer valid calls than that say nothing"`
	Majority bool              `yaml:"majority" doc:"the servers need a majority of them to serve: a call is valid only if the server in reach has one"`
}

func newUnknownFraction() checkers.Check {
	return &UnknownFraction{AtMost: 10_000, Within: checkers.DefaultLimit, Grace: checkers.DefaultGrace, Least: defaultLeast}
}

// Judge counts.
func (c *UnknownFraction) Judge(e *evidence.Evidence) checkers.Judgement {
	t, valid := tallied(e, evidence.Indicator{Kind: c.Of, Limit: c.Within, Grace: c.Grace, Overload: true, Majority: c.Majority},
		e.OfKind(c.Of, c.From))
	share := nodes.Share(t.unknown, max(len(valid), 1))
	figure := fmt.Sprintf("%d of %s without an answer", t.unknown, wording.Count(len(valid), "valid call"))
	j := checkers.Holds.With("%s", figure)
	switch {
	case t.asked == 0:
		j = checkers.Vacuous.Because("nobody asked to %s", c.Of)
	case len(valid) < max(c.Least, 1) && t.excused > len(valid):
		j = checkers.Censored.Because("the weather excuses %d of %s", t.excused, wording.Count(t.asked, "call"))
	case len(valid) < max(c.Least, 1):
		j = checkers.Vacuous.Because("only %s", wording.Count(len(valid), "valid call"))
	case share > c.AtMost:
		var silent []*history.Operation
		for _, o := range valid {
			if !o.good && (o.Outcome == history.Unknown || o.Outcome == history.Pending) {
				silent = append(silent, o.Operation)
			}
		}
		j = checkers.Judgement{Verdict: checkers.Violated, Anomaly: "unanswered", Figure: figure,
			Reason:  fmt.Sprintf("%s of valid calls ended without an answer, %s allowed", share, c.AtMost),
			Witness: checkers.IDs(silent), Window: history.Window{From: silent[0].Call, To: min(silent[0].Return, e.End)},
			Story: e.Tell().Operation(silent[0]).Lines()}
	}
	j.Data = t.data()
	return checkers.Bitten(e, j)
}
