package partition_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/sim/simtest/lives"
)

// If this failed, a thousand producers would queue for a thousand syncs, or be told in another order than that of their records.
func TestProducersShareASync(t *testing.T) {
	d, fs := newDisk()
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, partition.Options{})
		var told []int64
		var last partition.Appended
		for i := range int64(50) {
			a, err := p.Append(batch("a=b"), 0)
			require.NoError(t, err)
			p.Then(a, func(err error) {
				require.NoError(t, err)
				require.False(t, d.Pending().Any(), "told before it is durable")
				require.Greater(t, p.Durable(), i)
				told = append(told, i)
			})
			last = a
		}
		require.Empty(t, told)
		require.NoError(t, p.Commit(last))
		require.Len(t, told, 50)
		require.IsIncreasing(t, told)
		p.Then(last, func(err error) { told = nil })
		require.Nil(t, told, "at once")
		require.NoError(t, p.Close())
		_, err := p.Append(batch("a=b"), 0)
		require.ErrorIs(t, err, partition.ErrClosed)
	})
}

// If this failed, what is not synced yet would count for more, or less, than it is.
func TestIntervalSyncsLaterAndNeverAtClose(t *testing.T) {
	for _, mode := range []partition.Sync{partition.Interval, partition.Never} {
		d, fs := newDisk()
		live(t, fs, func(env nodes.Env) {
			p := open(t, env, partition.Options{Sync: mode, Interval: 100 * time.Millisecond})
			put(t, p, 0, batch("a=1"))
			require.Zero(t, p.Durable())
			require.EqualValues(t, 1, p.Placed())
			require.True(t, d.Pending().Any())
			for range 20_000 {
				if mode == partition.Never || p.Durable() == 1 {
					break
				}
				require.NoError(t, env.Sleep(time.Millisecond))
			}
			require.Equal(t, mode == partition.Interval, p.Durable() == 1)
			require.NoError(t, p.Close())
			require.False(t, d.Pending().Any())
		})
	}
}

// If this failed, a disk that lost the last batches before a quiet night would be taken for one that had never been told of them.
func TestAQuietLogIsMarked(t *testing.T) {
	_, fs := newDisk()
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, partition.Options{Settle: 20 * time.Millisecond})
		put(t, p, 0, batch("a=1"))
		lost := func() error {
			all := lives.Files(t, fs, dir)
			clear(all["00000000000000000000.log"][1536:])
			return liveOn(lives.Place(t, dir, all), func(env nodes.Env) error {
				p, err := partition.Open(env, dir, partition.Options{})
				if err != nil {
					return err
				}
				return p.Close()
			})
		}
		require.NoError(t, lost(), "nothing proves that it was durable")
		for range 1_000 {
			if lost() != nil {
				break
			}
			require.NoError(t, env.Sleep(5*time.Millisecond))
		}
		require.ErrorAs(t, lost(), new(*partition.Corruption))
		require.NoError(t, p.Close())
	})
}

// If this failed, those who poll for records would wait although there are some, or for ever.
func TestWhoPollsIsToldThatTheLogGrew(t *testing.T) {
	_, fs := newDisk()
	live(t, fs, func(env nodes.Env) {
		var placed, durable, watermark int64
		var p *partition.Partition
		p = open(t, env, partition.Options{Grown: func() { placed, durable, watermark = p.Placed(), p.Durable(), p.Watermark() }})
		put(t, p, 0, batch("a=1", "b=2"))
		require.EqualValues(t, []int64{2, 2, 0}, []int64{placed, durable, watermark})
		p.SetWatermark(1)
		require.EqualValues(t, 1, watermark)
		p.SetWatermark(9)
		require.EqualValues(t, 2, watermark, "not above the end")
		_, err := p.Truncate(1)
		require.NoError(t, err)
		require.EqualValues(t, []int64{0, 0, 0}, []int64{placed, durable, watermark}, "the batch has both records")
		require.NoError(t, p.Close())
	})
}

// If this failed, one slow disk could take all of a broker's memory.
func TestWhatWaitsForTheDiskIsBounded(t *testing.T) {
	_, fs := newDisk()
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, partition.Options{PendingBytes: 1000, BatchBytes: 500})
		var last partition.Appended
		var err error
		count := 0
		for ; err == nil; count++ {
			var a partition.Appended
			if a, err = p.Append(batch("a=1"), 0); err == nil {
				last = a
			}
		}
		require.ErrorIs(t, err, partition.ErrBehind)
		require.Less(t, count, 20)
		require.NoError(t, p.Commit(last))
		put(t, p, 0, batch("a=1"))
		_, err = p.Append(batch("a="+string(make([]byte, 500))), 0)
		require.ErrorContains(t, err, "too large")
		require.NoError(t, p.Close())
	})
}
