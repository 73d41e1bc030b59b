package explore

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"simrun/scenarios"
)

// lowerCopies lets a fault strike a copy of a lower number, which no fault strikes, so that those of higher
// numbers can go.
func lowerCopies(h *hunt, i int) []*draft {
	p := h.kept.plan
	if i >= len(p.Faults) {
		return nil
	}
	named := map[string]bool{}
	for k := range p.Faults {
		for _, t := range p.Faults[k].Targets {
			named[t.Name] = true
		}
	}
	tries := []*draft{}
	for _, t := range p.Faults[i].Targets {
		node, number, isCopy := strings.Cut(t.Name, "/")
		if !isCopy || h.protected[node] {
			continue
		}
		high, _ := strconv.Atoi(number)
		for low := 1; low < high; low++ {
			if free := fmt.Sprintf("%s/%d", node, low); !named[free] {
				tries = append(tries, h.change(func(d *draft) { d.swap = [2]string{t.Name, free} }))
				break
			}
		}
	}
	return tries
}

// unhookFaults lets faults that wait strike at a time; of those that must wait, sooner.
func unhookFaults(h *hunt, i int) []*draft {
	if i >= len(h.kept.plan.Faults) {
		return nil
	}
	f := &h.kept.plan.Faults[i]
	tries := []*draft{}
	if !f.Waits() {
		return tries
	}
	timed := h.kept.clone()
	if timed.unhook(i, h.struck) {
		tries = append(tries, timed)
	}
	for _, wait := range lesser(f.Wait, 0) {
		tries = append(tries, h.change(func(d *draft) { d.plan.Faults[i].Wait = wait }))
	}
	for _, nth := range slices.Compact([]int{1, f.Nth / 4, f.Nth / 2}) {
		if nth > 0 && nth < f.Nth {
			tries = append(tries, h.change(func(d *draft) { d.plan.Faults[i].Nth = nth }))
		}
	}
	return tries
}

// shortenFaults lets faults end sooner.
func shortenFaults(h *hunt, i int) []*draft {
	if i >= len(h.kept.plan.Faults) {
		return nil
	}
	tries := []*draft{}
	for _, long := range lesser(h.kept.plan.Faults[i].For, time.Millisecond) {
		tries = append(tries, h.change(func(d *draft) { d.plan.Faults[i].For = long }))
	}
	return tries
}

// hastenFaults brings faults forward.
func hastenFaults(h *hunt, i int) []*draft {
	if i >= len(h.kept.plan.Faults) {
		return nil
	}
	f := &h.kept.plan.Faults[i]
	tries := []*draft{}
	if f.Waits() {
		return tries
	}
	from := h.kept.plan.Phases[f.Phase].From
	for _, at := range lesser(f.At-from, 0) {
		tries = append(tries, h.change(func(d *draft) { d.plan.Faults[i].At = from + at }))
	}
	return tries
}

// fewerTargets leaves out one of the things that a fault strikes.
func fewerTargets(h *hunt, i int) []*draft {
	if i >= len(h.kept.plan.Faults) {
		return nil
	}
	tries := []*draft{}
	f := &h.kept.plan.Faults[i]
	for k := range f.Targets {
		if len(f.Targets) < 2 || f.Verb.Info().Takes == scenarios.Traffic && len(f.Targets) < 3 {
			break
		}
		less := h.change(func(d *draft) {
			f := &d.plan.Faults[i]
			f.Targets = slices.Delete(slices.Clone(f.Targets), k, k+1)
			f.Target = scenarios.TargetText(f.Targets)
		})
		if less.hasPoints(&less.plan.Faults[i]) {
			tries = append(tries, less)
		}
	}
	return tries
}

// fewerPoints leaves out a half of the points at which rarer paths are taken, or one of them.
func fewerPoints(h *hunt, i int) []*draft {
	if i >= len(h.kept.plan.Faults) {
		return nil
	}
	tries := []*draft{}
	points := h.kept.plan.Faults[i].Options.Points
	try := func(left ...string) {
		tries = append(tries, h.change(func(d *draft) { d.plan.Faults[i].Options.Points = left }))
	}
	if half := len(points) / 2; half > 1 {
		try(points[:half]...)
		try(points[half:]...)
	}
	for k := range points {
		if len(points) > 1 {
			try(slices.Delete(slices.Clone(points), k, k+1)...)
		}
	}
	return tries
}

// plainOptions says of a fault what is usual, and its numbers in few digits.
func plainOptions(h *hunt, i int) []*draft {
	if i >= len(h.kept.plan.Faults) {
		return nil
	}
	was := h.kept.plan.Faults[i].Options
	tries := []*draft{}
	try := func(edit func(*scenarios.Options)) {
		now := was
		if edit(&now); !reflect.DeepEqual(now, was) {
			tries = append(tries, h.change(func(d *draft) { d.plan.Faults[i].Options = now }))
		}
	}
	try(func(o *scenarios.Options) {
		if o.Shape != "" {
			o.Shape = scenarios.Groups
		}
	})
	try(func(o *scenarios.Options) {
		if o.Direction != "" {
			o.Direction = scenarios.Both
		}
	})
	try(func(o *scenarios.Options) { o.Sectors = min(o.Sectors, 1) })
	try(func(o *scenarios.Options) {
		o.Rate, o.Drift, o.Delay.Times = scenarios.Rounded(o.Rate, 1), scenarios.Rounded(o.Drift, 1), scenarios.Rounded(o.Delay.Times, 1)
		o.By, o.Delay.Plus = readableTime(o.By, 1), readableTime(o.Delay.Plus, 1)
		o.Down, o.Up = readableTime(o.Down, 1), readableTime(o.Up, 1)
	})
	return tries
}
