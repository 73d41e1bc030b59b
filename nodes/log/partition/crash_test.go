package partition_test

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
	"simrun/nodes/log/partition"
	"simrun/sim/disk"
	"simrun/sim/luck"
	"simrun/sim/simtest/lives"
)

// tiny makes everything meet an edge: of a segment, of the file's size, of a group.
var tiny = partition.Options{SegmentBytes: 1536 + 400, GrowBytes: 512, GroupBytes: 200, IndexBytes: 100, OpenFiles: 2}

// ledger is what a script was promised of a log whose every batch is one record, of a producer that numbers them.
type ledger struct {
	appended []string // in order of offsets, from start on
	start    int64
	promised int64 // offsets below it are durable, whatever happens
	shifting bool  // the start is being moved to goal
	goal     int64
	life     int
}

func (l *ledger) next() int64 { return l.start + int64(len(l.appended)) }

// entry is the next record: as long as its offset makes it.
func (l *ledger) entry() string {
	n := l.next()
	return fmt.Sprintf("%d=%d/%s", n, l.life, strings.Repeat("x", int(n*37%150)))
}

// commit appends so many batches and then waits for each.
func (l *ledger) commit(p *partition.Partition, batches int) (failed error) {
	var all []partition.Appended
	for range batches {
		e := l.entry()
		a, err := p.Append(from(5, 0, int32(l.next()), e), int32(l.life))
		if err != nil {
			return err
		}
		if a.First != l.next() || a.Duplicate {
			return fmt.Errorf("offset %d was given for %d, duplicate %v", a.First, l.next(), a.Duplicate)
		}
		l.appended = append(l.appended, fmt.Sprintf("%d:%s", l.next(), e))
		all = append(all, a)
	}
	for _, a := range all {
		err := p.Commit(a)
		switch {
		case err == nil && failed != nil:
			return fmt.Errorf("%d is in the log, and what comes before it is not: %w", a.First, failed)
		case err == nil:
			l.promised = a.Last + 1
			p.SetWatermark(l.promised)
		case errors.Is(err, syscall.ENOSPC) && failed == nil:
			l.appended = l.appended[:a.First-l.start]
			failed = err
		default:
			failed = err
		}
	}
	return failed
}

// truncate cuts the log off.
func (l *ledger) truncate(p *partition.Partition, to int64) error {
	promised := l.promised
	l.promised = min(l.promised, to)
	end, err := p.Truncate(to)
	if errors.Is(err, syscall.ENOSPC) && p.Broken() == nil {
		l.promised = promised
	}
	if err != nil {
		return err
	}
	if end != to {
		return fmt.Errorf("the end is %d after a truncation to %d", end, to)
	}
	l.appended = l.appended[:to-l.start]
	return nil
}

// shift moves the log's start.
func (l *ledger) shift(p *partition.Partition, to int64) error {
	l.shifting, l.goal = true, to
	if err := p.DeleteBefore(to); err != nil {
		return err
	}
	l.shifting = false
	l.appended, l.start = l.appended[to-l.start:], to
	return nil
}

// fits says whether what a partition holds is what was promised: all of that, then at most what was appended besides, in order, and nothing else.
func (l *ledger) fits(p *partition.Partition) error {
	held, err := entries(p, p.Start(), partition.ReadOptions{MaxBytes: 1000})
	if err != nil {
		return err
	}
	start, appended := l.start, l.appended
	if l.shifting && p.Start() == l.goal {
		start, appended = l.goal, l.appended[l.goal-l.start:]
	}
	if p.Start() != start {
		return fmt.Errorf("the log begins at %d, and not at %d", p.Start(), start)
	}
	if p.Next() < l.promised {
		return fmt.Errorf("all below %d was promised, the log ends at %d", l.promised, p.Next())
	}
	if int64(len(held)) != p.Next()-start {
		return fmt.Errorf("%d records in %d..%d", len(held), start, p.Next())
	}
	if len(held) > len(appended) || !slices.Equal(held, appended[:len(held)]) {
		return fmt.Errorf("what is there was never appended so:\n%q\n%q", held, appended)
	}
	return nil
}

// knows says whether a partition knows what its producer sent last: the same again is known for what it is, and the next is taken.
func (l *ledger) knows(p *partition.Partition) error {
	if p.Next() > p.Start() {
		last := p.Next() - 1
		a, err := p.Append(from(5, 0, int32(last), "again="), 99)
		if err != nil {
			return err
		}
		if !a.Duplicate || a.First != last {
			return fmt.Errorf("what is at %d was appended again at %d", last, a.First)
		}
		if err := p.Commit(a); err != nil {
			return err
		}
		if _, err := p.Append(from(5, 0, int32(last+2), "gap="), 99); !errors.Is(err, partition.ErrOutOfOrder) {
			return fmt.Errorf("a gap in the sequence was taken: %w", err)
		}
	}
	a, err := p.Append(from(5, 0, int32(p.Next()), "next="), 99)
	if err != nil {
		return err
	}
	return p.Commit(a)
}

// recovers is the promise: what fits is there; and what is committed from then on is there at the next opening.
func (l *ledger) recovers(o partition.Options) func(nodes.FS) error {
	return func(fs nodes.FS) error {
		return liveOn(fs, func(env nodes.Env) error {
			p, err := partition.Open(env, dir, o)
			if err != nil {
				return err
			}
			if err := l.fits(p); err != nil {
				return err
			}
			end := p.Next()
			if err := l.knows(p); err != nil {
				return err
			}
			if err := p.Close(); err != nil {
				return err
			}
			if p, err = partition.Open(env, dir, o); err != nil {
				return fmt.Errorf("after another commit: %w", err)
			}
			if p.Next() != end+1 || !p.Recovery().Clean {
				return fmt.Errorf("after another commit at %d the log ends at %d", end, p.Next())
			}
			return p.Close()
		})
	}
}

// script runs a life of the ledger's.
func (l *ledger) script(o partition.Options, life func(p *partition.Partition) error) func(nodes.FS) error {
	return func(fs nodes.FS) error {
		return liveOn(fs, func(env nodes.Env) error {
			p, err := partition.Open(env, dir, o)
			if err != nil {
				return err
			}
			return life(p)
		})
	}
}

// If this failed, a power cut at some moment would take acknowledged records, or bring back what never was.
func TestEveryCrashLeavesWhatWasPromised(t *testing.T) {
	for _, o := range []partition.Options{tiny, {SegmentBytes: 1, GrowBytes: 1, GroupBytes: 1}, {GrowBytes: 8192}} {
		l := &ledger{}
		lives.EveryCrash(t, disk.Trial{
			Limit: 5,
			Script: l.script(o, func(p *partition.Partition) error {
				for i := range 5 {
					if err := l.commit(p, 1+i%3); err != nil {
						return err
					}
				}
				return p.Close()
			}),
			Recover: l.recovers(o),
		})
	}
}

// If this failed, batches that survive a crash behind one that does not would be taken for history, or for proof of corruption.
func TestEveryCrashBetweenSyncsLeavesABeginning(t *testing.T) {
	l := &ledger{}
	o := partition.Options{Sync: partition.Interval, Interval: time.Hour, GrowBytes: 1024, GroupBytes: 100}
	lives.EveryCrash(t, disk.Trial{
		Limit: 100,
		Script: l.script(o, func(p *partition.Partition) error {
			for i := range 6 {
				if err := l.commit(p, 1+i%3); err != nil {
					return err
				}
				l.promised = p.Durable()
			}
			err := p.Close()
			l.promised = l.next()
			return err
		}),
		Recover: l.recovers(o),
	})
}

// If this failed, a follower whose log parts from its leader's would lose more than it has to cut off, or keep some of it.
func TestEveryCrashOfATruncationLeavesALog(t *testing.T) {
	l := &ledger{}
	lives.EveryCrash(t, disk.Trial{
		Limit: 12,
		Script: l.script(tiny, func(p *partition.Partition) error {
			err := l.commit(p, 3)
			l.life++
			if err == nil {
				err = l.commit(p, 6)
			}
			if err == nil {
				err = l.truncate(p, 4)
			}
			l.life++
			if err == nil {
				err = l.commit(p, 2)
			}
			if err == nil {
				err = l.truncate(p, 1)
			}
			if err == nil {
				err = l.commit(p, 1)
			}
			return err
		}),
		Recover: l.recovers(tiny),
	})
}

// If this failed, records that were deleted would come back, or others go with them.
func TestEveryCrashOfADeletionLeavesALog(t *testing.T) {
	l := &ledger{}
	lives.EveryCrash(t, disk.Trial{
		Limit: 12,
		Script: l.script(tiny, func(p *partition.Partition) error {
			err := l.commit(p, 3)
			l.life++
			if err == nil {
				err = l.commit(p, 5)
			}
			if err == nil {
				err = l.shift(p, 5)
			}
			if err == nil {
				err = l.commit(p, 2)
			}
			if err == nil {
				err = l.shift(p, 6)
			}
			return err
		}),
		Recover: l.recovers(tiny),
	})
}

// If this failed, a follower far behind its leader would be left with neither its old log nor a new one.
func TestEveryCrashOfAResetLeavesTheOldLogOrTheNew(t *testing.T) {
	old, fresh := &ledger{}, &ledger{start: 100, promised: 100}
	began, done := false, false
	lives.EveryCrash(t, disk.Trial{
		Limit: 24,
		Script: old.script(tiny, func(p *partition.Partition) error {
			if err := old.commit(p, 4); err != nil {
				return err
			}
			began = true
			if err := p.Reset(100); err != nil {
				return err
			}
			done = true
			return fresh.commit(p, 3)
		}),
		Recover: func(fs nodes.FS) error {
			err := fresh.recovers(tiny)(fs)
			if done || began && err == nil {
				return err
			}
			return old.recovers(tiny)(fs)
		},
	})
}

// If this failed, power that goes again while a broker recovers would take what the first cut had left.
func TestEveryCrashOfARecoveryLeavesWhatWasPromised(t *testing.T) {
	l := &ledger{}
	lives.EveryCrash(t, disk.Trial{
		Limit: 2,
		Twice: true,
		Script: l.script(tiny, func(p *partition.Partition) error {
			err := l.commit(p, 4)
			if err == nil {
				err = l.truncate(p, 2)
			}
			if err == nil {
				err = l.commit(p, 2)
			}
			return err
		}),
		Recover: l.script(tiny, l.fits),
	})
}

// If this failed, a broker that had run out of disk would have garbage in its log, or acknowledge what it had refused, or take a refused batch for
// one that is there when it is sent again.
func TestAFullDiskRefusesAndTheLogGoesOn(t *testing.T) {
	for _, room := range []nodes.Bytes{0, 4 * disk.PageSize} {
		l := &ledger{}
		var d *disk.Disk
		refused := 0
		o := partition.Options{SegmentBytes: 8000, GrowBytes: 1, GroupBytes: 9000}
		lives.EveryCrash(t, disk.Trial{
			Limit:  12,
			Faults: func(on *disk.Disk) { d = on },
			Script: l.script(o, func(p *partition.Partition) error {
				if err := l.commit(p, 2); err != nil {
					return err
				}
				full := d.Fill(0, room)
				for range 6 {
					e := fmt.Sprintf("large=%d/%s", l.next(), strings.Repeat("L", 3000))
					a, err := p.Append(from(5, 0, int32(l.next()), e), 0)
					if err != nil {
						return err
					}
					if a.Duplicate || a.First != l.next() {
						return fmt.Errorf("a refused batch is there, at %d", a.First)
					}
					l.appended = append(l.appended, fmt.Sprintf("%d:%s", l.next(), e))
					switch err := p.Commit(a); {
					case errors.Is(err, syscall.ENOSPC):
						l.appended = l.appended[:len(l.appended)-1]
						refused++
					case err != nil:
						return err
					default:
						l.promised = l.next()
					}
				}
				if err := l.commit(p, 60); errors.Is(err, syscall.ENOSPC) { // one write, of which whole batches may be on the disk
					refused++
				} else if err != nil {
					return err
				}
				full.Lift(0)
				l.life++ // so that what was refused cannot be taken for what comes now
				if err := l.commit(p, 3); err != nil {
					return err
				}
				return p.Close()
			}),
			Recover: l.recovers(o),
		})
		require.Positive(t, refused, "the disk was never full")
	}
}

// If this failed, a batch whose sync had failed would be acknowledged, at once or after a restart that finds it in the page cache, and be gone
// after the next power cut.
func TestAFailedSyncIsFinalAndWhatItLeftIsNotTrusted(t *testing.T) {
	for seed := range luck.Seed(3) {
		l := &ledger{}
		var d *disk.Disk
		lives.EveryCrash(t, disk.Trial{
			Limit:  24,
			Seed:   seed,
			Faults: func(on *disk.Disk) { d = on },
			Script: func(fs nodes.FS) error {
				err := l.script(tiny, func(p *partition.Partition) error {
					err := l.commit(p, 2)
					if err != nil {
						return err
					}
					fails := d.FailSync(0, disk.Times{Next: 1})
					err = l.commit(p, 2)
					if !errors.Is(err, partition.ErrBroken) || !errors.Is(err, syscall.EIO) || fails.Effects() == 0 {
						return fmt.Errorf("commit after a failed sync: %w", err)
					}
					if _, err := p.Append(batch("x=y"), 0); !errors.Is(err, partition.ErrBroken) {
						return fmt.Errorf("append after a failed sync: %w", err)
					}
					if _, err := p.Truncate(1); !errors.Is(err, partition.ErrBroken) {
						return fmt.Errorf("truncation after a failed sync: %w", err)
					}
					if _, err := p.Read(0, partition.ReadOptions{}); !errors.Is(err, partition.ErrBroken) {
						return fmt.Errorf("read after a failed sync: %w", err)
					}
					if err := p.Close(); !errors.Is(err, partition.ErrBroken) {
						return fmt.Errorf("close after a failed sync: %w", err)
					}
					return nil
				})(fs)
				if err != nil {
					return err
				}
				return l.script(tiny, func(p *partition.Partition) error {
					if err := l.fits(p); err != nil {
						return err
					}
					// What is recovered is acted upon, so from here on it is promised.
					l.life, l.appended, l.promised = 1, l.appended[:p.Next()], p.Next()
					return l.commit(p, 1)
				})(fs)
			},
			Recover: l.recovers(tiny),
		})
	}
}
