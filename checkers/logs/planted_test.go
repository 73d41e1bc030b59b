package logs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// wrongs are ways in which such a checker goes wrong, each a plausible one: what it would take an operation for.
var wrongs = []struct {
	name string
	sees func(op *Op, o *Options)
}{
	{"takes a lost answer for a success", func(op *Op, _ *Options) {
		if op.Outcome != history.Fail {
			op.Outcome = history.Ok
		}
	}},
	{"takes a lost answer for a failure", func(op *Op, _ *Options) {
		if op.Outcome != history.Ok {
			op.Outcome = history.Fail
		}
	}},
	{"takes a failure for a lost answer", func(op *Op, _ *Options) {
		if op.Outcome == history.Fail {
			op.Outcome = history.Unknown
		}
	}},
	{"takes all partitions for one", func(op *Op, _ *Options) {
		op.Sent, op.Polled = slices.Clone(op.Sent), slices.Clone(op.Polled)
		for i := range op.Sent {
			op.Sent[i].Partition = 0
		}
		for i := range op.Polled {
			op.Polled[i].Partition = 0
		}
	}},
	{"takes all clients for one", func(op *Op, _ *Options) { op.Client = 0 }},
	{"excuses nobody who was moved", func(op *Op, _ *Options) { op.Moved = false }},
	{"excuses everybody", func(op *Op, _ *Options) { op.Moved = true }},
	{"forgets that a poll was asked for whose answer was lost", func(op *Op, _ *Options) { op.Polls = op.Outcome == history.Ok && op.Polls }},
	{"takes what senders were told for the only truth", func(op *Op, _ *Options) { op.Polled = nil }},
	{"does not ask what senders were told", func(op *Op, _ *Options) {
		op.Sent = slices.Clone(op.Sent)
		for i := range op.Sent {
			op.Sent[i].Told = false
		}
	}},
	{"knows no keys", func(op *Op, _ *Options) {
		op.Sent = slices.Clone(op.Sent)
		for i := range op.Sent {
			op.Sent[i].Key = linear.Nil
		}
	}},
	{"takes a poll for one unbroken run of offsets", func(op *Op, _ *Options) {
		slices.SortFunc(op.Polled, func(a, b Record) int { return int(a.Offset - b.Offset) })
	}},
	{"takes an operation for over before it is", func(op *Op, _ *Options) { op.Return = op.Call }},
	{"takes an operation for under way after it is over", func(op *Op, _ *Options) { op.Return++ }},
	{"does not know of compaction", func(_ *Op, o *Options) { o.Compacted = false }},
	{"expects compaction everywhere", func(_ *Op, o *Options) { o.Compacted = true }},
	{"does not know of retention", func(_ *Op, o *Options) { o.Retained = 0 }},
	{"takes what was retained for gone", func(_ *Op, o *Options) { o.Retained = min(o.Retained, 1) }},
	{"expects retention everywhere", func(_ *Op, o *Options) { o.Retained = max(o.Retained, 1) }},
	{"takes everybody to begin at the start", func(_ *Op, o *Options) { o.Latest = false }},
	{"takes everybody to be done", func(_ *Op, o *Options) { o.CaughtUp = true }},
}

// If this fails, the comparison with the definitions would let a wrong checker pass.
func TestWrongCheckersAreCaught(t *testing.T) {
	for _, wrong := range wrongs {
		sees := func(ops []Op, o Options) ([]Op, Options) {
			for i := range ops {
				ops[i].Polled = slices.Clone(ops[i].Polled)
				wrong.sees(&ops[i], &o)
			}
			return ops, o
		}
		caught := false
		for seed := uint64(0); seed < campaign && !caught; seed++ {
			ops, o := draw(seed)
			caught = disagreement(sees, ops, o) != ""
		}
		require.True(t, caught, "a checker that %s agrees with the definitions", wrong.name)
	}
}

// did is an operation that was answered, ten after the one before.
func did(id uint64, client int32, sent []Message, polled ...Record) Op {
	return Op{Span: linear.Span{ID: id, Client: client, Outcome: history.Ok, Call: history.Time(10 * id), Return: history.Time(10*id + 5)},
		Sent: sent, Polls: len(polled) > 0, Polled: polled}
}

// sent is a message without a key that was told its offset in partition 0.
func sent(value linear.Value, offset int64) []Message {
	return []Message{{Key: linear.Nil, Value: value, Offset: offset, Told: true}}
}

func (o Op) ended(outcome history.Outcome) Op { o.Outcome = outcome; return o }
func (o Op) moved() Op                        { o.Moved = true; return o }

// If this fails, one of the kinds is not found, is shown by more than it takes, or is found where it is excused.
func TestPlantedAnomaliesAreFound(t *testing.T) {
	keyed := func(value linear.Value, partition linear.Value, offset int64) []Message {
		return []Message{{Partition: partition, Key: 7, Value: value, Offset: offset, Told: true}}
	}
	for _, c := range []struct {
		kind    string
		witness []uint64
		options Options
		ops     []Op
	}{
		{"inconsistent-offsets", []uint64{1, 2}, Options{}, []Op{did(1, 1, sent(1, 0)), did(2, 2, sent(2, 0))}},
		{"phantom-read", []uint64{1}, Options{}, []Op{did(1, 1, nil, Record{0, 0, 9})}},
		{"early-read", []uint64{1, 2}, Options{}, []Op{did(1, 1, nil, Record{0, 0, 9}), did(2, 2, sent(9, 0))}},
		{"G1a", []uint64{1, 2}, Options{}, []Op{did(1, 1, sent(1, 0)).ended(history.Fail), did(2, 2, nil, Record{0, 0, 1})}},
		{"lost-write", []uint64{1, 3}, Options{}, []Op{did(1, 1, sent(1, 0)), did(2, 1, sent(2, 1)), did(3, 2, nil, Record{0, 1, 2})}},
		{"", nil, Options{Latest: true}, []Op{did(1, 1, sent(1, 0)), did(2, 1, sent(2, 1)), did(3, 2, nil, Record{0, 1, 2})}},
		{"", nil, Options{Compacted: true}, []Op{did(1, 1, keyed(1, 0, 0)), did(2, 1, keyed(2, 0, 1)), did(3, 2, nil, Record{0, 1, 2})}},
		{"duplicate", []uint64{1, 2}, Options{}, []Op{did(1, 1, sent(1, 0)), did(2, 2, nil, Record{0, 0, 1}, Record{0, 1, 1})}},
		{"split-key", []uint64{1, 2}, Options{}, []Op{did(1, 1, keyed(1, 0, 0)), did(2, 2, keyed(2, 1, 0))}},
		{"unordered-key", []uint64{1, 2}, Options{}, []Op{did(1, 1, keyed(1, 0, 5)), did(2, 1, keyed(2, 0, 3))}},
		{"nonmonotonic-send", []uint64{1, 2}, Options{}, []Op{did(1, 1, sent(1, 5)), did(2, 1, sent(2, 3))}},
		{"", nil, Options{}, []Op{did(1, 1, sent(1, 5)).ended(history.Unknown), did(2, 1, sent(2, 3)), did(3, 2, nil, Record{0, 3, 2}, Record{0, 5, 1})}},
		{"int-nonmonotonic-send", []uint64{1}, Options{}, []Op{did(1, 1, append(sent(1, 5), sent(2, 3)...))}},
		{"poll-skip", []uint64{2, 3, 5}, Options{}, []Op{did(1, 1, append(sent(1, 0), sent(3, 2)...)), did(2, 2, nil, Record{0, 0, 1}),
			did(3, 4, sent(2, 1)), did(4, 3, nil, Record{0, 1, 2}), did(5, 2, nil, Record{0, 2, 3})}},
		{"", nil, Options{}, []Op{did(1, 1, append(sent(1, 0), sent(3, 2)...)), did(2, 2, nil, Record{0, 0, 1}),
			did(3, 4, sent(2, 1)), did(4, 3, nil, Record{0, 1, 2}), did(5, 2, nil, Record{0, 2, 3}).moved()}},
		{"", nil, Options{}, []Op{did(1, 1, append(sent(1, 0), sent(3, 7)...)), did(2, 2, nil, Record{0, 0, 1}), did(3, 2, nil, Record{0, 7, 3})}},
		{"int-poll-skip", []uint64{1, 2}, Options{}, []Op{did(1, 1, append(append(sent(1, 0), sent(2, 1)...), sent(3, 2)...)),
			did(2, 2, nil, Record{0, 0, 1}, Record{0, 2, 3})}},
		{"nonmonotonic-poll", []uint64{2, 3}, Options{}, []Op{did(1, 1, sent(1, 0)), did(2, 2, nil, Record{0, 0, 1}), did(3, 2, nil, Record{0, 0, 1})}},
		{"", nil, Options{}, []Op{did(1, 1, sent(1, 0)), did(2, 2, nil, Record{0, 0, 1}), did(3, 2, nil, Record{0, 0, 1}).moved()}},
		{"int-nonmonotonic-poll", []uint64{2}, Options{}, []Op{did(1, 1, sent(1, 0)), did(2, 2, nil, Record{0, 0, 1}, Record{0, 0, 1})}},
		{"unseen", []uint64{1}, Options{CaughtUp: true}, []Op{did(1, 1, sent(1, 0))}},
		{"", nil, Options{}, []Op{did(1, 1, sent(1, 0))}},
	} {
		all, err := Find(c.ops, c.options)
		require.NoError(t, err)
		if c.kind == "" {
			require.Empty(t, all)
			continue
		}
		i := slices.IndexFunc(all, func(a Anomaly) bool { return a.Anomaly == c.kind })
		require.GreaterOrEqual(t, i, 0, "%s: %+v", c.kind, all)
		require.Equal(t, c.witness, all[i].Witness, "%+v", all[i])
	}
}

// broker is a log that does right: transactions whose records stand among others and are undone or not, control records that
// nobody sees, consumers that are moved.
type broker struct {
	*rand.Rand
	logs  [3][]stored
	ops   []Op
	now   history.Time
	value linear.Value
}

type stored struct {
	Message
	seen bool // to be given to consumers: not undone, and no control record
}

func (b *broker) op(client int) *Op {
	b.now += history.Time(1 + b.IntN(5))
	b.ops = append(b.ops, Op{Span: linear.Span{ID: uint64(len(b.ops) + 1), Client: int32(client), Outcome: history.Ok, Call: b.now}})
	return &b.ops[len(b.ops)-1]
}

func (b *broker) send(o *Op) {
	o.Outcome = []history.Outcome{history.Ok, history.Ok, history.Ok, history.Unknown, history.Fail}[b.IntN(5)]
	kept := o.Outcome == history.Ok || o.Outcome == history.Unknown && b.IntN(2) == 0
	for range 1 + b.IntN(3) {
		b.value++
		key := b.IntN(6)
		p := key % 3
		m := Message{Partition: linear.Value(p), Key: linear.Value(100 + key), Value: b.value, Offset: int64(len(b.logs[p])), Told: o.Outcome != history.Unknown || b.IntN(2) == 0}
		o.Sent = append(o.Sent, m)
		b.logs[p] = append(b.logs[p], stored{m, kept})
		if b.IntN(4) == 0 {
			b.logs[p] = append(b.logs[p], stored{})
		}
	}
}

// poll gives a consumer what comes next, of the partitions that it has, and moves its positions.
func (b *broker) poll(o *Op, at []int) {
	o.Polls = true
	lost := b.IntN(8) == 0
	for p := range at {
		for n := b.IntN(5); n > 0 && at[p] < len(b.logs[p]); at[p]++ {
			if s := b.logs[p][at[p]]; s.seen {
				o.Polled = append(o.Polled, Record{linear.Value(p), int64(at[p]), s.Value})
				n--
			}
		}
	}
	if lost {
		o.Outcome, o.Polled = history.Unknown, nil
	}
}

// If this fails, a log that does right raises an alarm; or one does not that drops a record, gives it twice, or swaps two.
func TestARightLogRaisesNoAlarm(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		b := &broker{Rand: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 4))}
		var at [2][]int
		for c := range at {
			at[c] = make([]int, 3)
		}
		for range rapid.IntRange(1, 60).Draw(t, "operations") {
			switch c := b.IntN(4); {
			case c < 2:
				o := b.op(c)
				b.send(o)
				b.now++
				o.Return = b.now
			default:
				o := b.op(c)
				if b.IntN(6) == 0 {
					o.Moved = true
					for p := range at[c-2] {
						at[c-2][p] = b.IntN(at[c-2][p] + 1)
					}
				}
				b.poll(o, at[c-2])
				b.now++
				o.Return = b.now
			}
		}
		o := b.op(9)
		o.Polls = true
		for p := range b.logs {
			for i, s := range b.logs[p] {
				if s.seen {
					o.Polled = append(o.Polled, Record{linear.Value(p), int64(i), s.Value})
				}
			}
		}
		b.now++
		o.Return = b.now
		all, err := Find(b.ops, Options{CaughtUp: true})
		require.NoError(t, err)
		require.Empty(t, all)
		for _, kind := range spoil(b, o) {
			seen[kind]++
		}
	})
	for _, kind := range []string{"lost-write", "unseen", "duplicate", "int-nonmonotonic-poll", "phantom-read"} {
		require.Positive(t, seen[kind], "%v", seen)
	}
}

// spoil breaks what the last consumer sees, and says what is found of it.
func spoil(b *broker, o *Op) (kinds []string) {
	if len(o.Polled) == 0 {
		return nil
	}
	i := b.IntN(len(o.Polled))
	switch b.IntN(4) {
	case 0: // a record is gone, for all
		gone := o.Polled[i].Value
		for j := range b.ops {
			b.ops[j].Polled = slices.DeleteFunc(b.ops[j].Polled, func(r Record) bool { return r.Value == gone })
		}
	case 1:
		again := o.Polled[i]
		again.Offset = 1_000
		o.Polled = append(o.Polled, again)
	case 2:
		o.Polled = append(o.Polled, o.Polled[i])
	case 3:
		o.Polled = append(o.Polled, Record{0, 2_000, 5_000})
	}
	all, _ := Find(b.ops, Options{CaughtUp: true})
	for _, a := range all {
		kinds = append(kinds, a.Anomaly)
	}
	return kinds
}

// If this fails, a value that was sent twice is judged although nobody can say whose it is.
func TestValuesAreUnique(t *testing.T) {
	_, err := Find([]Op{did(1, 1, sent(1, 0)), did(2, 1, sent(1, 1))}, Options{})
	require.EqualError(t, err, "operations 1 and 2 both send 1: what is sent must be unique")
}

// If this fails, a history exists over which the checker breaks.
func FuzzFind(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
	f.Fuzz(func(t *testing.T, data []byte) {
		next := func() int64 {
			if len(data) == 0 {
				return 0
			}
			b := data[0]
			data = data[1:]
			return int64(int8(b))
		}
		var ops []Op
		for len(data) > 0 && len(ops) < 100 {
			o := Op{Span: linear.Span{ID: uint64(next()), Client: int32(next() % 3), Outcome: history.Outcome(next() & 3), Call: history.Time(next()), Return: history.Time(next())},
				Polls: next() > 0, Moved: next() > 90}
			for range next() & 3 {
				o.Sent = append(o.Sent, Message{linear.Value(next() % 3), linear.Value(next() % 3), linear.Value(next()), next(), next() > 0})
			}
			for range next() & 3 {
				o.Polled = append(o.Polled, Record{linear.Value(next() % 3), next(), linear.Value(next())})
			}
			ops = append(ops, o)
		}
		all, _ := Find(ops, Options{Latest: next() > 0, Compacted: next() > 0, CaughtUp: next() > 0})
		for _, a := range all {
			require.NotEmpty(t, a.Witness)
			require.Contains(t, Kinds(), a.Anomaly)
		}
	})
}

// BenchmarkFind is what a million sends and a million records cost: ten producers and ten consumers of a hundred partitions.
func BenchmarkFind(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		var ops []Op
		for i := range n {
			at := history.Time(i) * 100
			p, offset := linear.Value(i%100), int64(i/100)
			ops = append(ops, Op{Span: linear.Span{ID: uint64(2 * i), Client: int32(i % 10), Outcome: history.Ok, Call: at, Return: at + 50},
				Sent: []Message{{p, linear.Nil, linear.Value(i), offset, true}}},
				Op{Span: linear.Span{ID: uint64(2*i + 1), Client: int32(10 + i%10), Outcome: history.Ok, Call: at + 60, Return: at + 70},
					Polls: true, Polled: []Record{{p, offset, linear.Value(i)}}})
		}
		b.Run(fmt.Sprintf("messages=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if all, err := Find(ops, Options{CaughtUp: true}); err != nil || len(all) > 0 {
					b.Fatal(all, err)
				}
			}
		})
	}
}
