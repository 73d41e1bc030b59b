package stable_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/sim/disk"
	"simrun/sim/simtest/lives"
)

// If this failed, a voter whose last record rots would come back as who it was, without the vote that it gave or the entries that
// it said it has, and might give another.
func TestABitThatRotsAfterACrashIsToldOrLosesNothing(t *testing.T) {
	a := &account{}
	told := lives.EveryRot[*journal.Corruption](t, disk.Trial{
		Limit:   32,
		Script:  func(fs nodes.FS) error { return lives.On(fs, a.script) },
		Recover: a.recovers,
	}, "raft", rotEvery)
	require.Greater(t, told, 190_000/rotEvery)
}
