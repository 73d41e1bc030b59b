package scenarios

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/sim/luck"
)

// Variation is a plan that no single seed stands for: lines of the scenario are drawn by different seeds, and single
// faults of what they give are moved, aimed anew, left out. It chooses among what the scenario may draw and says
// nothing of its own: ranges, targets and keep-up hold for it as for any seed, and no fault of a line comes sooner after
// the one before it than the line allows. So whatever it violates is violated in weather that the scenario means.
//
// The zero Swaps and Edits with World and Weather alike are the plan of that seed.
type Variation struct {
	World   luck.Seed `json:"world,string"`   // by what the hosts, links, phases and the workload are drawn
	Weather luck.Seed `json:"weather,string"` // and by what the faults
	Swaps   []Swap    `json:"swaps,omitempty"`
	Edits   []Edit    `json:"edits,omitempty"`
}

// Swap draws one line by a seed of its own.
type Swap struct {
	Line string    `json:"line"` // as in Outline.Lines
	By   luck.Seed `json:"by,string"`
}

// Edit changes one fault of a line.
type Edit struct {
	Line string    `json:"line"`
	Nth  int       `json:"nth"` // of the faults that the line gives, from 0, as the edits before this one left them
	Do   Change    `json:"do"`
	By   luck.Seed `json:"by,string"` // by what the change is drawn
	// At is when the fault is to strike, from the start of the run, as far as its line allows; zero leaves it to By.
	At time.Duration `json:"at,omitempty"`
}

// Change is what an edit does.
type Change string

// The changes. The script of a scenario is what strikes in every run: of it nothing is dropped or doubled.
const (
	Drop   Change = "drop"
	Twin   Change = "twin"   // the same again, at another time
	Move   Change = "move"   // to another time; of a fault that waits, to another occurrence
	Length Change = "length" // another one
	Aim    Change = "aim"    // another target, other options
)

// Changes are all of them.
func Changes() []Change { return []Change{Drop, Twin, Move, Length, Aim} }

// Clone is a copy that shares nothing.
func (v *Variation) Clone() *Variation {
	c := *v
	c.Swaps, c.Edits = slices.Clone(v.Swaps), slices.Clone(v.Edits)
	return &c
}

// Outline is where the parts of a plan come from: what a variation of it can change.
type Outline struct {
	Lines  []string // that were drawn, in that order, each once
	Faults []Origin // of Plan.Faults, in their order
}

// Origin is the line that a fault comes from, and which of the line's faults it is.
type Origin struct {
	Line string
	Nth  int
}

// Vary makes the plan that a variation stands for, with a luck of packets and disks that is nobody's but its own. Like
// Draw it is a pure function.
func Vary(s *Spec, seed luck.Seed, v *Variation) (*Plan, *Outline) {
	d := &draw{spec: s, seed: seed, names: map[string]int{}, varied: v, outline: &Outline{}, seen: map[string]bool{}}
	d.swaps = make(map[string]luck.Seed, len(v.Swaps))
	for _, swap := range v.Swaps {
		d.swaps[swap.Line] = swap.By
	}
	return d.do(), d.outline
}

// IsWeather says of a line of an outline that it is about faults.
func IsWeather(line string) bool {
	word, _, _ := strings.Cut(line, "/")
	switch word {
	case "fault", "rank", "enable", "families", "family", "tempo", "keep-up":
		return true
	}
	return strings.HasPrefix(line, "rank ")
}

// by is the seed that draws a line.
func (d *draw) by(name []string) luck.Seed {
	if d.varied == nil {
		return d.seed
	}
	line := strings.Join(name, "/")
	if !d.seen[line] {
		d.seen[line] = true
		d.outline.Lines = append(d.outline.Lines, line)
	}
	if seed, ok := d.swaps[line]; ok {
		return seed
	}
	if IsWeather(line) {
		return d.varied.Weather
	}
	return d.varied.World
}

// stream is the line's name in an outline.
func (l *series) stream() string { return "fault/" + l.name }

// edited are a line's faults after the edits of it.
func (d *draw) edited(l *series, faults []Fault) []Fault {
	if d.varied == nil {
		return faults
	}
	for i := range d.varied.Edits {
		if e := &d.varied.Edits[i]; e.Line == l.stream() && len(faults) > 0 {
			faults = l.spaced(d.plan.Phases[l.phase].From, d.edit(l, faults, e))
		}
	}
	return faults
}

// spaced puts what comes every so often in order, and leaves out what comes sooner after the one before it than
// the line allows.
func (l *series) spaced(from time.Duration, faults []Fault) []Fault {
	if l.every == nil {
		return faults
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	kept, free := faults[:0], from
	for _, x := range faults {
		if x.At-free >= max(l.every.Least(), 1) {
			kept, free = append(kept, x), x.At+x.For
		}
	}
	return kept
}

func (d *draw) edit(l *series, faults []Fault, e *Edit) []Fault {
	n := max(e.Nth, 0) % len(faults)
	x, again := &faults[n], e.By.Stream("edit")
	switch {
	case e.Do == Move:
		d.move(l, x, e, again)
	case e.Do == Length && l.For != nil:
		x.For = part(again, luckLength).length(*l.For)
	case e.Do == Aim:
		if y := d.fault(l, again); len(y.Targets) > 0 {
			x.Target, x.Targets, x.Options = y.Target, y.Targets, y.Options
		}
	case l.every == nil: // the script strikes in every run, once
	case e.Do == Drop:
		return slices.Delete(faults, n, n+1)
	case e.Do == Twin:
		twin := *x
		d.move(l, &twin, e, again)
		return append(faults, twin)
	}
	return faults
}

// move gives a fault another time. What comes every so often may come at any time of its phase; the script says when,
// or which occurrence it waits for.
func (d *draw) move(l *series, x *Fault, e *Edit, again luck.Stream) {
	p := &d.plan.Phases[l.phase]
	if x.Waits() {
		l.await(x, again)
		return
	}
	when := nodes.Spread{Hi: p.To - p.From - 1}
	if l.every == nil {
		when = *l.At
	}
	at := part(again, luckWhen).span(when)
	if e.At > 0 && when.Mean == 0 && len(when.Choices) == 0 {
		at = min(max(e.At-p.From, when.Lo), when.Hi)
	}
	if at >= 0 && p.From+at < p.To {
		x.At = p.From + at
	}
}
