package checks

import (
	"cmp"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/nodes/history"
)

// corruption spoils a right history as a broken service would, and says which check has to see it. It returns false
// where the history offers nothing to spoil.
type corruption struct {
	name  string
	check string
	spoil func(r *rand.Rand, h *history.History) bool
}

// pick draws one of the operations that fit.
func pick(r *rand.Rand, h *history.History, fits func(o *history.Operation) bool) *history.Operation {
	var found []*history.Operation
	for _, o := range h.Operations {
		if fits(o) {
			found = append(found, o)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[r.IntN(len(found))]
}

func set(attrs []slog.Attr, key, value string) []slog.Attr {
	attrs = slices.Clone(attrs)
	for i := range attrs {
		if attrs[i].Key == key {
			attrs[i].Value = slog.StringValue(value)
		}
	}
	return attrs
}

func handleOf(o *history.Operation) evidence.JobKey {
	if n := o.NoteNamed("created"); n != nil {
		return evidence.JobKey{Server: evidence.Text(o.Input("server")), Handle: evidence.Text(n.Attr("handle"))}
	}
	return evidence.JobKey{Server: evidence.Text(o.Input("server")), Handle: evidence.Text(o.Input("handle"))}
}

func acknowledged(background bool) func(o *history.Operation) bool {
	return func(o *history.Operation) bool {
		return o.Kind == "attempt" && o.Outcome == history.Ok && evidence.Truth(o.Input("background")) == background && !evidence.Truth(o.Output("failed"))
	}
}

// undo takes the executions of a job out of the history.
func undo(h *history.History, key evidence.JobKey) {
	h.Operations = slices.DeleteFunc(h.Operations, func(o *history.Operation) bool { return o.Kind == "execute" && handleOf(o) == key })
}

// fresh adds an operation.
func fresh(h *history.History, o history.Operation) *history.Operation {
	o.ID = uint64(1_000_000 + len(h.Operations))
	h.Operations = append(h.Operations, &o)
	slices.SortStableFunc(h.Operations, func(a, b *history.Operation) int { return cmp.Compare(a.Call, b.Call) })
	return &o
}

var corruptions = []corruption{
	{"an acknowledged job is never executed, and its server shows an empty queue", "gearman.at-least-once", func(r *rand.Rand, h *history.History) bool {
		o := pick(r, h, acknowledged(true))
		if o == nil {
			return false
		}
		undo(h, handleOf(o))
		for _, server := range []string{"a", "b"} {
			h.Samples = append(h.Samples, history.Sample{At: h.End, Host: server, Name: "jobs", Value: 0})
		}
		return true
	}},
	{"two clients are told each other's results", "gearman.results", func(r *rand.Rand, h *history.History) bool {
		one, other := pick(r, h, acknowledged(false)), pick(r, h, acknowledged(false))
		if one == nil || evidence.Text(one.Output("result")) == evidence.Text(other.Output("result")) {
			return false
		}
		one.Out = set(one.Out, "result", evidence.Text(other.Output("result")))
		return true
	}},
	{"a worker is given another job's payload", "gearman.results", func(r *rand.Rand, h *history.History) bool {
		a := pick(r, h, acknowledged(false))
		if a == nil {
			return false
		}
		x := pick(r, h, func(o *history.Operation) bool { return o.Kind == "execute" && handleOf(o) == handleOf(a) })
		x.In = set(x.In, "payload", "somebody else's")
		return true
	}},
	{"a done job is handed out again in the calm", "gearman.explained-duplicates", again},
	{"a done job is handed out again in the calm, and atomicity sees it", "linearizable", again},
	{"somebody executes a job that nobody submitted", "gearman.no-phantoms", func(r *rand.Rand, h *history.History) bool {
		x := pick(r, h, func(o *history.Operation) bool { return o.Kind == "execute" })
		if x == nil {
			return false
		}
		copied := *x
		copied.In = set(set(x.In, "handle", "ghost"), "payload", "ghost")
		fresh(h, copied)
		return true
	}},
	{"a client hears of a result before a worker has it", "linearizable", func(r *rand.Rand, h *history.History) bool {
		a := pick(r, h, acknowledged(false))
		if a == nil {
			return false
		}
		n := a.NoteNamed("created")
		first := history.Never
		for _, o := range h.Operations {
			if o.Kind == "execute" && handleOf(o) == handleOf(a) && o.Outcome == history.Ok {
				first = min(first, o.Return)
			}
		}
		if first <= n.At+1 {
			return false
		}
		a.Return = first - 1
		return true
	}},
	{"a second client of one key is given a job of its own in the calm", "gearman.coalescing", func(r *rand.Rand, h *history.History) bool {
		calm := h.Phases[3].From + time.Second
		fresh(h, attemptAt(h, calm, "key", "hA"))
		fresh(h, attemptAt(h, calm+time.Second, "key", "hB"))
		return true
	}},
	{"a job starves beside idle workers", "gearman.no-starvation", func(r *rand.Rand, h *history.History) bool {
		calm := h.Phases[3].From + 20*time.Second
		fresh(h, attemptAt(h, calm, "key", "hA"))
		return true
	}},
}

// attemptAt is a background submission to server a, acknowledged within five milliseconds.
func attemptAt(h *history.History, at history.Time, unique, handle string) history.Operation {
	return history.Operation{Kind: "attempt", Host: "c/1", Call: at, Return: at + 5*time.Millisecond, Outcome: history.Ok,
		In: []slog.Attr{slog.String("server", "a"), slog.String("function", "work"), slog.String("unique", unique),
			slog.String("payload", handle), slog.Bool("background", true), slog.String("priority", "normal")},
		Out:   []slog.Attr{slog.String("server", "a"), slog.String("handle", handle)},
		Notes: []history.Note{{At: at + 5*time.Millisecond, Name: "created", Attrs: []slog.Attr{slog.String("handle", handle)}}}}
}

// again hands out a job once more, of those that were done in the calm of the aftermath.
func again(r *rand.Rand, h *history.History) bool {
	late := h.Phases[2].From + 20*time.Second
	x := pick(r, h, func(o *history.Operation) bool {
		return o.Kind == "execute" && o.Outcome == history.Ok && o.Call > late && o.Return < h.End-20*time.Second
	})
	if x == nil {
		return false
	}
	copied := *x
	copied.Call, copied.Return = x.Return+5*time.Second, x.Return+5*time.Second+time.Millisecond
	fresh(h, copied)
	return true
}

// copyOf is a history whose operations can be spoiled alone.
func copyOf(h *history.History) *history.History {
	c := *h
	c.Operations = make([]*history.Operation, len(h.Operations))
	for i, o := range h.Operations {
		copied := *o
		c.Operations[i] = &copied
	}
	c.Samples = slices.Clone(h.Samples)
	return &c
}

// Whatever the weather was, a history that was spoiled is seen to be. A check that holds for every history would
// pass all other tests of its soundness.
func TestSpoiledHistoriesAreSeen(t *testing.T) {
	var options []refOptions
	var histories []*history.History
	for i := range 25 {
		o := rapid.Custom(drawRef).Example(i)
		o.Retries, o.Faults, o.Rate = 0, o.Faults/4, 9
		options, histories = append(options, o), append(histories, o.simulate())
	}
	for _, c := range corruptions {
		t.Run(c.name, func(t *testing.T) {
			spoiled, seen, silent := 0, 0, ""
			for i, o := range options {
				h := copyOf(histories[i])
				if !c.spoil(rand.New(rand.NewPCG(uint64(i), 2)), h) {
					continue
				}
				spoiled++
				j := o.allChecks()[c.check].Judge(evidence.Gather(h))
				requireSound(t, j)
				if j.Verdict == checkers.Violated {
					seen++
				} else {
					silent = fmt.Sprintf("%+v: %s %s %s", o, j.Verdict, j.State, j.Reason)
				}
			}
			require.Greater(t, spoiled, 15, "the histories offered too little to spoil")
			require.GreaterOrEqual(t, float64(seen)/float64(spoiled), 0.9, "%d of %d; such as %s", seen, spoiled, silent)
		})
	}
}
