package partition_test

import (
	"fmt"
	"strings"
	"testing"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/sim/disk"
)

// compactible are options under which every other batch begins a segment.
var compactible = partition.Options{SegmentBytes: 1536 + 250, GrowBytes: 512, IndexBytes: 100, OpenFiles: 2, Compacted: true, DirtyShare: 1}

// If this failed, a power cut during a compaction would take keys that nobody removed, or bring back values that were overwritten.
func TestEveryCrashOfACompactionKeepsTheLastOfEachKey(t *testing.T) {
	crashCompactions(t, compactible)
}

// The same where several segments become one: it has to hide those that it replaces for as long as these are there.
func TestEveryCrashOfACompactionThatMergesSegments(t *testing.T) {
	merging := compactible
	merging.SegmentBytes += 1000 // more fits into one than when they were written
	crashCompactions(t, merging)
}

// segments is how many files a partition's log has.
func segments(fs nodes.FS) (n int) {
	all, err := fs.ReadDir(dir)
	for _, f := range all {
		if err == nil && strings.HasSuffix(f.Name(), ".log") {
			n++
		}
	}
	return n
}

// crashCompactions compacts a log of many segments under the options, and crashes it at every moment.
func crashCompactions(t *testing.T, o partition.Options) {
	merges := o.SegmentBytes > compactible.SegmentBytes
	want := map[string]string{}
	check := func(p *partition.Partition) error {
		held, err := entries(p, 0, partition.ReadOptions{}) // one batch at a time, so that indexes are asked
		if err != nil {
			return err
		}
		got := map[string]string{}
		for _, e := range held {
			_, e, _ = strings.Cut(e, ":")
			key, value, _ := strings.Cut(e, "=")
			if got[key] = value; value == "" {
				delete(got, key)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("%v is there, and not %v", got, want)
		}
		return nil
	}
	var sequence int32
	everyCrash(t, disk.Trial{
		Limit: 12,
		Before: func(fs nodes.FS) error {
			return liveOn(fs, func(env nodes.Env) error {
				p, err := partition.Open(env, dir, compactible)
				if err != nil {
					return err
				}
				for i := range 12 {
					key, value := fmt.Sprint("k", i%4), fmt.Sprint("v", i)
					if i == 7 {
						value = ""
					}
					a, err := p.Append(from(9, 0, sequence, key+"="+value), int32(i/5))
					if err == nil {
						err = p.Commit(a)
					}
					if err != nil {
						return err
					}
					sequence++
					if want[key] = value; value == "" {
						delete(want, key)
					}
				}
				return p.Close()
			})
		},
		Script: func(fs nodes.FS) error {
			return liveOn(fs, func(env nodes.Env) error {
				p, err := partition.Open(env, dir, o)
				if err != nil {
					return err
				}
				p.SetWatermark(p.Next())
				size, before := p.Bytes(), segments(fs)
				if did, err := p.Compact(); err != nil || !did || p.Bytes() >= size {
					return fmt.Errorf("compacted %v, from %s to %s: %w", did, size, p.Bytes(), err)
				}
				if after := segments(fs); merges && after > before/2 || !merges && after != before {
					return fmt.Errorf("%d segments have become %d", before, after)
				}
				return check(p)
			})
		},
		Recover: func(fs nodes.FS) error {
			return liveOn(fs, func(env nodes.Env) error {
				p, err := partition.Open(env, dir, o)
				if err != nil {
					return err
				}
				if err := check(p); err != nil {
					return err
				}
				a, err := p.Append(from(9, 0, sequence-1, "again="), 9)
				if err != nil || !a.Duplicate {
					return fmt.Errorf("the producer is not known any more: %w", err)
				}
				p.SetWatermark(p.Next())
				if _, err := p.Compact(); err != nil {
					return err
				}
				if err := check(p); err != nil {
					return err
				}
				return p.Close()
			})
		},
	})
}
