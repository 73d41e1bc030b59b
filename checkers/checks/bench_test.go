package checks

import (
	"maps"
	"slices"
	"testing"
	"time"

	"simrun/checkers/evidence"
)

// BenchmarkChecks measures all checks of one run, index included, on a history of about the size of a
// thunderstorm's: 1,300 requests, 1,500 attempts and 1,100 executions in a storm. The goal is 10 ms.
func BenchmarkChecks(b *testing.B) {
	o := refOptions{Seed: 7, Kinds: refKinds, Faults: 20, Rate: 16, Storm: 30 * time.Second}
	h := o.simulate()
	checks := o.allChecks()
	names := slices.Sorted(maps.Keys(checks))
	b.ReportAllocs()
	for b.Loop() {
		e := evidence.Gather(h)
		for _, name := range names {
			checks[name].Judge(e)
		}
	}
	b.ReportMetric(float64(len(h.Operations)), "operations")
}
