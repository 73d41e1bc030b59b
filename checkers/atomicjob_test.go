package checkers

import (
	"log/slog"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/checkers/linear"
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

func bySearch(steps []jobStep, o Options) Verdict {
	return Verdict(linear.Search(jobModel, steps, linear.Options{States: o.States, Bytes: o.Bytes, Brief: true}).Verdict.String())
}

// byPorcupine is the verdict of another search. What is uncertain is legal in any state, and may come last.
func byPorcupine(steps []jobStep, o Options) Verdict {
	var ops []porcupine.Operation
	for i := range steps {
		ops = append(ops, porcupine.Operation{Input: &steps[i], Call: int64(steps[i].Call), Return: int64(steps[i].Return)})
	}
	return Porcupine(porcupine.Model{
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
	c := newAtomic().(*Atomic)
	for seed := range 200 {
		e := Gather(rapid.Custom(func(t *rapid.T) *history.History { return drawJob(t, 2) }).Example(seed))
		all = append(all, c.steps(e, e.jobView().list[0]))
	}
	for name, judge := range map[string]func([]jobStep, Options) Verdict{"search": bySearch, "porcupine": byPorcupine} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, steps := range all {
					judge(steps, Options{})
				}
			}
		})
	}
}

// The short way and the long way to an order agree, on right histories and on wrong ones.
func TestPlainJobsAreJudgedAsPorcupineDoes(t *testing.T) {
	verdicts := map[Verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		for range 20 { // draws are cheap, and both verdicts must come often
			e := Gather(drawJob(t, 1))
			j := e.jobView().list[0]
			short, plain := j.plainly()
			if !plain {
				continue
			}
			c := newAtomic().(*Atomic)
			steps := c.steps(e, j)
			require.Equal(t, byPorcupine(steps, Options{}), short)
			require.Equal(t, bySearch(steps, Options{}), short)
			verdicts[short]++
		}
	})
	require.Greater(t, verdicts[Holds], 100)
	require.Greater(t, verdicts[Violated], 100)
}

// Leaving out operations that ask the same changes no verdict.
func TestNarrowestAsksTheSame(t *testing.T) {
	verdicts := map[Verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		for range 5 {
			e := Gather(drawJob(t, 2))
			j := e.jobView().list[0]
			c := newAtomic().(*Atomic)
			steps := c.steps(e, j)
			full := steps
			for _, a := range j.attempts {
				full = append(full, jobStep{Span: certain(a.Call, min(a.created, a.Return)), do: submit, promise: a.background})
				if a.answered {
					full = append(full, jobStep{Span: certain(a.Call, a.Return), do: answer})
				}
			}
			v := bySearch(steps, Options{})
			require.Equal(t, byPorcupine(full, Options{}), v)
			verdicts[v]++
		}
	})
	require.Greater(t, verdicts[Holds], 50)
	require.Greater(t, verdicts[Violated], 50)
}

// A search that would take too long, or too much memory, says that it does not know.
func TestBudgetsRunOut(t *testing.T) {
	var steps []jobStep
	for i := range 16 { // nobody can order sixteen answers before there is one, and it takes all orders to see it
		steps = append(steps, jobStep{Span: certain(0, history.Time(100+i)), do: submit})
	}
	steps = append(steps, jobStep{Span: certain(0, 200), do: answer})
	for _, judge := range []func([]jobStep, Options) Verdict{bySearch, byPorcupine} {
		require.Equal(t, Violated, judge(steps, Options{}))
		require.Equal(t, Unknown, judge(steps, Options{States: 100}))
		require.Equal(t, Unknown, judge(steps, Options{Bytes: 8}))
		require.Equal(t, Holds, judge(steps[:16], Options{States: 100}))
		require.Equal(t, Holds, judge(nil, Options{}))
	}

	s := newStory(t, "budget", 0)
	s.read("server a\nworker w1 w2\nclient c\n" +
		"1s submit J c a background handle=h1@+5ms -> ok +5ms\n" +
		"1.01s execute w1 a h1 -> died\ndown w1 crash 1.05s..2s\n1.06s execute w2 a h1 -> ok 1.1s")
	c := newAtomic().(*Atomic)
	c.States = 2
	j := c.Judge(s.gather())
	require.Equal(t, Unknown, j.Verdict)
	require.Equal(t, Decided, j.State, "a budget is no weather: the run is not judged")
}

// If this failed, a scenario could not claim of a store of keys what a program can. Its clients' attempts are no
// operations of the object.
func TestScenariosKnowTheBuiltInModels(t *testing.T) {
	c := newAtomic().(*Atomic)
	c.Model = "kv"
	require.Contains(t, c.Model.Values(), "kv")
	h := &history.History{End: 10}
	require.Equal(t, Vacuous, c.Judge(Gather(h)).State)
	key, one := slog.String("key", "x"), slog.Int("value", 1)
	h.Operations = []*history.Operation{
		{ID: 1, Kind: "write", In: []slog.Attr{key, one}, Call: 0, Return: 1, Outcome: history.Ok},
		{ID: 2, Parent: 1, Kind: "attempt", Call: 0, Return: 1, Outcome: history.Ok},
		{ID: 3, Kind: "read", In: []slog.Attr{key}, Out: []slog.Attr{one}, Call: 2, Return: 3, Outcome: history.Ok},
	}
	require.Equal(t, Holds, c.Judge(Gather(h)).Verdict)
	h.Operations[2].Out = nil
	j := c.Judge(Gather(h))
	require.Equal(t, Violated, j.Verdict)
	require.Equal(t, []uint64{1, 3}, j.Witness)
	require.Equal(t, "x", j.Object)
	require.Len(t, j.Story, 2)
	c.Model = "log"
	h.Operations[2].In = nil
	j = c.Judge(Gather(h))
	require.Equal(t, Unknown, j.Verdict)
	require.Equal(t, Decided, j.State, "what cannot be read is no pass")
}
