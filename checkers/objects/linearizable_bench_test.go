package objects_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"simrun/checkers"
	"simrun/checkers/objects"
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
				if j, err := objects.Linearizable(k.model, h, objects.Options{}); err != nil || j.Verdict != checkers.Holds {
					b.Fatal(fmt.Sprint(j, err))
				}
			}
		})
	}
}

// BenchmarkSearch measures the general search, and porcupine, on a register of five values that are written and swapped
// again and again, so that no algorithm of its own decides it.
func BenchmarkSearch(b *testing.B) {
	for _, unknown := range []float64{0, 0.01, 0.05} {
		l := long{operations: 1_000, clients: 5, unknown: unknown}
		h := fewValues.history(l)
		b.Run(fmt.Sprintf("%g%%", 100*unknown), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if j, err := objects.Linearizable(fewValues.model, h, objects.Options{}); err != nil || j.Verdict != checkers.Holds {
					b.Fatal(j, err)
				}
			}
		})
		b.Run(fmt.Sprintf("%g%%/porcupine", 100*unknown), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				model, operations := fewValues.porcupine(h.Operations)
				if v := objects.Porcupine(model, operations, objects.Options{}); v != checkers.Holds {
					b.Skip(v)
				}
			}
		})
	}
}
