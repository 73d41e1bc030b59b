package data

import (
	"io"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/objects"
	"simrun/nodes/history"
)

// If this failed, a scenario could not claim of a store of keys what a program can. Its clients' attempts are no
// operations of the object.
func TestScenariosKnowTheBuiltInModels(t *testing.T) {
	c := newAtomic().(*Atomic)
	c.Model = "kv"
	require.Contains(t, c.Model.Values(), "kv")
	h := &history.History{End: 10}
	require.Equal(t, checkers.Vacuous, c.Judge(evidence.Gather(h)).State)
	key, one := slog.String("key", "x"), slog.Int("value", 1)
	h.Operations = []*history.Operation{
		{ID: 1, Kind: "write", In: []slog.Attr{key, one}, Call: 0, Return: 1, Outcome: history.Ok},
		{ID: 2, Parent: 1, Kind: "attempt", Call: 0, Return: 1, Outcome: history.Ok},
		{ID: 3, Kind: "read", In: []slog.Attr{key}, Out: []slog.Attr{one}, Call: 2, Return: 3, Outcome: history.Ok},
	}
	require.Equal(t, checkers.Holds, c.Judge(evidence.Gather(h)).Verdict)
	h.Operations[2].Out = nil
	j := c.Judge(evidence.Gather(h))
	require.Equal(t, checkers.Violated, j.Verdict)
	require.Equal(t, []uint64{1, 3}, j.Witness)
	require.Equal(t, "x", j.Object)
	require.Len(t, j.Story, 2)
	c.Model = "log"
	h.Operations[2].In = nil
	j = c.Judge(evidence.Gather(h))
	require.Equal(t, checkers.Unknown, j.Verdict)
	require.Equal(t, checkers.Decided, j.State, "what cannot be read is no pass")
}

// What is asked for a page of its argument, and has none, says so.
func TestJobsHaveNoPageOfAnArgument(t *testing.T) {
	h := &history.History{End: 10}
	require.ErrorIs(t, (&Atomic{Model: gearmanJob}).Argue(io.Discard, h, 3), objects.ErrNoArgument)
	require.ErrorIs(t, (&Atomic{Model: "kv"}).Argue(io.Discard, h, 3), objects.ErrNoArgument)
}
