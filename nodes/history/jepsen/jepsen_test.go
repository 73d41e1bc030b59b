package jepsen

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/history"
	"simrun/sim/simtest/golden"
)

// everything is a history with something of everything.
func everything() *history.History {
	return &history.History{Scenario: "thunderstorm", Seed: "0000000000000007", End: 10 * time.Second,
		Hosts: []history.Host{{Name: "client-w/1", Node: "client-w", Kind: "gearman.client", Role: "client", Site: "west", Supplier: "supplier-1",
			Servers: []string{"gearman-a", "gearman-b"}}, {Name: "gearman-a", Node: "gearman-a", Role: "server"}},
		Phases: []history.Phase{{Name: "storm", To: 10 * time.Second, Load: true}},
		Operations: []*history.Operation{
			{ID: 1, Request: 7, Host: "client-w/1", Kind: "submit", In: []slog.Attr{slog.String("unique", "a"), slog.Duration("timeout", time.Second)},
				Call: time.Second, Return: 2 * time.Second, Outcome: history.Ok, Out: []slog.Attr{slog.String("handle", "H:a:1")},
				Notes: []history.Note{{At: 1500 * time.Millisecond, Name: "created", Attrs: []slog.Attr{slog.String("handle", "H:a:1")}}}},
			{ID: 2, Parent: 1, Host: "client-w/1", Kind: "attempt", Call: time.Second, Return: 3 * time.Second, Outcome: history.Unknown, Reason: "timeout"},
			{ID: 3, Host: "client-w/1", Kind: "submit", Call: 2 * time.Second, Return: 4 * time.Second, Outcome: history.Fail, Reason: "refused"},
			{ID: 4, Host: "client-w/1", Kind: "write", In: []slog.Attr{slog.Int("value", 3)}, Call: 5 * time.Second, Return: history.Never},
		},
		Samples:   []history.Sample{{At: 2 * time.Second, Host: "gearman-a", Name: "jobs", Value: 2}},
		Notes:     map[string][]history.Note{"gearman-a": {{At: 3 * time.Second, Name: "became-leader", Attrs: []slog.Attr{slog.Int("term", 2)}}}},
		Sometimes: map[string]history.Time{"the store was full": 6 * time.Second},
		Downs:     []history.Down{{Host: "gearman-a", Why: "cut-power", From: 1200 * time.Millisecond, To: 4 * time.Second, Unsynced: 512}},
		Impairments: []history.Impairment{{Verb: "partition", From: []string{"a"}, To: []string{"b"}, Start: 9 * time.Second, End: history.Never, Cut: true},
			{Verb: "slow-disk", From: []string{"a"}, Start: time.Second, End: 12 * time.Second, Delay: time.Millisecond}},
		Faults: []history.Fault{{Verb: "cut-power", Target: "supplier-1", At: 1200 * time.Millisecond, For: 2 * time.Second, DrawnBy: "script", Armed: 1,
			Fired: 1, Effects: 512, Windows: []history.Window{{From: 1200 * time.Millisecond, To: 4 * time.Second}}}},
	}
}

func written(t require.TestingT, h *history.History) string {
	var b bytes.Buffer
	require.NoError(t, Write(&b, h))
	return b.String()
}

func reread(t require.TestingT, text string) *history.History {
	r, err := Read(strings.NewReader(text), Options{})
	require.NoError(t, err)
	return r.History
}

// If this failed, a history written here would mean something else to those who read it.
func TestAHistoryIsWrittenAsJepsenDoes(t *testing.T) {
	golden.Equal(t, "testdata/history.jsonl", written(t, everything()))
}

// If this failed, a run could not be judged again from its file.
func TestNothingIsLostInAFile(t *testing.T) {
	h := everything()
	again := reread(t, written(t, h))
	h.Operations[0].In[1] = slog.Int64("timeout", int64(time.Second)) // a file has no durations
	require.Equal(t, h, again)
}

// drawn is any history that a run may have left.
func drawn(t *rapid.T) *history.History {
	h := &history.History{End: 100, Notes: map[string][]history.Note{}, Sometimes: map[string]history.Time{}}
	times := rapid.Int64Range(0, 20)
	attrs := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) slog.Attr {
		return slog.Attr{Key: rapid.SampledFrom([]string{"value", "key", "handle", "ü \"x\"\n", "#bytes"}).Draw(t, "name"), Value: drawnValue(t)}
	}), 0, 3, func(a slog.Attr) string { return a.Key })
	for i := range rapid.IntRange(0, 40).Draw(t, "operations") {
		call := history.Time(times.Draw(t, "call"))
		o := &history.Operation{ID: uint64(i + 1), Host: rapid.SampledFrom([]string{"c", "d"}).Draw(t, "host"), Kind: "x", Call: call, In: kept(attrs.Draw(t, "in")),
			Return: call + history.Time(rapid.IntRange(0, 5).Draw(t, "takes")), Outcome: history.Outcome(rapid.IntRange(0, 3).Draw(t, "outcome"))}
		if o.Outcome == history.Pending {
			o.Return = history.Never
		} else {
			o.Out, o.Reason = kept(attrs.Draw(t, "out")), rapid.SampledFrom([]string{"", "timeout", "\x00\u2028"}).Draw(t, "reason")
		}
		for range rapid.IntRange(0, 2).Draw(t, "notes") {
			o.Notes = append(o.Notes, history.Note{At: call, Name: "created", Attrs: kept(attrs.Draw(t, "note"))})
		}
		h.Operations = append(h.Operations, o)
	}
	slices.SortStableFunc(h.Operations, func(a, b *history.Operation) int { return cmp.Compare(a.Call, b.Call) })
	for range rapid.IntRange(0, 5).Draw(t, "downs") {
		from := times.Draw(t, "from")
		h.Downs = append(h.Downs, history.Down{Host: "c", Why: "crash", From: history.Time(from), To: history.Time(from + times.Draw(t, "for"))})
		h.Impairments = append(h.Impairments, history.Impairment{Verb: "jam", From: []string{"c"}, Start: history.Time(from), End: history.Never,
			Loss: rapid.Float64Range(0, 1).Draw(t, "loss")})
	}
	return h
}

func kept(attrs []slog.Attr) []slog.Attr {
	if len(attrs) == 0 || len(attrs) == 1 && attrs[0].Key == bytesKey {
		return nil // the one name that a file keeps for itself
	}
	return attrs
}

func drawnValue(t *rapid.T) slog.Value {
	return rapid.OneOf(
		rapid.Map(rapid.String(), slog.StringValue),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) slog.Value { return slog.StringValue(string(b)) }),
		rapid.Map(rapid.Int64(), slog.Int64Value),
		rapid.Map(rapid.Uint64Range(1<<63, math.MaxUint64), slog.Uint64Value),
		rapid.Map(rapid.Float64Range(-1e300, 1e300), slog.Float64Value),
		rapid.Map(rapid.Bool(), slog.BoolValue),
		rapid.Just(slog.AnyValue(nil)),
		rapid.Just(slog.AnyValue([]any{int64(1), "a", nil, []any{}, map[string]any{"k": int64(2)}})),
		rapid.Just(slog.GroupValue(slog.Int("z", 1), slog.String("a", "b"))),
	).Draw(t, "value")
}

// If this failed, some history would be judged otherwise after it had been in a file.
func TestAnyHistoryIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawn(t)
		text := written(t, h)
		again := reread(t, text)
		require.Equal(t, text, written(t, again))
		require.Len(t, again.Operations, len(h.Operations))
		byID := map[uint64]*history.Operation{}
		for _, o := range again.Operations {
			byID[o.ID] = o
		}
		for _, o := range h.Operations {
			require.Equal(t, fmt.Sprintf("%+v", o), fmt.Sprintf("%+v", byID[o.ID]))
		}
		require.Equal(t, h.Downs, again.Downs)
		require.Equal(t, h.Impairments, again.Impairments)
	})
}

// If this failed, Jepsen's checkers would refuse the file: a process does one thing at a time, and none after
// an operation of it ended unknown.
func TestAProcessDoesOneThingAtATime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawn(t)
		h.Downs, h.Impairments = nil, nil
		busy, retired := map[int]uint64{}, map[int]bool{}
		last, index, ended, pending := 0, 0, 0, 0
		for d := json.NewDecoder(strings.NewReader(written(t, h))); d.More(); {
			var line struct {
				Index, Time int
				Type        string
				Process     any
				ID          uint64
			}
			require.NoError(t, d.Decode(&line))
			require.LessOrEqual(t, last, line.Time)
			require.Equal(t, index, line.Index)
			last, index = line.Time, index+1
			n, numbered := line.Process.(float64)
			if !numbered {
				continue
			}
			process := int(n)
			require.False(t, retired[process])
			if line.Type == Invoke {
				require.Zero(t, busy[process], fmt.Sprint("process ", process))
				busy[process] = line.ID
				continue
			}
			ended++
			require.Equal(t, line.ID, busy[process])
			delete(busy, process)
			retired[process] = line.Type == Info
		}
		for _, o := range h.Operations {
			if o.Outcome == history.Pending {
				pending++
			}
		}
		require.Equal(t, len(h.Operations), ended+pending)
		require.Len(t, busy, pending)
	})
}

// What JSON has no form for is written as something, and breaks no line.
func TestValuesThatJSONDoesNotKnow(t *testing.T) {
	for want, value := range map[string]slog.Value{
		`"NaN"`:                  slog.Float64Value(math.NaN()),
		`{"#bytes":"/w=="}`:      slog.StringValue("\xff"),
		`"because"`:              slog.AnyValue(errors.New("because")),
		`"2026-01-02T03:04:05Z"`: slog.TimeValue(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
		`1.0`:                    slog.Float64Value(1),
		`["a"]`:                  slog.AnyValue([]string{"a"}),
		`"text"`:                 slog.AnyValue([]byte("text")),
		`null`:                   slog.AnyValue(nil),
	} {
		require.Equal(t, want, string(appendValue(nil, value)))
	}
	require.Contains(t, string(appendValue(nil, slog.AnyValue(make(chan int)))), `"0x`)
}
