package jobs

import (
	"log/slog"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/checkers/linear"
	"simrun/checkers/objects"
	"simrun/nodes/history"
)

// drawJob makes the history of one job, right or wrong: up to three submissions and two runs at small times.
func drawJob(t *rapid.T, mostRuns int) *history.History {
	h := &history.History{End: 40, Hosts: []history.Host{{Name: "a", Role: "server"}, {Name: "w", Role: "worker"}, {Name: "c", Role: "client"}}}
	id := uint64(0)
	add := func(kind string, call, ret int, outcome history.Outcome, in, out []slog.Attr, notes ...history.Note) {
		id++
		o := &history.Operation{ID: id, Kind: kind, Host: "c", Call: time.Duration(call), Return: time.Duration(ret), Outcome: outcome, In: in, Out: out, Notes: notes}
		if outcome == history.Pending {
			o.Return = history.Never
		}
		h.Operations = append(h.Operations, o)
	}
	span := func(name string) (int, int) {
		from := rapid.IntRange(0, 12).Draw(t, name)
		return from, from + rapid.IntRange(0, 12).Draw(t, name+" takes")
	}
	of := []slog.Attr{slog.String("server", "a"), slog.String("handle", "h"), slog.String("unique", "u"), slog.String("function", "f")}
	for range rapid.IntRange(1, 3).Draw(t, "attempts") {
		call, ret := span("attempt")
		background := rapid.Bool().Draw(t, "background")
		outcome := rapid.SampledFrom([]history.Outcome{history.Ok, history.Ok, history.Unknown, history.Pending}).Draw(t, "outcome")
		note := history.Note{At: time.Duration(rapid.IntRange(call, ret).Draw(t, "created")), Name: "created", Attrs: of[1:2]}
		add("attempt", call, ret, outcome, append(of, slog.Bool("background", background)), []slog.Attr{of[1], slog.String("result", "r")}, note)
	}
	for range rapid.IntRange(0, mostRuns).Draw(t, "runs") {
		call, ret := span("run")
		outcome := rapid.SampledFrom([]history.Outcome{history.Ok, history.Ok, history.Unknown, history.Pending}).Draw(t, "end")
		add("execute", call, ret, outcome, of, nil)
		h.Operations[len(h.Operations)-1].Host = "w"
	}
	return h
}

func certain(from, to history.Time) linear.Span {
	return linear.Span{Call: from, Return: to, Outcome: history.Ok}
}

func bySearch(steps []jobStep, o objects.Options) checkers.Verdict {
	return checkers.Verdict(linear.Search(jobModel, steps, linear.Options{States: o.States, Bytes: o.Bytes, Brief: true}).Verdict.String())
}

// byPorcupine is the verdict of another search. What is uncertain is legal in any state, and may come last.
func byPorcupine(steps []jobStep, o objects.Options) checkers.Verdict {
	var ops []porcupine.Operation
	for i := range steps {
		ops = append(ops, porcupine.Operation{Input: &steps[i], Call: int64(steps[i].Call), Return: int64(steps[i].Return)})
	}
	return objects.Porcupine(porcupine.Model{
		Init: func() any { return jobState{} },
		Step: func(state, step, _ any) (bool, any) {
			after, legal := state.(jobState).after(step.(*jobStep))
			return legal, after
		},
	}, ops, o)
}

// BenchmarkJobs measures both searches on the same jobs.
func BenchmarkJobs(b *testing.B) {
	var all [][]jobStep
	terms := NewTerms()
	for seed := range 200 {
		e := evidence.Gather(rapid.Custom(func(t *rapid.T) *history.History { return drawJob(t, 2) }).Example(seed))
		all = append(all, terms.steps(e, e.Jobs().List[0]))
	}
	for name, judge := range map[string]func([]jobStep, objects.Options) checkers.Verdict{"search": bySearch, "porcupine": byPorcupine} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, steps := range all {
					judge(steps, objects.Options{})
				}
			}
		})
	}
}

// The short way and the long way to an order agree, on right histories and on wrong ones.
func TestPlainJobsAreJudgedAsPorcupineDoes(t *testing.T) {
	verdicts := map[checkers.Verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		for range 20 { // draws are cheap, and both verdicts must come often
			e := evidence.Gather(drawJob(t, 1))
			j := e.Jobs().List[0]
			short, plain := plainly(j)
			if !plain {
				continue
			}
			terms := NewTerms()
			steps := terms.steps(e, j)
			require.Equal(t, byPorcupine(steps, objects.Options{}), short)
			require.Equal(t, bySearch(steps, objects.Options{}), short)
			verdicts[short]++
		}
	})
	require.Greater(t, verdicts[checkers.Holds], 100)
	require.Greater(t, verdicts[checkers.Violated], 100)
}

// Leaving out operations that ask the same changes no verdict.
func TestNarrowestAsksTheSame(t *testing.T) {
	verdicts := map[checkers.Verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		for range 5 {
			e := evidence.Gather(drawJob(t, 2))
			j := e.Jobs().List[0]
			terms := NewTerms()
			steps := terms.steps(e, j)
			full := steps
			for _, a := range j.Attempts {
				full = append(full, jobStep{Span: certain(a.Call, min(a.Created, a.Return)), do: submit, promise: a.Background})
				if a.Answered {
					full = append(full, jobStep{Span: certain(a.Call, a.Return), do: answer})
				}
			}
			v := bySearch(steps, objects.Options{})
			require.Equal(t, byPorcupine(full, objects.Options{}), v)
			verdicts[v]++
		}
	})
	require.Greater(t, verdicts[checkers.Holds], 50)
	require.Greater(t, verdicts[checkers.Violated], 50)
}

// A search that would take too long, or too much memory, says that it does not know.
func TestBudgetsRunOut(t *testing.T) {
	var steps []jobStep
	for i := range 16 { // nobody can order sixteen answers before there is one, and it takes all orders to see it
		steps = append(steps, jobStep{Span: certain(0, history.Time(100+i)), do: submit})
	}
	steps = append(steps, jobStep{Span: certain(0, 200), do: answer})
	for _, judge := range []func([]jobStep, objects.Options) checkers.Verdict{bySearch, byPorcupine} {
		require.Equal(t, checkers.Violated, judge(steps, objects.Options{}))
		require.Equal(t, checkers.Unknown, judge(steps, objects.Options{States: 100}))
		require.Equal(t, checkers.Unknown, judge(steps, objects.Options{Bytes: 8}))
		require.Equal(t, checkers.Holds, judge(steps[:16], objects.Options{States: 100}))
		require.Equal(t, checkers.Holds, judge(nil, objects.Options{}))
	}
}
