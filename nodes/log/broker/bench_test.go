package broker_test

import (
	"bufio"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/nodes/log/broker"
	"simrun/nodes/log/record"
	"simrun/nodes/log/wire"
	"simrun/sim"
)

// BenchmarkWorld is what a committed record costs the simulator: three brokers under eight producers with acks=all, each of which has a
// batch under way to a partition of its own. It tells the simulated records that are committed in a second of wall time, on one core.
func BenchmarkWorld(b *testing.B) {
	for _, records := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("batches of %d", records), func(b *testing.B) {
			committed := 0
			w := cluster(3, records, &committed)
			defer w.Close()
			w.Run(3 * time.Second) // the topic is there, and the producers are at work
			begun, from := committed, w.Now()
			b.ReportAllocs()
			b.ResetTimer()
			for committed-begun < b.N {
				w.Run(w.Now() + 10*time.Millisecond)
			}
			b.ReportMetric(float64(committed-begun)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric((w.Now()-from).Seconds()/b.Elapsed().Seconds(), "×real")
		})
	}
}

// cluster is a world of so many brokers, and eight producers.
func cluster(brokers, records int, committed *int) *sim.World {
	w := sim.New(sim.Options{Seed: 1})
	site := w.AddSite("here", w.AddSupplier("grid"), 0)
	config := broker.DefaultConfig()
	config.Partitions, config.MinInSync, config.Election, config.FollowWait = 8, 2, 200*time.Millisecond, 100*time.Millisecond
	for i := range brokers {
		config.Servers = append(config.Servers, nodes.NodeName(fmt.Sprintf("log/%d", i+1)))
	}
	for _, name := range config.Servers {
		w.AddHost(sim.HostOptions{Name: string(name), Site: site, Main: func(env nodes.Env) error { return broker.Server.Main(env, config) }})
	}
	for i := range 8 {
		w.AddHost(sim.HostOptions{Name: fmt.Sprint("producer/", i), Site: site, Main: func(env nodes.Env) error { return pour(env, int32(i), records, committed) }})
	}
	for _, a := range w.Hosts() {
		for _, other := range w.Hosts() {
			if a != other {
				w.Network().SetLink(a.Name, other.Name, netmodel.LinkClass{Delay: nodes.Spread{Lo: 50 * time.Microsecond, Hi: 100 * time.Microsecond}})
			}
		}
	}
	return w
}

// pour sends batches to one partition until it is stopped.
func pour(env nodes.Env, partition int32, records int, committed *int) error {
	all := make([]record.Record, records)
	for i := range all {
		all[i].Value = []byte("a value of some bytes")
	}
	batch, err := new(record.Codec).Build(record.Builder{}, all...)
	if err != nil {
		return err
	}
	leader := "log/1:9092"
	for {
		if err := env.Sleep(100 * time.Millisecond); err != nil {
			return err
		}
		stream, err := env.Dial("tcp", leader, time.Second)
		if err != nil {
			continue
		}
		l := &line{stream: stream, in: bufio.NewReader(stream)}
		for err == nil {
			request := produce("bench", -1, batch)
			request.Topics[0].Partitions[0].Partition = partition
			var answer kmsg.Response
			if answer, err = l.ask(env, request); err == nil && answer.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode == 0 {
				*committed += records
			} else if err == nil {
				leader, err = leaderOf(env, l, partition), fmt.Errorf("refused")
			}
		}
		_ = stream.Close()
	}
}

// leaderOf asks who leads, and makes the topic by that.
func leaderOf(env nodes.Env, l *line, partition int32) string {
	topic := "bench"
	r := wire.New(wire.Metadata, 9).(*kmsg.MetadataRequest)
	r.Topics, r.AllowAutoTopicCreation = []kmsg.MetadataRequestTopic{{Topic: &topic}}, true
	if answer, err := l.ask(env, r); err == nil {
		for _, p := range answer.(*kmsg.MetadataResponse).Topics[0].Partitions {
			if p.Partition == partition && p.Leader > 0 {
				return fmt.Sprintf("log/%d:9092", p.Leader)
			}
		}
	}
	return "log/1:9092"
}
