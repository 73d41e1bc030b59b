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

// Defaults of what availability claims leave unsaid.
const (
	defaultWindow = 5 * time.Second
	defaultRatio  = nodes.Percent(990_000)
	defaultLeast  = 20
)

// Available is A1: in every window with enough valid calls, nearly all are answered in time.
type Available struct {
	Of       string            `yaml:"available" doc:"the operation: submit"`
	From     evidence.Selector `yaml:"from" doc:"whose operations; all clients if it is not said"`
	AtLeast  nodes.Percent     `yaml:"at-least" doc:"the share of valid calls in a window that must be answered in time"`
	Within   time.Duration     `yaml:"within" doc:"how soon an answer must come to be in time, from the intended call; more than a client needs to try each of its servers once"`
	Window   time.Duration     `yaml:"window" min:"1ms" doc:"the length of a window; an operation belongs to that of its call"`
	Grace    time.Duration     `yaml:"grace" doc:"how long a client must have had a path to a live server with live workers before its call is valid; more than nodes need to redial"`
	Least    int               `yaml:"least" doc:"fewer valid calls than that in a window say nothing"`
	Majority bool              `yaml:"majority" doc:"the servers need a majority of them to serve: a call is valid only if the server in reach has one"`
}

func newAvailable() checkers.Check {
	return &Available{AtLeast: defaultRatio, Within: checkers.DefaultLimit, Window: defaultWindow, Grace: checkers.DefaultGrace,
		Least: defaultLeast}
}

// Judge finds the worst window.
func (c *Available) Judge(e *evidence.Evidence) checkers.Judgement {
	sli := evidence.Indicator{Kind: c.Of, Limit: c.Within, Grace: c.Grace, Majority: c.Majority}
	ops := e.OfKind(c.Of, c.From)
	tally, valid := tallied(e, sli, ops)
	worst, decided := c.worst(sli, e, valid)
	j := c.verdict(e, tally, worst, decided)
	j.Data = tally.data()
	return checkers.Bitten(e, j)
}

func (c *Available) verdict(e *evidence.Evidence, t tally, worst window, decided bool) checkers.Judgement {
	switch {
	case t.asked == 0:
		return checkers.Vacuous.Because("nobody asked to %s", c.Of)
	case !decided && t.good+t.bad == 0:
		return checkers.Censored.Because("the weather excuses all of %s", wording.Count(t.asked, "call"))
	case !decided:
		return checkers.Vacuous.Because("no window of %s has %d valid calls", nodes.Short(c.Window), c.Least)
	}
	share := nodes.Share(worst.good, len(worst.ops))
	figure := "worst " + nodes.Short(c.Window) + " window " + share.String() + ", " + c.AtLeast.String() + " asked"
	if share >= c.AtLeast {
		return checkers.Holds.With("%s", figure)
	}
	bads := worst.bad()
	return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "unavailable", Figure: figure,
		Reason: fmt.Sprintf("%d of %d valid calls between %s and %s were not answered within %s", len(bads), len(worst.ops),
			wording.Stamp(worst.from), wording.Stamp(worst.from+c.Window), nodes.Short(c.Within)),
		Witness: checkers.IDs(bads), Window: history.Window{From: worst.from, To: worst.from + c.Window},
		Story: e.Tell().Operation(bads[0]).Lines()}
}

// tally is how operations counted.
type tally struct{ asked, good, bad, excused, unknown int }

func (t tally) data() map[string]float64 {
	return map[string]float64{"asked": float64(t.asked), "good": float64(t.good), "bad": float64(t.bad),
		"excused": float64(t.excused), "unknown": float64(t.unknown)}
}

// judged is a valid operation and whether it was answered in time.
type judged struct {
	*history.Operation
	good bool
}

// tallied counts operations, and lists the valid ones in the order of their calls.
func tallied(e *evidence.Evidence, sli evidence.Indicator, ops []*history.Operation) (t tally, valid []judged) {
	valid = make([]judged, 0, len(ops))
	for _, o := range ops {
		t.asked++
		switch e.Class(sli, o) {
		case evidence.Good:
			t.good++
			valid = append(valid, judged{o, true})
		case evidence.Bad:
			t.bad++
			if o.Outcome == history.Unknown || o.Outcome == history.Pending {
				t.unknown++
			}
			valid = append(valid, judged{o, false})
		default:
			t.excused++
		}
	}
	return t, valid
}

// window is the valid operations of a span of time.
type window struct {
	from history.Time
	ops  []judged
	good int
}

func (w window) bad() (ops []*history.Operation) {
	for _, o := range w.ops {
		if !o.good {
			ops = append(ops, o.Operation)
		}
	}
	return ops
}

// worst slides a window over the calls and returns the one with the least share of good ones, among those
// that hold enough to say; windows that begin at a call are all that matter.
func (c *Available) worst(sli evidence.Indicator, e *evidence.Evidence, valid []judged) (worst window, decided bool) {
	good, end := 0, 0
	for i := range valid {
		for end < len(valid) && valid[end].Call < valid[i].Call+c.Window {
			good += one(valid[end].good)
			end++
		}
		if end-i >= max(c.Least, 1) && (!decided || good*len(worst.ops) < worst.good*(end-i)) {
			worst, decided = window{valid[i].Call, valid[i:end], good}, true
		}
		good -= one(valid[i].good)
	}
	return worst, decided
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
