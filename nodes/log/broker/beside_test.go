//go:build clients

package broker_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"simrun/nodes/log/broker"
	"simrun/nodes/log/partition"
)

// BenchmarkBesideKfake is how many records of 100 bytes a second one broker takes from franz-go with acks=all, and gives back, beside kfake, which
// keeps them in memory. The broker is tried as it comes, on disk before it acknowledges, and with sync later. They take turns,
// three times each, so that what else the machine does strikes all; told are medians.
func BenchmarkBesideKfake(b *testing.B) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "bench"))
	require.NoError(b, err)
	b.Cleanup(fake.Close)
	sides := []struct {
		name  string
		seeds []string
	}{
		{"kfake", fake.ListenAddrs()},
		{"synced", begin(b, 1).seeds},
		{"sync-later", beginWith(b, 1, func(c *broker.Config) { c.Sync = partition.Interval }).seeds},
	}
	for b.Loop() {
		produced, fetched := map[string][]float64{}, map[string][]float64{}
		for range 3 {
			for _, side := range sides {
				p, f := round(b, side.seeds)
				produced[side.name], fetched[side.name] = append(produced[side.name], p), append(fetched[side.name], f)
			}
		}
		for _, side := range sides {
			slices.Sort(produced[side.name])
			slices.Sort(fetched[side.name])
			b.ReportMetric(produced[side.name][1], side.name+"-produced/s")
			b.ReportMetric(fetched[side.name][1], side.name+"-fetched/s")
		}
	}
}

// round is how many records a second are produced and fetched.
func round(b *testing.B, seeds []string) (produced, fetched float64) {
	const n = 200_000
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	p, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("bench"), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.MaxBufferedRecords(50_000))
	require.NoError(b, err)
	defer p.Close()
	first, err := p.ProduceSync(ctx, kgo.StringRecord("first")).First()
	require.NoError(b, err)
	value := make([]byte, 100)
	began := time.Now()
	for range n {
		p.Produce(ctx, &kgo.Record{Value: value}, nil)
	}
	require.NoError(b, p.Flush(ctx))
	produced = n / time.Since(began).Seconds()
	c, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"bench": {0: kgo.NewOffset().At(first.Offset + 1)}}))
	require.NoError(b, err)
	defer c.Close()
	began = time.Now()
	for got := 0; got < n; {
		fetches := c.PollFetches(ctx)
		require.NoError(b, fetches.Err(), fmt.Sprint(got))
		got += fetches.NumRecords()
	}
	return produced, n / time.Since(began).Seconds()
}
