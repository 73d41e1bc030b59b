package partition_test

import (
	"errors"
	"io/fs"
	"testing"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/sim/disk"
)

// killed is a disk as a process sees it that is killed at its so-many-th call.
type killed struct {
	nodes.FS
	calls *int
}

type killedFile struct {
	nodes.File
	calls *int
}

var errKilled = errors.New("killed")

func (k killed) die() bool {
	*k.calls--
	return *k.calls < 0
}

func (k killed) OpenFile(name string, flag int, perm fs.FileMode) (nodes.File, error) {
	if k.die() {
		return nil, errKilled
	}
	f, err := k.FS.OpenFile(name, flag, perm)
	return killedFile{f, k.calls}, err
}

func (k killed) Rename(from, to string) error {
	if k.die() {
		return errKilled
	}
	return k.FS.Rename(from, to)
}

func (k killed) Remove(name string) error {
	if k.die() {
		return errKilled
	}
	return k.FS.Remove(name)
}

func (k killed) SyncDir(name string) error {
	if k.die() {
		return errKilled
	}
	return k.FS.SyncDir(name)
}

func (f killedFile) WriteAt(b []byte, at int64) (int, error) {
	if (killed{calls: f.calls}).die() {
		return 0, errKilled
	}
	return f.File.WriteAt(b, at)
}

func (f killedFile) Truncate(size int64) error {
	if (killed{calls: f.calls}).die() {
		return errKilled
	}
	return f.File.Truncate(size)
}

func (f killedFile) Sync() error {
	if (killed{calls: f.calls}).die() {
		return errKilled
	}
	return f.File.Sync()
}

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
	for calls := 0; ; calls += killEvery {
		l, left := &ledger{}, calls
		everyCrash(t, disk.Trial{
			Limit: 3,
			Script: func(fs nodes.FS) error {
				left = calls
				err := story(l, killed{fs, &left})
				if err != nil && !errors.Is(err, errKilled) {
					return err
				}
				return story(l, fs)
			},
			Recover: l.recovers(tiny),
		})
		if left > 0 {
			return
		}
	}
}
