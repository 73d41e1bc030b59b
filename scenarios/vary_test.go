package scenarios

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/sim/luck"
)

// If this fails, what a guided sweep varies is another plan than the one that came to something.
func TestTheVariationOfASeedIsItsPlan(t *testing.T) {
	spec := mustRead(t, readExample(t)).Specs[0]
	for seed := range luck.Seed(100) {
		plan, outline := Vary(spec, seed, &Variation{World: seed, Weather: seed})
		samePlan(t, Draw(spec, seed), plan)
		require.Len(t, outline.Faults, len(plan.Faults))
	}
}

// wandered draws a variation step by step, as a guided sweep does: what is edited is a fault of the plan so far.
func wandered(t *rapid.T, spec *Spec) *Variation {
	seed := rapid.Map(rapid.Uint64(), func(n uint64) luck.Seed { return luck.Seed(n) })
	v := &Variation{World: seed.Draw(t, "world"), Weather: seed.Draw(t, "weather")}
	for range rapid.IntRange(0, 12).Draw(t, "steps") {
		plan, outline := Vary(spec, 0, v)
		if len(plan.Faults) == 0 || rapid.Bool().Draw(t, "swap") {
			v.Swaps = append(v.Swaps, Swap{rapid.SampledFrom(outline.Lines).Draw(t, "line"), seed.Draw(t, "by")})
			continue
		}
		of := rapid.SampledFrom(outline.Faults).Draw(t, "fault")
		v.Edits = append(v.Edits, Edit{Line: of.Line, Nth: of.Nth, Do: rapid.SampledFrom(Changes()).Draw(t, "change"), By: seed.Draw(t, "by"),
			At: time.Duration(rapid.Int64Range(-int64(time.Second), int64(80*time.Second)).Draw(t, "at"))})
	}
	return v
}

// If this fails, a guided sweep blames claims for weather that the scenario does not mean, or finds what nobody can
// run again.
func TestVariationsAreWhatTheScenarioMayDraw(t *testing.T) {
	spec := mustRead(t, readExample(t)).Specs[0]
	rapid.Check(t, func(rt *rapid.T) {
		plan, outline := Vary(spec, 7, wandered(rt, spec))
		inTheirRanges(rt, plan, map[Verb]int{})
		keptUp(rt, plan)
		script := map[Verb]int{}
		ends := map[string]time.Duration{} // of each line's last fault
		for i := range plan.Faults {
			f, line := &plan.Faults[i], outline.Faults[i].Line
			if f.DrawnBy == ByScript {
				script[f.Verb]++
				continue
			}
			before, followed := ends[line]
			require.False(rt, followed && f.At-before < 500*time.Millisecond, "%s comes too soon after the last", f)
			ends[line] = f.At + f.For
		}
		require.Equal(rt, map[Verb]int{CutPower: 1, Partition: 1, CrashMachine: 1}, script, "the script strikes in every run")

		again, err := ReadText("plan.yaml", plan.YAML(), ReadOptions{Catalog: testCatalog()})
		require.NoError(rt, err, "%s", plan.YAML())
		samePlan(rt, plan, Draw(again.Specs[0], again.Specs[0].Seed))
	})
}

// If this fails, an edit does something else than it says.
func TestAnEditChangesOneFault(t *testing.T) {
	spec := mustRead(t, `scenario: breeze
sites: {west: {}}
nodes: {server: {run: gearman.server, site: west}, worker: {run: gearman.worker, site: west, count: 3, with: {servers: [server]}}}
phases:
  - phase: storm
    lasts: 60s
    faults:
      - {at: 1s..50s, pause: server, for: 1s..5s}
    swarm:
      kinds:
        - {crash: one of workers, every: 1s..9s, for: 100ms..2s}
`).Specs[0]
	plain := &Variation{World: 1, Weather: 1}
	before, outline := Vary(spec, 1, plain)
	crash, pause := -1, -1
	for i := range before.Faults {
		if before.Faults[i].Verb == Pause {
			pause = i
		} else if outline.Faults[i].Nth == 2 {
			crash = i
		}
	}
	edited := func(i int, do Change, at time.Duration) *Plan {
		v := plain.Clone()
		v.Edits = []Edit{{Line: outline.Faults[i].Line, Nth: outline.Faults[i].Nth, Do: do, By: 5, At: at}}
		plan, _ := Vary(spec, 1, v)
		return plan
	}
	was := before.Faults[crash]
	require.Len(t, edited(crash, Drop, 0).Faults, len(before.Faults)-1)
	require.NotContains(t, edited(crash, Drop, 0).Faults, was)
	require.NotContains(t, edited(crash, Move, 0).Faults, was)
	require.Contains(t, []int{len(before.Faults), len(before.Faults) + 1}, len(edited(crash, Twin, was.At+was.For+time.Second).Faults))
	require.NotEqual(t, was.For, edited(crash, Length, 0).Faults[crash].For)
	require.Equal(t, was.At, edited(crash, Length, 0).Faults[crash].At)
	require.Equal(t, was.At, edited(crash, Aim, 0).Faults[crash].At)

	require.Len(t, edited(pause, Drop, 0).Faults, len(before.Faults), "the script strikes in every run")
	require.Len(t, edited(pause, Twin, 0).Faults, len(before.Faults))
	for at, want := range map[time.Duration]time.Duration{20 * time.Second: 20 * time.Second, time.Millisecond: time.Second, time.Hour: 50 * time.Second} {
		plan := edited(pause, Move, at)
		for i := range plan.Faults {
			if f := &plan.Faults[i]; f.Verb == Pause {
				require.Equal(t, want, f.At, "as far as its line allows")
			}
		}
	}
}
