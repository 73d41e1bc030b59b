package gearman

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// If this failed, a server would come back with other jobs than it had promised.
func TestRecordsAreReadAsTheyWereWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := func(name string, least, most int) []byte {
			return rapid.SliceOfN(rapid.Byte(), least, most).Draw(t, name)
		}
		want := submitted{
			number: rapid.Uint64().Draw(t, "number"), epoch: rapid.Int64().Draw(t, "epoch"),
			attempts: rapid.IntRange(0, 1<<30).Draw(t, "attempts"), priority: priority(rapid.IntRange(0, int(priorities)-1).Draw(t, "priority")),
			handle: some("handle", 1, MaxHandle), function: some("function", 0, longestFunction), unique: some("unique", 0, MaxUnique),
			reducer: some("reducer", 0, 30), data: some("data", 0, 100),
		}
		record := appendSubmitted(nil, &want)
		require.Equal(t, recordSubmitted, record[0])
		got, err := parseSubmitted(record[1:])
		require.NoError(t, err)
		require.Equal(t, []any{want.number, want.epoch, want.attempts, want.priority}, []any{got.number, got.epoch, got.attempts, got.priority})
		for i, pair := range [][2][]byte{{want.handle, got.handle}, {want.function, got.function}, {want.unique, got.unique},
			{want.reducer, got.reducer}, {want.data, got.data}} {
			require.True(t, bytes.Equal(pair[0], pair[1]), "field %d: %q, and not %q", i, pair[1], pair[0])
		}

		record = appendAttempted(nil, want.handle, want.attempts)
		require.Equal(t, recordAttempted, record[0])
		handle, attempts, err := parseAttempted(record[1:])
		require.NoError(t, err)
		require.Equal(t, want.attempts, attempts)
		require.True(t, bytes.Equal(want.handle, handle))

		cut := appendSubmitted(nil, &want)
		head := len(cut) - len(want.data)
		_, err = parseSubmitted(cut[1:rapid.IntRange(1, head-1).Draw(t, "cut")])
		require.ErrorIs(t, err, errRecord, "one that is cut short is no record")
	})
}

// If this failed, some bytes in a journal would end the server that reads them with a panic.
func FuzzRecord(f *testing.F) {
	f.Add(appendSubmitted(nil, &submitted{number: 7, handle: []byte("H:a:1"), function: []byte("f"), unique: []byte("k"), data: []byte("data")}))
	f.Add(appendAttempted(nil, []byte("H:a:1"), 3))
	f.Add(appendEnded(nil, []byte("H:a:1")))
	f.Fuzz(func(t *testing.T, record []byte) {
		r := recovered{jobs: map[string]*job{}, functions: &functions{byName: map[string]*function{}}}
		if err := r.take(record); err != nil {
			require.ErrorIs(t, err, errRecord)
			return
		}
		require.LessOrEqual(t, len(r.inOrder()), 1)
	})
}
