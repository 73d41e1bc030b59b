package service

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/wording"
	"simrun/nodes"
	"simrun/nodes/history"
)

// Recovers is A3: after each fault's end, service is soon back and stays. Time for TCP's backoff, which
// outlives a fault, belongs into `within`.
type Recovers struct {
	Of     string `yaml:"recovers" doc:"the operation: submit"`
	After  string `yaml:"after" doc:"what must have ended: heal, a verb (cut-power), or a verb and its target (cut-power supplier-1); any fault if it is not said"`
	Return `yaml:",inline"`
}

// Failover is A4: from the start of a fault, those clients that can still reach a server with its workers
// are soon served again.
type Failover struct {
	Of     string `yaml:"failover" doc:"the operation: submit"`
	After  string `yaml:"after" doc:"what must have begun: a verb (cut-power), or a verb and its target (cut-power supplier-1); any fault if it is not said"`
	Return `yaml:",inline"`
}

// Return is what it means that service is back.
type Return struct {
	From     evidence.Selector `yaml:"from" doc:"whose operations; all clients if it is not said"`
	Within   time.Duration     `yaml:"within" doc:"how soon service must be back"`
	Stays    time.Duration     `yaml:"stays" doc:"for how long it must then stay"`
	AtLeast  nodes.Percent     `yaml:"at-least" doc:"the share of calls that must be answered for service to be back"`
	Answer   time.Duration     `yaml:"answer" doc:"how soon an answer must come to be good"`
	Majority bool              `yaml:"majority" doc:"the servers need a majority of them to serve: a call is valid only if the server in reach has one"`
}

func newReturn() Return {
	return Return{Within: checkers.DefaultLimit, Stays: defaultWindow, AtLeast: defaultRatio, Answer: checkers.DefaultLimit}
}

func newRecovers() checkers.Check { return &Recovers{Return: newReturn()} }
func newFailover() checkers.Check { return &Failover{Return: newReturn()} }

// Judge clocks the service from each end of the fault.
func (c *Recovers) Judge(e *evidence.Evidence) checkers.Judgement {
	var starts []history.Time
	if c.After == "heal" {
		for _, p := range e.Phases {
			if p.Heal {
				starts = append(starts, p.From)
			}
		}
	} else {
		for _, w := range e.FaultWindows(c.After) {
			if w.To <= e.End {
				starts = append(starts, w.To)
			}
		}
	}
	return checkers.Bitten(e, c.judge(e, c.Of, starts, e.OfKind(c.Of, c.From), c.After))
}

// Judge clocks the service from each start of the fault, for the clients that it leaves a server.
func (c *Failover) Judge(e *evidence.Evidence) checkers.Judgement {
	var laps []lap
	r := e.ReachOf(evidence.Indicator{Limit: c.Answer, Grace: c.Return.grace(), Majority: c.Majority})
	asked := e.OfKind(c.Of, c.From)
	for _, w := range e.FaultWindows(c.After) {
		able := map[string]bool{}
		for _, h := range e.Selected(c.From, "client") {
			servers, _ := r.Through(evidence.Need{Client: h.Name, Worker: e.HasWorkers()}, w.From,
				min(w.From+c.Within+c.Stays+c.Answer, e.End))
			able[h.Name] = len(servers) > 0
		}
		ops := slices.DeleteFunc(slices.Clone(asked), func(o *history.Operation) bool { return !able[o.Host] })
		laps = append(laps, c.clock(e, c.Of, w.From, ops))
	}
	return checkers.Bitten(e, c.sum(laps, "failed over", c.Of))
}

func (c *Return) judge(e *evidence.Evidence, kind string, starts []history.Time, ops []*history.Operation,
	after string) checkers.Judgement {
	if len(starts) == 0 {
		return checkers.Vacuous.Because("there was no %s to come back from", cmp.Or(after, "fault"))
	}
	slices.Sort(starts)
	var laps []lap
	for _, start := range slices.Compact(starts) {
		laps = append(laps, c.clock(e, kind, start, ops))
	}
	return c.sum(laps, "back", kind)
}

// lap is how the service fared after one fault.
type lap struct {
	start   history.Time
	took    time.Duration // until it was back to stay
	verdict checkers.Verdict
	state   checkers.State
	reason  string
	bad     []*history.Operation
	story   []string
}

// grace is how long a server must have been in reach for a call to be valid, once service should be back.
func (c *Return) grace() time.Duration { return min(checkers.DefaultGrace, c.Within) }

// clock measures how long after start the service was back to stay. It was not, and is to blame, if the
// calls that came when it should have been back were valid and remained without a good answer.
func (c *Return) clock(e *evidence.Evidence, kind string, start history.Time, ops []*history.Operation) lap {
	sli := evidence.Indicator{Kind: kind, Limit: c.Answer, Grace: c.grace(), Majority: c.Majority}
	l := lap{start: start}
	first, _ := slices.BinarySearchFunc(ops, start, func(o *history.Operation, t history.Time) int { return cmp.Compare(o.Call, t) })
	ops = slices.DeleteFunc(slices.Clone(ops[first:]), func(o *history.Operation) bool {
		_, died := e.Weather().Turned(o.Host, o.Call, min(o.Return, o.Call+c.Answer), 0)
		return died && !sli.Good(o)
	})
	back, found := c.back(sli, start, ops)
	l.took = back - start
	switch {
	case found && l.took <= c.Within:
		l.verdict = checkers.Holds
		return l
	case len(ops) == 0:
		l.verdict, l.state, l.reason = checkers.Unknown, checkers.Vacuous, "nobody asked afterwards"
		return l
	}
	due := start + c.Within
	goods, asked := 0, 0
	for _, o := range ops {
		if o.Call < due || o.Call >= due+c.Stays {
			continue
		}
		asked++
		switch e.Class(sli, o) {
		case evidence.Good, evidence.Lucky:
			goods++
		case evidence.Bad:
			l.bad = append(l.bad, o)
		}
	}
	switch {
	case len(l.bad) > 0 && nodes.Share(goods, goods+len(l.bad)) < c.AtLeast:
		l.verdict = checkers.Violated
		l.reason = fmt.Sprintf("%s after %s, %d of %d calls within %s were not answered", nodes.Short(c.Within),
			wording.Stamp(start),
			len(l.bad), asked, nodes.Short(c.Stays))
		l.story = e.Tell().Operation(l.bad[0]).Lines()
	case asked == 0:
		l.verdict, l.state, l.reason = checkers.Unknown, checkers.Vacuous, "nobody asked when service should have been back"
	default:
		l.verdict, l.state, l.reason = checkers.Unknown, checkers.Censored, "other weather struck before service could come back"
	}
	return l
}

// back is the first time from which, for as long as it must stay, enough calls had a good answer: at once,
// or when a call came after the last that had none.
func (c *Return) back(sli evidence.Indicator, start history.Time, ops []*history.Operation) (history.Time, bool) {
	goods, end := 0, 0
	from := start
	for i := 0; i < len(ops); i++ {
		for end < len(ops) && ops[end].Call < from+c.Stays {
			goods += one(sli.Good(ops[end]))
			end++
		}
		if end > i && nodes.Share(goods, end-i) >= c.AtLeast && sli.Good(ops[i]) {
			return from, true
		}
		if i+1 < len(ops) {
			from = ops[i+1].Call
		}
		goods -= one(sli.Good(ops[i]))
	}
	return start, false
}

// sum judges all laps: one violation violates, one return holds, else too little could be seen.
func (c *Return) sum(laps []lap, what, kind string) checkers.Judgement {
	var took []time.Duration
	var total time.Duration
	var undecided *lap
	for i := range laps {
		l := &laps[i]
		switch l.verdict {
		case checkers.Violated:
			return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "no-recovery", Reason: l.reason,
				Witness: checkers.IDs(l.bad), Story: l.story,
				Window: history.Window{From: l.start, To: l.start + c.Within + c.Stays},
				Figure: "not " + what + " within " + nodes.Short(c.Within)}
		case checkers.Holds:
			took = append(took, l.took)
			total += l.took
		default:
			if undecided == nil || l.state == checkers.Censored {
				undecided = l
			}
		}
	}
	if len(took) == 0 {
		if undecided == nil {
			return checkers.Vacuous.Because("no fault to clock %s after", kind)
		}
		return checkers.Judgement{Verdict: checkers.Unknown, State: undecided.state, Reason: undecided.reason}
	}
	longest, mean := slices.Max(took), total/time.Duration(len(took))
	j := checkers.Holds.With("%s after %s, %s allowed", what, wording.Brief(longest), nodes.Short(c.Within))
	if len(took) > 1 {
		j.Figure = fmt.Sprintf("%s after %s at most, %s on average, %s allowed", what, wording.Brief(longest),
			wording.Brief(mean), nodes.Short(c.Within))
	}
	j.Data = map[string]float64{"times": float64(len(took)), "max": longest.Seconds(), "median": middle(took).Seconds(),
		"sum": total.Seconds()}
	return j
}
