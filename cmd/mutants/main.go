// Command mutants plants known bugs in the project's own source, one at a time, and shows that the
// shipped scenarios find each: the mutant is caught by the claims that must see it, the mutant without the
// faults that expose it is not, and neither is the code as it is. A regression that names the bug is violated by it too.
//
//	go run ./cmd/mutants            every mutant, by its recorded seeds, or further ones if these are stale
//	go run ./cmd/mutants -search    every mutant, from fresh seeds, counting how many it takes
//	go run ./cmd/mutants -record    the same, and the seeds that caught it are written into its header
//	go run ./cmd/mutants NAME…      those only
//	go run ./cmd/mutants -shrink    and look for the least plan that shows each, and run that
//	go run ./cmd/mutants -save NAME…    and keep the least plan under scenarios/regressions
//	go run ./cmd/mutants -page docs/track-record.md -sweeps DIR    how long each takes to be found, told as a page: see campaign
//	go run ./cmd/mutants -guided 5 -most 150 -in squalls NAME…    how many runs it takes with and without guidance, from 5 first seeds
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// options are what the command was told.
type options struct {
	search, records, shrinks, saves bool
	jobs                            int
	shrinkFor                       time.Duration

	page, sweeps, cache string
	bases               int
	budget, lasts       time.Duration

	guided, most int
	in           string
}

func main() {
	var o options
	flag.BoolVar(&o.search, "search", false, "look for each bug from fresh seeds instead of replaying the recorded ones")
	flag.BoolVar(&o.records, "record", false, "search, and write the seeds that were found into the patches; with -page: where the recorded ones are stale")
	flag.BoolVar(&o.shrinks, "shrink", false, "look for the least plan that shows each bug, and run it")
	flag.BoolVar(&o.saves, "save", false, "keep the least plan that shows each bug as a regression")
	flag.DurationVar(&o.shrinkFor, "shrink-for", 2*time.Minute, "look no longer than this for one least plan")
	flag.IntVar(&o.jobs, "jobs", 0, "worlds at once; 0 is one per core")
	flag.StringVar(&o.page, "page", "", "find out how long each bug takes to be found, and write all that is known of it to a `FILE`")
	flag.StringVar(&o.sweeps, "sweeps", "", "with -page: tell of the sweeps of the code as it is that are kept below this `DIR`")
	flag.StringVar(&o.cache, "cache", filepath.Join("runs", "track-record"), "with -page: keep what is known of each mutant in this `DIR`")
	flag.IntVar(&o.bases, "bases", 3, "with -page: search from this many first seeds")
	flag.DurationVar(&o.budget, "budget", time.Minute, "with -page: search no longer than this from one of them")
	flag.DurationVar(&o.lasts, "for", 0, "with -page: begin with no further mutant after this time; the same command goes on")
	flag.IntVar(&o.guided, "guided", 0, "compare guided sweeps with plain ones, from this many first seeds each")
	flag.IntVar(&o.most, "most", 300, "with -guided: how many runs to look in vain")
	flag.StringVar(&o.in, "in", "", "with -guided: look in this scenario, whatever the mutants' own are")
	flag.Parse()
	failed, err := do(o, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

// do does what the options ask for, and says how many mutants and regressions are not as they should be.
func do(o options, names []string) (failed int, err error) {
	switch {
	case o.guided > 0:
		_, err = compare(o, names)
		return 0, err
	case o.page != "":
		return tell(o, names)
	}
	o.search = o.search || o.records
	trials, regressions, err := try(o, names)
	for _, t := range trials {
		if !t.ok() {
			failed++
		}
	}
	for _, r := range regressions {
		if !r.ok() {
			failed++
		}
	}
	fmt.Printf("%d passed, %d failed\n", len(trials)+len(regressions)-failed, failed)
	return failed, err
}

// tell finds out what is not known yet, and writes the page once all is.
func tell(o options, names []string) (failed int, err error) {
	root, err := moduleRoot()
	if err != nil {
		return 0, err
	}
	sweeps, err := readSweeps(o.sweeps)
	if err != nil {
		return 0, err
	}
	n, err := newNursery(root)
	if err != nil {
		return 0, err
	}
	defer n.clear()
	c, err := newCampaign(o, n)
	if err != nil {
		return 0, err
	}
	if err := c.run(names); err != nil {
		return 0, err
	}
	if left := c.missing(); len(left) > 0 {
		return 0, fmt.Errorf("no page yet: nothing is known of %s; %w", strings.Join(left, ", "), errNotAll)
	}
	for _, e := range c.entries {
		for _, f := range e.Findings {
			if f.Verdict != caught {
				failed++
				fmt.Printf("%-30s %-17s %-20s %s\n", e.name, e.scenario, f.Claim, f.Verdict)
			}
		}
	}
	return failed, writeWhole(o.page, []byte(page(c, sweeps)))
}

// try puts the mutants of those names to the test, or all, and the regressions that are to catch them. Recorded seeds are replayed two
// mutants at a time; a search has all cores to itself.
func try(o options, names []string) (trials []*trial, regressions []*regression, err error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, nil, err
	}
	mutants, err := readMutants(root, names)
	if err != nil {
		return nil, nil, err
	}
	kept, err := readRegressions(root)
	if err != nil {
		return nil, nil, err
	}
	n, err := newNursery(root)
	if err != nil {
		return nil, nil, err
	}
	defer n.clear()
	atOnce := 1
	if !o.search && !o.shrinks && !o.saves {
		atOnce, o.jobs = 2, cmp.Or(o.jobs, 1)
	}
	var mu sync.Mutex
	err = sideBySide(len(mutants), atOnce, func(i int) error {
		tried, caught, err := n.try(mutants[i], kept, o)
		mu.Lock()
		defer mu.Unlock()
		trials, regressions = append(trials, tried...), append(regressions, caught...)
		for _, t := range tried {
			fmt.Println(t)
		}
		for _, r := range caught {
			fmt.Println(r)
		}
		return err
	})
	return trials, regressions, err
}

// try puts one mutant to the test, and the regressions that are to catch it.
func (n *nursery) try(m *mutant, kept []*regression, o options) (trials []*trial, regressions []*regression, err error) {
	sick, err := n.plant(m)
	if err != nil {
		return nil, nil, err
	}
	for i := range m.claims {
		t := newTrial(m, i, o, n, sick)
		if err := t.run(); err != nil {
			return trials, regressions, fmt.Errorf("%s: %w", m.name, err)
		}
		trials = append(trials, t)
	}
	for _, r := range m.of(kept) {
		if err := r.run(sick, n.sound(m), n.of(m)); err != nil {
			return trials, regressions, err
		}
		regressions = append(regressions, r)
	}
	if o.records {
		if err := m.record(trials); err != nil {
			return trials, regressions, err
		}
	}
	return trials, regressions, os.RemoveAll(n.of(m))
}

// readMutants reads the patches of those names, or all, in the order of their names.
func readMutants(root string, names []string) (mutants []*mutant, err error) {
	var paths []string
	for _, pattern := range []string{"*/testdata/mutants/*.patch", "*/*/testdata/mutants/*.patch", "*/*/*/testdata/mutants/*.patch"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}
	for _, path := range paths {
		m, err := readMutant(path)
		if err != nil {
			return nil, err
		}
		if len(names) == 0 || m.among(names) {
			mutants = append(mutants, m)
		}
	}
	if len(mutants) == 0 {
		return nil, errors.New("no such mutant")
	}
	slices.SortFunc(mutants, func(a, b *mutant) int { return cmp.Compare(a.name, b.name) })
	return mutants, nil
}
