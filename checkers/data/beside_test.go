package data_test

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/checkers/data"
	"simrun/checkers/evidence"
	"simrun/nodes/history"
)

// If this failed, a store would be blamed for what another, beside it, did with a key of the same name, or be spared for it.
func TestTwoStoresAreJudgedSideBySide(t *testing.T) {
	told := func(v any) []slog.Attr { return []slog.Attr{slog.Any("value", v)} }
	op := func(id uint64, host, kind string, in, out []slog.Attr, ms int) *history.Operation {
		return &history.Operation{ID: id, Host: host, Kind: kind, In: in, Out: out, Call: at(ms), Return: at(ms + 10), Outcome: history.Ok}
	}
	h := &history.History{End: at(60_000), Hosts: cluster(), Downs: []history.Down{{Host: "a", Why: "crash", From: at(5_000), To: at(6_000)}},
		Operations: []*history.Operation{
			op(1, "client-a", "write", keyed("x", "red"), nil, 1_000),
			op(2, "client-a", "delete", keyed("x", nil), nil, 2_000),
			op(3, "client-b", "write", keyed("x", "blue"), nil, 3_000),
			op(4, "client-a", "read", keyed("x", nil), told("red"), 40_000),
			op(5, "client-b", "read", keyed("x", nil), told("blue"), 40_100),
		}}
	for name, check := range map[string]func(from evidence.Selector) checkers.Check{
		"linearizable": func(from evidence.Selector) checkers.Check {
			return &data.Atomic{Model: "kv", From: from, States: 1000}
		},
		"no-resurrection": func(from evidence.Selector) checkers.Check { return &data.NoResurrection{From: from} },
		"durable": func(from evidence.Selector) checkers.Check {
			return &data.Durable{Of: "write", Reading: data.Reading{Read: "read", From: from}}
		},
	} {
		e := evidence.Gather(h)
		require.Equal(t, checkers.Violated, check("").Judge(e).Verdict, name)
		require.Equal(t, checkers.Violated, check("client-a").Judge(e).Verdict, name)
		require.NotEqual(t, checkers.Violated, check("client-b").Judge(e).Verdict, name)
	}
}
