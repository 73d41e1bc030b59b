package partition_test

import (
	"errors"
	"testing"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/sim/disk"
	"simrun/sim/simtest/lives"
)

// If this failed, a broker that is killed, and finds after its restart what it had not synced, would build on it and lose it all in the next
// power cut.
func TestEveryKillThenEveryCrashLeavesWhatWasPromised(t *testing.T) {
	story := func(l *ledger, fs nodes.FS) error {
		return l.script(tiny, func(p *partition.Partition) error {
			if err := l.fits(p); err != nil {
				return err
			}
			l.appended = l.appended[:p.Next()-l.start]
			l.promised, l.life = p.Next(), l.life+1
			err := l.commit(p, 3)
			if err == nil {
				err = l.truncate(p, l.next()-2)
			}
			if err == nil {
				err = l.commit(p, 1)
			}
			return errors.Join(err, p.Close())
		})(fs)
	}
	lives.EveryKill(t, killEvery, func() disk.Trial {
		l := &ledger{}
		return disk.Trial{Limit: 3, Script: func(fs nodes.FS) error { return story(l, fs) }, Recover: l.recovers(tiny)}
	})
}
