package simtest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"simrun/reports"
	"simrun/scenarios"
	"simrun/scenarios/explore"
	"simrun/sim/luck"
)

// Options say which runs of a scenario make up a test. The zero value is 20 seeds from 1 on.
type Options struct {
	// Seeds is how many; 0 means 20, the least of which it counts that something never came. A file with
	// `seed:` is a plan, and has one.
	Seeds int
	// Base is the first seed, from which the others follow; 0 means 1.
	Base luck.Seed
	// Set are changes, each PATH=VALUE: nodes.office.with.sync=false.
	Set []string
}

// Scenario runs the seeds of a scenario, a built-in one by its name or a file by its path, as subtests; where it
// has a matrix, each value within. One that is not as the claims expect fails with the story of what happened,
// and is run again first, so that a run that is not the same twice is told of as such. What only many runs can
// show (a `sometimes`, an `expect: violated`, claims about the whole batch) is judged at the end, if all were run.
func Scenario(t *testing.T, catalog scenarios.Catalog, name string, o Options) {
	t.Helper()
	sc, err := scenarios.Read(name, scenarios.ReadOptions{Catalog: catalog, Set: o.Set})
	if err != nil {
		t.Fatalf("%s:\n%v", name, err)
	}
	count, base := o.Seeds, o.Base
	if spec := sc.Specs[0]; spec.Seeded && count == 0 && base == 0 {
		count, base = 1, spec.Seed
	}
	list := seeds(t, base, count)
	results := map[explore.Turn]*scenarios.Result{}
	var claims []scenarios.Claim
	begun := each(t, list, func(t *testing.T, seed luck.Seed) {
		for value, spec := range sc.Specs {
			judge := func(t *testing.T) {
				plan := scenarios.Draw(spec, seed)
				claims = plan.Claims
				results[explore.Turn{Seed: seed, Value: value}] = run(t, plan)
			}
			if len(sc.Specs) == 1 {
				judge(t)
			} else {
				t.Run(spec.Value, judge)
			}
		}
	})
	if begun < len(list) || len(results) < len(list)*len(sc.Specs) || t.Failed() {
		return
	}
	conclude(t, list, sc, claims, results)
}

// run runs a plan and fails the test where it is not as expected.
func run(t *testing.T, plan *scenarios.Plan) *scenarios.Result {
	t.Helper()
	run := plan.Run(scenarios.RunOptions{Record: recording()})
	if run.Result.Alarming() {
		run = run.Verify()
	}
	verdict := run.Result.Judge()
	if verdict == scenarios.Holds {
		return run.Result
	}
	var story strings.Builder
	if err := reports.NewTerminal(&story, "").Violation(run.Result, reports.Kept{}); err != nil {
		t.Error(err)
	}
	t.Errorf("%s is %s\n\n%s%s%s\n%s", plan.Scenario, verdict, story.String(), events(run.Lines), again(t), keep(t, plan))
	return run.Result
}

// keep writes down the timetable of a run that failed, which is itself a scenario, and says where it is.
func keep(t *testing.T, plan *scenarios.Plan) string {
	t.Helper()
	const timetable = "its timetable:   "
	if kept := flag.Lookup("test.artifacts"); kept == nil || kept.Value.String() != "true" {
		return timetable + "add -artifacts"
	}
	path := filepath.Join(t.ArtifactDir(), "plan.yaml")
	if err := os.WriteFile(path, plan.YAML(), 0o600); err != nil {
		t.Error(err)
	}
	return timetable + path
}

// conclude judges all runs together.
func conclude(t *testing.T, list []luck.Seed, sc *scenarios.Scenario, claims []scenarios.Claim, results map[explore.Turn]*scenarios.Result) {
	t.Helper()
	var verbs []scenarios.Verb
	for _, spec := range sc.Specs {
		verbs = append(verbs, spec.Verbs()...)
	}
	batch, err := explore.Sweep{Scenario: sc.Name, Base: list[0], Count: len(list), Values: len(sc.Specs), Claims: claims, Verbs: verbs, Jobs: 1, KeepGoing: true,
		Run: func(turn explore.Turn) (*scenarios.Result, error) {
			return results[explore.Turn{Seed: list[turn.Index], Value: turn.Value}], nil
		}}.Do()
	if err != nil {
		t.Fatal(err)
	}
	if len(batch.WithoutEffect) > 0 && batch.Seeds >= scenarios.Smallest {
		t.Logf("%s: faults that never had an effect in %d seeds: %s", batch.Scenario, batch.Seeds, strings.Join(batch.WithoutEffect, ", "))
	}
	if batch.Verdict == scenarios.Holds {
		return
	}
	var story strings.Builder
	if err := reports.NewTerminal(&story, "").Batch(batch, "", func(explore.Failure) string { return "" }); err != nil {
		t.Error(err)
	}
	t.Errorf("%s is %s: each run holds, but not all of them together\n\n%s", batch.Scenario, batch.Verdict, story.String())
}
