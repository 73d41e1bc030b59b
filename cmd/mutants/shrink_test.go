package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A bug that is planted in the source is found by its seed among dozens of faults, shrunk to the few that matter, shown again by
// what is left, and caught by its regression. If this failed, somebody would be left alone with the storm.
func TestAPlantedBugComesDownToItsReason(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the command twice")
	}
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	const name = "second-client-unheard"
	mutants, err := readMutants(root, []string{name})
	require.NoError(t, err)
	work := t.TempDir()
	sound, err := build(root, work, "sound", "")
	require.NoError(t, err)
	sick, err := mutants[0].build(root, filepath.Join(work, name))
	require.NoError(t, err)
	bug := &trial{mutant: mutants[0], options: options{shrinks: true}, claim: mutants[0].claims[0], recorded: mutants[0].recorded[0],
		root: root, work: work, sick: sick, sound: sound}
	require.NoError(t, bug.run())
	t.Log(bug)
	require.True(t, bug.ok(), bug.String())
	require.Greater(t, bug.least.from, 20)
	require.LessOrEqual(t, len(bug.least.faults), 3)

	kept, err := readRegressions(root)
	require.NoError(t, err)
	kept = mutants[0].of(kept)
	require.Len(t, kept, 1)
	require.NoError(t, kept[0].run(sick, sound, work))
	require.True(t, kept[0].ok(), kept[0].String())
}
