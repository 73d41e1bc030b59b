package explore

import (
	"slices"

	"simrun/scenarios"
	"simrun/sim/luck"
)

// Kinds looks for the least set of fault verbs with which a run still does what it did wrong: the same claim
// violated by the same kind of anomaly, shown by operations of the same kinds. It drops all faults of a verb at
// once, so it takes a few dozen runs where Shrink takes a thousand, and says enough to tell two bugs apart.
//
// What comes of it is a function of the run and of the numbers, however many cores there are, unless More ends it.
type Kinds struct {
	Run *scenarios.Run
	// Claim is the claim to go after; empty is the first by which the run is judged, else its first finding.
	Claim string
	// Guesses are sets to try first, such as those of failures that look alike: the first that shows it is
	// where to go on from.
	Guesses [][]scenarios.Verb
	// Lucks is under how many lucks a set is tried; zero is 8.
	Lucks int
	// Budget is how many runs it may take; zero is 200.
	Budget int
	// Jobs is how many worlds run at once; zero is one per core.
	Jobs int
	// More, if not nil, is asked before runs. Once it says no, the least set so far is the result.
	More func() bool
}

// LeastKinds is what Kinds came to.
type LeastKinds struct {
	Offence scenarios.Offence
	Verbs   []scenarios.Verb // sorted; none if it shows without any fault
	Runs    int
	Least   bool // it holds without any one of Verbs; else the budget or the time ended first
}

const usualKindBudget = 200

// Do looks for them. An error is a run in which nothing is violated.
func (k Kinds) Do() (*LeastKinds, error) {
	offence, err := k.Run.OffenceOf(k.Claim)
	if err != nil {
		return nil, err
	}
	s := &sieve{whole: newDraft(k.Run.Plan, offence), struck: k.Run.Result.Faults,
		trials: newTrials(offence, k.Jobs, orUsual(k.Budget, usualKindBudget), k.More, nil),
		lucks:  lucksOf(k.Run.Plan.Seed, orUsual(k.Lucks, usualLucks))}
	verbs := s.sift(k.Guesses)
	if len(verbs) > 1 {
		verbs = s.alone(verbs)
	}
	return &LeastKinds{Offence: offence, Verbs: verbs, Runs: s.runs, Least: !s.ended}, nil
}

// sieve is a search for kinds under way.
type sieve struct {
	*trials
	whole  *draft // the run's plan
	struck []scenarios.FaultResult
	lucks  []luck.Seed
}

// patience is how many times as many lucks each of several verbs gets alone: what one of them does now and then
// by itself is one bug, and not another with each verb that happened to help it along.
const patience = 4

// alone is one of the verbs if its faults suffice, else all of them.
func (s *sieve) alone(verbs []scenarios.Verb) []scenarios.Verb {
	s.lucks = lucksOf(s.whole.plan.Seed, patience*len(s.lucks))
	singles := make([][]scenarios.Verb, len(verbs))
	for i := range verbs {
		singles[i] = verbs[i : i+1]
	}
	if i := s.first(singles); i >= 0 {
		return singles[i]
	}
	return verbs
}

// sift is the least set, or the least so far.
func (s *sieve) sift(guesses [][]scenarios.Verb) []scenarios.Verb {
	kept := s.verbs(func(i int) bool { return true })
	if s.first([][]scenarios.Verb{nil}) == 0 {
		return nil
	}
	guesses = slices.Clone(guesses)
	for i := range guesses {
		guesses[i] = s.verbs(func(k int) bool { return slices.Contains(guesses[i], s.whole.plan.Faults[k].Verb) })
	}
	guesses = append(guesses, s.verbs(func(i int) bool { return i < len(s.struck) && s.struck[i].Effects > 0 }))
	if i := s.first(guesses); i >= 0 {
		kept = guesses[i]
	}
	for size := (len(kept) + 1) / 2; size > 0; size /= 2 {
		for from := 0; from < len(kept); {
			var tries [][]scenarios.Verb
			for at := from; at < len(kept); at += size {
				tries = append(tries, slices.Delete(slices.Clone(kept), at, min(at+size, len(kept))))
			}
			i := s.first(tries)
			if i < 0 {
				break
			}
			kept = tries[i]
			from += i * size
			if size == 1 {
				from = 0 // what was needed beside the one that is gone may not be any more
			}
		}
	}
	return kept
}

// verbs are those of the faults of which that is so.
func (s *sieve) verbs(so func(i int) bool) (verbs []scenarios.Verb) {
	for i := range s.whole.plan.Faults {
		if so(i) {
			verbs = append(verbs, s.whole.plan.Faults[i].Verb)
		}
	}
	slices.Sort(verbs)
	return slices.Compact(verbs)
}

// first is the index of the first set with whose faults alone the offence shows; -1 if there is none.
func (s *sieve) first(sets [][]scenarios.Verb) int {
	var asks []ask
	for i, set := range sets {
		c := newLucky(s.with(set))
		for _, seed := range s.lucks {
			asks = append(asks, ask{i, c, seed})
		}
	}
	found := -1
	s.walk(asks, func(a ask, o outcomeOf) int {
		if o.shows {
			found = a.number
			return -1
		}
		return a.number
	})
	return found
}

// with is the plan with the faults of those verbs alone.
func (s *sieve) with(verbs []scenarios.Verb) *scenarios.Plan {
	var others []int
	for i := range s.whole.plan.Faults {
		if !slices.Contains(verbs, s.whole.plan.Faults[i].Verb) {
			others = append(others, i)
		}
	}
	return s.whole.dropping(others, s.struck).plan
}
