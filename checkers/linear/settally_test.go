package linear

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes/history"
)

// If this failed, a set that loses what was added could be told to be merely late, or the other way round.
func TestWhatBecameOfTheMembers(t *testing.T) {
	id := uint64(0)
	op := func(do Verb, outcome history.Outcome, v Value, from, to history.Time, members ...Value) SetOp {
		id++
		return SetOp{Span: Span{ID: id, Outcome: outcome, Call: from, Return: to}, Do: do, Value: v, Members: members}
	}
	tally := TallySet([]SetOp{
		op(Add, history.Ok, 1, 0, 5),             // there from the first read on
		op(Add, history.Ok, 2, 0, 5),             // late
		op(Add, history.Ok, 3, 0, 5),             // seen, then lost
		op(Add, history.Unknown, 4, 0, 5),        // perhaps never done
		op(Add, history.Unknown, 5, 0, 5),        // done, as was seen
		op(Add, history.Ok, 6, 0, 5),             // never seen at all
		op(Add, history.Ok, 7, 30, 45),           // too late for any read
		op(Add, history.Fail, 8, 0, 5),           // refused
		op(Read, history.Ok, 0, 10, 12, 1, 3, 3), // without 2
		op(Read, history.Ok, 0, 20, 22, 2, 1),    // without 3
		op(Read, history.Ok, 0, 40, 42, 5, 2, 1, 9),
		op(Read, history.Unknown, 0, 50, 52, 1),
	})
	require.Equal(t, SetTally{Attempts: 7, Stable: 3, Lost: []Value{3, 6}, Stale: []Value{2}, NeverRead: []Value{4, 7},
		Duplicated: []Value{3}, Unknown: []Value{9}, Settled: 5}, tally)
}

// If this failed, a set that is linearizable could be said to have lost something.
func TestALinearizableSetLosesNothing(t *testing.T) {
	l := rand.New(rand.NewPCG(1, 0))
	x := setTrial(8, Add, Add, Read)
	for range histories {
		ops := x.history(l)
		if Set(slices.Clone(ops), Options{}).Verdict == Violated {
			continue
		}
		tally := TallySet(ops)
		require.Empty(t, tally.Lost, "%+v", ops)
		require.Empty(t, tally.Stale, "%+v", ops)
		require.Empty(t, tally.Duplicated, "%+v", ops)
		require.Empty(t, tally.Unknown, "%+v", ops)
	}
}
