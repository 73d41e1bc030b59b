package replicas

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// BenchmarkAccesses is what a million accesses by twenty clients to a hundred keys cost, with and without versions: a tenth
// are writes, and reads see what is newest.
func BenchmarkAccesses(b *testing.B) {
	for _, told := range []bool{true, false} {
		r := rand.New(rand.NewPCG(1, 1))
		newest := make([]linear.Value, 100)
		accesses := make([]Access, 1_000_000)
		for i := range accesses {
			a := &accesses[i]
			key := linear.Value(r.IntN(100))
			at := history.Time(i) * 100
			*a = Access{Span: linear.Span{ID: uint64(i), Client: int32(i % 20), Outcome: history.Ok, Call: at, Return: at + 90}, Key: key, Told: told}
			if r.IntN(10) == 0 || newest[key] == 0 {
				newest[key] = linear.Value(i + 1)
				a.Kind = Write
			}
			a.Value, a.Version = newest[key], int64(newest[key])
		}
		b.Run(fmt.Sprintf("sessions/versions=%v", told), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if found := Sessions(accesses, All, nil); len(found) > 0 {
					b.Fatal(found)
				}
			}
		})
		b.Run(fmt.Sprintf("staleness/versions=%v", told), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Staleness(accesses)
			}
		})
	}
}
