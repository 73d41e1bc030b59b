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

// ErrorBudget is A9: of the calls that an objective allows to go wrong, not too many do so at once. The burn rate is the share
// of bad calls over the share that is allowed; it must not exceed the given one over a long and over a short window that
// end together. The long one says that it matters, the short one that it goes on (Beyer et al., The Site Reliability
// Workbook, chapter 5).
type ErrorBudget struct {
	Of        string            `yaml:"error-budget" doc:"the operation: submit"`
	From      evidence.Selector `yaml:"from" doc:"whose operations; all clients if it is not said"`
	Objective nodes.Percent     `yaml:"objective" doc:"the share of valid calls that are to be answered in time, over all time"`
	Burn      float64           `yaml:"burn" doc:"how many times as fast as the objective allows bad calls may come, over both windows"`
	Long      time.Duration     `yaml:"long" min:"1ms" doc:"the length of the long window"`
	Short     time.Duration     `yaml:"short" min:"1ms" doc:"the length of the short one"`
	Within    time.Duration     `yaml:"within" doc:"how soon an answer must come to be in time"`
	Grace     time.Duration     `yaml:"grace" doc:"how long a client must have had a path to a live server with live workers before its call is valid"`
	Least     int               `yaml:"least" doc:"fewer valid calls than that in a long window say nothing"`
	Majority  bool              `yaml:"majority" doc:"the servers need a majority of them to serve: a call is valid only if the server in reach has one"`
}

func newErrorBudget() checkers.Check {
	return &ErrorBudget{Objective: 999_000, Burn: 14.4, Long: time.Minute, Short: 5 * time.Second, Within: checkers.DefaultLimit,
		Grace: checkers.DefaultGrace,
		Least: defaultLeast}
}

// Validate says what no budget can be.
func (c *ErrorBudget) Validate() error {
	switch {
	case c.Objective >= nodes.PerMillion:
		return fmt.Errorf("an objective of %s leaves no budget; say `available` with at-least: 100%%", c.Objective)
	case c.Burn <= 0:
		return fmt.Errorf("a burn of %g allows nothing", c.Burn)
	case c.Short > c.Long:
		return fmt.Errorf("the short window of %s is longer than the long one of %s", nodes.Short(c.Short), nodes.Short(c.Long))
	default:
		return nil
	}
}

// Judge finds when the budget burnt fastest.
func (c *ErrorBudget) Judge(e *evidence.Evidence) checkers.Judgement {
	sli := evidence.Indicator{Kind: c.Of, Limit: c.Within, Grace: c.Grace, Majority: c.Majority}
	t, valid := tallied(e, sli, e.OfKind(c.Of, c.From))
	worst, decided := c.fastest(valid)
	figure := fmt.Sprintf("burnt %.3g times as fast as allowed, %g may be", worst.rate, c.Burn)
	j := checkers.Holds.With("%s", figure)
	switch {
	case t.asked == 0:
		j = checkers.Vacuous.Because("nobody asked to %s", c.Of)
	case !decided && t.good+t.bad == 0:
		j = checkers.Censored.Because("the weather excuses all of %s", wording.Count(t.asked, "call"))
	case !decided:
		j = checkers.Vacuous.Because("no window of %s has %d valid calls", nodes.Short(c.Long), c.Least)
	case worst.rate > c.Burn:
		bads := window{ops: worst.short}.bad()
		at := worst.short[len(worst.short)-1].Call
		j = checkers.Judgement{Verdict: checkers.Violated, Anomaly: "budget-burnt", Figure: figure,
			Reason: fmt.Sprintf("up to %s, %d of %s in %s and %d of %s in %s were not answered within %s", wording.Stamp(at),
				worst.longBad,
				wording.Count(worst.longAll, "valid call"), nodes.Short(c.Long), len(bads),
				wording.Count(len(worst.short), "valid call"), nodes.Short(c.Short), nodes.Short(c.Within)),
			Witness: checkers.IDs(bads), Window: history.Window{From: max(at-c.Long, 0), To: at},
			Story: e.Tell().Operation(bads[0]).Lines()}
	}
	j.Data = t.data()
	j.Data["burn"] = worst.rate
	return checkers.Bitten(e, j)
}

// burning is how fast the budget burnt in two windows that end together: the slower of the two counts.
type burning struct {
	rate             float64
	longBad, longAll int
	short            []judged
}

// fastest looks at the windows that end with a call, which are all that matter.
func (c *ErrorBudget) fastest(valid []judged) (worst burning, decided bool) {
	allowed := 1 - float64(c.Objective)/float64(nodes.PerMillion)
	longFrom, shortFrom, longBad, shortBad := 0, 0, 0, 0
	for i, o := range valid {
		bad := one(!o.good)
		longBad, shortBad = longBad+bad, shortBad+bad
		for ; longFrom < i && valid[longFrom].Call <= o.Call-c.Long; longFrom++ {
			longBad -= one(!valid[longFrom].good)
		}
		for ; shortFrom < i && valid[shortFrom].Call <= o.Call-c.Short; shortFrom++ {
			shortBad -= one(!valid[shortFrom].good)
		}
		all, few := i+1-longFrom, i+1-shortFrom
		if all < max(c.Least, 1) {
			continue
		}
		rate := min(ratioOf(float64(longBad), float64(all)), ratioOf(float64(shortBad), float64(few))) / allowed
		if !decided || rate > worst.rate {
			worst, decided = burning{rate, longBad, all, valid[shortFrom : i+1]}, true
		}
	}
	return worst, decided
}
