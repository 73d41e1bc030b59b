package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// alike is how many turns a guided sweep has in common with a plain one: until it knows what runs come to.
const alike = 16

// hunt is one search for a bug by one claim: how many seeds it took and how many seconds by the wall clock, or in how
// many seconds it was in vain.
type hunt struct {
	Seeds   int     `json:"seeds"` // 0 is never
	Seconds float64 `json:"seconds"`

	batch bool // all its seeds were judged at once, which guidance does nothing for
}

// search is the hunts of one claim from the same first seeds, without guidance and with.
type search struct {
	Plain  []hunt `json:"plain"`
	Guided []hunt `json:"guided"`
}

// quest is how a mutant is searched for.
type quest struct {
	*mutant
	watch
	limit    []string // how long a sweep is, as the command is told
	unguided bool     // guided sweeps would be refused
}

// from searches from so many first seeds, without guidance and with. What plain sweeps find while guided ones do the same is not searched
// for twice.
func (q quest) from(bases int) (map[string]*search, error) {
	found := map[string]*search{}
	for _, claim := range q.claims() {
		found[claim] = &search{}
	}
	for base := 1; base <= bases; base++ {
		plain, err := q.sweep(q.claims(), base)
		if err != nil {
			return nil, err
		}
		var open []string
		for _, claim := range q.claims() {
			s := found[claim]
			s.Plain, s.Guided = append(s.Plain, plain[claim]), append(s.Guided, plain[claim])
			if h := plain[claim]; (h.Seeds == 0 || h.Seeds > alike) && !h.batch && !q.unguided {
				open = append(open, claim)
			}
		}
		if len(open) > 0 {
			guided, err := q.sweep(open, base, "--guided")
			if err != nil {
				return nil, err
			}
			for _, claim := range open {
				found[claim].Guided[base-1] = guided[claim]
			}
		}
		if q.isLost(found, bases) {
			break
		}
	}
	return found, nil
}

// isLost says that more than half of all searches have been in vain for every claim, without guidance and with: further ones would change no
// median.
func (q quest) isLost(found map[string]*search, bases int) bool {
	vain := func(hunts []hunt) bool {
		n := 0
		for _, h := range hunts {
			if h.Seeds == 0 {
				n++
			}
		}
		return 2*n > bases
	}
	for _, claim := range q.claims() {
		if s := found[claim]; !vain(s.Plain) || !vain(s.Guided) {
			return false
		}
	}
	return true
}

func (q quest) claims() []string { return q.watch.claims }

func (q quest) sweep(claims []string, base int, guided ...string) (map[string]hunt, error) {
	begun := time.Now()
	args := slices.Concat([]string{q.scenario, "--seed", strconv.Itoa(base)}, q.limit, q.settings, guided)
	w := q.watch
	w.claims = claims
	seen, err := w.run(args...)
	hunts := map[string]hunt{}
	for _, claim := range claims {
		s, after := seen[claim], time.Since(begun)
		if s.seeds > 0 {
			after = s.after
		}
		hunts[claim] = hunt{s.seeds, after.Seconds(), s.batch}
	}
	return hunts, err
}

// middle is the median of hunts, of those in vain after all others; of an even number the greater of the two. By says what of.
func middle(hunts []hunt, by func(a, b hunt) int) hunt {
	sorted := slices.SortedFunc(slices.Values(hunts), func(a, b hunt) int {
		if (a.Seeds == 0) != (b.Seeds == 0) {
			return cmp.Compare(b.Seeds, a.Seeds) // never is later
		}
		return by(a, b)
	})
	return sorted[len(sorted)/2]
}

func bySeeds(a, b hunt) int   { return cmp.Compare(a.Seeds, b.Seeds) }
func bySeconds(a, b hunt) int { return cmp.Compare(a.Seconds, b.Seconds) }

func (h hunt) String() string {
	if h.Seeds == 0 {
		return fmt.Sprintf("never (%.1fs)", h.Seconds)
	}
	return fmt.Sprintf("%d (%.1fs)", h.Seeds, h.Seconds)
}

// count is how many seeds it took, of so many at most.
func (h hunt) count(most int) string {
	if h.Seeds == 0 {
		return fmt.Sprintf(">%d", most)
	}
	return strconv.Itoa(h.Seeds)
}
