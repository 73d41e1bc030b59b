package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/history"
)

// If this failed, a history written here would mean something else to those who read Jepsen's.
func TestAHistoryIsWrittenAsJepsenDoes(t *testing.T) {
	h := &history.History{End: 10 * time.Second,
		Hosts:  []history.Host{{Name: "client-w/1", Node: "client-w", Kind: "gearman.client", Role: "client", Site: "west", Supplier: "supplier-1"}},
		Phases: []history.Phase{{Name: "storm", To: 10 * time.Second, Load: true}},
		Operations: []*history.Operation{
			{ID: 1, Request: 7, Host: "client-w/1", Kind: "submit", In: []slog.Attr{slog.String("unique", "a"), slog.Duration("timeout", time.Second)},
				Call: time.Second, Return: 2 * time.Second, Outcome: history.Ok, Out: []slog.Attr{slog.String("handle", "H:a:1")},
				Notes: []history.Note{{At: 1500 * time.Millisecond, Name: "created", Attrs: []slog.Attr{slog.String("handle", "H:a:1")}}}},
			{ID: 2, Parent: 1, Host: "client-w/1", Kind: "attempt", Call: time.Second, Return: 3 * time.Second, Outcome: history.Unknown, Reason: "timeout"},
			{ID: 3, Host: "client-w/1", Kind: "submit", Call: 2 * time.Second, Return: 4 * time.Second, Outcome: history.Fail, Reason: "refused"},
			{ID: 4, Host: "client-w/1", Kind: "submit", Call: 5 * time.Second, Return: history.Never},
		},
		Downs:       []history.Down{{Host: "gearman-a", Why: "cut-power", From: 1200 * time.Millisecond, To: 4 * time.Second, Unsynced: 512}},
		Impairments: []history.Impairment{{Verb: "partition", From: []string{"a"}, To: []string{"b"}, Start: 9 * time.Second, End: history.Never, Cut: true}},
	}
	var b bytes.Buffer
	require.NoError(t, WriteHistory(&b, h))
	golden(t, "history.jsonl", b.String())
}

// If this failed, Jepsen's checkers would refuse the file: a process does one thing at a time, and none after
// an operation of it ended unknown.
func TestAProcessDoesOneThingAtATime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history.History{End: 100}
		for i := range rapid.IntRange(0, 40).Draw(t, "operations") {
			call := history.Time(rapid.IntRange(0, 20).Draw(t, "call"))
			op := &history.Operation{ID: uint64(i + 1), Host: "c", Kind: "x", Call: call,
				Return: call + history.Time(rapid.IntRange(0, 5).Draw(t, "takes")), Outcome: history.Outcome(rapid.IntRange(0, 3).Draw(t, "outcome"))}
			if op.Outcome == history.Pending {
				op.Return = history.Never
			}
			h.Operations = append(h.Operations, op)
		}
		var b bytes.Buffer
		require.NoError(t, WriteHistory(&b, h))
		busy, retired, ended := map[int]uint64{}, map[int]bool{}, 0
		last := -1
		for d := json.NewDecoder(&b); d.More(); {
			var line struct {
				Index, Time, Process int
				Type                 string
				ID                   uint64
			}
			require.NoError(t, d.Decode(&line))
			require.LessOrEqual(t, last, line.Time)
			last = line.Time
			require.False(t, retired[line.Process])
			if line.Type == "invoke" {
				require.Zero(t, busy[line.Process], fmt.Sprint("process ", line.Process))
				busy[line.Process] = line.ID
				continue
			}
			ended++
			require.Equal(t, line.ID, busy[line.Process])
			delete(busy, line.Process)
			retired[line.Process] = line.Type == "info"
		}
		require.Equal(t, len(h.Operations), ended)
	})
}
