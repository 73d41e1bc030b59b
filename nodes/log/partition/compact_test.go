package partition_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/nodes/log/record"
	"simrun/sim/disk"
	"simrun/sim/simtest/lives"
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
	lives.EveryCrash(t, disk.Trial{
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

// If this failed, a follower that was away while its leader compacted would come to a place where nothing follows, and stay there.
func TestAFollowerEndsWithinWhatItsLeaderCompactedAway(t *testing.T) {
	_, fs := newDisk()
	_, other := newDisk()
	live(t, fs, func(env nodes.Env) {
		leader := open(t, env, compactible)
		follower := open(t, onDisk{Env: env, fs: other}, compactible)
		for i := range 10 {
			put(t, leader, 0, batch(fmt.Sprint("a=", i)))
		}
		fetch(t, follower, leader)
		for i := range 10 {
			put(t, leader, 0, batch(fmt.Sprint("a=", 10+i)))
		}
		leader.SetWatermark(leader.Next())
		did, err := leader.Compact()
		require.NoError(t, err)
		require.True(t, did)
		data, err := leader.Read(follower.Next(), partition.ReadOptions{})
		require.NoError(t, err)
		hole, _, err := record.Cut(data)
		require.NoError(t, err)
		require.Less(t, hole.BaseOffset(), follower.Next(), "the leader's hole begins before the follower's end")
		fetch(t, follower, leader)
		require.Equal(t, leader.Next(), follower.Next())
		for _, p := range []*partition.Partition{leader, follower} {
			held, err := committed(p, 0)
			require.NoError(t, err)
			require.Equal(t, map[string]string{"a": "19"}, held)
			require.NoError(t, p.Close())
		}
	})
	live(t, other, func(env nodes.Env) {
		p := open(t, env, compactible)
		require.Equal(t, "19:a=19", all(t, p)[len(all(t, p))-1], "what it has made of the hole is whole")
		require.NoError(t, p.Close())
	})
}

// If this failed, a replica that was away for longer than removals stay would bring keys back.
func TestRemovalsStayUntilEveryReplicaHasHadThem(t *testing.T) {
	_, fs := newDisk()
	now := time.UnixMilli(0)
	o := compactible
	o.SegmentBytes, o.TombstonesFor = 1, time.Hour
	live(t, fs, func(env nodes.Env) {
		p := open(t, onDisk{Env: env, fs: fs, clock: &now}, o)
		p.KeepRemovals(1)
		put(t, p, 0, batch("a=1"))
		put(t, p, 0, batch("a="))
		put(t, p, 0, batch("b=1"), batch("b=2"), batch("b=3"))
		p.SetWatermark(p.Next())
		compact := func() bool {
			_, err := p.Compact()
			require.NoError(t, err)
			return slices.Contains(all(t, p), "1:a=")
		}
		require.True(t, compact())
		now = now.Add(2 * time.Hour)
		require.True(t, compact(), "one replica has not had it")
		p.KeepRemovals(2)
		require.False(t, compact())
		require.NoError(t, p.Close())
	})
}

// If this failed, what was cut off would count as compacted, and the removal of a key that came in its place go at once.
func TestWhatComesAfterATruncationIsYetToBeCompacted(t *testing.T) {
	_, fs := newDisk()
	now := time.UnixMilli(0)
	o := compactible
	o.SegmentBytes, o.TombstonesFor = 1, time.Hour
	live(t, fs, func(env nodes.Env) {
		p := open(t, onDisk{Env: env, fs: fs, clock: &now}, o)
		compact := func() []string {
			p.SetWatermark(p.Next())
			_, err := p.Compact()
			require.NoError(t, err)
			return all(t, p)
		}
		for _, one := range []string{"a=1", "b=1", "c=1", "d=1"} {
			put(t, p, 0, batch(one))
		}
		compact()
		_, err := p.Truncate(1)
		require.NoError(t, err)
		for _, one := range []string{"a=", "e=1", "e=2", "f=1"} {
			put(t, p, 1, batch(one))
		}
		now = now.Add(2 * time.Hour)
		require.Equal(t, []string{"1:a=", "3:e=2", "4:f=1"}, compact())
		require.NoError(t, p.Close())
	})
	live(t, fs, func(env nodes.Env) {
		p := open(t, onDisk{Env: env, fs: fs, clock: &now}, o)
		now = now.Add(2 * time.Hour)
		p.SetWatermark(p.Next())
		_, err := p.Compact()
		require.NoError(t, err)
		require.Equal(t, []string{"3:e=2", "4:f=1"}, all(t, p))
		require.NoError(t, p.Close())
	})
}
