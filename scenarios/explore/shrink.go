package explore

import (
	"fmt"

	"simrun/scenarios"
	"simrun/sim/luck"
)

// Shrink looks for the least plan that still does what a run did: the same claim violated by the same kind of
// anomaly, shown by operations of the same kinds.
//
// A smaller plan counts if the offence shows under any of a few lucks, since what comes after a change has new
// luck, *and* if without its faults it does not show under any: to drop the workers would lose jobs for free.
// What a system needs to recover in is left alone: phases that heal or have no work, the last phase, what
// the claim names, and one node of each role.
//
// What comes of it is a function of the run and of Budget, however many cores there are, unless More ends it.
type Shrink struct {
	Run *scenarios.Run
	// Catalog is what the plan was read with: each smaller plan is written, and read again, before it is run.
	Catalog scenarios.Catalog
	// Claim is the claim to go after; empty is the first by which the run is judged, else its first finding.
	Claim string
	// Lucks is under how many lucks a candidate is run; zero is 8.
	Lucks int
	// Budget is how many runs it may take; zero is 3,000.
	Budget int
	// Jobs is how many worlds run at once; zero is one per core.
	Jobs int
	// More, if not nil, is asked before runs. Once it says no, the least plan so far is the result.
	More func() bool
	// Each, if not nil, is told how it is going, after each run.
	Each func(Shrinking)
}

// Shrinking is how far a shrink has come.
type Shrinking struct {
	Runs         int // so far
	Faults, From int // how many are left, and how many there were
}

const (
	usualLucks  = 8
	usualBudget = 3000
	// mostRounds bounds how often all steps are gone through; the last round changes nothing.
	mostRounds = 8
)

// Do shrinks. An error is a run in which nothing is violated, or one that its own plan does not show again.
func (s Shrink) Do() (*Minimum, error) {
	offence, err := s.Run.OffenceOf(s.Claim)
	if err != nil {
		return nil, err
	}
	h := &hunt{Shrink: s, kept: newDraft(s.Run.Plan, offence), lucks: lucksOf(s.Run.Plan.Seed, orUsual(s.Lucks, usualLucks))}
	h.trials = newTrials(offence, s.Jobs, orUsual(s.Budget, usualBudget), s.More, h.tell)
	h.claimed = claimedBy(s.Run.Plan, offence)
	h.protected = protectedBy(s.Run.Plan, h.claimed)
	if err := h.begin(); err != nil {
		return nil, err
	}
	return h.minimum(), nil
}

// hunt is a shrink under way. Kept is the least plan so far, and shows the offence with its own seed.
type hunt struct {
	Shrink
	*trials
	kept      *draft
	been      map[string]bool // what was kept so far, but for its luck
	lucks     []luck.Seed
	claimed   map[string]bool         // words of the claim
	warnings  int                     // that the loader has of the run's plan
	protected map[string]bool         // names of nodes that the claim needs
	struck    []scenarios.FaultResult // what kept's faults did
	calm      bool
	least     bool
}

func (h *hunt) tell(runs int) {
	if h.Each != nil {
		h.Each(Shrinking{Runs: runs, Faults: len(h.kept.plan.Faults), From: len(h.Run.Plan.Faults)})
	}
}

// begin makes sure that the plan without its other claims does it again, and sees whether faults are needed.
func (h *hunt) begin() error {
	loaded, warnings, err := h.kept.load(&h.Catalog)
	if err != nil {
		return fmt.Errorf("the plan does not read back: %w", err)
	}
	h.kept.plan, h.warnings = loaded, warnings
	h.been = map[string]bool{newLucky(loaded).text: true}
	shown := false
	h.walk([]ask{{0, newLucky(loaded), loaded.Seed}}, func(_ ask, o outcomeOf) int {
		shown, h.struck = o.shows, o.faults
		return -1
	})
	if !shown {
		return fmt.Errorf("the run's plan does not show again that %s", h.offence)
	}
	calm := withoutFaults(loaded)
	h.walk(h.asks(0, newLucky(calm)), func(a ask, o outcomeOf) int {
		if o.shows {
			calm.Seed, h.calm, h.least = a.seed, true, true
			return -1
		}
		return 0
	})
	if h.calm {
		h.kept = &draft{plan: calm}
		return nil
	}
	h.least = h.rounds()
	return nil
}

// rounds goes through all steps until nothing gets smaller any more.
func (h *hunt) rounds() bool {
	for range mostRounds {
		changed := false
		for _, step := range []func(*hunt) bool{dropFaults, (*hunt).smaller} {
			changed = step(h) || changed
		}
		if h.ended {
			return false
		}
		if !changed {
			return true
		}
	}
	return false
}

// smaller goes through the cuts of everything but whole faults. Each is tried from the boldest value on, and
// again for as long as it gets on.
func (h *hunt) smaller() (changed bool) {
	for _, list := range cuts {
		for i := 0; ; {
			tries := list(h, i)
			if tries == nil || h.ended {
				break
			}
			if h.first(tries) < 0 {
				i++
				continue
			}
			changed = true
		}
	}
	return changed
}

// asks are the questions about one candidate: under the luck that serves now, then under the others.
func (h *hunt) asks(number int, c *lucky) []ask {
	asks := []ask{{number, c, h.kept.plan.Seed}}
	for _, seed := range h.lucks {
		if seed != h.kept.plan.Seed {
			asks = append(asks, ask{number, c, seed})
		}
	}
	return asks
}

// first keeps the first of the candidates that counts and returns its index; -1 if there is none.
func (h *hunt) first(tries []*draft) int {
	var asks []ask
	loaded := make([]*scenarios.Plan, len(tries))
	for i, d := range tries {
		if d == nil {
			continue
		}
		plan, warnings, err := d.load(&h.Catalog)
		if err != nil || warnings > h.warnings {
			continue // what is not a scenario any more, or one that overloads itself, is no smaller scenario
		}
		candidate := newLucky(plan)
		if h.been[candidate.text] {
			continue // to come back to what was kept already would never end
		}
		loaded[i] = plan
		asks = append(asks, h.asks(i, candidate)...)
	}
	found := -1
	h.walk(asks, func(a ask, o outcomeOf) int {
		switch {
		case !o.shows:
			return a.number
		case !h.holdsCalm(loaded[a.number]):
			return a.number + 1
		}
		found = a.number
		plan := loaded[found]
		plan.Seed = a.seed
		h.kept, h.struck = &draft{plan: plan, ids: tries[found].ids}, o.faults
		h.been[a.text] = true
		return -1
	})
	return found
}

// holdsCalm says that the plan without its faults does not violate the claim under any luck.
func (h *hunt) holdsCalm(plan *scenarios.Plan) bool {
	holds := true
	finished := h.walk(h.asks(0, newLucky(withoutFaults(plan))), func(_ ask, o outcomeOf) int {
		if holds = !o.violated; !holds {
			return -1
		}
		return 0
	})
	return finished && holds
}

// dropFaults takes away what did nothing, and what the scenario itself does not say; then halves, quarters and so
// on down to single faults.
func dropFaults(h *hunt) (changed bool) {
	changed = h.dropAll(func(i int) bool { return h.struck[i].Effects == 0 })
	changed = h.dropAll(func(i int) bool { return h.Run.Plan.Faults[h.kept.ids[i]].DrawnBy == scenarios.BySwarm }) || changed
	for size := (len(h.kept.plan.Faults) + 1) / 2; size > 0; size /= 2 {
		for from := 0; from < len(h.kept.plan.Faults); {
			var tries []*draft
			n := len(h.kept.plan.Faults)
			for at := from; at < n; at += size {
				var chunk []int
				for i := at; i < min(at+size, n); i++ {
					chunk = append(chunk, i)
				}
				tries = append(tries, h.kept.dropping(chunk, h.struck))
			}
			i := h.first(tries)
			if i < 0 {
				break
			}
			changed = true
			from += i * size
		}
	}
	return changed
}

// dropAll takes away all faults of which that is so, at once.
func (h *hunt) dropAll(so func(i int) bool) bool {
	var those []int
	for i := range h.kept.plan.Faults {
		if so(i) {
			those = append(those, i)
		}
	}
	return len(those) > 0 && h.first([]*draft{h.kept.dropping(those, h.struck)}) >= 0
}

func withoutFaults(p *scenarios.Plan) *scenarios.Plan {
	calm := *p
	calm.Faults = nil
	return &calm
}
