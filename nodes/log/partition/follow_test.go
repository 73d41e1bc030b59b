package partition_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/nodes/log/record"
)

// fetch copies what a follower lacks, as replication does.
func fetch(t testing.TB, follower, leader *partition.Partition) {
	t.Helper()
	for follower.Next() < leader.Placed() {
		data, err := leader.Read(follower.Next(), partition.ReadOptions{MaxBytes: 200})
		require.NoError(t, err)
		a, err := follower.Follow(data)
		require.NoError(t, err)
		require.NoError(t, follower.Commit(a))
	}
}

// If this failed, two replicas would part and nobody would notice, or a follower keep what its leader does not have.
func TestAFollowerPartsFromItsOldLeaderAndFollowsTheNew(t *testing.T) {
	_, fs := newDisk()
	_, other := newDisk()
	live(t, fs, func(env nodes.Env) {
		a := open(t, env, tiny)
		b := open(t, onDisk{Env: env, fs: other}, partition.Options{})
		put(t, a, 1, from(1, 0, 0, "a=1"), from(1, 0, 1, "a=2"))
		fetch(t, b, a)
		put(t, a, 1, from(1, 0, 2, "lost=3"), from(1, 0, 3, "lost=4"), from(1, 0, 4, "lost=5"))
		b.StartEpoch(2)
		put(t, b, 2, from(1, 0, 2, "a=3"), from(1, 0, 3, "a=4"))
		b.StartEpoch(5)
		put(t, b, 5, from(1, 0, 4, "a=5"))

		epoch, end := b.EndOfEpoch(a.Epoch())
		require.EqualValues(t, 1, epoch)
		require.EqualValues(t, 2, end)
		theirs, err := b.Read(2, partition.ReadOptions{MaxBytes: 1 << 20})
		require.NoError(t, err)
		_, err = a.Follow(theirs)
		require.ErrorIs(t, err, partition.ErrGap, "it has to be truncated before")
		end, err = a.Truncate(end)
		require.NoError(t, err)
		require.EqualValues(t, 2, end)
		fetch(t, a, b)
		for _, p := range []*partition.Partition{a, b} {
			holds(t, p, "0:a=1", "1:a=2", "2:a=3", "3:a=4", "4:a=5")
			for asked, want := range map[int32][2]int64{0: {0, 0}, 1: {1, 2}, 2: {2, 4}, 3: {2, 4}, 4: {2, 4}, 5: {5, 5}, 6: {-1, -1}, -1: {-1, -1}} {
				epoch, end := p.EndOfEpoch(asked)
				require.Equal(t, want, [2]int64{int64(epoch), end}, "epoch %d", asked)
			}
			_, err := p.Append(batch("late="), 4)
			require.ErrorIs(t, err, partition.ErrLeader)
			again, err := p.Append(from(1, 0, 3, "a=4"), 5)
			require.NoError(t, err)
			require.True(t, again.Duplicate)
			require.EqualValues(t, 3, again.First)
			require.NoError(t, p.Close())
		}
	})
}

// If this failed, what a leader damages on the way, or what is no leader's, would become part of the log.
func TestAFollowerTakesWholeBatchesOnly(t *testing.T) {
	_, fs := newDisk()
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, partition.Options{})
		one, two := batch("a=1", "b=2"), batch("c=3")
		two.SetBaseOffset(2)
		both := slices.Concat(one, two)
		a, err := p.Follow(both[:len(both)-1])
		require.NoError(t, err)
		require.EqualValues(t, 1, a.Last)
		require.EqualValues(t, 2, p.Next(), "the second is cut short")
		rotten := slices.Clone(two)
		rotten[len(rotten)-1] ^= 1
		_, err = p.Follow(rotten)
		require.ErrorIs(t, err, record.ErrCorrupt)
		old := slices.Clone(two)
		old[16] = 1
		_, err = p.Follow(old)
		require.ErrorIs(t, err, record.ErrFormat)
		_, err = p.Follow(both)
		require.ErrorIs(t, err, partition.ErrGap, "the first is there, and might be another")
		a, err = p.Follow(two)
		require.NoError(t, err)
		require.NoError(t, p.Commit(a))
		holds(t, p, "0:a=1", "1:b=2", "2:c=3")
		require.NoError(t, p.Close())
	})
}

// If this failed, a fetch would give less than a batch, more than was asked for, what may still be lost, or nothing for ever.
func TestReadsKeepToTheirBounds(t *testing.T) {
	_, fs := newDisk()
	live(t, fs, func(env nodes.Env) {
		o := partition.Options{SegmentBytes: 1536 + 4000, IndexBytes: 300, OpenFiles: 1}
		p := open(t, env, o)
		var sizes []int
		for i := range 30 {
			b := batch("k="+strings.Repeat("x", i*i), "l=")
			sizes = append(sizes, len(b))
			put(t, p, 0, b)
		}
		for offset := range int64(60) {
			whole := sizes[offset/2]
			data, err := p.Read(offset, partition.ReadOptions{})
			require.NoError(t, err)
			require.Len(t, data, whole, "one batch at least, at %d", offset)
			data, err = p.Read(offset, partition.ReadOptions{MaxBytes: nodes.Bytes(whole), Strict: true})
			require.NoError(t, err)
			require.Len(t, data, whole)
			data, err = p.Read(offset, partition.ReadOptions{MaxBytes: nodes.Bytes(whole - 1), Strict: true})
			require.NoError(t, err)
			require.Empty(t, data)
			data, err = p.Read(offset, partition.ReadOptions{MaxBytes: 1 << 20, Below: offset/2*2 + 2})
			require.NoError(t, err)
			require.Len(t, data, whole, "bounded")
			data, err = p.Read(offset, partition.ReadOptions{MaxBytes: 1 << 20, Below: offset/2*2 + 1})
			require.NoError(t, err)
			require.Empty(t, data, "half a batch is below the bound")
			data, err = p.Read(offset, partition.ReadOptions{MaxBytes: 2000})
			require.NoError(t, err)
			require.True(t, len(data) <= 2000 && len(data) >= whole)
		}
		data, err := p.Read(60, partition.ReadOptions{})
		require.NoError(t, err)
		require.Empty(t, data)
		for _, offset := range []int64{-1, 61} {
			_, err := p.Read(offset, partition.ReadOptions{})
			require.ErrorIs(t, err, partition.ErrOutOfRange)
		}
		require.NoError(t, p.Close())
	})
}

// If this failed, a consumer that begins at a time would begin elsewhere.
func TestTimesLeadToOffsets(t *testing.T) {
	_, fs := newDisk()
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, partition.Options{SegmentBytes: 1536 + 500, IndexBytes: 100})
		times := []int64{10, 30, 20, 40, 40, 35, 60, 50, 70, 5}
		for i, at := range times {
			b, err := codec.Build(record.Builder{Compression: record.Compression(i % 5)}, record.Record{Time: at}, record.Record{Time: at + 3})
			require.NoError(t, err)
			put(t, p, int32(i/4), b)
		}
		for at := int64(0); at < 80; at++ {
			want := int64(-1)
			for i, time := range times {
				if time >= at {
					want = int64(2 * i)
				} else if time+3 >= at {
					want = int64(2*i + 1)
				}
				if want >= 0 {
					break
				}
			}
			m, found, err := p.At(at, p.Next())
			require.NoError(t, err)
			require.Equal(t, want >= 0, found, "time %d", at)
			if found {
				require.Equal(t, want, m.Offset, "time %d", at)
				require.EqualValues(t, want/8, m.Epoch)
			}
		}
		m, found, err := p.Latest(p.Next())
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, partition.Moment{Offset: 17, Time: 73, Epoch: 2}, m)
		m, _, err = p.Latest(13)
		require.NoError(t, err)
		require.Equal(t, partition.Moment{Offset: 12, Time: 60, Epoch: 1}, m)
		_, found, err = p.At(41, 6)
		require.NoError(t, err)
		require.False(t, found, "it lies beyond what may be read")
		require.NoError(t, p.Close())
	})
}

// If this failed, the broker's time would not be the records'.
func TestRecordsGetTheTimeOfTheAppend(t *testing.T) {
	_, fs := newDisk()
	now := time.UnixMilli(5_000_000)
	live(t, fs, func(env nodes.Env) {
		p := open(t, onDisk{Env: env, fs: fs, clock: &now}, partition.Options{AppendTime: true})
		a := put(t, p, 0, batch("a=1"))
		require.EqualValues(t, 5_000_000, a.Time)
		data, err := p.Read(0, partition.ReadOptions{})
		require.NoError(t, err)
		for r, err := range codec.Records(record.Batch(data)) {
			require.NoError(t, err)
			require.EqualValues(t, 5_000_000, r.Time)
		}
		require.NoError(t, p.Close())
	})
}
