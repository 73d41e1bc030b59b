package broker_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/record"
)

// BenchmarkSimulated is how many records of 100 bytes a second of real time a simulated cluster takes with acks=all, in batches of so many,
// one after the other: the world, three brokers and their disks together.
func BenchmarkSimulated(b *testing.B) {
	for _, records := range []int{1, 100} {
		b.Run(fmt.Sprintf("batches of %d", records), func(b *testing.B) {
			tell(b, 3, 1, nil, func(s *story) {
				s.create("t", 1, 3, nil)
				leader := s.settle("t", 3).Leader
				batch, err := new(record.Codec).Build(record.Builder{}, make100(records)...)
				require.NoError(b, err)
				for b.Loop() {
					require.Zero(b, must[*kmsg.ProduceResponse](s, leader, produce("t", -1, batch)).Topics[0].Partitions[0].ErrorCode)
				}
				b.ReportMetric(float64(b.N*records)/b.Elapsed().Seconds(), "records/s")
			})
		})
	}
}

func make100(n int) (all []record.Record) {
	for range n {
		all = append(all, record.Record{Value: make([]byte, 100)})
	}
	return all
}
