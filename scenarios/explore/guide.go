package explore

import (
	"slices"
	"time"

	"simrun/scenarios"
	"simrun/sim/luck"
)

// guide chooses the plans of a guided sweep. One turn in two at least is the seed's own plan, as it would be in any
// sweep; the others vary a plan that came to something that few runs came to.
//
// A turn is decided upon from what came of all turns up to one that lies some way back, so it does not matter in
// which order worlds end, nor how many there are at once.
//
// Invariant: corpus counts the parents that lead to something.
type guide struct {
	base    luck.Seed
	decided int               // turns before this one have a proposal, or are to be fresh
	asked   map[int]*proposal // of turns that are varied and not yet told of
	sights  map[uint32]*found
	order   [sorts][]*found // of sights, as they came
	corpus  int
	ways    [ways]yield
	sum     Guidance
}

// unguided is how many turns a sweep begins with that are fresh in any case.
const unguided = 16

// known is how many of the first turns a turn is decided upon by. What lies between may be under way, one on each
// core; so the more there are, the further it lies back.
func known(turn int) int { return turn - min(max(turn/4, 4), 64) }

// mostSights bounds what a guide remembers; what is found beyond that counts for nothing.
const mostSights = 1 << 17

// Guidance is what a guided sweep came to besides its runs.
type Guidance struct {
	Fresh  int `json:"fresh"`  // runs of a seed's own plan
	Varied int `json:"varied"` // and of variations
	Corpus int `json:"corpus"` // plans that were worth to be varied
	// Found is what all runs came to, and FoundVaried what of it a variation came to first.
	Found       Ground `json:"found"`
	FoundVaried Ground `json:"found_by_variations"`
}

// Ground is how much was covered.
type Ground struct {
	Probes int `json:"probes"` // and what claims say that it comes sometimes
	States int `json:"states"`
	Pairs  int `json:"pairs"` // of a state and a verb that was under way when it was entered
	// Strikes are pairs of a state and a verb that struck in it.
	Strikes int `json:"strikes"`
}

func (g *Ground) add(s sort) {
	switch s {
	case aProbe:
		g.Probes++
	case aState:
		g.States++
	case aPair:
		g.Pairs++
	case aStrike:
		g.Strikes++
	}
}

// found is one thing that runs came to.
type found struct {
	runs  int
	least *parent // the smallest plan that came to it and violated nothing; nil if there is none
	at    time.Duration
}

// parent is a plan that is worth to be varied: it is the least for some of what was found.
type parent struct {
	variation *scenarios.Variation
	faults    int
	leads     int // to so many
}

// yield is how well a way to choose plans did of late: in how many runs, and how much of what it found was new.
type yield struct{ runs, found int }

// proposal is how a turn is to come to its plan.
type proposal struct {
	way   way
	of    *parent
	other *parent // another one, to take from
	at    time.Duration
}

func newGuide(base luck.Seed) *guide {
	return &guide{base: base, decided: unguided, asked: map[int]*proposal{}, sights: map[uint32]*found{}}
}

// tell takes in what came of a turn. The turns come in their order.
func (g *guide) tell(turn int, e *Entry) {
	p := g.asked[turn]
	delete(g.asked, turn)
	way := fresh
	if p != nil {
		way = p.way
		g.sum.Varied++
	} else {
		g.sum.Fresh++
	}
	g.learn(way, e)
	for ; known(g.decided) <= turn+1; g.decided++ {
		if p := g.propose(g.decided); p != nil {
			g.asked[g.decided] = p
		}
	}
	g.sum.Corpus = g.corpus
}

// learn notes what the run came to, and what of it was new.
func (g *guide) learn(way way, e *Entry) {
	self := &parent{variation: e.variation(), faults: e.planned()}
	news := 0
	for _, s := range e.Reach {
		f := g.sights[s.What]
		if f == nil {
			if len(g.sights) == mostSights {
				continue
			}
			f = &found{}
			g.sights[s.What] = f
			g.order[s.sort()] = append(g.order[s.sort()], f)
			news += 10_000 / (len(g.order[s.sort()]) + 20) // the less, the more of its sort is known
			g.sum.Found.add(s.sort())
			if way != fresh {
				g.sum.FoundVaried.add(s.sort())
			}
		}
		f.runs++
		if !e.failed() && (f.least == nil || self.faults < f.least.faults) {
			g.lead(f, self, s.At)
		}
	}
	if e.Turn < unguided {
		return // everything is new
	}
	g.ways[way].runs++
	g.ways[way].found += news
	if e.Turn%unguided == 0 {
		for i := range g.ways { // of late
			g.ways[i].runs, g.ways[i].found = g.ways[i].runs*7/8, g.ways[i].found*7/8
		}
	}
}

func (g *guide) lead(f *found, p *parent, at time.Duration) {
	if f.least != nil {
		if f.least.leads--; f.least.leads == 0 {
			g.corpus--
		}
	}
	if p.leads++; p.leads == 1 {
		g.corpus++
	}
	f.least, f.at = p, at
}

// propose decides upon one turn; nil is fresh.
func (g *guide) propose(turn int) *proposal {
	all := g.base.Stream("guide")
	chance := all.Numbered(uint64(turn))
	if turn%2 == 0 {
		return nil
	}
	way := g.choose(&chance)
	if way == fresh {
		return nil
	}
	of := g.seek(&chance)
	if of == nil {
		return nil
	}
	p := &proposal{way: way, of: of.least, at: of.at}
	if other := g.seek(&chance); other != nil {
		p.other = other.least
	}
	return p
}

// choose takes a way, the more often the more it has found of late.
func (g *guide) choose(chance *luck.Stream) way {
	weigh := func(i int) int { return 20 + (g.ways[i].found+500)/(g.ways[i].runs+2) } // none is given up for good
	return way(weighted(chance, int(ways), weigh))
}

// seek looks for something that few runs came to, and that has a plan that leads there. All sorts of things are sought
// alike, or there would be nothing but pairs.
func (g *guide) seek(chance *luck.Stream) *found {
	of := g.order[aProbe]
	if known := slices.DeleteFunc(slices.Clone(g.order[:]), func(o []*found) bool { return len(o) == 0 }); len(known) > 0 {
		of = known[chance.Below(len(known))]
	}
	weigh := func(i int) int {
		if of[i].least == nil {
			return 0
		}
		return (1 << 20) / (of[i].runs * of[i].runs)
	}
	if i := weighted(chance, len(of), weigh); i >= 0 {
		return of[i]
	}
	return nil
}

// weighted draws one of n by weights that are not negative; -1 if all are zero.
func weighted(chance *luck.Stream, n int, weigh func(int) int) int {
	sum := 0
	for i := range n {
		sum += weigh(i)
	}
	if sum == 0 {
		return -1
	}
	left := chance.Below(sum)
	for i := range n {
		if left -= weigh(i); left < 0 {
			return i
		}
	}
	panic("explore: the weights have changed")
}

// variation is how the run's plan came to be.
func (e *Entry) variation() *scenarios.Variation {
	if e.Variation != nil {
		return e.Variation
	}
	seed, _ := scenarios.ParseSeed(e.Seed) // it was made of one
	return &scenarios.Variation{World: seed, Weather: seed}
}

// planned is how many faults the run's plan had, but for those that waited in vain to be armed.
func (e *Entry) planned() (n int) {
	for _, f := range e.Faults {
		n += f.Armed
	}
	return n
}
