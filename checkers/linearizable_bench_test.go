package checkers_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"simrun/checkers"
)

// BenchmarkLinearizable measures the verdict on 100,000 operations of 20 clients, of which a hundredth ended unknown,
// from the history as it was recorded. The goal is a tenth of a second.
func BenchmarkLinearizable(b *testing.B) {
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		k := kinds[name]
		h := k.history(long{operations: 100_000, clients: 20, unknown: 0.01})
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if j, err := checkers.Linearizable(k.model, h, checkers.Options{}); err != nil || j.Verdict != checkers.Holds {
					b.Fatal(fmt.Sprint(j, err))
				}
			}
		})
	}
}
