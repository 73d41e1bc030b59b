package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/probe"
)

// rarer runs a node that asks two points every millisecond for a second, under these quirks, and counts how often the
// rarer path was taken in each hundred milliseconds.
func rarer(t *testing.T, strike func(w *World, h *Host)) (taken map[string][]int) {
	t.Helper()
	w := New(Options{Seed: 5})
	defer w.Close()
	taken = map[string][]int{"early": make([]int, 10), "late": make([]int, 10)}
	h := w.AddHost(HostOptions{Name: "a", Main: func(env nodes.Env) error {
		for {
			for _, name := range []string{"early", "late"} {
				if at := int(w.Now() / (100 * time.Millisecond)); env.Point(name) {
					taken[name][at]++
				}
			}
			if err := env.Sleep(time.Millisecond); err != nil {
				return err
			}
		}
	}})
	strike(w, h)
	w.Run(time.Second - 1)
	return taken
}

func sum(counts []int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// If this failed, rare paths would be taken where nobody asked for them, or one quirk would change another's luck.
func TestRarePathsAreTakenWhereAFaultSaysSo(t *testing.T) {
	quiet := rarer(t, func(*World, *Host) {})
	require.Zero(t, sum(quiet["early"])+sum(quiet["late"]))

	var one *Strike
	alone := rarer(t, func(w *World, h *Host) {
		w.At(200*time.Millisecond, func() { one = h.Buggify([]string{"early"}, 250_000) })
		w.At(600*time.Millisecond, func() { one.End() })
	})
	require.Zero(t, sum(alone["early"][:2])+sum(alone["early"][6:])+sum(alone["late"]))
	for _, n := range alone["early"][2:6] {
		require.InDelta(t, 25, n, 20)
	}
	require.EqualValues(t, sum(alone["early"]), one.Effects())

	var other *Strike
	both := rarer(t, func(w *World, h *Host) {
		w.At(100*time.Millisecond, func() { other = h.Buggify([]string{"late", "unknown"}, nodes.PerMillion) })
		w.At(200*time.Millisecond, func() { one = h.Buggify([]string{"early"}, 250_000) })
		w.At(600*time.Millisecond, func() { one.End() })
	})
	require.Equal(t, alone["early"], both["early"], "a point's luck is its own")
	require.Equal(t, 900, sum(both["late"]))
	require.EqualValues(t, 900, other.Effects())
	require.NotEqual(t, both["early"][2], 100)
}

// If this failed, a quirk would end with the process, whose restart is when rare paths matter.
func TestARarePathOutlivesTheProcess(t *testing.T) {
	taken := rarer(t, func(w *World, h *Host) {
		w.At(0, func() { h.Buggify([]string{"late"}, nodes.PerMillion) })
		w.At(300*time.Millisecond, func() {
			crash := h.Crash()
			w.At(500*time.Millisecond, crash.End)
		})
	})
	require.Equal(t, []int{100, 100, 100, 0, 0, 100, 100, 100, 100, 100}, taken["late"])
}

// If this failed, a node could contradict itself and nobody would hear of it.
func TestABrokenInvariantIsAFinding(t *testing.T) {
	var probes probe.Set
	sound, line := probes.Always("two and two are four"), probes.Reachable("the node went on")
	w := New(Options{Seed: 1})
	defer w.Close()
	w.AddHost(HostOptions{Name: "a", Main: func(env nodes.Env) error {
		env.Go("sums", func() {
			for i := range 10 {
				env.Record().Always(sound, i < 5)
			}
			env.Record().Reach(line)
		})
		return env.AwaitStop()
	}})
	w.Run(time.Second)
	require.Len(t, w.Findings(), 1, "a broken invariant is told once")
	f := w.Findings()[0]
	require.Equal(t, []string{"broken invariant", "a", "sums", "two and two are four"}, []string{f.Kind, f.Host, f.Task, f.What})
	require.Contains(t, f.Stack, "TestABrokenInvariantIsAFinding")
	require.True(t, w.Log().Reached(&line.Probe))
	require.NotNil(t, w.Host("a").life)
}

// If this failed, a search would not hear of the states that nodes are in.
func TestStatesAreTold(t *testing.T) {
	var states []string
	w := New(Options{Seed: 1})
	defer w.Close()
	w.OnState(func(h *Host, f probe.Fingerprint) { states = append(states, h.Name+" "+string(rune('0'+f))) })
	h := w.AddHost(HostOptions{Name: "a", Main: func(env nodes.Env) error {
		defer env.Record().Fingerprint(9) // the dead say nothing
		env.Record().Fingerprint(probe.Fingerprint(0).Flag(true))
		env.Record().Fingerprint(probe.Fingerprint(0).Size(2))
		return env.AwaitStop()
	}})
	w.Run(time.Second)
	h.Crash()
	require.Equal(t, []string{"a 1", "a 2"}, states)
}
