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

// LongestOutage is A2: whenever somebody asks, somebody soon gets an answer. It is absolute: it says what
// clients lived through, and the weather excuses nothing but the caller's own death.
type LongestOutage struct {
	Of     string            `yaml:"longest-outage" doc:"the operation: submit"`
	From   evidence.Selector `yaml:"from" doc:"whose operations; all clients if it is not said"`
	AtMost time.Duration     `yaml:"at-most" doc:"the longest that may pass from a call until a good answer to anybody"`
	Within time.Duration     `yaml:"within" doc:"how soon an answer must come to be good"`
	Per    Scope             `yaml:"per" doc:"whose answer ends an outage: all (anybody's), client (the caller's own) or key (anybody's about the same key)"`
}

// Scope is whose answers count.
type Scope string

// Values are all scopes.
func (Scope) Values() []string { return []string{"all", "client", "key"} }

// groups parts operations by the scope, in the order of their first.
func (s Scope) groups(ops []*history.Operation) [][]*history.Operation {
	switch s {
	case "client":
		return grouped(ops, func(o *history.Operation) string { return o.Host })
	case "key":
		return grouped(ops, func(o *history.Operation) string { return evidence.Text(o.Input("key")) })
	default:
		return [][]*history.Operation{ops}
	}
}

// about says of which of many an operation is, and nobody who was not answered.
func (s Scope) about(o *history.Operation) string {
	if s != "key" {
		return ""
	}
	return " about " + wording.Short(evidence.Text(o.Input("key")))
}

func (s Scope) nobody() string {
	if s == "client" {
		return "it never"
	}
	return "nobody"
}

func newLongestOutage() checkers.Check {
	return &LongestOutage{AtMost: checkers.DefaultLimit, Within: checkers.DefaultLimit, Per: "all"}
}

// Judge finds the longest outage.
func (c *LongestOutage) Judge(e *evidence.Evidence) checkers.Judgement {
	ops := e.OfKind(c.Of, c.From)
	if len(ops) == 0 {
		return checkers.Vacuous.Because("nobody asked to %s", c.Of)
	}
	var worst outage
	for _, group := range c.Per.groups(ops) {
		for _, o := range outages(e, evidence.Indicator{Kind: c.Of, Limit: c.Within}, group) {
			if o.length() > worst.length() || worst.asked == nil {
				worst = o
			}
		}
	}
	if worst.asked == nil {
		return checkers.Censored.Because("every caller died before it could be answered")
	}
	figure := "longest outage " + wording.Brief(worst.length()) + ", " + nodes.Short(c.AtMost) + " allowed"
	j := checkers.Holds.With("%s", figure)
	switch {
	case worst.length() > c.AtMost:
		j = checkers.Judgement{Verdict: checkers.Violated, Anomaly: "outage", Figure: figure,
			Reason: fmt.Sprintf("from %s, when %s asked%s, %s had a good answer until %s",
				wording.Stamp(worst.From), worst.asked.Host, c.Per.about(worst.asked), c.Per.nobody(), wording.Stamp(worst.To)),
			Witness: checkers.IDs([]*history.Operation{worst.asked}), Window: worst.Window,
			Story: e.Tell().Operation(worst.asked).Lines()}
	case worst.open:
		j = checkers.Censored.Because("the run ended %s into an outage", wording.Brief(worst.length()))
		j.Figure = figure
	}
	j.Data = map[string]float64{"longest": worst.length().Seconds()}
	return checkers.Bitten(e, j)
}

// outage is a time in which somebody had asked and nobody was answered.
type outage struct {
	history.Window
	asked *history.Operation // the first to ask in vain
	open  bool               // it lasted to the end of the run
}

func (o outage) length() time.Duration { return o.To - o.From }

// outages is, for each first call after a good answer, the time until the next good answer. Callers that
// died while they waited have not asked.
func outages(e *evidence.Evidence, sli evidence.Indicator, ops []*history.Operation) (out []outage) {
	var answers []history.Time
	for _, o := range ops {
		if sli.Good(o) {
			answers = append(answers, o.Return)
		}
	}
	slices.Sort(answers)
	for _, o := range ops {
		if n := len(out); n > 0 && o.Call < out[n-1].To {
			continue // it is in the last one
		}
		w := outage{Window: history.Window{From: o.Call, To: e.End}, asked: o, open: true}
		if i, _ := slices.BinarySearch(answers, o.Call); i < len(answers) {
			w.To, w.open = answers[i], false
		}
		if _, died := e.Weather().Turned(o.Host, w.From, min(w.To, o.Return), 0); !died || sli.Good(o) {
			out = append(out, w)
		}
	}
	return out
}

func grouped(ops []*history.Operation, by func(o *history.Operation) string) (groups [][]*history.Operation) {
	at := map[string]int{}
	for _, o := range ops {
		name := by(o)
		i, known := at[name]
		if !known {
			i = len(groups)
			at[name] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], o)
	}
	return groups
}

// middle is the median of durations.
func middle(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	d = slices.Clone(d)
	slices.SortFunc(d, cmp.Compare[time.Duration])
	return d[len(d)/2]
}
