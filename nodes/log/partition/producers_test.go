package partition_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/nodes/log/record"
)

// If this failed, a producer that sends again what was not answered would be doubled, or lose what comes after.
func TestAProducersBatchesAreInTheLogOnceAndInOrder(t *testing.T) {
	_, fs := newDisk()
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, partition.Options{})
		for i := range int32(7) {
			put(t, p, 0, from(1, 0, 2*i, fmt.Sprint("a=", i), fmt.Sprint("b=", i)))
		}
		for i := range int32(7) {
			a, err := p.Append(from(1, 0, 2*i, "again=", "again="), 0)
			if i < 2 { // not among the last five
				require.ErrorIs(t, err, partition.ErrOutOfOrder)
				continue
			}
			require.NoError(t, err)
			require.True(t, a.Duplicate)
			require.EqualValues(t, 2*i, a.First)
			require.EqualValues(t, 2*i+1, a.Last)
			require.NoError(t, p.Commit(a))
		}
		_, err := p.Append(from(1, 0, 12, "shorter="), 0)
		require.ErrorIs(t, err, partition.ErrOutOfOrder, "the same sequence, but another batch")
		_, err = p.Append(from(1, 0, 15, "gap="), 0)
		require.ErrorIs(t, err, partition.ErrOutOfOrder)
		_, err = p.Append(from(1, 1, 14, "epoch="), 0)
		require.ErrorIs(t, err, partition.ErrOutOfOrder, "a new epoch begins with 0")
		put(t, p, 0, from(1, 1, 0, "epoch=1"))
		_, err = p.Append(from(1, 0, 14, "zombie="), 0)
		require.ErrorIs(t, err, partition.ErrFenced)
		require.EqualValues(t, 15, p.Next())
		put(t, p, 0, batch("not=numbered"), batch("not=numbered"))
		require.EqualValues(t, 17, p.Next())
		require.NoError(t, p.Close())
	})
}

// If this failed, an answer would go out for a batch sent again before the first was durable.
func TestABatchSentAgainWaitsForTheFirst(t *testing.T) {
	d, fs := newDisk()
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, partition.Options{})
		_, err := p.Append(from(1, 0, 0, "a=1"), 0)
		require.NoError(t, err)
		again, err := p.Append(from(1, 0, 0, "a=1"), 0)
		require.NoError(t, err)
		require.True(t, again.Duplicate)
		require.NoError(t, p.Commit(again))
		require.EqualValues(t, 1, p.Durable())
		require.False(t, d.Pending().Any())
		require.NoError(t, p.Close())
	})
}

// If this failed, a producer would fail after two thousand million records.
func TestSequencesBeginAgainAfterTheGreatest(t *testing.T) {
	_, fs := newDisk()
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, partition.Options{})
		put(t, p, 0, from(1, 0, math.MaxInt32-1, "a=", "b=", "c="))
		a, err := p.Append(from(1, 0, math.MaxInt32-1, "a=", "b=", "c="), 0)
		require.NoError(t, err)
		require.True(t, a.Duplicate)
		put(t, p, 0, from(1, 0, 1, "d="))
		require.NoError(t, p.Close())
	})
}

// If this failed, every producer that there ever was would be remembered, or one in the middle of a transaction forgotten.
func TestIdleProducersAreForgotten(t *testing.T) {
	_, fs := newDisk()
	now := time.UnixMilli(1_000_000)
	live(t, fs, func(env nodes.Env) {
		env = onDisk{Env: env, fs: fs, clock: &now}
		p := open(t, env, partition.Options{Producers: 4, ProducersFor: time.Minute})
		put(t, p, 0, within(1, 0, 0, "a="))
		for id := range int64(20) {
			now = now.Add(time.Millisecond)
			put(t, p, 0, from(2+id, 0, 0, "b="))
			require.LessOrEqual(t, len(p.Producers()), 4)
		}
		require.EqualValues(t, 1, p.Producers()[0].ID, "it has a transaction open")
		require.EqualValues(t, 21, p.Producers()[3].ID)
		now = now.Add(time.Hour)
		put(t, p, 0, from(21, 0, 70, "long ago"))
		put(t, p, 0, within(1, 0, 1, "a="))
		for id := range int64(3) {
			put(t, p, 0, within(50+id, 0, 0, "c="))
		}
		_, err := p.Append(within(60, 0, 0, "d="), 0)
		require.ErrorIs(t, err, partition.ErrProducers)
		require.NoError(t, p.Close())
	})
}

// If this failed, readers of committed records would see what was aborted, or wait for ever, or read what may still be undone.
func TestTransactionsEndAtTheirMarkers(t *testing.T) {
	_, fs := newDisk()
	check := func(p *partition.Partition) {
		require.EqualValues(t, 5, p.Stable(), "producer 3 has a transaction open since 5")
		require.Equal(t, []partition.Aborted{{Producer: 2, First: 1}}, p.Aborted(0, 10))
		require.Equal(t, []partition.Aborted{{Producer: 2, First: 1}}, p.Aborted(4, 5))
		require.Empty(t, p.Aborted(5, 10))
		require.Empty(t, p.Aborted(0, 1))
	}
	marker := func(commit bool, coordinator int32) record.Marker {
		return record.Marker{Commit: commit, CoordinatorEpoch: coordinator}
	}
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, partition.Options{})
		put(t, p, 0, within(1, 0, 0, "a=1"), within(2, 0, 0, "b=1"), within(1, 0, 1, "a=2"))
		p.SetWatermark(3)
		require.EqualValues(t, 0, p.Stable())
		_, err := p.Append(from(1, 0, 2, "outside="), 0)
		require.ErrorIs(t, err, partition.ErrTransaction)
		for id, commits := range map[int64]bool{1: true} {
			a, err := p.AppendMarker(marker(commits, 7), id, 0, 0)
			require.NoError(t, err)
			require.NoError(t, p.Commit(a))
		}
		require.EqualValues(t, 0, p.Stable(), "the marker is not in every replica")
		p.SetWatermark(4)
		require.EqualValues(t, 1, p.Stable())
		a, err := p.AppendMarker(marker(false, 7), 2, 0, 0)
		require.NoError(t, err)
		require.NoError(t, p.Commit(a))
		put(t, p, 0, within(3, 2, 0, "c=1"))
		p.SetWatermark(p.Next())
		check(p)
		_, err = p.AppendMarker(marker(false, 6), 1, 0, 0)
		require.ErrorIs(t, err, partition.ErrCoordinator)
		_, err = p.AppendMarker(marker(false, 6), 3, 1, 0)
		require.ErrorIs(t, err, partition.ErrFenced)
		require.EqualValues(t, 5, p.Producers()[2].TransactionStart)
		// without a close
	})
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, partition.Options{})
		p.SetWatermark(p.Next())
		check(p)
		require.NoError(t, p.Close())
	})
	live(t, fs, func(env nodes.Env) { // from the snapshot of a clean end
		p := open(t, env, partition.Options{})
		require.True(t, p.Recovery().Clean)
		check(p)
		a, err := p.AppendMarker(marker(false, 7), 3, 3, 0)
		require.NoError(t, err)
		require.NoError(t, p.Commit(a))
		p.SetWatermark(p.Next())
		require.Equal(t, p.Next(), p.Stable())
		_, err = p.Append(within(3, 2, 1, "zombie="), 0)
		require.ErrorIs(t, err, partition.ErrFenced, "the marker had a later epoch")
		_, err = p.Truncate(6)
		require.NoError(t, err)
		check(p)
		require.NoError(t, p.Close())
	})
}

// If this failed, what was cut off would come back as the memory of who sent it.
func TestProducersAreForgottenWithWhatTheySent(t *testing.T) {
	_, fs := newDisk()
	var want []partition.ProducerState
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, tiny)
		for i := range int32(12) {
			put(t, p, 0, from(1, 0, i, "so long that it fills a segment="+strings.Repeat("x", 200)))
		}
		_, err := p.Truncate(1)
		require.NoError(t, err)
		for i := range int32(4) {
			put(t, p, 1, from(2, 0, i, "a="))
		}
		want = p.Producers()
		require.Zero(t, want[0].LastSequence)
		// without a close
	})
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, tiny)
		require.Equal(t, want, p.Producers())
		require.NoError(t, p.Close())
	})
}

// If this failed, a marker that is late would end the transaction after its own, or a message that is late become part of that; also under the
// next leader, and after a restart.
func TestWhatIsLateEndsAndJoinsNoTransaction(t *testing.T) {
	_, fs := newDisk()
	_, other := newDisk()
	late := func(p *partition.Partition) {
		a, err := p.AppendMarker(record.Marker{Commit: true, CoordinatorEpoch: 7, Once: true}, 1, 1, 0)
		require.NoError(t, err)
		require.True(t, a.Duplicate)
		require.NoError(t, p.Commit(a))
		_, err = p.Append(within(1, 0, 1, "late="), 0)
		require.ErrorIs(t, err, partition.ErrFenced)
		require.EqualValues(t, 2, p.Producers()[0].TransactionStart, "the next is open still")
	}
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, partition.Options{})
		follower := open(t, onDisk{Env: env, fs: other}, partition.Options{})
		put(t, p, 0, within(1, 0, 0, "a=1"))
		a, err := p.AppendMarker(record.Marker{Commit: false, CoordinatorEpoch: 7, Once: true}, 1, 1, 0)
		require.NoError(t, err)
		require.False(t, a.Duplicate)
		require.NoError(t, p.Commit(a))
		put(t, p, 0, within(1, 1, 0, "a=2"))
		fetch(t, follower, p)
		late(p)
		late(follower)
		require.NoError(t, follower.Close())
		// the other without a close
	})
	live(t, fs, func(env nodes.Env) {
		p := open(t, env, partition.Options{})
		late(p)
		a, err := p.AppendMarker(record.Marker{Commit: true, CoordinatorEpoch: 7, Once: true}, 1, 2, 0)
		require.NoError(t, err)
		require.False(t, a.Duplicate)
		p.SetWatermark(p.Next())
		held, err := committed(p, 0)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"a": "2"}, held)
		require.NoError(t, p.Close())
	})
}
