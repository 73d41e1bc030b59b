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
//	go run ./cmd/mutants -table docs/track-record.md    the same, told as a page
//	go run ./cmd/mutants -guided 5 -most 150 -in squalls NAME…    how many runs it takes with and without guidance, from 5 first seeds
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// options are what the command was told.
type options struct {
	search, record, shrinks, saves bool
	table                          string
	jobs                           int
	bases, most                    int
	in                             string
}

func main() {
	var o options
	flag.BoolVar(&o.search, "search", false, "look for each bug from fresh seeds instead of replaying the recorded ones")
	flag.BoolVar(&o.record, "record", false, "search, and write the seeds that were found into the patches")
	flag.BoolVar(&o.shrinks, "shrink", false, "look for the least plan that shows each bug, and run it")
	flag.BoolVar(&o.saves, "save", false, "keep the least plan that shows each bug as a regression")
	flag.StringVar(&o.table, "table", "", "write what was found to a page")
	flag.IntVar(&o.jobs, "jobs", 0, "worlds at once; 0 is one per core")
	flag.IntVar(&o.bases, "guided", 0, "compare guided sweeps with plain ones, from this many first seeds each")
	flag.IntVar(&o.most, "most", 300, "with -guided: how many runs to look in vain")
	flag.StringVar(&o.in, "in", "", "with -guided: look in this scenario, whatever the mutants' own are")
	flag.Parse()
	if o.bases > 0 {
		tellComparison(o, flag.Args())
		return
	}
	o.search, o.shrinks = o.search || o.record, o.shrinks || o.table != ""
	trials, regressions, err := try(o, flag.Args())
	failed := 0
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
	if err == nil && o.table != "" {
		err = os.WriteFile(o.table, []byte(page(trials)), 0o644)
	}
	fmt.Printf("%d passed, %d failed\n", len(trials)+len(regressions)-failed, failed)
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

// tellComparison compares, tells of it, and ends the program if it could not.
func tellComparison(o options, names []string) {
	all, err := compare(o, names)
	if err == nil && o.table != "" {
		err = os.WriteFile(o.table, []byte(comparisonPage(all)), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
}

// try puts the mutants of those names to the test, or all, and the regressions that are to catch them.
func try(o options, names []string) (trials []*trial, regressions []*regression, err error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, nil, err
	}
	mutants, err := readMutants(root, names)
	if err != nil {
		return nil, nil, err
	}
	work, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(work)
	sound, err := build(root, work, "sound", "")
	if err != nil {
		return nil, nil, err
	}
	for _, m := range mutants {
		dir := filepath.Join(work, m.name)
		sick, err := m.build(root, dir)
		if err != nil {
			return trials, regressions, fmt.Errorf("%s: %w", m.name, err)
		}
		for i, claim := range m.claims {
			t := &trial{mutant: m, options: o, claim: claim, root: root, work: dir, sick: sick, sound: sound}
			if i < len(m.recorded) {
				t.recorded = m.recorded[i]
			}
			if err := t.run(); err != nil {
				return trials, regressions, fmt.Errorf("%s: %w", m.name, err)
			}
			fmt.Println(t)
			trials = append(trials, t)
		}
		kept, err := readRegressions(root)
		if err != nil {
			return trials, regressions, err
		}
		for _, r := range m.of(kept) {
			if err := r.run(sick, sound, dir); err != nil {
				return trials, regressions, err
			}
			fmt.Println(r)
			regressions = append(regressions, r)
		}
		if err := os.RemoveAll(dir); err != nil {
			return trials, regressions, err
		}
		if o.record {
			if err := m.record(trials[len(trials)-len(m.claims):]); err != nil {
				return trials, regressions, err
			}
		}
	}
	return trials, regressions, nil
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
		if len(names) == 0 || slices.Contains(names, m.name) {
			mutants = append(mutants, m)
		}
	}
	if len(mutants) == 0 {
		return nil, errors.New("no such mutant")
	}
	slices.SortFunc(mutants, func(a, b *mutant) int { return cmp.Compare(a.name, b.name) })
	return mutants, nil
}

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	return strings.TrimSpace(string(out)), err
}

func build(root, work, name, overlay string) (string, error) {
	binary := filepath.Join(work, name)
	args := []string{"build", "-o", binary}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(args, "./cmd/simrun")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return binary, nil
}
