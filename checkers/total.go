package checkers

import (
	"fmt"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/history"
)

// TotalAvailability is A6: whoever reaches a live server is answered, partition or not. It is what stores promise that take
// one replica's word (W = R = 1), or any replica's (a sloppy quorum), and what no store that needs a majority can
// (Gilbert & Lynch, 2002). That the sides diverge meanwhile is the price, and worth a `sometimes`.
type TotalAvailability struct {
	Of     string        `yaml:"total-availability" doc:"the operation: write"`
	From   Selector      `yaml:"from" doc:"whose operations; all clients if it is not said"`
	Within time.Duration `yaml:"within" doc:"how soon an answer must come to be in time"`
	Grace  time.Duration `yaml:"grace" doc:"how long a client must have had a path to a live server before its call is valid"`
	Least  int           `yaml:"least" doc:"fewer valid calls than that, while servers were parted from each other, say nothing"`
}

func newTotalAvailability() Check {
	return &TotalAvailability{Within: defaultLimit, Grace: defaultGrace, Least: defaultLeast}
}

// Judge looks for a valid call that had no good answer.
func (c *TotalAvailability) Judge(e *Evidence) Judgement {
	t, valid := e.tally(service{kind: c.Of, limit: c.Within, grace: c.Grace, overload: true}, e.ofKind(c.Of, c.From))
	parted := e.partedServers()
	amid := 0
	for _, o := range valid {
		_, cut := parted.At(o.Call)
		amid += one(cut)
	}
	figure := fmt.Sprintf("%d of %s answered, %s while servers were parted", t.good, count(len(valid), "valid call"), thousands(amid))
	j := holds("%s", figure)
	switch {
	case t.asked == 0:
		j = vacuous("nobody asked to %s", c.Of)
	case t.bad > 0:
		bads := window{ops: valid}.bad()
		j = Judgement{Verdict: Violated, Anomaly: "refused", Figure: figure,
			Reason: fmt.Sprintf("%s asked to %s at %s with a live server in reach, and had no good answer within %s", bads[0].Host, c.Of,
				stamp(bads[0].Call), nodes.Short(c.Within)),
			Witness: ids(bads), Window: history.Window{From: bads[0].Call, To: min(bads[0].Return, e.End)}, Story: e.tell().operation(bads[0]).lines()}
	case len(valid) == 0:
		j = censored("the weather excuses all of %s", count(t.asked, "call"))
	case amid < max(c.Least, 1):
		j = vacuous("%s while servers were parted from each other", count(amid, "valid call"))
	}
	j.Data = t.data()
	j.Data["amid"] = float64(amid)
	return e.bitten(j)
}

// partedServers is when nothing passed from some server to another, though both may have run.
func (e *Evidence) partedServers() Spans {
	servers := e.selected("all", "server")
	among := func(hosts map[string]bool) bool {
		return slices.ContainsFunc(servers, func(s *history.Host) bool { return hosts[s.Name] })
	}
	var parted []history.Window
	for _, l := range e.forecast().links {
		if l.down && among(l.from) && among(l.to) {
			parted = append(parted, l.Window)
		}
	}
	return union(parted)
}
