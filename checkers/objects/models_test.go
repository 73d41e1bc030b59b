package objects_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/checkers/objects"
	"simrun/nodes/history"
)

func answered(id uint64, kind string, call, ret time.Duration, in, out []slog.Attr) *history.Operation {
	return &history.Operation{ID: id, Kind: kind, Call: call, Return: ret, In: in, Out: out, Outcome: history.Ok}
}

func judged(t *testing.T, m objects.Model, o objects.Options, operations ...*history.Operation) checkers.Judgement {
	t.Helper()
	j, err := objects.Linearizable(m, &history.History{Operations: operations}, o)
	require.NoError(t, err)
	return j
}

// If this failed, a broken history would be judged as if it were whole.
func TestWhatCannotBeReadIsRefused(t *testing.T) {
	for problem, o := range map[string]*history.Operation{
		`operation 7 (push): a register has no such operation`:         answered(7, "push", 1, 2, nil, nil),
		`operation 7 (read): it was called at 2ns and answered at 1ns`: answered(7, "read", 2, 1, nil, nil),
	} {
		_, err := objects.Linearizable(objects.Register, &history.History{Operations: []*history.Operation{o}}, objects.Options{})
		require.EqualError(t, err, problem)
		var bad *checkers.BadOperation
		require.ErrorAs(t, err, &bad)
		require.Same(t, o, bad.Operation)
	}
	for problem, o := range map[string]*history.Operation{
		`operation 7 (append): it appends nothing: no value`:         answered(7, "append", 1, 2, nil, []slog.Attr{slog.Int("offset", 1)}),
		`operation 7 (append): its offset is no whole number: <nil>`: answered(7, "append", 1, 2, value(1), nil),
		`operation 7 (read): its offset is no whole number: here`:    answered(7, "read", 1, 2, []slog.Attr{slog.String("offset", "here")}, nil),
		`operation 7 (write): a log has no such operation`:           answered(7, "write", 1, 2, value(1), nil),
	} {
		_, err := objects.Linearizable(objects.Log, &history.History{Operations: []*history.Operation{o}}, objects.Options{})
		require.EqualError(t, err, problem)
	}
	j := judged(t, objects.Register, objects.Options{Others: true}, answered(7, "push", 1, 2, nil, nil))
	require.Equal(t, checkers.Vacuous, j.State)
	require.Equal(t, checkers.Unknown, j.Verdict)
}

// If this failed, a value could be taken for another, or a swap that did nothing for one that did.
func TestValuesAndSwapsAreRead(t *testing.T) {
	three, text := value(3), value("3")
	require.Equal(t, checkers.Violated, judged(t, objects.Register, objects.Options{},
		answered(1, "write", 0, 1, three, nil), answered(2, "read", 2, 3, nil, text)).Verdict, "a text is no number")
	require.Equal(t, checkers.Holds, judged(t, objects.Register, objects.Options{Initial: "3"}, answered(2, "read", 2, 3, nil, text)).Verdict)
	require.Equal(t, checkers.Violated, judged(t, objects.Register, objects.Options{Initial: 3}, answered(2, "read", 2, 3, nil, nil)).Verdict)
	require.Equal(t, checkers.Violated, judged(t, objects.KV, objects.Options{},
		answered(1, "write", 0, 1, three, nil), answered(2, "delete", 2, 3, nil, nil), answered(3, "read", 4, 5, nil, three)).Verdict)

	swap := []slog.Attr{slog.Int("old", 3), slog.Int("new", 4)}
	no := slog.Bool("swapped", false)
	write, read := answered(1, "write", 0, 1, three, nil), answered(9, "read", 8, 9, nil, three)
	for _, c := range []struct {
		verdict checkers.Verdict
		out     []slog.Attr
	}{{checkers.Violated, nil}, {checkers.Holds, []slog.Attr{no}}, {checkers.Holds, append(three, no)}, {checkers.Violated, append(value(5), no)}} {
		require.Equal(t, c.verdict, judged(t, objects.CASRegister, objects.Options{}, write, answered(2, "cas", 2, 3, swap, c.out), read).Verdict, c.out)
	}
}

// If this failed, a register whose values repeat would be judged by an algorithm that needs them not to.
func TestRepeatedValuesGoToTheSearch(t *testing.T) {
	one, two := value(1), value(2)
	right := []*history.Operation{answered(1, "write", 0, 1, one, nil), answered(2, "write", 2, 3, two, nil), answered(3, "write", 4, 5, one, nil), answered(4, "read", 6, 7, nil, one)}
	require.Equal(t, checkers.Holds, judged(t, objects.Register, objects.Options{}, right...).Verdict)
	j := judged(t, objects.Register, objects.Options{}, append(right[:3:3], answered(4, "read", 6, 7, nil, two))...)
	require.Equal(t, checkers.Violated, j.Verdict)
	require.Equal(t, "no-order", j.Anomaly)
	require.Equal(t, []uint64{2, 3, 4}, j.Witness)
	require.Equal(t, checkers.Unknown, judged(t, objects.Register, objects.Options{States: 2}, right...).Verdict)
	require.Equal(t, checkers.Unknown, judged(t, objects.Register, objects.Options{Bytes: 8}, right...).Verdict)
}

// If this failed, the command could not find a model by its name.
func TestModelsHaveNames(t *testing.T) {
	for _, m := range objects.Models() {
		found, is := objects.ModelNamed(m.Name())
		require.True(t, is)
		require.Equal(t, m.Name(), found.Name())
	}
	_, is := objects.ModelNamed("abacus")
	require.False(t, is)
}
