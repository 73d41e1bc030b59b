// Package looked gives tests of reports a run to tell of.
package looked

import (
	"simrun/checkers/checks"
	"simrun/nodes/kinds"
	"simrun/reports/recording"
	"simrun/scenarios"
)

// At runs a scenario, that is built in or a file, with a seed and settings, and records it.
func At(scenario, seed string, set ...string) (*recording.Recording, error) {
	s, err := scenarios.Read(scenario, scenarios.ReadOptions{Catalog: scenarios.Catalog{Kinds: kinds.All(), Checks: checks.All()}, Set: set})
	if err != nil {
		return nil, err
	}
	n, err := scenarios.ParseSeed(seed)
	if err != nil {
		return nil, err
	}
	return recording.Read(scenarios.Draw(s.Specs[0], n).Run(scenarios.RunOptions{Record: true})), nil
}
