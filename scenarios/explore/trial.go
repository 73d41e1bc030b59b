package explore

import (
	"runtime"
	"sync"

	"simrun/scenarios"
	"simrun/sim/luck"
)

// trials runs candidates on all cores and remembers what came of them. What it answers, and what it counts, is
// what one core would have come to that runs one world after the other: a run that a machine with more
// cores did ahead of its turn, and that then was not needed, is neither told nor counted.
type trials struct {
	offence scenarios.Offence
	jobs    int
	budget  int
	more    func() bool
	each    func(runs int)

	runs  int // counted
	ended bool
	done  map[trial]outcomeOf
	known map[trial]bool // counted
}

func newTrials(offence scenarios.Offence, jobs, budget int, more func() bool, each func(runs int)) *trials {
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	return &trials{offence: offence, jobs: jobs, budget: budget, more: more, each: each,
		done: map[trial]outcomeOf{}, known: map[trial]bool{}}
}

// orUsual is the number, or what is usual where it is none.
func orUsual(n, usual int) int {
	if n <= 0 {
		return usual
	}
	return n
}

// lucksOf are that many lucks of a run, its own first.
func lucksOf(seed luck.Seed, n int) (lucks []luck.Seed) {
	for i := range n {
		lucks = append(lucks, scenarios.SeedAt(seed, i))
	}
	return lucks
}

// trial is one run: a plan as it is written, but for its luck, and the luck.
type trial struct {
	text string
	seed luck.Seed
}

// outcomeOf is what is kept of a run.
type outcomeOf struct {
	shows    bool // the offence
	violated bool // the same claim, in whatever way
	faults   []scenarios.FaultResult
}

// lucky is a candidate with its text, to be run under several lucks.
type lucky struct {
	plan *scenarios.Plan
	text string
}

func newLucky(p *scenarios.Plan) *lucky {
	plain := *p
	plain.Seed = 0
	return &lucky{p, string(plain.YAML())}
}

// at runs the candidate under one luck.
func (t *trials) at(c *lucky, seed luck.Seed) outcomeOf {
	plan := *c.plan
	plan.Seed = seed
	run := plan.Run(scenarios.RunOptions{})
	o := outcomeOf{faults: run.Result.Faults}
	for _, wrong := range run.Offences() {
		o.shows = o.shows || wrong == t.offence
		o.violated = o.violated || wrong.Claim == t.offence.Claim
	}
	return o
}

// ask is one question of a list: a candidate under a luck. Questions of one number are about one candidate.
type ask struct {
	number int
	*lucky
	seed luck.Seed
}

// walk answers questions in their order. Tell is told of each answer and says which candidate comes next: all
// questions of lower numbers are left out from there on, and a negative number ends the walk. It returns
// false if the budget or the time came to its end before the walk did.
func (t *trials) walk(asks []ask, tell func(ask, outcomeOf) (next int)) bool {
	next := 0
	for i := 0; i < len(asks); {
		if asks[i].number < next {
			i++
			continue
		}
		key := trial{asks[i].text, asks[i].seed}
		if !t.known[key] && t.over() {
			return false
		}
		if _, ok := t.done[key]; !ok {
			t.ahead(asks[i:], next)
		}
		if !t.known[key] {
			t.known[key] = true
			t.runs++
			if t.each != nil {
				t.each(t.runs)
			}
		}
		if next = tell(asks[i], t.done[key]); next < 0 {
			return true
		}
		i++
	}
	return true
}

// ahead runs the first questions that have no answer yet, one for each core.
func (t *trials) ahead(asks []ask, next int) {
	var batch []ask
	begun := map[trial]bool{}
	for _, a := range asks {
		key := trial{a.text, a.seed}
		if _, ok := t.done[key]; ok || begun[key] || a.number < next {
			continue
		}
		begun[key] = true
		if batch = append(batch, a); len(batch) == t.jobs {
			break
		}
	}
	answers := make([]outcomeOf, len(batch))
	var all sync.WaitGroup
	for i, a := range batch {
		all.Go(func() { answers[i] = t.at(a.lucky, a.seed) })
	}
	all.Wait()
	for i, a := range batch {
		t.done[trial{a.text, a.seed}] = answers[i]
	}
}

// over says whether there is nothing left to run with. There is always a first run.
func (t *trials) over() bool {
	if !t.ended && t.runs > 0 && (t.runs >= t.budget || t.more != nil && !t.more()) {
		t.ended = true
	}
	return t.ended
}
