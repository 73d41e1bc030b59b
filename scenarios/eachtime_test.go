//go:build campaign

package scenarios_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/sim"
	"simrun/sim/luck"
)

// If this fails, a rare path that is taken each time brings a node to a halt, or time to a standstill.
func TestAPointMayBeTakenEachTime(t *testing.T) {
	taken := map[string]bool{}
	for _, name := range services {
		for i, point := range everyPoint(rareServices[name]) {
			if !taken[point] { // what several kinds are made of is tried in the first
				taken[point] = takenEachTime(t, rareServices[name], point, luck.Seed(i))
			}
		}
	}
	for point, was := range taken {
		require.True(t, was, point)
	}
}

// takenEachTime says whether any of a few runs comes to a point that is taken each time. All of them have to hold.
func takenEachTime(t *testing.T, service rareService, point string, from luck.Seed) bool {
	needs := []string{point}
	if point == "server.quiet-status" {
		needs = append(needs, "worker.status-flood") // or there is nothing to be quiet about
	}
	for seed := from; seed < 1000; seed += 100 {
		run := scenarios.Draw(rare(t, service, "100%", needs...), seed).Run(scenarios.RunOptions{Record: true})
		requireHolds(t, run)
		if slices.ContainsFunc(run.Lines, func(l sim.Line) bool { return l.Kind == "point" && l.What == point }) {
			return true
		}
	}
	return false
}
