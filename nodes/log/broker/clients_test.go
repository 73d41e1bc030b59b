//go:build clients

package broker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/broker"
	"simrun/nodes/osenv"
	"simrun/sim/simtest/loopback"
)

// real is a cluster on loopback, and franz-go to talk to it.
type real struct {
	testing.TB
	seeds  []string
	stops  []func()
	starts []func()
}

// begin starts so many brokers.
func begin(t testing.TB, brokers int) *real { return beginWith(t, brokers, func(*broker.Config) {}) }

func beginWith(t testing.TB, brokers int, change func(*broker.Config)) *real {
	r := &real{TB: t, seeds: loopback.Addresses(t, brokers)}
	peers := map[string]string{}
	var servers []nodes.NodeName
	for i, at := range loopback.Addresses(t, brokers) {
		name := fmt.Sprintf("log-%d", i+1)
		peers[name] = at
		servers = append(servers, nodes.NodeName(name))
	}
	for i := range brokers {
		config := broker.DefaultConfig()
		config.Servers, config.Listen, config.PeerListen = servers, r.seeds[i], peers[string(servers[i])]
		config.Election, config.Session, config.Lag, config.MinInSync = 300*time.Millisecond, 2*time.Second, 2*time.Second, min(2, brokers)
		config.JoinDelay, config.LeastMember, config.Partitions = 100*time.Millisecond, 500*time.Millisecond, 3
		if brokers == 1 {
			config.Partitions = 1
		}
		change(config)
		dir := t.TempDir()
		start := func() {
			r.stops[i] = loopback.Start(t, osenv.Options{Host: string(servers[i]), Peers: peers, DataDir: dir}, broker.Server, config)
		}
		r.stops = append(r.stops, nil)
		r.starts = append(r.starts, start)
		start()
	}
	admin := r.client()
	require.Eventually(t, func() bool {
		meta, err := kmsg.NewPtrMetadataRequest().RequestWith(t.Context(), admin)
		return err == nil && len(meta.Brokers) == brokers
	}, 20*time.Second, 50*time.Millisecond)
	return r
}

// client is one of franz-go.
func (r *real) client(options ...kgo.Opt) *kgo.Client {
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(r.seeds...), kgo.AllowAutoTopicCreation(), kgo.MetadataMinAge(50 * time.Millisecond),
		kgo.RequestTimeoutOverhead(3 * time.Second)}, options...)...)
	require.NoError(r, err)
	r.Cleanup(c.Close)
	return c
}

// poll reads so many records, or fails.
func (r *real) poll(c *kgo.Client, n int) (all []*kgo.Record) {
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	for len(all) < n {
		fetches := c.PollFetches(ctx)
		require.NoError(r, ctx.Err(), "%d of %d records came", len(all), n)
		for _, e := range fetches.Errors() {
			require.NoError(r, e.Err)
		}
		all = append(all, fetches.Records()...)
	}
	return all
}

func values(records []*kgo.Record) (all []string) {
	for _, r := range records {
		all = append(all, string(r.Value))
	}
	slices.Sort(all)
	return all
}

func wanted(prefix string, n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s%d", prefix, i))
	}
	slices.Sort(all)
	return all
}

func (r *real) produce(c *kgo.Client, topic, prefix string, n int) {
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: topic, Key: fmt.Append(nil, i%10), Value: fmt.Appendf(nil, "%s%d", prefix, i)})
	}
	require.NoError(r, c.ProduceSync(r.Context(), records...).FirstErr())
}

// If this failed, those who look after topics could not change them with what they use for that.
func TestFranzsKadmConfiguresTopics(t *testing.T) {
	r := begin(t, 3)
	admin := kadm.NewClient(r.client())
	_, err := admin.CreateTopic(t.Context(), 2, 3, map[string]*string{"retention.ms": kadm.StringPtr("60000")}, "orders")
	require.NoError(t, err)
	configured := func() map[string]string {
		all := map[string]string{}
		told, err := admin.DescribeTopicConfigs(t.Context(), "orders")
		require.NoError(t, err)
		require.Len(t, told, 1)
		if told[0].Err != nil { // one is asked that has not heard of it yet
			require.ErrorIs(t, told[0].Err, kerr.UnknownTopicOrPartition)
		}
		for _, c := range told[0].Configs {
			all[c.Key] = c.MaybeValue()
		}
		return all
	}
	require.Eventually(t, func() bool { return configured()["retention.ms"] == "60000" }, 5*time.Second, 20*time.Millisecond)
	changed, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: kadm.StringPtr("120000")},
		{Op: kadm.AppendConfig, Name: "cleanup.policy", Value: kadm.StringPtr("compact")}, {Op: kadm.SetConfig, Name: "min.insync.replicas", Value: kadm.StringPtr("3")}}, "orders")
	require.NoError(t, err)
	require.NoError(t, changed[0].Err)
	require.Eventually(t, func() bool {
		all := configured()
		return all["retention.ms"] == "120000" && all["cleanup.policy"] == "delete,compact" && all["min.insync.replicas"] == "3"
	}, 5*time.Second, 20*time.Millisecond)

	checked, err := admin.ValidateAlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "cleanup.policy", Value: kadm.StringPtr("shred")}}, "orders")
	require.NoError(t, err)
	require.ErrorIs(t, checked[0].Err, kerr.InvalidConfig)
	replaced, err := admin.AlterTopicConfigsState(t.Context(), []kadm.AlterConfig{{Name: "segment.bytes", Value: kadm.StringPtr("65536")}}, "orders")
	require.NoError(t, err)
	require.NoError(t, replaced[0].Err)
	require.Eventually(t, func() bool {
		all := configured()
		return all["segment.bytes"] == "65536" && all["cleanup.policy"] == "delete" && all["min.insync.replicas"] == "2"
	}, 5*time.Second, 20*time.Millisecond)
}

// If this failed, Go programs could not use the log at all.
func TestFranzProducesAndConsumes(t *testing.T) {
	r := begin(t, 3)
	r.produce(r.client(), "plain", "v", 1000)
	got := r.poll(r.client(kgo.ConsumeTopics("plain")), 1000)
	require.Equal(t, wanted("v", 1000), values(got))
	last := map[string]int64{}
	for _, one := range got {
		key := fmt.Sprint(one.Partition)
		require.Greater(t, one.Offset, last[key]-1)
		last[key] = one.Offset + 1
	}
}

// If this failed, a group would skip records, or read none, when members come and go.
func TestFranzsGroupsRebalance(t *testing.T) {
	r := begin(t, 3)
	options := []kgo.Opt{kgo.ConsumerGroup("g"), kgo.ConsumeTopics("shared"), kgo.HeartbeatInterval(100 * time.Millisecond), kgo.SessionTimeout(2 * time.Second),
		kgo.RebalanceTimeout(5 * time.Second), kgo.AutoCommitMarks(), kgo.AutoCommitInterval(100 * time.Millisecond)}
	p := r.client()
	r.produce(p, "shared", "a", 300)
	var lock sync.Mutex
	seen := map[string]int{}
	read := func(ctx context.Context, c *kgo.Client, mine *int) {
		for ctx.Err() == nil {
			fetches := c.PollFetches(ctx)
			lock.Lock()
			for _, one := range fetches.Records() {
				seen[string(one.Value)]++
				*mine++
				c.MarkCommitRecords(one)
			}
			lock.Unlock()
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var first, second int
	var readers sync.WaitGroup
	a := r.client(options...)
	readers.Go(func() { read(ctx, a, &first) })
	all := func(n int) func() bool {
		return func() bool { lock.Lock(); defer lock.Unlock(); return len(seen) >= n }
	}
	require.Eventually(t, all(300), 15*time.Second, 20*time.Millisecond)
	b := r.client(options...)
	readers.Go(func() { read(ctx, b, &second) })
	require.Eventually(t, func() bool {
		r.produce(p, "shared", fmt.Sprintf("b%d-", time.Now().UnixNano()), 30)
		lock.Lock()
		defer lock.Unlock()
		return second > 0
	}, 15*time.Second, 100*time.Millisecond)
	require.NoError(t, a.LeaveGroupContext(t.Context()))
	r.produce(p, "shared", "c", 300)
	require.Eventually(t, func() bool {
		lock.Lock()
		defer lock.Unlock()
		n := 0
		for value := range seen {
			if strings.HasPrefix(value, "c") {
				n++
			}
		}
		return n == 300
	}, 15*time.Second, 50*time.Millisecond)
	cancel()
	readers.Wait()
}

// If this failed, a transaction would be seen in part, or one that was aborted at all; or two that have one name would both write.
func TestFranzsTransactions(t *testing.T) {
	r := begin(t, 3)
	p := r.client(kgo.TransactionalID("mover"))
	within := func(c *kgo.Client, prefix string, end kgo.TransactionEndTry) {
		require.NoError(t, c.BeginTransaction())
		r.produce(c, "ledger", prefix, 20)
		require.NoError(t, c.EndTransaction(t.Context(), end))
	}
	within(p, "kept-", kgo.TryCommit)
	within(p, "dropped-", kgo.TryAbort)
	within(p, "also-", kgo.TryCommit)
	committed := r.client(kgo.ConsumeTopics("ledger"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	require.Equal(t, append(wanted("also-", 20), wanted("kept-", 20)...), values(r.poll(committed, 40)))
	require.Len(t, r.poll(r.client(kgo.ConsumeTopics("ledger")), 60), 60)

	require.NoError(t, p.BeginTransaction())
	r.produce(p, "ledger", "zombie-", 1)
	next := r.client(kgo.TransactionalID("mover"))
	within(next, "next-", kgo.TryCommit)
	err := p.EndTransaction(t.Context(), kgo.TryCommit)
	require.True(t, errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch), "%v", err)
	require.Equal(t, wanted("next-", 20), values(r.poll(committed, 20)))
}

// If this failed, reading, working and writing would happen in part, or twice, where the worker's group moves.
func TestFranzConsumesTransformsAndProduces(t *testing.T) {
	r := begin(t, 3)
	r.produce(r.client(), "in", "v", 100)
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(r.seeds...), kgo.ConsumerGroup("workers"), kgo.ConsumeTopics("in"), kgo.TransactionalID("worker"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequireStableFetchOffsets(), kgo.AllowAutoTopicCreation(), kgo.SessionTimeout(2*time.Second),
		kgo.HeartbeatInterval(100*time.Millisecond), kgo.RebalanceTimeout(5*time.Second))
	require.NoError(t, err)
	defer session.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for done := 0; done < 100; {
		fetches := session.PollFetches(ctx)
		require.NoError(t, ctx.Err())
		require.NoError(t, session.Begin())
		n := 0
		fetches.EachRecord(func(one *kgo.Record) {
			n++
			session.Produce(ctx, &kgo.Record{Topic: "out", Value: []byte("did-" + string(one.Value))}, nil)
		})
		committed, err := session.End(ctx, kgo.TryCommit)
		require.NoError(t, err)
		if committed {
			done += n
		}
	}
	require.Equal(t, wanted("did-v", 100), values(r.poll(r.client(kgo.ConsumeTopics("out"), kgo.FetchIsolationLevel(kgo.ReadCommitted())), 100)))
}

// If this failed, stopping one broker after the other, as for an upgrade, would cost records or order.
func TestFranzRidesOutARestartOfEveryBroker(t *testing.T) {
	r := begin(t, 3)
	p := r.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	r.produce(p, "upgrade", "first-", 10)
	ctx, cancel := context.WithCancel(t.Context())
	sent := 0
	var sender sync.WaitGroup
	sender.Go(func() {
		for ; ctx.Err() == nil; sent++ {
			if err := p.ProduceSync(context.Background(), &kgo.Record{Topic: "upgrade", Value: fmt.Append(nil, sent)}).FirstErr(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range r.stops {
		time.Sleep(500 * time.Millisecond)
		r.stops[i]()
		time.Sleep(500 * time.Millisecond)
		r.starts[i]()
		time.Sleep(2 * time.Second)
	}
	cancel()
	sender.Wait()
	got := r.poll(r.client(kgo.ConsumeTopics("upgrade")), 10+sent)[10:]
	for i, one := range got {
		require.Equal(t, fmt.Sprint(i), string(one.Value), "after %d of %d", i, sent)
	}
	t.Logf("%d records were sent meanwhile", sent)
}
