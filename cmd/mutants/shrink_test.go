//go:build campaign

package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A bug that is planted in the source is found by its seed among dozens of faults, shrunk to the few that matter, shown again by
// what is left, and caught by its regression. If this failed, somebody would be left alone with the storm.
func TestAPlantedBugComesDownToItsReason(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	const name = "second-client-unheard"
	mutants, err := readMutants(root, []string{name})
	require.NoError(t, err)
	n, err := newNursery(root)
	require.NoError(t, err)
	defer n.clear()
	sick, err := n.plant(mutants[0])
	require.NoError(t, err)
	bug := newTrial(mutants[0], 0, options{shrinks: true, shrinkFor: time.Minute}, n, sick)
	require.NoError(t, bug.run())
	t.Log(bug)
	require.True(t, bug.ok(), bug.String())
	require.Greater(t, bug.least.From, 20)
	require.LessOrEqual(t, len(bug.least.Faults), 3)

	kept, err := readRegressions(root)
	require.NoError(t, err)
	kept = mutants[0].of(kept)
	require.Len(t, kept, 1)
	require.NoError(t, kept[0].run(sick, n.sound(mutants[0]), n.of(mutants[0])))
	require.True(t, kept[0].ok(), kept[0].String())
}
