package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/sim/disk"
	"simrun/sim/luck"
	"simrun/sim/simtest/lives"
)

// tiny makes every commit meet an edge: of a segment, of the file's size, of a batch.
var tiny = journal.Options{SegmentBytes: 1400, GrowBytes: 1024, BatchBytes: 200}

// ledger is what a script was promised. Records are numbered in the order in which they were
// appended; each carries the life that appended it, so that none can be taken for another's.
type ledger struct {
	appended []string // in order, without the refused
	promised int      // how many of those are durable, whatever happens
	life     int
}

// entry is the next record: as long as its number makes it.
func (l *ledger) entry() string {
	n := len(l.appended)
	return fmt.Sprintf("%d/%d/%s", n, l.life, strings.Repeat("x", n*37%150))
}

// commit appends so many records and commits them together.
func (l *ledger) commit(j *journal.Journal, records int) error {
	before := len(l.appended)
	var last journal.Position
	for range records {
		entry := l.entry()
		at, err := j.Append([]byte(entry))
		if err != nil {
			return err
		}
		l.appended = append(l.appended, entry)
		last = at
	}
	err := j.Commit(last)
	switch {
	case err == nil:
		l.promised = len(l.appended)
	case errors.Is(err, syscall.ENOSPC):
		l.appended = l.appended[:before]
	}
	return err
}

// compact writes all records in one record of a snapshot.
func (l *ledger) compact(j *journal.Journal) error {
	all := []byte(strings.Join(l.appended, " "))
	return j.Compact(func(yield func([]byte) bool) { yield(all) })
}

// open recovers a journal and what it holds.
func open(env nodes.Env, options journal.Options) (j *journal.Journal, held []string, err error) {
	j, err = journal.Open(env, "data/journal", options, func(r journal.Record) error {
		if r.Snapshot {
			held = strings.Fields(string(r.Payload))
			return nil
		}
		held = append(held, string(r.Payload))
		return nil
	})
	return j, held, err
}

// recovers is the promise: everything that was promised is there, then at most what was appended
// besides, in order, and nothing else; and what is committed from then on is there at the next
// opening.
func (l *ledger) recovers(options journal.Options) func(nodes.FS) error {
	return func(fs nodes.FS) error {
		return lives.On(fs, func(env nodes.Env) error {
			j, held, err := open(env, options)
			if err != nil {
				return err
			}
			ours := held
			if at := slices.IndexFunc(held, func(s string) bool { return strings.Contains(s, "/99/") }); at >= 0 {
				ours = held[:at] // the rest is of a recovery that was interrupted
			}
			if len(ours) < l.promised {
				return fmt.Errorf("%d records were promised, %d are there", l.promised, len(ours))
			}
			if len(ours) > len(l.appended) || !slices.Equal(ours, l.appended[:len(ours)]) {
				return fmt.Errorf("what is there was never appended so:\n%q", ours)
			}
			next := &ledger{appended: held, life: 99}
			if err := next.commit(j, 1); err != nil {
				return err
			}
			if err := j.Close(); err != nil {
				return err
			}
			j, again, err := open(env, options)
			if err != nil {
				return err
			}
			if !slices.Equal(again, next.appended) {
				return fmt.Errorf("after another commit there is\n%q", again)
			}
			return j.Close()
		})
	}
}

// If this failed, a power cut at some moment would take acknowledged records, or bring back what
// never was.
func TestEveryCrashLeavesWhatWasPromised(t *testing.T) {
	for _, options := range []journal.Options{
		tiny,
		{SegmentBytes: 700, GrowBytes: 1, BatchBytes: 1},
		{},
	} {
		l := &ledger{}
		lives.EveryCrash(t, disk.Trial{
			Limit: 64,
			Script: func(fs nodes.FS) error {
				return lives.On(fs, func(env nodes.Env) error {
					j, _, err := open(env, options)
					for i := 0; err == nil && i < 8; i++ {
						err = l.commit(j, 1+i%4)
					}
					if err != nil {
						return err
					}
					return j.Close()
				})
			},
			Recover: l.recovers(options),
		})
	}
}

// If this failed, frames that survive a crash behind one that does not would be taken for history, or
// for proof of corruption.
func TestEveryCrashBetweenSyncsLeavesABeginning(t *testing.T) {
	l := &ledger{}
	options := journal.Options{Sync: journal.Interval, Interval: time.Hour, GrowBytes: 1024, BatchBytes: 100}
	lives.EveryCrash(t, disk.Trial{
		Limit: 128,
		Script: func(fs nodes.FS) error {
			return lives.On(fs, func(env nodes.Env) error {
				j, _, err := open(env, options)
				for i := 0; err == nil && i < 8; i++ {
					err = l.commit(j, 1+i%3)
					l.promised = int(j.Durable())
				}
				if err == nil {
					err = j.Close()
				}
				l.promised = len(l.appended)
				return err
			})
		},
		Recover: l.recovers(options),
	})
}

// If this failed, frames of an earlier life would come back where a later life's frames happen to end.
func TestRecordsThatWereCutOffStayAway(t *testing.T) {
	options := journal.Options{Sync: journal.Interval, Interval: time.Hour, BatchBytes: 1}
	entry := func(life, n int) string { return fmt.Sprintf("%d-%d-%0512d", life, n, 0) }
	for seed := range luck.Seed(60) {
		d := disk.New(seed.Stream("disk"), disk.Options{})
		promised := []string{}
		for life := range 6 {
			require.NoError(t, lives.On(disk.FS(d), func(env nodes.Env) error {
				j, held, err := open(env, options)
				require.NoError(t, err)
				require.GreaterOrEqual(t, len(held), len(promised))
				require.Equal(t, promised, append([]string{}, held[:len(promised)]...))
				for i, h := range held[len(promised):] {
					require.Equal(t, entry(life-1, i), h)
				}
				promised = append(promised, held[len(promised):]...)
				for n := range 4 {
					require.NoError(t, write(j, entry(life, n)))
				}
				return nil
			}))
			d.LoseCache(seed.Stream("power", fmt.Sprint(life)))
		}
	}
}

// If this failed, a server that is killed, and finds after its restart what it had not synced, would
// build on it and lose it all in the next power cut.
func TestEveryKillThenEveryCrashLeavesWhatWasPromised(t *testing.T) {
	story := func(l *ledger, options journal.Options) func(nodes.Env) error {
		return func(env nodes.Env) error {
			j, held, err := open(env, options)
			if err != nil {
				return err
			}
			l.appended, l.promised, l.life = held, len(held), l.life+1
			for i := range 2 {
				if err = l.commit(j, 3); err == nil && i == 0 {
					err = l.compact(j)
				}
				if err != nil {
					break
				}
			}
			return errors.Join(err, j.Close())
		}
	}
	lives.EveryKill(t, killEvery, func() disk.Trial {
		l := &ledger{}
		return disk.Trial{
			Limit:   32,
			Script:  func(fs nodes.FS) error { return lives.On(fs, story(l, tiny)) },
			Recover: l.recovers(tiny),
		}
	})
}

// If this failed, a power cut during a compaction or after it would lose the snapshot or what follows it.
func TestEveryCrashDuringCompactionLeavesWhatWasPromised(t *testing.T) {
	l := &ledger{}
	lives.EveryCrash(t, disk.Trial{
		Limit: 64,
		Script: func(fs nodes.FS) error {
			return lives.On(fs, func(env nodes.Env) error {
				j, _, err := open(env, tiny)
				for i := 0; err == nil && i < 4; i++ {
					if err = l.commit(j, 3); err != nil {
						break
					}
					if i%2 == 1 {
						err = l.compact(j)
					}
				}
				if err == nil {
					err = l.commit(j, 2)
				}
				return err // without a Close
			})
		},
		Recover: l.recovers(tiny),
	})
}

// If this failed, power that goes again while a server recovers would take what the first cut had left.
func TestEveryCrashOfARecoveryLeavesWhatWasPromised(t *testing.T) {
	l := &ledger{}
	lives.EveryCrash(t, disk.Trial{
		Limit: 4,
		Twice: true,
		Script: func(fs nodes.FS) error {
			return lives.On(fs, func(env nodes.Env) error {
				j, _, err := open(env, tiny)
				if err == nil {
					err = l.commit(j, 3)
				}
				if err == nil {
					err = l.compact(j)
				}
				if err == nil {
					err = l.commit(j, 2)
				}
				return err
			})
		},
		Recover: l.recovers(tiny),
	})
}

// If this failed, a server that had run out of disk would have garbage in the middle of its journal, or
// acknowledge what it had refused.
func TestAFullDiskRefusesAndTheJournalGoesOn(t *testing.T) {
	for room := nodes.Bytes(0); room < 6*disk.PageSize; room += disk.PageSize {
		l := &ledger{}
		var d *disk.Disk
		refused := 0
		options := journal.Options{SegmentBytes: 6000, GrowBytes: 1, BatchBytes: 300}
		lives.EveryCrash(t, disk.Trial{
			Limit:  6,
			Faults: func(on *disk.Disk) { d = on },
			Script: func(fs nodes.FS) error {
				return lives.On(fs, func(env nodes.Env) error {
					j, _, err := open(env, options)
					if err == nil {
						err = l.commit(j, 2)
					}
					if err != nil {
						return err
					}
					full := d.Fill(0, room)
					for range 8 {
						entry := strings.Repeat("large ", 1000)
						at, err := j.Append([]byte(entry))
						if err != nil {
							return err
						}
						l.appended = append(l.appended, entry)
						switch err := j.Commit(at); {
						case errors.Is(err, syscall.ENOSPC):
							l.appended = l.appended[:len(l.appended)-1]
							refused++
						case err != nil:
							return err
						default:
							l.promised = len(l.appended)
						}
					}
					if err := l.compact(j); !errors.Is(err, syscall.ENOSPC) && err != nil {
						return err
					}
					full.Lift(0)
					if err := l.commit(j, 3); err != nil {
						return err
					}
					return j.Close()
				})
			},
			Recover: func(fs nodes.FS) error {
				return lives.On(fs, func(env nodes.Env) error {
					j, held, err := open(env, options)
					if err != nil {
						return err
					}
					held = strings.Fields(strings.Join(held, " "))
					all := strings.Fields(strings.Join(l.appended, " "))
					promised := strings.Fields(strings.Join(l.appended[:l.promised], " "))
					if len(held) < len(promised) || len(held) > len(all) || !slices.Equal(held, all[:len(held)]) {
						return fmt.Errorf("%d words of at least %d: %.300q", len(held), len(promised), held)
					}
					return j.Close()
				})
			},
		})
		require.Positive(t, refused, "the disk was never full")
	}
}

// If this failed, a record whose sync had failed would be acknowledged, at once or after a restart
// that finds it in the page cache, and be gone after the next power cut.
func TestAFailedSyncIsFinalAndWhatItLeftIsNotTrusted(t *testing.T) {
	for seed := range luck.Seed(5) {
		l := &ledger{}
		var d *disk.Disk
		lives.EveryCrash(t, disk.Trial{
			Limit:  32,
			Seed:   seed,
			Faults: func(on *disk.Disk) { d = on },
			Script: func(fs nodes.FS) error {
				err := lives.On(fs, func(env nodes.Env) error {
					j, _, err := open(env, tiny)
					if err == nil {
						err = l.commit(j, 2)
					}
					if err != nil {
						return err
					}
					fails := d.FailSync(0, disk.Times{Next: 1})
					err = l.commit(j, 3)
					if !errors.Is(err, journal.ErrBroken) || !errors.Is(err, syscall.EIO) || fails.Effects() == 0 {
						return fmt.Errorf("commit after a failed sync: %w", err)
					}
					if _, err := j.Append([]byte("x")); !errors.Is(err, journal.ErrBroken) {
						return fmt.Errorf("append after a failed sync: %w", err)
					}
					if err := j.Compact(nil); !errors.Is(err, journal.ErrBroken) {
						return fmt.Errorf("compaction after a failed sync: %w", err)
					}
					if err := j.Close(); !errors.Is(err, journal.ErrBroken) {
						return fmt.Errorf("close after a failed sync: %w", err)
					}
					return nil
				})
				if err != nil {
					return err
				}
				return lives.On(fs, func(env nodes.Env) error {
					j, held, err := open(env, tiny)
					if err != nil {
						return err
					}
					// What is recovered is acted upon, so from here on it is promised.
					l.life, l.appended, l.promised = 1, held, len(held)
					return l.commit(j, 1)
				})
			},
			Recover: l.recovers(tiny),
		})
	}
}

// If this failed, records that were written and not yet synced would count for more, or less, than
// they are.
func TestIntervalSyncsLaterAndCloseSyncsAll(t *testing.T) {
	d := disk.New(luck.Seed(1).Stream("disk"), disk.Options{})
	fs := disk.FS(d)
	options := journal.Options{Sync: journal.Interval, Interval: 200 * time.Millisecond}
	require.NoError(t, lives.On(fs, func(env nodes.Env) error {
		l := &ledger{}
		j, _, err := open(env, options)
		require.NoError(t, err)
		require.NoError(t, l.commit(j, 3))
		require.Zero(t, j.Durable())
		require.True(t, d.Pending().Any())
		for range 20_000 {
			if j.Durable() == 3 {
				break
			}
			require.NoError(t, env.Sleep(time.Millisecond))
		}
		require.EqualValues(t, 3, j.Durable())
		require.False(t, d.Pending().Any())
		require.NoError(t, l.commit(j, 1))
		require.NoError(t, j.Close())
		require.False(t, d.Pending().Any())
		return nil
	}))
}
