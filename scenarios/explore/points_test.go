package explore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/probe"
	"simrun/scenarios"
	"simrun/scenarios/explore"
)

var clockProbes probe.Set

var neverBoth = clockProbes.Always("the clock is not wound and set at once")

// clockwork has a bug: it does not bear that two of its rarer ways are taken, however far apart.
var clockwork = nodes.Kind{Name: "test.clockwork", Role: nodes.Server, Doc: "Ticks.",
	Points: []string{"clock.chime", "clock.oil", "clock.set", "clock.stop", "clock.tick", "clock.wind"},
	Probes: []*probe.Set{&clockProbes},
	Main: func(env nodes.Env, _ any) error {
		taken := map[string]bool{}
		for {
			for _, point := range []string{"clock.chime", "clock.oil", "clock.set", "clock.stop", "clock.tick", "clock.wind"} {
				if env.Point(point) {
					taken[point] = true
				}
			}
			env.Record().Always(neverBoth, !(taken["clock.wind"] && taken["clock.set"]))
			if err := env.Sleep(10 * time.Millisecond); err != nil {
				return err
			}
		}
	}}

const clocks = `scenario: clocks
sites: {hall: {}}
nodes: {clock: {run: test.clockwork, site: hall, count: 3}}
phases:
  - phase: day
    lasts: 20s
    faults:
      - {at: 2s, buggify: clock/2, points: [clock.chime, clock.oil, clock.tick], rate: 50%, for: 5s}
      - {at: 4s, pause: clock/1, for: 2s}
      - {at: 5s, buggify: [clock/1, clock/3], points: 6, rate: 31.7%, for: 9s}
`

// If this failed, a person would be told of six places in the code where it is two that matter, or a contradiction in a
// node would not be followed up.
func TestThePointsThatMatterAreFound(t *testing.T) {
	catalog := scenarios.Catalog{Kinds: []nodes.Kind{clockwork}}
	sc, err := scenarios.ReadText("clocks.yaml", []byte(clocks), scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err)
	run := scenarios.Draw(sc.Specs[0], 7).Run(scenarios.RunOptions{})
	require.Equal(t, scenarios.Violated, run.Result.Verdict)
	require.Equal(t, "broken invariant", run.Result.Findings[0].Kind)
	require.Equal(t, "the clock is not wound and set at once", run.Result.Findings[0].What)
	require.Contains(t, run.Result.Findings[0].Stack, "points_test.go")

	m, err := explore.Shrink{Run: run, Catalog: catalog, Jobs: 2}.Do()
	require.NoError(t, err)
	require.True(t, m.Least)
	require.Equal(t, "broken invariant", m.Offence.Anomaly)
	require.Len(t, m.Plan.Faults, 1, "%s", m.Plan.YAML())
	f := m.Plan.Faults[0]
	require.Equal(t, []string{"clock.set", "clock.wind"}, f.Options.Points)
	require.Len(t, f.Targets, 1)
	require.Len(t, m.Plan.Hosts, 1)
	violatesAgain(t, m, catalog)
}
