package service

import (
	"fmt"
	"slices"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/weather"
	"simrun/checkers/wording"
	"simrun/nodes"
	"simrun/nodes/history"
)

// TotalAvailability is A6: whoever reaches a live server is answered, partition or not. It is what stores promise that take
// one replica's word (W = R = 1), or any replica's (a sloppy quorum), and what no store that needs a majority can
// (Gilbert & Lynch, 2002). That the sides diverge meanwhile is the price, and worth a `sometimes`.
type TotalAvailability struct {
	Of     string            `yaml:"total-availability" doc:"the operation: write"`
	From   evidence.Selector `yaml:"from" doc:"whose operations; all clients if it is not said"`
	Within time.Duration     `yaml:"within" doc:"how soon an answer must come to be in time"`
	Grace  time.Duration     `yaml:"grace" doc:"how long a client must have had a path to a live server before its call is valid"`
	Least  int               `yaml:"least" doc:"fewer valid calls than that, while servers were parted from each other, say nothing"`
}

func newTotalAvailability() checkers.Check {
	return &TotalAvailability{Within: checkers.DefaultLimit, Grace: checkers.DefaultGrace, Least: defaultLeast}
}

// Judge looks for a valid call that had no good answer.
func (c *TotalAvailability) Judge(e *evidence.Evidence) checkers.Judgement {
	t, valid := tallied(e, evidence.Indicator{Kind: c.Of, Limit: c.Within, Grace: c.Grace, Overload: true}, e.OfKind(c.Of, c.From))
	parted := partedServers(e)
	amid := 0
	for _, o := range valid {
		_, cut := parted.At(o.Call)
		amid += one(cut)
	}
	figure := fmt.Sprintf("%d of %s answered, %s while servers were parted", t.good, wording.Count(len(valid), "valid call"),
		wording.Thousands(amid))
	j := checkers.Holds.With("%s", figure)
	switch {
	case t.asked == 0:
		j = checkers.Vacuous.Because("nobody asked to %s", c.Of)
	case t.bad > 0:
		bads := window{ops: valid}.bad()
		j = checkers.Judgement{Verdict: checkers.Violated, Anomaly: "refused", Figure: figure,
			Reason: fmt.Sprintf("%s asked to %s at %s with a live server in reach, and had no good answer within %s",
				bads[0].Host, c.Of,
				wording.Stamp(bads[0].Call), nodes.Short(c.Within)),
			Witness: checkers.IDs(bads), Window: history.Window{From: bads[0].Call, To: min(bads[0].Return, e.End)},
			Story: e.Tell().Operation(bads[0]).Lines()}
	case len(valid) == 0:
		j = checkers.Censored.Because("the weather excuses all of %s", wording.Count(t.asked, "call"))
	case amid < max(c.Least, 1):
		j = checkers.Vacuous.Because("%s while servers were parted from each other", wording.Count(amid, "valid call"))
	}
	j.Data = t.data()
	j.Data["amid"] = float64(amid)
	return checkers.Bitten(e, j)
}

// partedServers is when nothing passed from some server to another, though both may have run.
func partedServers(e *evidence.Evidence) weather.Spans {
	servers := e.Selected("all", "server")
	among := func(hosts map[string]bool) bool {
		return slices.ContainsFunc(servers, func(s *history.Host) bool { return hosts[s.Name] })
	}
	var parted []history.Window
	for _, l := range e.Weather().Links {
		if l.Down && among(l.Senders) && among(l.Receivers) {
			parted = append(parted, l.Window)
		}
	}
	return weather.Union(parted)
}
