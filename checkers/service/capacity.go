package service

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/wording"
	"simrun/nodes"
	"simrun/nodes/history"
)

// Capacity is C1: over the values of a matrix, throughput grows with the machines. It is a claim about many
// runs: one run only gives figures.
type Capacity struct {
	Of      string            `yaml:"capacity" doc:"the operation whose successes are counted: execute, or submit"`
	With    evidence.Selector `yaml:"with" doc:"the machines that are counted; workers if it is not said"`
	AtLeast nodes.Percent     `yaml:"at-least" doc:"the share of linear growth, from the fewest machines, that must be reached"`
	Until   int               `yaml:"until" doc:"the number of machines up to which it is claimed; 0 is all"`
	Window  time.Duration     `yaml:"window" min:"1ms" doc:"throughput is that of a run's best window of this length"`
}

func newCapacity() checkers.Check {
	return &Capacity{With: "workers", AtLeast: 900_000, Window: time.Minute}
}

// Judge measures one run.
func (c *Capacity) Judge(e *evidence.Evidence) checkers.Judgement {
	if c.Window <= 0 {
		return checkers.Vacuous.Because("a window of no length has no throughput")
	}
	machines := 0
	for i := range e.Hosts {
		machines += one(c.With.Selects(&e.Hosts[i]))
	}
	var ends []history.Time
	for _, o := range e.OfKind(c.Of, "all") {
		if o.Outcome == history.Ok {
			ends = append(ends, o.Return)
		}
	}
	slices.Sort(ends)
	best, first := 0, 0
	for i, end := range ends {
		for first < i && ends[first] <= end-c.Window {
			first++
		}
		best = max(best, i-first+1)
	}
	rate := float64(best) / c.Window.Seconds()
	j := checkers.Vacuous.Because("one run says nothing about growth; a matrix decides")
	j.Figure = fmt.Sprintf("%.1f/s with %s", rate, wording.Count(machines, "machine"))
	j.Data = map[string]float64{"machines": float64(machines), "rate": rate}
	return j
}

// load is what some number of machines did.
type load struct{ machines, rate float64 }

// JudgeBatch compares the values of the matrix with the one that has the fewest machines.
func (c *Capacity) JudgeBatch(points []checkers.Point) checkers.Judgement {
	loads := c.loads(points)
	if len(loads) < 2 || loads[0].rate == 0 {
		return checkers.Vacuous.Because("nothing to compare: %s", wording.Count(len(loads), "number of machines"))
	}
	each := loads[0].rate / loads[0].machines
	share := float64(c.AtLeast) / float64(nodes.PerMillion)
	var told []string
	compared := 0
	for _, l := range loads {
		told = append(told, fmt.Sprintf("%.0f: %.1f/s", l.machines, l.rate))
		if c.Until > 0 && l.machines > float64(c.Until) || l == loads[0] {
			continue
		}
		compared++
		if linear := float64(each * l.machines); l.rate < float64(share*linear) {
			return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "no-growth", Figure: strings.Join(told, ", "),
				Reason: fmt.Sprintf("%.0f machines did %.1f/s; %.0f did %.1f/s, so %s of linear is %.1f/s", l.machines, l.rate,
					loads[0].machines, loads[0].rate, c.AtLeast, share*linear)}
		}
	}
	if compared == 0 {
		return checkers.Vacuous.Because("no more than %d machines were tried twice", c.Until)
	}
	return checkers.Holds.With("%s", strings.Join(told, ", "))
}

// loads is the mean rate for each number of machines, fewest first.
func (c *Capacity) loads(points []checkers.Point) []load {
	rates := map[float64][]float64{}
	for _, p := range points {
		for _, r := range p.Runs {
			if m := r.Data["machines"]; m > 0 {
				rates[m] = append(rates[m], r.Data["rate"])
			}
		}
	}
	loads := make([]load, 0, len(rates))
	for machines, r := range rates {
		loads = append(loads, load{machines, mean(r)})
	}
	slices.SortFunc(loads, func(a, b load) int { return cmp.Compare(a.machines, b.machines) })
	return loads
}
