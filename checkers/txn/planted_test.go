package txn

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// did is a transaction that was answered. All are called at 0 unless it is said otherwise, each by a client of its own.
func did(id uint64, steps ...Step) Txn {
	return Txn{Span: linear.Span{ID: id, Client: int32(id), Outcome: history.Ok, Return: 10}, Steps: steps}
}

func (t Txn) at(call, end history.Time) Txn { t.Call, t.Return = call, end; return t }
func (t Txn) by(client int32) Txn           { t.Client = client; return t }
func (t Txn) ended(o history.Outcome) Txn   { t.Outcome = o; return t }

const x, y, z = 1, 2, 3

// plant is a history with one thing wrong.
type plant struct {
	kind    string
	level   Level
	witness []uint64
	txns    []Txn
}

// planted are histories with one thing wrong, the kind that it is, who shows it, and the weakest level that forbids it.
var planted = []plant{
	{"phantom-element", ReadUncommitted, []uint64{2}, []Txn{did(1, Append(x, 1)), did(2, Read(x, 1, 7))}},
	{"repeated-element", ReadUncommitted, []uint64{1, 2}, []Txn{did(1, Append(x, 1)), did(2, Read(x, 1, 1))}},
	{"incompatible-order", ReadUncommitted, []uint64{3, 4}, []Txn{did(1, Append(x, 1)), did(2, Append(x, 2)), did(3, Read(x, 1, 2)), did(4, Read(x, 2))}},
	{"misplaced-element", ReadUncommitted, []uint64{1, 2}, []Txn{did(1, Append(x, 1), Append(x, 2)), did(2, Read(x, 2))}},
	{"misplaced-element", ReadUncommitted, []uint64{1, 2}, []Txn{did(1, Append(x, 1), Append(x, 2)), did(2, Read(x, 2, 1))}},
	{"G0", ReadUncommitted, []uint64{1, 2}, []Txn{did(1, Append(x, 1), Append(y, 3)), did(2, Append(x, 2), Append(y, 4)),
		did(3, Read(x, 1, 2)), did(4, Read(y, 4, 3))}},
	{"G0", ReadUncommitted, []uint64{1, 2}, []Txn{did(1, Append(x, 1), Append(x, 3)), did(2, Append(x, 2)), did(3, Read(x, 1, 2))}},
	{"G1a", ReadCommitted, []uint64{1, 2}, []Txn{did(1, Append(x, 1)).ended(history.Fail), did(2, Read(x, 1)), did(3, Read(x))}},
	{"dirty-update", ReadCommitted, []uint64{1, 2, 3}, []Txn{did(1, Append(x, 1)).ended(history.Fail), did(2, Append(x, 2)), did(3, Read(x, 1, 2))}},
	{"G1b", ReadCommitted, []uint64{1, 2}, []Txn{did(1, Append(x, 1), Append(x, 2)), did(2, Read(x, 1))}},
	{"G1c", ReadCommitted, []uint64{1, 2}, []Txn{did(1, Append(x, 1), Read(y, 2)), did(2, Append(y, 2), Read(x, 1))}},
	{"G1c", ReadCommitted, []uint64{1, 2}, []Txn{did(1, Append(x, 1), Append(y, 3)), did(2, Read(x, 1), Append(y, 2)), did(3, Read(y, 2, 3))}},
	{"internal", ReadCommitted, []uint64{1}, []Txn{did(1, Append(x, 1), Read(x))}},
	{"internal", ReadCommitted, []uint64{1}, []Txn{did(1, Read(x, 1), Append(x, 1))}},
	{"unrepeatable-read", SnapshotIsolation, []uint64{2}, []Txn{did(1, Append(x, 1)), did(2, Read(x), Read(x, 1))}},
	{"unrepeatable-read", SnapshotIsolation, []uint64{2}, []Txn{did(1, Append(x, 1)), did(2, Read(x), Append(x, 2), Read(x, 1, 2))}},
	{"lost-update", SnapshotIsolation, []uint64{1, 2}, []Txn{did(1, Read(x), Append(x, 1)), did(2, Read(x), Append(x, 2))}},
	{"G-single", SnapshotIsolation, []uint64{1, 2}, []Txn{did(1, Append(x, 1), Append(y, 2)), did(2, Read(x, 1), Read(y)), did(3, Read(y, 2))}},
	{"G-single", SnapshotIsolation, []uint64{1, 2}, []Txn{did(1, Append(x, 1), Append(y, 2)), did(2, Read(x, 1), Read(y))}},
	{"G-nonadjacent", SnapshotIsolation, []uint64{1, 2, 3, 4}, []Txn{did(1, Read(x), Read(z, 5)), did(2, Append(x, 1), Append(9, 9)),
		did(3, Read(9, 9), Read(y)), did(4, Append(y, 2), Append(z, 5))}},
	{"G2-item", Serializable, []uint64{1, 2}, []Txn{did(1, Read(x), Append(y, 1)), did(2, Read(y), Append(x, 2)), did(3, Read(x, 2), Read(y, 1))}},
	{"G2-item", Serializable, []uint64{1, 2}, []Txn{did(1, Read(x), Append(y, 1)), did(2, Read(y), Append(x, 2))}},
	{"G-single-process", StrongSessionSnapshot, []uint64{1, 2}, []Txn{did(1, Append(x, 1)).by(5).at(0, 1), did(2, Read(x)).by(5).at(1, 2)}},
	{"G1c-process", StrongSessionSnapshot, []uint64{1, 2}, []Txn{did(1, Read(x, 1)).by(5).at(0, 1), did(2, Append(x, 1)).by(5).at(1, 2)}},
	{"G0-process", StrongSessionSnapshot, []uint64{1, 2}, []Txn{did(1, Append(x, 1)).by(5).at(0, 1), did(2, Append(x, 2)).by(5).at(1, 2), did(3, Read(x, 2, 1))}},
	{"G-single-realtime", StrongSnapshot, []uint64{1, 2}, []Txn{did(1, Append(x, 1)).at(0, 1), did(2, Read(x)).at(2, 3)}},
	{"G2-item-realtime", StrictSerializable, []uint64{2, 3, 1}, []Txn{did(1, Read(x)).at(5, 6), did(2, Append(x, 1), Read(y)), did(3, Append(y, 2)).at(0, 1)}},
}

// If this fails, one of the kinds is not found, is found where it is allowed, or is shown by more than it takes.
func TestPlantedAnomaliesAreFound(t *testing.T) {
	for _, p := range planted {
		for _, l := range Levels {
			found, err := Find(p.txns, Options{Level: l})
			require.NoError(t, err)
			at := slices.IndexFunc(found, func(a Anomaly) bool { return a.Kind == p.kind })
			weaker := promises[l].depth < promises[p.level].depth || promises[l].order&promises[p.level].order != promises[p.level].order
			require.Equal(t, !weaker, at >= 0, "%s at %s: %+v%s", p.kind, l, found, told(p.txns))
			if at >= 0 {
				require.Equal(t, p.witness, found[at].Witness, p.kind)
				require.NotEmpty(t, found[at].Reason)
			}
		}
		require.Equal(t, linear.Violated, Check(p.txns, Options{Level: p.level}).Verdict, told(p.txns))
	}
}

// wrongs are ways in which such a checker goes wrong, each a plausible one: what it would take the history for.
var wrongs = []struct {
	name string
	sees func(t *Txn)
}{
	{"takes a lost answer for a failure", func(t *Txn) {
		if t.Outcome != history.Ok {
			t.Outcome = history.Fail
		}
	}},
	{"takes a lost answer for a success", func(t *Txn) {
		if t.Outcome == history.Unknown || t.Outcome == history.Pending {
			t.Outcome = history.Ok
		}
	}},
	{"takes a failure for a lost answer", func(t *Txn) {
		if t.Outcome == history.Fail {
			t.Outcome = history.Unknown
		}
	}},
	{"forgets reads of empty lists", func(t *Txn) {
		t.Steps = slices.DeleteFunc(slices.Clone(t.Steps), func(s Step) bool { return s.Read && len(s.List) == 0 })
	}},
	{"forgets reads after an own append", func(t *Txn) {
		own := map[linear.Value]bool{}
		t.Steps = slices.DeleteFunc(slices.Clone(t.Steps), func(s Step) bool {
			own[s.Key] = own[s.Key] || !s.Read
			return s.Read && own[s.Key]
		})
	}},
	{"forgets all but the first read", func(t *Txn) {
		read := map[linear.Value]bool{}
		t.Steps = slices.DeleteFunc(slices.Clone(t.Steps), func(s Step) bool {
			again := s.Read && read[s.Key]
			read[s.Key] = read[s.Key] || s.Read
			return again
		})
	}},
	{"takes all lists for one", func(t *Txn) {
		t.Steps = slices.Clone(t.Steps)
		for i := range t.Steps {
			t.Steps[i].Key = 0
		}
	}},
	{"takes what ends as another begins to be before it", func(t *Txn) {
		if t.Outcome == history.Ok && t.Return > t.Call {
			t.Return--
		}
	}},
	{"takes what ends just before another begins to be beside it", func(t *Txn) {
		if t.Outcome == history.Ok {
			t.Return++
		}
	}},
	{"takes all clients for one", func(t *Txn) { t.Client = 0 }},
	{"takes each transaction for a client's only one", func(t *Txn) { t.Client = int32(t.ID) }},
}

// If this fails, the comparison with all orders would let a wrong checker pass.
func TestWrongCheckersAreCaught(t *testing.T) {
	for _, wrong := range wrongs {
		caught := func(txns []Txn, l Level) linear.Verdict {
			txns = slices.Clone(txns)
			for i := range txns {
				wrong.sees(&txns[i])
			}
			return right(txns, l)
		}
		found := false
		for seed := uint64(0); seed < campaign && !found; seed++ {
			found = disagreement(caught, draw(seed, 4)) != ""
		}
		require.True(t, found, "a checker that %s agrees with all orders", wrong.name)
	}
}

// If this fails, a rule could be left out and nobody would see it: each is the only one that finds what it is for.
func TestNoRuleIsIdle(t *testing.T) {
	all := rules
	defer func() { rules = all }()
	for i, r := range all {
		rules = slices.Delete(slices.Clone(all), i, i+1)
		at := slices.IndexFunc(planted, func(p plant) bool { return p.kind == r.kind })
		require.GreaterOrEqual(t, at, 0, r.kind)
		found, err := Find(planted[at].txns, Options{Level: StrictSerializable})
		require.NoError(t, err)
		require.False(t, slices.ContainsFunc(found, func(a Anomaly) bool { return a.Kind == r.kind }), r.kind)
	}
	kinds := map[string]bool{}
	for _, p := range planted {
		kinds[p.kind] = true
	}
	for _, c := range classes {
		require.True(t, kinds[c.name], c.name)
	}
}

// If this fails, a circle is told that is none: each dependency must lead to the next, and be one that its kind says.
func TestCirclesAreCircles(t *testing.T) {
	circles := 0
	for seed := range uint64(4_000) {
		txns := draw(seed, 6)
		found, err := Find(txns, Options{Level: StrictSerializable})
		require.NoError(t, err)
		for _, a := range found {
			for i, d := range a.Cycle {
				require.Equal(t, d.To, a.Cycle[(i+1)%len(a.Cycle)].From)
				require.Equal(t, d.Why == "process" || d.Why == "realtime", d.Key == linear.Nil, "%+v%s", d, told(txns))
				switch from, to := &txns[d.From-1], &txns[d.To-1]; d.Why {
				case "realtime":
					require.Less(t, from.Return, to.Call)
				case "process":
					require.Equal(t, from.Client, to.Client)
					require.LessOrEqual(t, from.Return, to.Call)
				case "ww":
					require.True(t, appends(from, d.Key, d.Before) && appends(to, d.Key, d.After))
				case "wr":
					require.True(t, appends(from, d.Key, d.Before))
				case "rw":
					require.True(t, appends(to, d.Key, d.After))
				}
				circles++
			}
		}
	}
	require.Greater(t, circles, 1_000)
}

func appends(t *Txn, key, value linear.Value) bool {
	return slices.ContainsFunc(t.Steps, func(s Step) bool { return !s.Read && s.Key == key && s.Value == value })
}

// If this fails, values that come twice are judged although nobody can say whose they are, or a level that is none is taken for one.
func TestWhatCannotBeJudged(t *testing.T) {
	r := Check([]Txn{did(1, Append(x, 1)), did(2, Append(x, 1))}, Options{})
	require.Equal(t, linear.Unknown, r.Verdict)
	require.Contains(t, r.Reason, "operations 1 and 2 both append 1")
	_, err := Find(nil, Options{Level: "serialisable"})
	require.ErrorContains(t, err, `"serialisable" is no level`)
	require.Equal(t, linear.Holds, Check(nil, Options{}).Verdict)
}

// If this fails, a history exists over which the checker breaks.
func FuzzFind(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
	f.Fuzz(func(t *testing.T, data []byte) {
		next := func() int {
			if len(data) == 0 {
				return 0
			}
			b := data[0]
			data = data[1:]
			return int(b)
		}
		var txns []Txn
		for len(data) > 0 && len(txns) < 100 {
			txn := Txn{Span: linear.Span{ID: uint64(next() % 8), Client: int32(next() % 4), Outcome: history.Outcome(next() % 4),
				Call: history.Time(next()), Return: history.Time(next())}}
			for range next() % 6 {
				s := Step{Key: linear.Value(next() % 4), Read: next()%2 == 0, Value: linear.Value(next())}
				for n := next() % 6; s.Read && n > 0; n-- {
					s.List = append(s.List, linear.Value(next()))
				}
				txn.Steps = append(txn.Steps, s)
			}
			txns = append(txns, txn)
		}
		for _, l := range Levels {
			found, err := Find(txns, Options{Level: l})
			for _, a := range found {
				require.NoError(t, err)
				require.NotEmpty(t, a.Witness)
				require.NotEmpty(t, a.Reason)
			}
		}
	})
}

// If this fails, a store that keeps real time and lets nobody else in between raises an alarm, at whatever size.
func TestASerialStoreRaisesNoAlarm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Check(orderly(4*rapid.IntRange(1, 400).Draw(t, "transactions")), Options{Level: StrictSerializable})
		require.Equal(t, linear.Holds, r.Verdict, r.Reason)
	})
}
