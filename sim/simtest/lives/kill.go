package lives

import (
	"errors"
	"io/fs"
	"testing"

	"simrun/nodes"
	"simrun/sim/disk"
)

// ErrKilled is what a call returns whose process has been killed.
var ErrKilled = errors.New("killed")

// Killed is a disk as a process sees it that is killed after so many calls that change something.
func Killed(fs nodes.FS, calls *int) nodes.FS { return killed{fs, life{calls}} }

// EveryKill tries lives that end by a kill: of trials that are alike, each Script is killed some calls later than the one before,
// lives once more, and may then be crashed at any moment of both lives.
func EveryKill(t *testing.T, every int, begin func() disk.Trial) {
	t.Helper()
	for calls := 0; ; calls += every {
		trial := begin()
		script, left := trial.Script, calls
		trial.Script = func(fs nodes.FS) error {
			if err := script(Killed(fs, &left)); err != nil && !errors.Is(err, ErrKilled) {
				return err
			}
			return script(fs)
		}
		EveryCrash(t, trial)
		if left > 0 {
			return
		}
	}
}

// life is how many calls a process has left.
type life struct{ calls *int }

// call does something, if the process is still there.
func (l life) call(f func() error) error {
	*l.calls--
	if *l.calls < 0 {
		return ErrKilled
	}
	return f()
}

type killed struct {
	nodes.FS
	life life
}

func (k killed) OpenFile(name string, flag int, perm fs.FileMode) (f nodes.File, err error) {
	err = k.life.call(func() error {
		opened, err := k.FS.OpenFile(name, flag, perm)
		f = killedFile{opened, k.life}
		return err
	})
	return f, err
}

func (k killed) Rename(from, to string) error {
	return k.life.call(func() error { return k.FS.Rename(from, to) })
}

func (k killed) Remove(name string) error {
	return k.life.call(func() error { return k.FS.Remove(name) })
}

func (k killed) SyncDir(name string) error {
	return k.life.call(func() error { return k.FS.SyncDir(name) })
}

type killedFile struct {
	nodes.File
	life life
}

func (f killedFile) WriteAt(b []byte, at int64) (n int, err error) {
	err = f.life.call(func() error {
		n, err = f.File.WriteAt(b, at)
		return err
	})
	return n, err
}

func (f killedFile) Truncate(size int64) error {
	return f.life.call(func() error { return f.File.Truncate(size) })
}

func (f killedFile) Sync() error { return f.life.call(f.File.Sync) }
