package txn

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// orderly makes a history of so many steps, in transactions of four by twenty clients that overlap, which has a serial order in
// real time. A list gets thirty-two elements at most.
func orderly(steps int) []Txn {
	r := rand.New(rand.NewPCG(1, uint64(steps)))
	store := lists{}
	txns := make([]Txn, steps/4)
	first, value := linear.Value(0), linear.Value(0)
	for i := range txns {
		t := &txns[i]
		at := history.Time(i) * 100
		t.ID, t.Client, t.Outcome = uint64(i+1), int32(i%20), history.Ok
		t.Call, t.Return = at-history.Time(r.IntN(900)), at+history.Time(r.IntN(900))
		for range 4 {
			key := first + linear.Value(r.IntN(20))
			if r.IntN(2) == 0 {
				t.Steps = append(t.Steps, Read(key, store[key]...))
				continue
			}
			value++
			t.Steps = append(t.Steps, Append(key, value))
			store[key] = append(slices.Clip(store[key]), value)
			if len(store[key]) == 32 {
				first++
			}
		}
	}
	return txns
}

// BenchmarkCheck is what strict serializability costs, with nothing wrong and with one read that misses the last element.
func BenchmarkCheck(b *testing.B) {
	for _, steps := range []int{10_000, 100_000, 1_000_000} {
		for _, stale := range []bool{false, true} {
			txns := orderly(steps)
			want := linear.Holds
			for i := len(txns) / 2; stale && i < len(txns); i++ {
				if j := slices.IndexFunc(txns[i].Steps, func(s Step) bool { return s.Read && len(s.List) > 3 && len(s.List) < 30 }); j >= 0 {
					txns[i].Steps[j].List = txns[i].Steps[j].List[:1]
					want = linear.Violated
					break
				}
			}
			name := map[bool]string{false: "valid", true: "stale"}[stale]
			b.Run(fmt.Sprintf("steps=%d/%s", steps, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r := Check(txns, Options{Level: StrictSerializable})
					require.Equal(b, want, r.Verdict, r.Reason)
					b.ReportMetric(float64(len(r.Witness)), "witness")
				}
			})
		}
	}
}
