package simtest

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"simrun/reports"
	"simrun/scenarios"
	"simrun/sim/luck"
)

// Check lets rapid draw what a scenario leaves open: change draws settings as Options.Set has them, for the
// plan and for the workload, and rapid draws the seed besides. Of a run that does not hold rapid looks for the
// least that still fails; its story, rapid's failfile and the plan, which is itself a scenario, are printed.
// How many runs there are is rapid's to say: -rapid.checks.
func Check(t *testing.T, catalog scenarios.Catalog, name string, change func(t *rapid.T) []string) {
	t.Helper()
	var failed *scenarios.Plan
	t.Cleanup(func() {
		if t.Failed() && failed != nil {
			t.Logf("%s\nits plan:\n\n%s", keep(t, failed), failed.YAML())
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		set := change(r)
		seed := luck.Seed(rapid.Uint64().Draw(r, "seed"))
		sc, err := scenarios.Read(name, scenarios.ReadOptions{Catalog: catalog, Set: set})
		if err != nil {
			r.Fatalf("%s with %s:\n%v", name, strings.Join(set, " "), err)
		}
		for _, spec := range sc.Specs {
			plan := scenarios.Draw(spec, seed)
			run := plan.Run(scenarios.RunOptions{Record: recording()})
			verdict := run.Result.Judge()
			if verdict == scenarios.Holds {
				continue
			}
			failed = plan
			var story strings.Builder
			if err := reports.NewTerminal(&story, "").Violation(run.Result, reports.Kept{}); err != nil {
				r.Error(err)
			}
			r.Fatalf("%s is %s\n\n%s%s", plan.Scenario, verdict, story.String(), events(run.Lines))
		}
	})
}
