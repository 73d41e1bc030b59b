package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
)

// sweep runs seeds of the scenario, as `ticket rush-hour.yaml --seeds N` does.
func sweep(t *testing.T, seeds int, set ...string) *scenarios.Batch {
	scenario, err := scenarios.Read("rush-hour.yaml", scenarios.ReadOptions{Catalog: catalog, Set: set})
	require.NoError(t, err)
	batch, err := scenario.Sweep(1, seeds)
	require.NoError(t, err)
	return batch
}

// An office that makes each number durable before it hands it out keeps its promise under any power cut.
func TestNoNumberTwice(t *testing.T) {
	require.Equal(t, scenarios.Holds, sweep(t, 30).Verdict)
}

// One that does not is caught. If this failed, the test above would prove nothing.
func TestAnOfficeThatDoesNotSyncIsCaught(t *testing.T) {
	batch := sweep(t, 30, "nodes.office.with.sync=false")
	require.Equal(t, scenarios.Violated, batch.Verdict)
	require.Equal(t, []string{"no-number-twice"}, batch.Failures[0].Claims)
}
