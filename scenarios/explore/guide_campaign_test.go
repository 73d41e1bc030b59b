//go:build campaign

package explore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/gearman"
	"simrun/scenarios"
	"simrun/sim/luck"
)

func builtIn(t *testing.T, name string) *scenarios.Spec {
	catalog := scenarios.Catalog{Kinds: []nodes.Kind{gearman.Server, gearman.Worker, gearman.Client}}
	sc, err := scenarios.Read(name, scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err)
	return sc.Specs[0]
}

// If this failed, guidance would cost what it costs for nothing. It says what docs/guidance.md quotes.
func TestWhatGuidanceCovers(t *testing.T) {
	const runs, bases = 150, 3
	for _, name := range []string{"squalls", "bad-disks", "thunderstorm"} {
		spec := builtIn(t, name)
		var covered [2]Ground // plain, guided
		for i, guided := range []*scenarios.Spec{nil, spec} {
			for base := range luck.Seed(bases) {
				seen := map[uint32]bool{}
				_, err := Sweep{Base: base + 1, Count: runs, Guided: guided, KeepGoing: true, Run: func(turn Turn) (*scenarios.Result, error) {
					return turn.Plan(spec).Run(scenarios.RunOptions{}).Result, nil
				}, Each: func(_ *Batch, e *Entry) {
					for _, s := range reachOf(e.Run) {
						if !seen[s.What] {
							seen[s.What] = true
							covered[i].add(s.sort())
						}
					}
				}}.Do()
				require.NoError(t, err)
			}
		}
		plain, guided := covered[0], covered[1]
		for _, g := range []*Ground{&plain, &guided} {
			g.Probes, g.States, g.Pairs, g.Strikes = g.Probes/bases, g.States/bases, g.Pairs/bases, g.Strikes/bases
		}
		t.Logf("| %s | %d → %d | %d → %d | %d → %d | %d → %d |", name, plain.Probes, guided.Probes, plain.States, guided.States,
			plain.Pairs, guided.Pairs, plain.Strikes, guided.Strikes)
		require.Greater(t, guided.States, plain.States)
		require.Greater(t, guided.Strikes, plain.Strikes)
	}
}

// If this failed, guidance would draw weather that no claim is meant for.
func TestGuidanceRaisesNoFalseAlarm(t *testing.T) {
	for _, name := range []string{"thunderstorm", "every-weather", "odd-day"} {
		spec := builtIn(t, name)
		batch, err := Sweep{Base: 11, Count: 300, Guided: spec, Claims: spec.Claims, KeepGoing: true, Run: func(turn Turn) (*scenarios.Result, error) {
			return turn.Plan(spec).Run(scenarios.RunOptions{}).Result, nil
		}}.Do()
		require.NoError(t, err)
		require.Empty(t, batch.Failures, name)
	}
}
