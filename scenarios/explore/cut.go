package explore

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/scenarios"
)

// cuts are the ways to make a plan smaller besides dropping faults. Each lists what can be done to its i-th item,
// the boldest first, and nil when there is no such item. What it lists is smaller than what is kept, so that
// going on always ends.
var cuts = []func(h *hunt, i int) []*draft{
	dropLoads, lowerCopies, dropNodes, unhookFaults, hastenFaults, shortenFaults, dropPhases, shortenPhases, fewerTargets,
	fewerPoints, plainOptions, tidyWorld,
	slowLoads, // last: where little is under way, only a lucky blow shows anything
}

// change is the kept plan with one thing changed.
func (h *hunt) change(edit func(*draft)) *draft {
	d := h.kept.clone()
	edit(d)
	return d
}

// lineOf is the i-th line of the workload: of the scenario's, then of each phase's own.
func (d *draft) lineOf(i int) (loads *[]scenarios.Load, line int, ok bool) {
	if i < len(d.plan.Workload) {
		return &d.plan.Workload, i, true
	}
	i -= len(d.plan.Workload)
	for k := range d.plan.Phases {
		p := &d.plan.Phases[k]
		if !p.OwnLoad {
			continue
		}
		if i < len(p.Load) {
			return &p.Load, i, true
		}
		i -= len(p.Load)
	}
	return nil, 0, false
}

// dropLoads takes lines of the workload away. A phase's own last line stays: without it the phase would be
// another.
func dropLoads(h *hunt, i int) []*draft {
	loads, _, ok := h.kept.lineOf(i)
	switch {
	case !ok:
		return nil
	case len(*loads) == 1:
		return []*draft{}
	}
	return []*draft{h.change(func(d *draft) {
		loads, line, _ := d.lineOf(i)
		*loads = slices.Delete(*loads, line, line+1)
	})}
}

// slowLoads makes requests rarer.
func slowLoads(h *hunt, i int) []*draft {
	loads, line, ok := h.kept.lineOf(i)
	if !ok {
		return nil
	}
	every := (*loads)[line].Rate
	tries := []*draft{}
	for _, times := range []scenarios.Rate{20, 5, 2} {
		if every > 0 && every*times <= scenarios.Rate(time.Minute) {
			tries = append(tries, h.change(func(d *draft) {
				loads, line, _ := d.lineOf(i)
				(*loads)[line].Rate = (every * times).Plain()
			}))
		}
	}
	return tries
}

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

// dropNodes takes nodes away, or copies of them. One of each role stays, and what the claim names.
func dropNodes(h *hunt, i int) []*draft {
	var names []string
	copies := map[string][]string{}
	role := map[string]nodes.Role{}
	for k := range h.kept.plan.Hosts {
		host := &h.kept.plan.Hosts[k]
		if copies[host.Node] == nil {
			names = append(names, host.Node)
		}
		copies[host.Node] = append(copies[host.Node], host.Name)
		role[host.Node] = host.Kind.Role
	}
	if i >= len(names) {
		return nil
	}
	node := names[i]
	tries := []*draft{}
	alone := !slices.ContainsFunc(names, func(n string) bool { return n != node && role[n] == role[node] })
	if !alone && !h.protected[node] {
		tries = append(tries, h.kept.without(append(slices.Clone(copies[node]), node)))
	}
	n := len(copies[node])
	for _, left := range slices.Compact([]int{1, n / 2, n - 1}) {
		if left > 0 && left < n {
			tries = append(tries, h.kept.without(copies[node][left:]))
		}
	}
	return tries
}

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

// tidyWorld takes away sites at which nobody is left, and link classes that nobody uses.
func tidyWorld(h *hunt, i int) []*draft {
	if i > 0 {
		return nil
	}
	d := h.kept.clone()
	p := d.plan
	inhabited, used := map[string]bool{}, map[string]bool{}
	for k := range p.Hosts {
		inhabited[p.Hosts[k].Site] = true
	}
	empty := func(name string) bool {
		return !inhabited[name] && slices.ContainsFunc(h.kept.plan.Sites, func(s scenarios.Site) bool { return s.Name == name })
	}
	for k := range p.Links {
		p.Links[k].Between = slices.DeleteFunc(slices.Clone(p.Links[k].Between), empty)
	}
	p.Links = slices.DeleteFunc(p.Links, func(l scenarios.Link) bool { return len(l.Between) < 2 })
	p.Sites = slices.DeleteFunc(p.Sites, func(s scenarios.Site) bool { return empty(s.Name) })
	for _, l := range p.Links {
		used[l.Is] = true
	}
	for _, s := range p.Sites {
		used[s.Inside] = true
	}
	p.Classes = slices.DeleteFunc(p.Classes, func(c scenarios.LinkClass) bool { return !used[c.Name] })
	was := h.kept.plan
	if len(p.Sites) == len(was.Sites) && len(p.Links) == len(was.Links) && len(p.Classes) == len(was.Classes) {
		return []*draft{}
	}
	return []*draft{d}
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

// lesser are shorter times than d, down to least, the shortest first: bold ones, then d in one digit and in two.
// What is less than a millisecond is tried only if it is the least: nobody reads it.
func lesser(d, least time.Duration) []time.Duration {
	var all []time.Duration
	for _, try := range []time.Duration{least, readableTime(d/4, 2), readableTime(d/2, 2), readableTime(d, 1), readableTime(d, 2)} {
		if try >= least && try < d && (try == least || try >= time.Millisecond) && !slices.Contains(all, try) {
			all = append(all, try)
		}
	}
	return all
}

// readableTime is the time towards zero in so many digits of its own unit: 2h, 90m, 7.8s.
func readableTime(d time.Duration, digits int) time.Duration {
	for _, unit := range []time.Duration{time.Hour, time.Minute} {
		switch n := d / unit; {
		case n == 0:
		case digits == 1 || n >= 10 || n <= -10:
			return scenarios.Rounded(n, digits) * unit
		default:
			return d / (unit / 6) * (unit / 6)
		}
	}
	return scenarios.Rounded(d, digits)
}
