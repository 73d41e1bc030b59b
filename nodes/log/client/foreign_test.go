//go:build clients

package client

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"simrun/checkers"
	"simrun/checkers/data"
	"simrun/checkers/evidence"
	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/nodes/osenv"
)

// played is the Env of one of several clients on one host, so that all of them can be seen at once.
type played struct {
	nodes.Env
	name     string
	record   nodes.Recorder
	requests []nodes.Request
	stopping *bool
	stop     nodes.Cond
}

func (p *played) Host() string           { return p.name }
func (p *played) Record() nodes.Recorder { return p.record }

func (p *played) Next() (nodes.Request, error) {
	if len(p.requests) == 0 {
		return nodes.Request{}, io.EOF
	}
	next := p.requests[0]
	p.requests = p.requests[1:]
	return next, nil
}

func (p *played) AwaitStop() error {
	for !*p.stopping {
		if err := p.stop.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// If this failed, the clients would understand no brokers but those of this project: here they send, consume in a group and copy exactly
// once at three that others wrote, over real sockets.
func TestFranzFakeBrokersAreUnderstood(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.SeedTopics(3, "events", "ledger", "copy"), kfake.GroupMinSessionTimeout(100*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	network := defaultNetwork()
	for _, address := range fake.ListenAddrs() {
		network.Servers = append(network.Servers, nodes.NodeName(address))
	}
	producer, teller := DefaultProducerConfig(), DefaultProducerConfig()
	consumer, copier, reader := DefaultConsumerConfig(), DefaultConsumerConfig(), DefaultConsumerConfig()
	producer.Network, teller.Network, consumer.Network, copier.Network, reader.Network = network, network, network, network, network
	producer.Compression, teller.Transaction, teller.Topic = "lz4", true, "ledger"
	consumer.Topics = []string{"events", "ledger"}
	copier.Group, copier.Semantics, copier.Output = "copiers", ExactlyOnce, "copy"
	reader.Group, reader.Topics = "", []string{"copy"}
	for _, c := range []*ConsumerConfig{consumer, copier, reader} {
		c.FetchWait = 50 * time.Millisecond
	}
	var sends, tells []nodes.Request
	for id := range uint64(30) {
		sends = append(sends, nodes.Request{ID: id + 1, Do: "send", Options: &SendOptions{Keys: 5, Messages: 1}})
	}
	for id := range uint64(10) {
		tells = append(tells, nodes.Request{ID: id + 101, Do: "txn", Options: &SendOptions{Messages: 3}})
	}
	start, dead, stopping := time.Now(), false, false
	log := history.NewLog(func() history.Time { return time.Since(start) })
	var problems []error
	host := osenv.New(osenv.Options{Host: "clients", Seed: 1, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, host.Run(func(env nodes.Env) error {
		stop := env.NewCond()
		var tasks []nodes.Task
		begin := func(name string, requests []nodes.Request, main func(env nodes.Env) error) {
			as := &played{env, name, log.For(name, &dead), requests, &stopping, stop}
			tasks = append(tasks, env.Go(name, func() { problems = append(problems, main(as)) }))
		}
		begin("producer", sends, func(env nodes.Env) error { return runProducer(env, producer) })
		begin("teller", tells, func(env nodes.Env) error { return runProducer(env, teller) })
		begin("consumer-1", nil, func(env nodes.Env) error { return runConsumer(env, consumer) })
		begin("consumer-2", nil, func(env nodes.Env) error { return runConsumer(env, consumer) })
		begin("copier", nil, func(env nodes.Env) error { return runConsumer(env, copier) })
		begin("reader", nil, func(env nodes.Env) error { return runConsumer(env, reader) })
		for range 600 {
			if polledOf(log, "copy") >= 30 && polledOf(log, "ledger") >= 30 && polledOf(log, "events") >= 60 {
				break
			}
			if err := env.Sleep(50 * time.Millisecond); err != nil {
				return err
			}
		}
		stopping = true
		stop.Broadcast()
		for _, task := range tasks {
			if err := task.Join(); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, errors.Join(problems...))
	e := evidence.Gather(log.Finish())
	for _, check := range []checkers.Check{&data.SoundLog{CaughtUp: true}, &data.EffectsOnce{Of: []string{"events"}, Effects: "copy", CaughtUp: true}} {
		j := check.Judge(e)
		require.Equal(t, checkers.Holds, j.Verdict, "%T: %s\n%s", check, j.Reason, strings.Join(j.Story, "\n"))
	}
	for _, o := range e.Operations {
		require.False(t, (o.Kind == "send" || o.Kind == "txn") && o.Outcome != history.Ok, "%s of %s: %v", o.Kind, o.Host, o.Reason)
	}
}

// polledOf is how many records of a topic have been polled.
func polledOf(log *history.Log, topic string) (n int) {
	for _, o := range log.Operations {
		if o.Kind != "poll" || o.Outcome != history.Ok {
			continue
		}
		records, _ := history.RecordsOf(o.Output("records").Any())
		for _, r := range records {
			if name, _ := r.Partition.(string); strings.HasPrefix(name, topic+"-") {
				n++
			}
		}
	}
	return n
}
