package objects

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// stale is a history in which a key is read as it was before it was written anew, and another key that nobody minds.
func stale() *history.History {
	op := func(id uint64, host, kind string, call, end int, outcome history.Outcome, in, out []slog.Attr) *history.Operation {
		o := &history.Operation{ID: id, Host: host, Kind: kind, Call: time.Duration(call) * time.Second, Return: time.Duration(end) * time.Second, Outcome: outcome, In: in, Out: out}
		if outcome == history.Pending {
			o.Return = history.Never
		}
		return o
	}
	key := func(k, v string) []slog.Attr { return []slog.Attr{slog.String("key", k), slog.String("value", v)} }
	return &history.History{End: 20 * time.Second,
		Faults: []history.Fault{{Verb: "cut-power", Target: "supplier-1", Fired: 1, Windows: []history.Window{{From: 3 * time.Second, To: 6 * time.Second}}}},
		Downs:  []history.Down{{Host: "kv/1", Why: "cut-power", From: 3 * time.Second, To: 6 * time.Second}},
		Operations: []*history.Operation{
			op(1, "a", "write", 1, 2, history.Ok, key("x", "old"), nil), op(2, "a", "write", 3, 4, history.Ok, key("x", "new"), nil),
			op(3, "b", "write", 3, 0, history.Pending, key("x", "late"), nil), op(4, "a", "write", 3, 9, history.Ok, key("y", "else"), nil),
			op(5, "b", "read", 7, 8, history.Ok, []slog.Attr{slog.String("key", "x")}, []slog.Attr{slog.String("value", "old")}),
			op(6, "b", "write", 8, 9, history.Fail, key("x", "never"), nil),
		}}
}

// If this failed, Porcupine's page would be about another key, or hide what struck, or differ from time to time.
func TestPorcupinesPageIsOfTheObjectThatIsViolated(t *testing.T) {
	write := func() string {
		var b bytes.Buffer
		require.NoError(t, Argument(&b, KV, stale(), 5, Options{States: 1000}))
		return b.String()
	}
	page := write()
	for _, part := range []string{"write key=x value=old", "write key=x value=new", "write key=x value=late", "read key=x", "cut-power supplier-1", "kv/1"} {
		require.Contains(t, page, part)
	}
	for _, part := range []string{"value=else", "value=never"} {
		require.NotContains(t, page, part)
	}
	require.NotRegexp(t, regexp.MustCompile(`<(script|link)[^>]+(src|href)=`), page, "it needs no net")
	for range 20 {
		require.Equal(t, page, write())
	}
}

// A model of one's own has its page too, and one with an algorithm of another kind has none.
func TestAModelOfOnesOwnHasAnArgument(t *testing.T) {
	type bump struct {
		linear.Span
		to int64
	}
	ticket := Custom("ticket", linear.Model[int64, bump]{Step: func(last int64, op *bump) (int64, bool) { return op.to, op.to > last }},
		func(o *history.Operation, op *bump) (string, error) {
			op.to = o.Output("number").Int64()
			return "", nil
		})
	h := &history.History{End: 9 * time.Second}
	for i, n := range []int64{1, 3, 2} {
		h.Operations = append(h.Operations, &history.Operation{ID: uint64(i + 1), Host: "v", Kind: "take", Call: time.Duration(2*i) * time.Second,
			Return: time.Duration(2*i+1) * time.Second, Outcome: history.Ok, Out: []slog.Attr{slog.Int64("number", n)}})
	}
	var b bytes.Buffer
	require.NoError(t, Argument(&b, ticket, h, 3, Options{}))
	require.Contains(t, b.String(), "number=2")
	require.ErrorIs(t, Argument(&b, Queue, h, 3, Options{}), ErrNoArgument)
	for i := range uint64(mostArgued) {
		h.Operations = append(h.Operations, &history.Operation{ID: 10 + i, Host: fmt.Sprint(i), Kind: "take", Outcome: history.Ok, Out: []slog.Attr{slog.Int64("number", 1)}})
	}
	require.True(t, errors.Is(Argument(&b, ticket, h, 3, Options{}), ErrNoArgument), "a page of more says nothing")
}
