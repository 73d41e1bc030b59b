package partition_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/nodes/log/record"
	"simrun/sim/simtest/lives"
)

// If this failed, a log would fill its disk, or lose what is young, what replicas still lack, or what its start says is there.
func TestOldSegmentsAreRemoved(t *testing.T) {
	_, fs := newDisk()
	now := time.UnixMilli(0)
	o := partition.Options{SegmentBytes: 1536 + 300, RetainBytes: 5000, RetainFor: time.Hour}
	live(t, fs, func(env nodes.Env) {
		p := open(t, onDisk{Env: env, fs: fs, clock: &now}, o)
		for i := range 8 {
			b, err := codec.Build(record.Builder{}, record.Record{Time: int64(i) * 60_000, Key: []byte("k"), Value: []byte(strings.Repeat("v", 60))})
			require.NoError(t, err)
			put(t, p, int32(i/3), b)
		}
		require.NoError(t, p.Retain())
		require.Zero(t, p.Start(), "nothing is below the watermark")
		p.SetWatermark(7)
		require.NoError(t, p.Retain())
		require.EqualValues(t, 2, p.Start())
		require.GreaterOrEqual(t, p.Bytes(), nodes.Bytes(5000))
		require.Less(t, p.Bytes(), nodes.Bytes(5000+1536+300), "another segment could have gone")
		_, err := p.Read(1, partition.ReadOptions{})
		require.ErrorIs(t, err, partition.ErrOutOfRange)
		now = time.UnixMilli(6*60_000 + 1).Add(time.Hour)
		require.NoError(t, p.Retain())
		require.EqualValues(t, 6, p.Start(), "segments of two records, and the younger of 6 and 7 is young")
		_, end := p.EndOfEpoch(1)
		require.EqualValues(t, 6, end)
		// without a close
	})
	live(t, fs, func(env nodes.Env) {
		p := open(t, onDisk{Env: env, fs: fs, clock: &now}, o)
		require.EqualValues(t, 6, p.Start())
		require.EqualValues(t, 8, p.Next())
		a, err := entries(p, 6, partition.ReadOptions{})
		require.NoError(t, err)
		require.Len(t, a, 2)
		require.ErrorIs(t, p.DeleteBefore(9), partition.ErrOutOfRange)
		p.SetWatermark(8)
		require.NoError(t, p.DeleteBefore(7))
		require.EqualValues(t, 7, p.Start())
		_, err = p.Truncate(6)
		require.ErrorIs(t, err, partition.ErrOutOfRange)
		require.NoError(t, p.Close())
	})
	for name := range lives.Files(t, fs, dir) {
		require.False(t, strings.HasPrefix(name, "00000000000000000000"), "%s is left", name)
	}
}

// If this failed, a segment that takes a record a day would never be removed.
func TestAnOldSegmentIsFull(t *testing.T) {
	_, fs := newDisk()
	now := time.UnixMilli(0)
	live(t, fs, func(env nodes.Env) {
		p := open(t, onDisk{Env: env, fs: fs, clock: &now}, partition.Options{SegmentAge: time.Hour})
		for range 3 {
			put(t, p, 0, batch("a=b"), batch("a=c"))
			now = now.Add(50 * time.Minute)
		}
		require.NoError(t, p.Close())
	})
	logs := 0
	for name := range lives.Files(t, fs, dir) {
		if strings.HasSuffix(name, ".log") {
			logs++
		}
	}
	require.Equal(t, 2, logs)
}

// all are the records of the whole log with their offsets, removals as "k=".
func all(t testing.TB, p *partition.Partition) []string {
	held, err := entries(p, p.Start(), partition.ReadOptions{MaxBytes: 1 << 20})
	require.NoError(t, err)
	return held
}

// If this failed, a removed key would come back for who reads late, or its removal be kept for ever.
func TestRemovalsStayForAWhile(t *testing.T) {
	_, fs := newDisk()
	now := time.UnixMilli(0)
	o := compactible
	o.SegmentBytes, o.TombstonesFor = 1, time.Hour
	compact := func(p *partition.Partition) bool {
		did, err := p.Compact()
		require.NoError(t, err)
		return did
	}
	live(t, fs, func(env nodes.Env) {
		p := open(t, onDisk{Env: env, fs: fs, clock: &now}, o)
		put(t, p, 0, batch("a=1"), batch("b=1"), batch("a="), batch("b=2"))
		require.False(t, compact(p), "nothing is below the watermark")
		p.SetWatermark(p.Next())
		require.True(t, compact(p))
		require.Equal(t, []string{"1:b=1", "2:a=", "3:b=2"}, all(t, p))
		require.False(t, compact(p), "nothing is new")
		now = now.Add(59 * time.Minute)
		require.False(t, compact(p))
		require.NoError(t, p.Close())
	})
	live(t, fs, func(env nodes.Env) {
		p := open(t, onDisk{Env: env, fs: fs, clock: &now}, o)
		require.False(t, compact(p))
		now = now.Add(2 * time.Minute)
		require.True(t, compact(p))
		require.Equal(t, []string{"1:b=1", "3:b=2"}, all(t, p), "what the active segment overwrites is still there")
		require.False(t, compact(p))
		_, err := p.Append(batchBy(record.Builder{}, "c=1"), 0)
		require.NoError(t, err)
		b, err := codec.Build(record.Builder{}, record.Record{Value: []byte("no key")})
		require.NoError(t, err)
		_, err = p.Append(b, 0)
		require.ErrorIs(t, err, partition.ErrKey)
		require.NoError(t, p.Close())
	})
}

// If this failed, compaction would leave what was aborted, tear a transaction from its marker, or keep markers for ever.
func TestCompactionEndsTransactions(t *testing.T) {
	_, fs := newDisk()
	now := time.UnixMilli(0)
	o := compactible
	o.SegmentBytes, o.TombstonesFor = 1, time.Hour
	live(t, fs, func(env nodes.Env) {
		p := open(t, onDisk{Env: env, fs: fs, clock: &now}, o)
		mark := func(id int64, commits bool) {
			a, err := p.AppendMarker(record.Marker{Commit: commits}, id, 0, 0)
			require.NoError(t, err)
			require.NoError(t, p.Commit(a))
		}
		put(t, p, 0, batch("a=0"), within(1, 0, 0, "a=1"), within(2, 0, 0, "b=1"), within(1, 0, 1, "c=1")) // 0..3
		mark(1, false)                                                                                     // 4
		mark(2, true)                                                                                      // 5
		put(t, p, 0, within(3, 0, 0, "a=3"))                                                               // 6, open
		put(t, p, 0, batch("d=1"), batch("d=2"))                                                           // 7, 8
		p.SetWatermark(p.Next())
		kinds := func() (kinds []string) {
			for from := p.Start(); ; {
				data, err := p.Read(from, partition.ReadOptions{})
				require.NoError(t, err)
				if len(data) == 0 {
					return kinds
				}
				b := record.Batch(data)
				from = b.NextOffset()
				kind := fmt.Sprintf("%d-%d", b.BaseOffset(), b.LastOffset())
				switch {
				case b.Attributes().Control():
					kind += " marker"
				case b.Count() == 0 && b.Producer().ID >= 0:
					kind += fmt.Sprint(" head of ", b.Producer().ID)
				case b.Count() == 0:
					kind += " hole"
				}
				kinds = append(kinds, kind)
			}
		}
		did, err := p.Compact()
		require.NoError(t, err)
		require.True(t, did)
		require.Equal(t, []string{"0-0", "1-1 head of 1", "2-2", "3-3 head of 1", "4-4 marker", "5-5 marker", "6-6", "7-7", "8-8"}, kinds(),
			"an open transaction holds up what comes after it")
		require.Empty(t, p.Aborted(0, 6), "nothing aborted is left")
		mark(3, true)                            // 9
		put(t, p, 0, batch("b=2"), batch("e=1")) // 10, 11
		p.SetWatermark(p.Next())
		now = now.Add(2 * time.Hour)
		did, err = p.Compact()
		require.NoError(t, err)
		require.True(t, did)
		require.Equal(t, []string{"0-0 hole", "1-1 head of 1", "2-2 head of 2", "3-3 head of 1", "4-4 hole", "5-5 hole", "6-6", "7-7 hole", "8-8", "9-9 marker",
			"10-10", "11-11"}, kinds())
		held, err := committed(p, 0)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"a": "3", "b": "2", "d": "2", "e": "1"}, held)
		again, err := p.Append(within(1, 0, 1, "c=1"), 0)
		require.NoError(t, err)
		require.True(t, again.Duplicate)
		require.NoError(t, p.Close())
	})
}

// If this failed, a log that was compacted would consist of ever more, ever smaller files.
func TestSmallSegmentsBecomeOne(t *testing.T) {
	_, fs := newDisk()
	o := compactible
	o.SegmentBytes = 1536 + 2000
	logs := func() (names []string) {
		for name := range lives.Files(t, fs, dir) {
			if strings.HasSuffix(name, ".log") {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, o)
		for i := range 200 {
			put(t, p, 0, batch(fmt.Sprintf("k%d=%s", i%3, strings.Repeat("x", 50))))
		}
		p.SetWatermark(p.Next())
		before := logs()
		require.Greater(t, len(before), 8)
		did, err := p.Compact()
		require.NoError(t, err)
		require.True(t, did)
		did, err = p.Compact()
		require.NoError(t, err)
		require.False(t, did)
		require.Less(t, len(logs()), len(before))
		put(t, p, 0, batch("k0=z"))
		require.NoError(t, p.Close())
	})
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, o)
		require.EqualValues(t, 201, p.Next())
		require.Less(t, len(all(t, p)), 50)
		require.NoError(t, p.Close())
	})
}

// If this failed, a reader would fall over a compaction.
func TestReadersReadWhileALogIsCompacted(t *testing.T) {
	_, fs := newDisk()
	live(t, fs, func(env nodes.Env) {
		o := compactible
		p := open(t, env, o)
		want := map[string]string{}
		for i := range 60 {
			key, value := fmt.Sprint("k", i%7), fmt.Sprint("v", i)
			put(t, p, 0, batch(key+"="+value))
			want[key] = value
		}
		p.SetWatermark(p.Next())
		stop := false
		reader := env.Go("reader", func() {
			for !stop {
				got, err := committed(p, 0)
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
		})
		did, err := p.Compact()
		require.NoError(t, err)
		require.True(t, did)
		stop = true
		require.NoError(t, reader.Join())
		require.NoError(t, p.Close())
	})
}

// hooked is a disk that calls back when a segment is about to be written anew.
type hooked struct {
	nodes.FS
	rewrites func()
}

func (h hooked) OpenFile(name string, flag int, perm fs.FileMode) (nodes.File, error) {
	if strings.HasSuffix(name, ".log.new") {
		h.rewrites()
	}
	return h.FS.OpenFile(name, flag, perm)
}

// If this failed, a broker could not stop, or follow another leader, before a long compaction has come to its end.
func TestACompactionGivesUpForWhatIsUrgent(t *testing.T) {
	for name, urgent := range map[string]func(p *partition.Partition) error{
		"truncation": func(p *partition.Partition) error { _, err := p.Truncate(50); return err },
		"reset":      func(p *partition.Partition) error { return p.Reset(50) },
		"deletion":   func(p *partition.Partition) error { return p.DeleteBefore(50) },
		"close":      func(p *partition.Partition) error { return p.Close() },
	} {
		_, fs := newDisk()
		live(t, fs, func(env nodes.Env) {
			armed := false
			var p *partition.Partition
			var task nodes.Task
			env = onDisk{Env: env, fs: hooked{fs, func() {
				if !armed {
					return
				}
				armed = false
				began := false
				task = env.Go(name, func() { began = true; require.NoError(t, urgent(p)) })
				for !began {
					require.NoError(t, env.Sleep(time.Millisecond))
				}
			}}}
			p = open(t, env, compactible)
			for i := range 60 {
				put(t, p, 0, batch(fmt.Sprint("k", i%7, "=v", i)))
			}
			p.SetWatermark(p.Next())
			armed = true
			did, err := p.Compact()
			require.NoError(t, err)
			require.False(t, did, name)
			require.NoError(t, task.Join())
			if name != "close" {
				require.NoError(t, p.Close())
			}
		})
		live(t, fs, func(env nodes.Env) {
			p := open(t, env, compactible)
			require.LessOrEqual(t, p.Next(), int64(60), name)
			_, err := entries(p, p.Start(), partition.ReadOptions{})
			require.NoError(t, err)
			require.NoError(t, p.Close())
		})
	}
}
