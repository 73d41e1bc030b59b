package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"simrun/reports"
	"simrun/scenarios"
	"simrun/scenarios/explore"
)

// calm is what sweeps of the code as it is came to, for one scenario: no bug is planted, so whatever they report is a false alarm, or a bug
// that nobody planted.
type calm struct {
	scenario  string
	seeds     int
	undecided int
	alarmed   int      // runs with something wrong
	alarms    []string // the first of them, and what was wrong with each; and claims about all seeds at once
	seconds   float64  // simulated
	commits   []string // that were run; builds which do not know theirs say none
}

// notSaid is the commit of a build that does not know its own.
const notSaid = "not said"

// readSweeps reads the sweeps below a folder, by scenario. One that was run with settings of its own is of another
// scenario, and is left out; of two of the same seeds the longer counts.
func readSweeps(dir string) ([]*calm, error) {
	if dir == "" {
		return nil, nil
	}
	batches := map[string]*explore.Batch{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != reports.BatchFile {
			return err
		}
		b, err := readBatch(path)
		if err != nil || b == nil {
			return err
		}
		key := strings.Join([]string{b.Scenario, b.Base, b.Shard, b.Commit, fmt.Sprint(b.Guidance != nil)}, " ")
		if other := batches[key]; other == nil || other.Seeds < b.Seeds {
			batches[key] = b
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(batches) == 0 {
		return nil, fmt.Errorf("no sweep has ended below %s", dir)
	}
	byScenario := map[string]*calm{}
	for _, b := range batches {
		c := byScenario[b.Scenario]
		if c == nil {
			c = &calm{scenario: b.Scenario}
			byScenario[b.Scenario] = c
		}
		c.add(b)
	}
	var all []*calm
	for _, c := range byScenario {
		slices.Sort(c.alarms)
		slices.Sort(c.commits)
		c.commits = slices.Compact(c.commits)
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *calm) int { return cmp.Compare(a.scenario, b.scenario) })
	return all, nil
}

// readBatch reads what a sweep of a built-in scenario as it is came to; nil for any other.
func readBatch(path string) (*explore.Batch, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	b := &explore.Batch{}
	if err := json.Unmarshal(text, b); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var terms reports.Terms
	text, err = os.ReadFile(filepath.Join(filepath.Dir(path), reports.TermsFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil // put together of others, which are there too
	case err != nil:
		return nil, err
	}
	if err := json.Unmarshal(text, &terms); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(terms.Set) > 0 || !slices.Contains(scenarios.Names(), b.Scenario) {
		return nil, nil
	}
	return b, nil
}

func (c *calm) add(b *explore.Batch) {
	c.seeds += b.Seeds
	c.seconds += b.SimulatedSeconds
	c.undecided += b.Verdicts[scenarios.Unknown]
	for verdict, runs := range b.Verdicts {
		if verdict != scenarios.Holds && verdict != scenarios.Unknown {
			c.alarmed += runs
		}
	}
	for _, claim := range b.Claims {
		if claim.Overall && claim.Verdict == scenarios.Violated && claim.Expect != scenarios.Violated {
			c.alarmed++
			c.alarms = append(c.alarms, fmt.Sprintf("%s from %s: %s", c.scenario, b.Base, claim.Claim))
		}
	}
	c.commits = append(c.commits, cmp.Or(b.Commit, notSaid))
	for _, f := range b.Failures {
		if f.Verdict != scenarios.Unknown {
			c.alarms = append(c.alarms, fmt.Sprintf("%s@%s: %s", c.scenario, f.Seed, strings.Join(append(slices.Clone(f.Claims), f.Findings...), ", ")))
		}
	}
}
