package explore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/scenarios/explore"
)

// If this failed, failures of one bug would stand in several rows, by whatever else the weather brought.
func TestTheKindsOfFaultThatMatterAreFound(t *testing.T) {
	run := lampRun(t, lampScenario)
	want := []scenarios.Verb{scenarios.Crash, scenarios.StepClock}
	var runs [2]int
	for i, jobs := range []int{1, 3} {
		least, err := explore.Kinds{Run: run, Jobs: jobs}.Do()
		require.NoError(t, err)
		require.Equal(t, want, least.Verbs)
		require.Equal(t, scenarios.Offence{Claim: "all-lit", Anomaly: "lamp-out", Shape: "burn"}, least.Offence)
		require.True(t, least.Least)
		runs[i] = least.Runs
	}
	require.Equal(t, runs[0], runs[1], "whatever the number of cores")

	guessed, err := explore.Kinds{Run: run, Guesses: [][]scenarios.Verb{{scenarios.Jam}, {scenarios.Pause}, want}}.Do()
	require.NoError(t, err)
	require.Equal(t, want, guessed.Verbs)
	require.Less(t, guessed.Runs, runs[0], "a guess that is right saves runs")

	short, err := explore.Kinds{Run: run, Budget: 5}.Do()
	require.NoError(t, err)
	require.Equal(t, 5, short.Runs)
	require.False(t, short.Least)
	require.Subset(t, short.Verbs, want, "what was not tried is not left out")
}

// If this failed, the weather would be blamed for what is wrong on a calm day.
func TestWhatNeedsNoFaultHasNoKinds(t *testing.T) {
	sc, err := scenarios.ReadText("lamps.yaml", []byte(lampScenario), scenarios.ReadOptions{Catalog: neverLit})
	require.NoError(t, err)
	least, err := explore.Kinds{Run: scenarios.Draw(sc.Specs[0], 7).Run(scenarios.RunOptions{})}.Do()
	require.NoError(t, err)
	require.Empty(t, least.Verbs)
	require.True(t, least.Least)
	require.Equal(t, 1, least.Runs)
	_, err = explore.Kinds{Run: lampRun(t, dark.Replace(lampScenario))}.Do()
	require.ErrorContains(t, err, "nothing is violated")
}
