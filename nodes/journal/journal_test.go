package journal_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/osenv"
)

// onHost runs one life of a node in a directory.
func onHost(t testing.TB, dir string, life func(env nodes.Env) error) {
	t.Helper()
	require.NoError(t, osenv.New(osenv.Options{DataDir: dir, Seed: 1}).Run(life))
}

// recall opens the journal and returns it with what it remembers.
func recall(env nodes.Env, options journal.Options) (*journal.Journal, []string, error) {
	var seen []string
	j, err := journal.Open(env, "journal", options, func(r journal.Record) error {
		seen = append(seen, string(r.Payload))
		return nil
	})
	return j, seen, err
}

// remembers opens the journal in a life of its own and compares.
func remembers(t testing.TB, dir string, want ...string) {
	t.Helper()
	onHost(t, dir, func(env nodes.Env) error {
		j, seen, err := recall(env, journal.Options{})
		require.NoError(t, err)
		require.Equal(t, want, seen)
		return j.Close()
	})
}

func write(j *journal.Journal, payloads ...string) error {
	for _, payload := range payloads {
		at, err := j.Append([]byte(payload))
		if err == nil {
			err = j.Commit(at)
		}
		if err != nil {
			return fmt.Errorf("%.20q: %w", payload, err)
		}
	}
	return nil
}

// If this failed, a node would wake up without its past.
func TestWhatWasCommittedIsRememberedInOrder(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for life := range 4 {
		onHost(t, dir, func(env nodes.Env) error {
			j, seen, err := recall(env, journal.Options{SegmentBytes: 2048})
			require.NoError(t, err)
			require.Equal(t, want, seen)
			for i := range 30 {
				payload := fmt.Sprintf("life %d record %d %0*d", life, i, i*7, i)
				want = append(want, payload)
				require.NoError(t, write(j, payload))
			}
			require.Equal(t, uint64(len(want)), j.Durable())
			if life%2 == 0 {
				return nil // as kill -9 would have it
			}
			return j.Close()
		})
	}
	remembers(t, dir, want...)
	segments, err := filepath.Glob(filepath.Join(dir, "journal", "*.log"))
	require.NoError(t, err)
	require.Greater(t, len(segments), 3, "segments were not begun")
}

// If this failed, sixty-four writers would need sixty-four syncs, or be told in the wrong order.
func TestWritersShareASyncAndAreToldInOrder(t *testing.T) {
	dir := t.TempDir()
	onHost(t, dir, func(env nodes.Env) error {
		j, _, err := recall(env, journal.Options{})
		require.NoError(t, err)
		var told []uint64
		var last journal.Position
		for i := range 1000 {
			at, err := j.Append(fmt.Append(nil, i))
			require.NoError(t, err)
			require.Equal(t, uint64(i), at.Number())
			j.Then(at, func(err error) {
				require.NoError(t, err)
				require.Less(t, at.Number(), j.Durable())
				told = append(told, at.Number())
			})
			last = at
		}
		require.Empty(t, told, "told before anything was written")
		require.NoError(t, j.Commit(last))
		require.Len(t, told, 1000)
		require.IsIncreasing(t, told)
		called := false
		j.Then(last, func(error) { called = true })
		require.True(t, called)
		return j.Close()
	})
}

// If this failed, a journal would only ever grow, or forget what was alive.
func TestCompactionKeepsTheLivingAndFreesTheDisk(t *testing.T) {
	dir := t.TempDir()
	options := journal.Options{SegmentBytes: 4096, CompactBytes: 16384, GrowBytes: 1024}
	alive := func(yield func([]byte) bool) {
		for i := range 10 {
			if !yield(fmt.Appendf(nil, "alive %d", i)) {
				return
			}
		}
	}
	onHost(t, dir, func(env nodes.Env) error {
		j, _, err := recall(env, options)
		require.NoError(t, err)
		compactions := 0
		for i := range 600 {
			require.NoError(t, write(j, fmt.Sprintf("dead %150d", i)))
			if j.Bloated() {
				compactions++
				require.NoError(t, j.Compact(alive))
				require.NoError(t, write(j, "after"))
			}
			require.Less(t, j.LogBytes(), nodes.Bytes(3*16384))
		}
		require.Greater(t, compactions, 3)
		require.NoError(t, j.Compact(alive))
		require.NoError(t, write(j, "afterwards"))
		return j.Close()
	})
	var want []string
	alive(func(b []byte) bool { want = append(want, string(b)); return true })
	remembers(t, dir, append(want, "afterwards")...)
	files, err := os.ReadDir(filepath.Join(dir, "journal"))
	require.NoError(t, err)
	require.Len(t, files, 3, "lock, snapshot, segment")
}

// If this failed, what others append during a compaction would be lost or doubled.
func TestOthersAppendDuringACompaction(t *testing.T) {
	dir := t.TempDir()
	onHost(t, dir, func(env nodes.Env) error {
		j, _, err := recall(env, journal.Options{BatchBytes: 64})
		require.NoError(t, err)
		require.NoError(t, write(j, "before"))
		appended := 0
		unsynced, err := j.Append([]byte("just before"))
		require.NoError(t, err)
		require.NoError(t, j.Compact(func(yield func([]byte) bool) {
			require.ErrorIs(t, j.Compact(nil), journal.ErrCompacting)
			for i := range 10 {
				_, err := j.Append(fmt.Appendf(nil, "during %d", i))
				require.NoError(t, err)
				appended++
				if !yield(fmt.Appendf(nil, "a state of more than the sixty-four bytes that make a batch, number %d", i)) {
					return
				}
			}
		}))
		require.NoError(t, j.Commit(unsynced))
		require.Equal(t, 10, appended)
		return j.Close()
	})
	onHost(t, dir, func(env nodes.Env) error {
		var states, logged int
		j, err := journal.Open(env, "journal", journal.Options{}, func(r journal.Record) error {
			if r.Snapshot {
				require.Contains(t, string(r.Payload), fmt.Sprintf("number %d", states))
				states++
				return nil
			}
			require.Equal(t, uint64(2+logged), r.Number)
			require.Equal(t, fmt.Sprintf("during %d", logged), string(r.Payload))
			logged++
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, 10, states)
		require.Equal(t, 10, logged)
		return j.Close()
	})
}

// If this failed, two servers could write into one journal, or a closed one swallow records.
func TestAJournalHasOneOwnerAndAnEnd(t *testing.T) {
	dir := t.TempDir()
	onHost(t, dir, func(env nodes.Env) error {
		j, _, err := recall(env, journal.Options{RecordBytes: 100, PendingBytes: 1000})
		require.NoError(t, err)
		_, _, err = recall(env, journal.Options{})
		require.Error(t, err)
		_, err = j.Append(make([]byte, 101))
		require.ErrorIs(t, err, journal.ErrTooLarge)
		for err == nil || errors.Is(err, journal.ErrTooLarge) {
			_, err = j.Append(make([]byte, 90))
		}
		require.ErrorIs(t, err, journal.ErrBehind)
		require.NoError(t, j.Close())
		_, err = j.Append(nil)
		require.ErrorIs(t, err, journal.ErrClosed)
		require.ErrorIs(t, j.Close(), journal.ErrClosed)
		return nil
	})
}
