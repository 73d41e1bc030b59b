package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/sim/luck"
)

func write(f nodes.FS, name, data string, sync bool) error {
	file, err := f.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.WriteAt([]byte(data), 0); err != nil || !sync {
		return err
	}
	return file.Sync()
}

func read(f nodes.FS, name string) (string, error) {
	file, err := f.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(io.NewSectionReader(file, 0, size))
	return string(data), err
}

// replacement is a settings file that is replaced by a new one, the careful way, or with a step left out.
type replacement struct{ noSync, noSyncDir bool }

var (
	oldSettings = strings.Repeat("old ", 200)
	newSettings = strings.Repeat("new ", 300)
)

func (r replacement) trial() Trial {
	done := false
	return Trial{
		Before: func(f nodes.FS) error { return write(f, "settings", oldSettings, true) },
		Script: func(f nodes.FS) error {
			if err := write(f, "settings.tmp", newSettings, !r.noSync); err != nil {
				return err
			}
			if err := f.Rename("settings.tmp", "settings"); err != nil {
				return err
			}
			if !r.noSyncDir {
				if err := f.SyncDir("."); err != nil {
					return err
				}
			}
			done = true
			return nil
		},
		Recover: func(f nodes.FS) error {
			switch content, err := read(f, "settings"); {
			case err != nil:
				return err
			case content == newSettings:
				return nil
			case content != oldSettings:
				return errors.New("the settings are torn")
			case done:
				return errors.New("the new settings are gone, although the replacement was done")
			}
			return nil
		},
	}
}

// If this failed, a rename that nobody made durable would pass for one that is (ALICE, OSDI 2014).
func TestAReplacementNeedsBothSyncs(t *testing.T) {
	tally, err := EveryCrash(replacement{}.trial())
	require.NoError(t, err)
	require.Zero(t, tally.Truncated)
	require.Greater(t, tally.Crashes, 20)

	_, err = EveryCrash(replacement{noSyncDir: true}.trial())
	require.ErrorContains(t, err, "after a crash after the script: the new settings are gone")
	require.ErrorContains(t, err, `settings 800 "old old`)
	_, err = EveryCrash(replacement{noSync: true}.trial())
	require.ErrorContains(t, err, "the settings are torn")
}

// toyLog is a log of records with checksums, such as a server keeps, and the ways to get it wrong.
type toyLog struct {
	ignoreError  bool // goes on after a failed sync as if it had succeeded
	retrySync    bool // tries a failed sync again, and believes it
	noEntry      bool // does not sync the directory the log is in
	noChecksums  bool // takes whatever is in the file for records
	eraseOnStart bool // rewrites the log in place when it recovers
}

const recordSize = 100

func (l toyLog) record(i int) []byte {
	r := make([]byte, recordSize)
	copy(r[8:], fmt.Sprintf("record %d %s", i, strings.Repeat("x", recordSize)))
	binary.LittleEndian.PutUint32(r, uint32(i)+1)
	binary.LittleEndian.PutUint32(r[4:], crc32.ChecksumIEEE(r[8:]))
	return r
}

func (l toyLog) append(f nodes.File, i int) error {
	if _, err := f.WriteAt(l.record(i), int64(i)*recordSize); err != nil {
		return err
	}
	err := f.Sync()
	if err != nil && l.retrySync {
		err = f.Sync()
	}
	if l.ignoreError {
		err = nil
	}
	return err
}

// recover reads the log and returns how many records it holds.
func (l toyLog) recover(f nodes.FS) (int, error) {
	data, err := read(f, "log")
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	n := 0
	for err == nil && len(data) >= (n+1)*recordSize {
		r := []byte(data[n*recordSize:])
		if !l.noChecksums && string(r[:recordSize]) != string(l.record(n)) {
			break
		}
		if l.noChecksums && r[8] == 0 {
			return n, errors.New("a record of zeros was believed")
		}
		n++
	}
	if err == nil && l.eraseOnStart {
		if err = write(f, "log", "", false); err == nil {
			err = write(f, "log", data[:n*recordSize], true)
		}
	}
	return n, err
}

func (l toyLog) trial(records int, faults func(*Disk)) Trial {
	synced := 0
	return Trial{
		Faults: faults,
		Script: func(f nodes.FS) error {
			file, err := f.OpenFile("log", os.O_RDWR|os.O_CREATE, 0o644)
			if err != nil {
				return err
			}
			if !l.noEntry && f.SyncDir(".") != nil {
				return nil
			}
			for i := range records {
				if l.append(file, i) != nil {
					return nil // a server would stop here, and promise nothing more
				}
				synced = i + 1
			}
			return nil
		},
		Recover: func(f nodes.FS) error {
			n, err := l.recover(f)
			if err == nil && n < synced {
				err = fmt.Errorf("%d records were promised, %d are there", synced, n)
			}
			return err
		},
	}
}

// If this failed, the mistakes that lose data at a power cut would be found by chance or not at all.
func TestEveryCrashFindsTheKnownMistakes(t *testing.T) {
	tally, err := EveryCrash(toyLog{}.trial(12, nil))
	require.NoError(t, err)
	require.Zero(t, tally.Truncated)
	require.Greater(t, tally.Crashes, 12*4)
	failed := int64(0)
	for seed := range 20 {
		var fault *Fault
		trial := toyLog{}.trial(12, func(d *Disk) { fault = d.FailSync(0, Times{Rate: nodes.PerMillion / 10}) })
		trial.Seed = luck.Seed(seed)
		_, err = EveryCrash(trial)
		require.NoError(t, err, "a log that stops at the first error")
		failed += fault.Effects()
	}
	require.Greater(t, failed, int64(5))

	_, err = EveryCrash(toyLog{noEntry: true}.trial(3, nil))
	require.ErrorContains(t, err, "1 records were promised, 0 are there")
	_, err = EveryCrash(toyLog{noChecksums: true}.trial(12, nil))
	require.ErrorContains(t, err, "a record of zeros was believed")
}

// If this failed, the worst habit of databases would pass: to try a failed sync again (fsyncgate).
func TestEveryCrashFindsASyncTriedAgain(t *testing.T) {
	for _, log := range []toyLog{{retrySync: true}, {ignoreError: true}} {
		trial := log.trial(3, nil)
		script := trial.Script
		var d *Disk
		trial.Faults = func(of *Disk) { d = of }
		trial.Script = func(f nodes.FS) error {
			if err := write(f, "log", "", true); err != nil {
				return err
			}
			if err := f.SyncDir("."); err != nil {
				return err
			}
			d.FailSync(0, Times{Next: 1})
			return script(f)
		}
		_, err := EveryCrash(trial)
		require.ErrorContains(t, err, "records were promised, 0 are there")
		var broken *Broken
		require.ErrorAs(t, err, &broken)
		require.NotEmpty(t, broken.Files)
	}
}

// If this failed, a broken crash would be told with files as its recovery left them, or with those of another crash.
func TestABrokenCrashTellsWhatItLeft(t *testing.T) {
	for _, limit := range []int{3, 4096} {
		var found string
		trial := toyLog{}.trial(limit, nil)
		trial.Recover = func(f nodes.FS) error {
			found = f.(view).p.disk.Dump()
			if err := write(f, "recovered", "", true); err != nil || !strings.Contains(found, "log 1") {
				return err
			}
			return errors.New("it has a record")
		}
		_, err := EveryCrash(trial)
		var broken *Broken
		require.ErrorAs(t, err, &broken)
		require.NotContains(t, broken.Files, "recovered")
		require.Equal(t, found, broken.Files)
	}
}

// If this failed, a recovery that must not be interrupted would pass.
func TestARecoveryIsInterruptedToo(t *testing.T) {
	trial := toyLog{eraseOnStart: true}.trial(2, nil)
	_, err := EveryCrash(trial)
	require.NoError(t, err, "while nobody interrupts it, it does well")

	trial = toyLog{eraseOnStart: true}.trial(2, nil)
	trial.Twice = true
	_, err = EveryCrash(trial)
	var broken *Broken
	require.ErrorAs(t, err, &broken)
	require.ErrorContains(t, err, "and again")

	trial = toyLog{}.trial(3, nil)
	trial.Twice = true
	_, err = EveryCrash(trial)
	require.NoError(t, err)
}

// If this failed, a trial that could not try everything would not say so.
func TestATrialSaysWhatItLeftOut(t *testing.T) {
	trial := Trial{
		Limit: 50,
		Script: func(f nodes.FS) error {
			return write(f, "f", strings.Repeat("x", 20*SectorSize), false)
		},
		Recover: func(f nodes.FS) error {
			_, err := f.ReadDir(".")
			return err
		},
	}
	tally, err := EveryCrash(trial)
	require.NoError(t, err)
	require.Equal(t, 2, tally.Truncated, "after the write, and at the end")
	require.LessOrEqual(t, tally.Crashes, 50*tally.Moments)
	require.Contains(t, tally.String(), "2 of them not tried in full")

	all, none := false, false
	trial.Recover = func(f nodes.FS) error {
		content, err := read(f, "f")
		all = all || content == strings.Repeat("x", 20*SectorSize)
		none = none || errors.Is(err, os.ErrNotExist)
		return nil
	}
	_, err = EveryCrash(trial)
	require.NoError(t, err)
	require.True(t, all && none, "the ends of the range are always tried")

	failed := errors.New("no luck")
	_, err = EveryCrash(Trial{Before: func(nodes.FS) error { return failed }})
	require.ErrorIs(t, err, failed)
	_, err = EveryCrash(Trial{Script: func(nodes.FS) error { return failed }})
	require.ErrorIs(t, err, failed)
}
