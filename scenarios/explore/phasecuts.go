package explore

import (
	"slices"
	"time"

	"simrun/scenarios"
)

// passing says whether a phase is there for the storm only: work goes on in it, nothing is mended at its
// beginning, and it is neither the last nor one of those in which a system is left to recover.
func (h *hunt) passing(i int) bool {
	p := h.kept.plan.Phases
	last := -1
	for _, f := range h.kept.plan.Faults {
		last = max(last, f.Phase)
	}
	return i < len(p)-1 && i <= last && len(p[i].Load) > 0 && !p[i].Heal.Any()
}

// dropPhases takes away phases of the storm in which nothing strikes.
func dropPhases(h *hunt, i int) []*draft {
	p := h.kept.plan
	if i >= len(p.Phases) {
		return nil
	}
	if !h.passing(i) || slices.ContainsFunc(p.Faults, func(f scenarios.Fault) bool { return f.Phase == i }) {
		return []*draft{}
	}
	return []*draft{h.change(func(d *draft) { d.skip(i) })}
}

// shortenPhases leaves each fault of a phase its time, to the next full second.
func shortenPhases(h *hunt, i int) []*draft {
	p := h.kept.plan
	if i >= len(p.Phases) {
		return nil
	}
	least := time.Second
	for _, f := range p.Faults {
		if f.Phase == i {
			end := f.At + f.For - p.Phases[i].From
			least = max(least, (end + time.Second).Truncate(time.Second))
		}
	}
	tries := []*draft{}
	if !h.passing(i) {
		return tries
	}
	for _, lasts := range lesser(p.Phases[i].To-p.Phases[i].From, least) {
		tries = append(tries, h.change(func(d *draft) { d.shorten(i, lasts) }))
	}
	return tries
}
