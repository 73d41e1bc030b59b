package explore

import (
	"slices"
	"time"

	"simrun/nodes"
	"simrun/scenarios"
	"simrun/sim/luck"
)

// way is a way to come to a plan.
type way int

const (
	fresh        way = iota // the seed's own
	again                   // the same plan under another luck
	otherWorld              // its weather over another world
	otherWeather            // its world under another weather
	spliced                 // its world under the weather of another plan
	otherLines              // some of its lines drawn anew, or as in another plan
	otherFaults             // some of its faults moved, aimed anew, left out
	ways
)

// The most that a variation departs from a seed's plan; one that does already begins with a new weather.
const (
	mostSwaps = 48
	mostEdits = 24
)

// vary makes the variation that a proposal asks for. It is a function of the proposal and the turn's seed.
func (p *proposal) vary(spec *scenarios.Spec, seed luck.Seed) *scenarios.Variation {
	m := &mutation{proposal: p, Variation: p.of.variation.Clone(), chance: seed.Stream("vary")}
	way := p.way
	if way >= spliced && p.other == nil || way == otherLines && len(m.Swaps) >= mostSwaps || way == otherFaults && len(m.Edits) >= mostEdits {
		way = otherWeather
	}
	switch way {
	case otherWorld:
		m.World = m.seed()
		m.forget(func(line string) bool { return !scenarios.IsWeather(line) })
	case otherWeather:
		m.Weather = m.seed()
		m.forget(scenarios.IsWeather)
	case spliced:
		m.splice()
	case otherLines:
		_, outline := scenarios.Vary(spec, seed, m.Variation)
		m.lines(outline)
	case otherFaults:
		plan, outline := scenarios.Vary(spec, seed, m.Variation)
		m.faults(plan, outline)
	}
	return m.Variation
}

// mutation is a variation that is being made of another.
type mutation struct {
	*proposal
	*scenarios.Variation
	chance luck.Stream
}

func (m *mutation) seed() luck.Seed { return luck.Seed(m.chance.Uint64()) }

// forget lets lines be drawn as the world or the weather is.
func (m *mutation) forget(those func(line string) bool) {
	m.Swaps = slices.DeleteFunc(m.Swaps, func(s scenarios.Swap) bool { return those(s.Line) })
	m.Edits = slices.DeleteFunc(m.Edits, func(e scenarios.Edit) bool { return those(e.Line) })
}

// splice takes the weather of the other plan.
func (m *mutation) splice() {
	m.forget(scenarios.IsWeather)
	m.Weather = m.other.variation.Weather
	for _, s := range m.other.variation.Swaps {
		if scenarios.IsWeather(s.Line) && len(m.Swaps) < mostSwaps {
			m.Swaps = append(m.Swaps, s)
		}
	}
	m.Edits = slices.Clone(m.other.variation.Edits)
}

// lines draws one to four lines anew, or as in the other plan.
func (m *mutation) lines(outline *scenarios.Outline) {
	for range 1 + m.chance.Below(4) {
		line := outline.Lines[m.chance.Below(len(outline.Lines))]
		by := m.seed()
		if other := m.other.variation; m.chance.Below(2) == 0 {
			by = byOf(other, line)
		}
		m.Swaps = slices.DeleteFunc(m.Swaps, func(s scenarios.Swap) bool { return s.Line == line })
		m.Swaps = append(m.Swaps, scenarios.Swap{Line: line, By: by})
	}
}

// byOf is the seed by which a plan draws a line.
func byOf(v *scenarios.Variation, line string) luck.Seed {
	for _, s := range v.Swaps {
		if s.Line == line {
			return s.By
		}
	}
	if scenarios.IsWeather(line) {
		return v.Weather
	}
	return v.World
}

// changes are what can be done to a fault, the more often the more often they stand here.
var changes = []scenarios.Change{scenarios.Move, scenarios.Move, scenarios.Move, scenarios.Length, scenarios.Length,
	scenarios.Aim, scenarios.Aim, scenarios.Twin, scenarios.Drop, scenarios.Drop}

// faults changes one to four faults.
func (m *mutation) faults(plan *scenarios.Plan, outline *scenarios.Outline) {
	if len(plan.Faults) == 0 {
		m.Weather = m.seed()
		return
	}
	for range 1 + m.chance.Below(4) {
		origin := outline.Faults[m.chance.Below(len(plan.Faults))]
		m.Edits = append(m.Edits, scenarios.Edit{Line: origin.Line, Nth: origin.Nth, Do: changes[m.chance.Below(len(changes))], By: m.seed(),
			At: m.when(plan)})
	}
}

// nearby is by how much a fault misses the moment that it is moved to.
var nearby = nodes.Spread{Lo: time.Microsecond, Hi: 200 * time.Millisecond}

// when is the time to move a fault to: anywhere, close to another fault, or to when what is sought was first reached.
func (m *mutation) when(plan *scenarios.Plan) time.Duration {
	close := nearby.At(m.chance.Uint64())
	other := &plan.Faults[m.chance.Below(len(plan.Faults))]
	switch m.chance.Below(4) {
	case 0:
		return 0
	case 1:
		return other.At + close
	default:
		if m.at > 0 {
			return max(m.at-close, 1)
		}
		return other.At + other.For
	}
}
