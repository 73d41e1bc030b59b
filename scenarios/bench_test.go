package scenarios_test

import (
	"testing"

	"simrun/nodes/kinds"
	"simrun/scenarios"
	"simrun/sim/luck"
)

var catalog = scenarios.Catalog{Kinds: kinds.All()}

// BenchmarkThunderstorm measures a whole run as a sweep does it: a plan drawn, a world built, run, judged and
// taken down. The goal is 100 ms of one core for about 90 simulated seconds and 40,000 messages.
func BenchmarkThunderstorm(b *testing.B) {
	storm, err := scenarios.Read("thunderstorm", scenarios.ReadOptions{Catalog: catalog})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var steps, messages uint64
	var simulated float64
	seed := luck.Seed(0)
	for b.Loop() {
		seed++
		r := scenarios.Draw(storm.Specs[0], seed).Run(scenarios.RunOptions{}).Result
		steps += r.Steps
		messages += r.Messages
		simulated += r.SimulatedSeconds
	}
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
	b.ReportMetric(simulated/b.Elapsed().Seconds(), "simulated-s/s")
	b.ReportMetric(float64(messages)/float64(b.N), "messages/op")
}
