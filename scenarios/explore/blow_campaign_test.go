//go:build campaign

package explore_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/scenarios/explore"
)

// A real one: a job server that keeps its queue in memory loses it with its electricity, or its process, and
// with nothing else of the storm.
func TestWhatLosesJobsIsOneBlow(t *testing.T) {
	sc, err := scenarios.Read("no-journal", scenarios.ReadOptions{Catalog: catalog,
		Set: []string{"claims.no-job-lost.expect=holds", "warmup.lasts=1s", "aftermath.lasts=2s", "calm.lasts=5s"}})
	require.NoError(t, err)
	var run *scenarios.Run
	for i := 0; run == nil || run.Result.Judge() != scenarios.Violated; i++ {
		require.Less(t, i, 20)
		run = scenarios.Draw(sc.Specs[0], scenarios.SeedAt(3, i)).Run(scenarios.RunOptions{})
	}
	m, err := explore.Shrink{Run: run, Catalog: catalog}.Do()
	require.NoError(t, err)
	t.Logf("%d faults to %d in %d runs", len(run.Plan.Faults), len(m.Plan.Faults), m.Runs)
	require.Len(t, m.Plan.Faults, 1)
	require.Contains(t, []scenarios.Verb{scenarios.CutPower, scenarios.Crash}, m.Plan.Faults[0].Verb)
	require.Equal(t, []explore.Need{{Fault: m.Plan.Faults[0], Held: 8, Of: 8}}, m.Needed)
	require.Less(t, m.Plan.Length(), run.Plan.Length()*2/3)
	require.LessOrEqual(t, len(m.Plan.Hosts), 4)
	require.Less(t, strings.Count(string(m.Plan.YAML()), "\n"), 40, "%s", m.Plan.YAML())
	violatesAgain(t, m, catalog)
}

// A job server without a journal needs one kind of blow, whichever the run had.
func TestTheKindsThatLoseJobs(t *testing.T) {
	sc, err := scenarios.Read("no-journal", scenarios.ReadOptions{Catalog: catalog, Set: []string{"claims.no-job-lost.expect=holds", "aftermath.lasts=2s", "calm.lasts=5s"}})
	require.NoError(t, err)
	var run *scenarios.Run
	for i := 0; run == nil || run.Result.Judge() != scenarios.Violated; i++ {
		require.Less(t, i, 40)
		run = scenarios.Draw(sc.Specs[0], scenarios.SeedAt(3, i)).Run(scenarios.RunOptions{})
	}
	least, err := explore.Kinds{Run: run}.Do()
	require.NoError(t, err)
	t.Logf("%d faults to %v in %d runs", len(run.Plan.Faults), least.Verbs, least.Runs)
	require.Len(t, least.Verbs, 1)
	require.Contains(t, []scenarios.Verb{scenarios.CutPower, scenarios.Crash}, least.Verbs[0])
}
