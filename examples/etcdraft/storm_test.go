package main

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/scenarios/explore"
	"simrun/sim/simtest"
)

// indexReads has a leader ask a majority before it answers a read; with leases see TestLeasesOutliveTheirLeader.
const indexReads = "nodes.kv.with.reads=index"

// If this failed, a group that the library keeps would not outlive what ours does.
func TestTheLibraryOutlivesTheStorm(t *testing.T) {
	simtest.Scenario(t, catalog, "raft-storm", simtest.Options{Seeds: 2, Set: []string{indexReads}})
}

// The library's leases last longer than those who granted them wait before they elect another: see docs/etcd-raft.md. If this
// failed, it would have been mended there, or the storm would not see it any more.
func TestLeasesOutliveTheirLeader(t *testing.T) {
	s, err := scenarios.Read("raft-storm", scenarios.ReadOptions{Catalog: catalog, Set: []string{"nodes.kv.with.reads=lease"}})
	require.NoError(t, err)
	batch, err := explore.Seeds(s, 0x7d3de59f9fc3f668, 1)
	require.NoError(t, err)
	require.Equal(t, scenarios.Violated, batch.Verdict)
	require.Equal(t, []string{"linearizable"}, batch.Failures[0].Claims)
}

// hashes are those of seeds of a storm that is soon over, with so many worlds at once.
func hashes(t *testing.T, seeds, jobs int) (all []string) {
	t.Helper()
	s, err := scenarios.Read("raft-storm", scenarios.ReadOptions{Catalog: catalog, Set: []string{"storm.lasts=3s", "aftermath.lasts=2s", "split.lasts=2s"}})
	require.NoError(t, err)
	_, err = explore.Sweep{Scenario: s.Name, Base: 1, Count: seeds, Jobs: jobs, KeepGoing: true,
		Run: func(turn explore.Turn) (*scenarios.Result, error) {
			return scenarios.Draw(s.Specs[0], turn.Seed).Run(scenarios.RunOptions{}).Result, nil
		},
		Each: func(_ *explore.Batch, e *explore.Entry) { all = append(all, e.Hash) },
	}.Do()
	require.NoError(t, err)
	return all
}

// If this failed, something in the library would hang on the process: on a map's order, on who else draws from crypto/rand, on
// how many worlds there are.
func TestOneSeedIsOneRun(t *testing.T) {
	oneSeedIsOneRun(t, 2)
}

// oneSeedIsOneRun has seeds run side by side, and one after the other on one core.
func oneSeedIsOneRun(t *testing.T, seeds int) {
	together := hashes(t, seeds, 4)
	require.Len(t, together, seeds)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	require.Equal(t, hashes(t, seeds, 1), together)
}
