package history_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes/history"
)

// If this fails, what a node records of its transactions is not what checkers read of it, or what they read of Jepsen's is not.
func TestStepsAndRecords(t *testing.T) {
	records := []history.Record{{Partition: "p", Offset: 3, Value: int64(7)}}
	steps := []history.Step{{F: "append", Key: "x", Value: int64(1)}, {F: "r", Key: "x"}, {F: "r", Key: "x", Value: []any{int64(1)}}, history.Poll(records...)}
	read, err := history.StepsOf(history.Steps(steps...).Value)
	require.NoError(t, err)
	require.Equal(t, steps, read)
	polled, err := history.RecordsOf(read[3].Value)
	require.NoError(t, err)
	require.Equal(t, records, polled)

	foreign := []any{[]any{"poll"}, []any{"r", 5}, []any{"poll", map[string]any{"p": []any{[]any{int64(3), int64(7)}}}}}
	read, err = history.StepsOf(slog.AnyValue(foreign))
	require.NoError(t, err)
	require.Equal(t, []history.Step{{F: "poll"}, {F: "r", Key: 5}, {F: "poll", Value: map[string]any{"p": []any{[]any{int64(3), int64(7)}}}}}, read)
	polled, err = history.RecordsOf(read[2].Value)
	require.NoError(t, err)
	require.Equal(t, records, polled)

	for _, wrong := range []any{1, []any{1}, []any{[]any{}}, []any{[]any{1, 2, 3}}, []any{[]any{"r", 1, 2, 3}}} {
		_, err := history.StepsOf(slog.AnyValue(wrong))
		require.Error(t, err, "%v", wrong)
	}
	for _, wrong := range []any{1, []any{1}, []any{[]any{"p", "x", 1}}, map[string]any{"p": 1}, map[string]any{"p": []any{1}}, map[string]any{"p": []any{[]any{"x", 1}}}} {
		_, err := history.RecordsOf(wrong)
		require.Error(t, err, "%v", wrong)
	}
	polled, err = history.RecordsOf(nil)
	require.NoError(t, err)
	require.Empty(t, polled)
}
