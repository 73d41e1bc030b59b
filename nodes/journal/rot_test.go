package journal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/sim/disk"
	"simrun/sim/simtest/lives"
)

// If this failed, a bit that rots in the last record before a crash would be taken for what a crash leaves of a record that nobody
// was promised, and the record be cut off in silence.
func TestABitThatRotsAfterACrashIsToldOrLosesNothing(t *testing.T) {
	for _, options := range []journal.Options{tiny, {SegmentBytes: 3000, GrowBytes: 1, BatchBytes: 700}} {
		l := &ledger{}
		told := lives.EveryRot[*journal.Corruption](t, disk.Trial{
			Limit: 24,
			Script: func(fs nodes.FS) error {
				return lives.On(fs, func(env nodes.Env) error {
					j, _, err := open(env, options)
					for i := 0; err == nil && i < 7; i++ {
						if err = l.commit(j, 1+i%4); err == nil && i == 3 {
							err = l.compact(j)
						}
					}
					return err // and no Close, which would prove the last record
				})
			},
			Recover: l.recovers(options),
		}, "data/journal", rotEvery)
		require.Greater(t, told, 60_000/rotEvery)
	}
}
