package linear

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/history"
)

// luck decides what a history is drawn by: a generator of random numbers where many are tried, rapid where one is to be
// shrunk.
type luck interface{ IntN(n int) int }

type rapidLuck struct{ t *rapid.T }

func (l rapidLuck) IntN(n int) int { return rapid.IntRange(0, n-1).Draw(l.t, "luck") }

// trial is a kind of object on which an algorithm is tried. Its histories are those of a right object, and half of them
// are then damaged.
type trial[State comparable, Op any, P Spanned[Op]] struct {
	// ask is what the n-th operation asks of the object, without a Span and an output.
	ask func(l luck, n int) Op
	// object makes a right object: what it does with an operation that takes effect, the output included.
	object func() func(op *Op)
	// spoil gives an operation another output, or has it ask what another did. n is how many there are.
	spoil func(l luck, op *Op, n int)
	// part tells one object from another; nil where there is one.
	part  func(op *Op) Value
	model Model[State, Op]
	// compared, if not nil, is the model to compare with that fits the history, in place of model.
	compared func(ops []Op) porcupine.Model
	judge    func(ops []Op) Result
	// most is how many operations a history has at most, if more than 10.
	most int
	// alone says that a witness has all that was done to what it is about, and so shows the violation by itself.
	alone bool
	// absent are the anomalies that are shown by what nobody did, and so by no few operations.
	absent []string
}

// history draws a small one. Times are so small that many are equal.
func (x trial[State, Op, P]) history(l luck) []Op {
	clients, n := 1+l.IntN(4), 1+l.IntN(max(10, x.most))
	free, points := make([]int, clients), make([]int, n)
	took := make([]bool, n)
	ops, order := make([]Op, n), make([]int, n)
	for i := range ops {
		client := l.IntN(clients)
		call := free[client] + l.IntN(3)
		most := 4
		if l.IntN(8) == 0 {
			most = 16
		}
		point := call + l.IntN(most)
		ret := point + l.IntN(most)
		outcome := history.Ok
		took[i] = true
		switch l.IntN(12) {
		case 0, 1:
			outcome, took[i] = history.Unknown, l.IntN(3) > 0
			point = call + l.IntN(12)
		case 2:
			outcome, took[i] = history.Pending, l.IntN(2) > 0
			point = call + l.IntN(12)
		case 3:
			outcome, took[i] = history.Fail, false
		}
		free[client] = ret + l.IntN(2)
		ops[i], points[i], order[i] = x.ask(l, i), point, i
		*P(&ops[i]).Base() = Span{ID: uint64(i + 1), Client: int32(client), Outcome: outcome, Call: history.Time(call), Return: history.Time(ret)}
	}
	slices.SortStableFunc(order, func(a, b int) int { return points[a] - points[b] })
	do := x.object()
	for _, i := range order {
		if took[i] {
			do(&ops[i])
		}
	}
	for range max(0, l.IntN(12)-2) {
		x.damage(l, ops)
	}
	for i := range ops {
		if s := P(&ops[i]).Base(); s.Outcome == history.Pending {
			s.Return = history.Never
		}
	}
	return ops
}

// damage makes a history one that perhaps no right object has.
func (x trial[State, Op, P]) damage(l luck, ops []Op) {
	op := &ops[l.IntN(len(ops))]
	s, d := P(op).Base(), history.Time(1+l.IntN(6))
	switch l.IntN(7) {
	case 0:
		s.Call, s.Return = s.Call+d, s.Return+d
	case 1:
		d = min(d, s.Call)
		s.Call, s.Return = s.Call-d, s.Return-d
	case 2:
		s.Return = max(s.Call, s.Return-d)
	case 3:
		if s.Outcome = history.Ok; d < 3 {
			s.Outcome = history.Fail
		}
	default:
		x.spoil(l, op, len(ops))
	}
}

// parts are the histories of the single objects.
func (x trial[State, Op, P]) parts(ops []Op) map[Value][]Op {
	parts := map[Value][]Op{}
	for _, op := range ops {
		key := Nil
		if x.part != nil {
			key = x.part(&op)
		}
		parts[key] = append(parts[key], op)
	}
	return parts
}

// reference is what porcupine says of the history.
func (x trial[State, Op, P]) reference(ops []Op) Verdict {
	for _, part := range x.parts(ops) {
		model := x.porcupine()
		if x.compared != nil {
			model = x.compared(part)
		}
		if !porcupine.CheckOperations(model, Operations[Op, P](part)) {
			return Violated
		}
	}
	return Holds
}

func (x trial[State, Op, P]) porcupine() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return x.model.Init },
		Step: func(state, input, _ any) (bool, any) {
			op := input.(*Op)
			after, legal := x.model.Step(state.(State), op)
			if !legal && !P(op).Base().Certain() {
				return true, state // it was never done
			}
			return legal, after
		},
	}
}

// Operations are those that may have happened, as porcupine has them.
func Operations[Op any, P Spanned[Op]](ops []Op) (to []porcupine.Operation) {
	for i := range ops {
		if s := P(&ops[i]).Base(); s.Possible() {
			to = append(to, porcupine.Operation{ClientId: int(s.Client), Input: &ops[i], Call: int64(s.Call), Return: int64(s.End())})
		}
	}
	return to
}

// disagreement says what is wrong with the algorithm's word on a history, if anything: a verdict that porcupine
// does not share, or a witness that does not show it.
func (x trial[State, Op, P]) disagreement(ops []Op) (wrong string, verdict Verdict) {
	verdict = x.reference(ops)
	r := x.judge(slices.Clone(ops))
	if r.Verdict != verdict {
		return fmt.Sprintf("%s, but porcupine says %s: %s", r.Verdict, verdict, r.Reason), verdict
	}
	if verdict == Violated {
		wrong = x.unshown(ops, r)
	}
	return wrong, verdict
}

// unshown says why a witness does not show the violation. It does if no right object has a history in which the witness is
// as it was, and of all other operations nobody knows how they ended.
func (x trial[State, Op, P]) unshown(ops []Op, r Result) string {
	if r.Anomaly == "" || r.Reason == "" || len(r.Witness) == 0 {
		return fmt.Sprintf("violated without an argument: %+v", r)
	}
	var last *Span
	vague := slices.Clone(ops)
	for i := range vague {
		s := P(&vague[i]).Base()
		switch {
		case slices.Contains(r.Witness, s.ID):
		case x.alone:
			s.Outcome = history.Fail
		case s.Outcome == history.Ok:
			s.Outcome, s.Return = history.Unknown, history.Never
		}
	}
	for _, id := range r.Witness {
		i := slices.IndexFunc(ops, func(op Op) bool { return P(&op).Base().ID == id })
		if i < 0 {
			return fmt.Sprintf("the witness %v is not of this history", r.Witness)
		}
		s := P(&ops[i]).Base()
		if last != nil && (s.Call < last.Call || s.ID == last.ID) {
			return fmt.Sprintf("the witness %v is not in the order of calls", r.Witness)
		}
		last = s
	}
	if !slices.Contains(x.absent, r.Anomaly) && x.reference(vague) != Violated {
		return fmt.Sprintf("%s, but the witness %v does not show it: %s", r.Anomaly, r.Witness, r.Reason)
	}
	return ""
}

// shrink leaves out operations for as long as there is something wrong.
func (x trial[State, Op, P]) shrink(ops []Op) (least []Op, wrong string) {
	wrong, _ = x.disagreement(ops)
	for i := 0; i < len(ops); i++ {
		fewer := slices.Delete(slices.Clone(ops), i, i+1)
		if still, _ := x.disagreement(fewer); still != "" {
			ops, wrong, i = fewer, still, -1
		}
	}
	return ops, wrong
}

// find tries the algorithm on many histories, and says what is wrong with its word on the first for which there is
// something.
func (x trial[State, Op, P]) find(histories int, seed uint64) (wrong string, verdicts map[Verdict]int) {
	l := rand.New(rand.NewPCG(seed, 0))
	verdicts = map[Verdict]int{}
	for range histories {
		ops := x.history(l)
		wrong, verdict := x.disagreement(ops)
		if wrong != "" {
			ops, wrong = x.shrink(ops)
			var b strings.Builder
			for _, op := range ops {
				fmt.Fprintf(&b, "%+v\n", op)
			}
			return wrong + "\n" + b.String(), verdicts
		}
		verdicts[verdict]++
	}
	return "", verdicts
}

// agree holds the algorithm to porcupine: with rapid, which shrinks what it finds, and on many more.
func (x trial[State, Op, P]) agree(t *testing.T) {
	t.Helper()
	x.agreeOn(t, histories)
}

func (x trial[State, Op, P]) agreeOn(t *testing.T, histories int) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		ops := rapid.Custom(func(t *rapid.T) []Op { return x.history(rapidLuck{t}) }).Draw(t, "history")
		wrong, _ := x.disagreement(ops)
		require.Empty(t, wrong)
	})
	wrong, verdicts := x.find(histories, 1)
	require.Empty(t, wrong)
	t.Log(verdicts)
	require.Greater(t, verdicts[Holds], histories/5)
	require.Greater(t, verdicts[Violated], histories/5)
}

// misjudged plants wrong algorithms, each of which is to be found by a verdict that is not porcupine's.
func (x trial[State, Op, P]) misjudged(t *testing.T, planted map[string]func(ops []Op) Result) {
	t.Helper()
	for name, judge := range planted {
		t.Run(name, func(t *testing.T) {
			l := rand.New(rand.NewPCG(1, 0))
			for n := range histories {
				ops := x.history(l)
				if got, right := judge(slices.Clone(ops)), x.reference(ops); got.Verdict != right {
					t.Logf("history %d is not %s (%s), but %s", n+1, got.Verdict, got.Reason, right)
					return
				}
			}
			require.Fail(t, "no history tells it from a right one")
		})
	}
}
