package data

import (
	"fmt"
	"slices"
	"time"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/wording"
	"simrun/nodes"
	"simrun/nodes/history"
)

// RPO is D2: a fault that may lose data loses the newest, and no more of it than was agreed (the recovery point objective).
// Each lost write is laid to a fault that lasted while it was under way, or else to the next one after its acknowledgement, and its age is
// the time between the two. One that is
// lost without such a fault, or of which an earlier write's loss left a hole (a later one is kept), is another bug.
type RPO struct {
	Of      string        `yaml:"rpo" doc:"the operation that writes, under a key, a value that nobody else writes there; cas and delete write too"`
	After   string        `yaml:"after" doc:"the fault that may lose data: a verb (cut-power), or a verb and its target (cut-power supplier-1); any fault if it is not said"`
	AtMost  time.Duration `yaml:"at-most" doc:"the greatest age of a write that one fault may lose"`
	Share   nodes.Percent `yaml:"share" doc:"the share of all acknowledged writes that may be lost"`
	Order   Ordering      `yaml:"order" doc:"among which writes the lost ones must be the newest: all (one log replicates every key), or key"`
	Reading `yaml:",inline"`
}

// Ordering is among which writes what is lost has to be the newest.
type Ordering string

// Values are all orderings.
func (Ordering) Values() []string { return []string{"all", "key"} }

func newRPO() checkers.Check {
	return &RPO{AtMost: time.Second, Share: nodes.PerMillion, Order: "all", Reading: newReading()}
}

// Judge lays each lost write to a fault.
func (c *RPO) Judge(e *evidence.Evidence) checkers.Judgement {
	a := auditOf(e, c.Of, c.Reading)
	faults := e.FaultWindows(c.After)
	j := c.judge(e, a, faults)
	if j.Data == nil {
		j.Data = map[string]float64{}
	}
	for key, value := range a.data() {
		j.Data[key] = value
	}
	return checkers.Bitten(e, j)
}

func (c *RPO) judge(e *evidence.Evidence, a *audit, faults []history.Window) checkers.Judgement {
	if why := a.undecided(); why != nil {
		return *why
	}
	var oldest time.Duration
	for _, m := range a.lost {
		fault, found := blamed(faults, m.write)
		if !found {
			return a.violated(e, m, "lost-without-fault", ", though nothing that may lose data had happened in between")
		}
		if age := fault.From - m.write.Return; age > c.AtMost {
			return a.violated(e, m, "too-old",
				fmt.Sprintf("; the fault at %s came %s after it was acknowledged, %s may be lost", wording.Stamp(fault.From),
					wording.Brief(age), nodes.Short(c.AtMost)))
		} else {
			oldest = max(oldest, age)
		}
		if later := c.hole(a, m, fault); later != nil {
			return a.violated(e, m, "hole",
				fmt.Sprintf(", though %s, which was written after it and before the fault at %s, is kept",
					later.name(evidence.Text(later.Input("key"))), wording.Stamp(fault.From)))
		}
	}
	figure := fmt.Sprintf("%d of %s lost, the oldest %s before its fault, %s allowed", len(a.lost),
		wording.Count(a.checked, "acknowledged "+c.Of), wording.Brief(oldest),
		nodes.Short(c.AtMost))
	j := checkers.Holds.With("%s", figure)
	switch {
	case nodes.Share(len(a.lost), a.checked) > c.Share:
		j = a.violated(e, a.lost[0], "too-many",
			fmt.Sprintf("; %d of %s are lost, %s may be", len(a.lost), wording.Count(a.checked, "acknowledged write"), c.Share))
	case len(faults) == 0:
		j = checkers.Vacuous.Because("no fault that may lose data happened")
	}
	j.Data = map[string]float64{"oldest": oldest.Seconds(), "faults-that-may-lose": float64(len(faults))}
	return j
}

// blamed is the first fault that was not over when the write was called: what was under way while it lasted it may have lost, however
// late the answer came through.
func blamed(faults []history.Window, w *stored) (history.Window, bool) {
	for _, f := range faults { // in the order of their starts
		if f.From >= w.Return {
			return f, true
		}
		if f.To >= w.Call {
			return history.Window{From: w.Return, To: max(f.To, w.Return)}, true
		}
	}
	return history.Window{}, false
}

// hole is a kept write that began after the lost one had ended, and ended before the fault.
func (c *RPO) hole(a *audit, m missing, fault history.Window) *stored {
	i := slices.IndexFunc(a.kept, func(k *stored) bool {
		return k.Call > m.write.Return && k.Return < fault.From && (c.Order != "key" || evidence.Text(k.Input("key")) == m.key)
	})
	if i < 0 {
		return nil
	}
	return a.kept[i]
}
