package broker_test

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/broker"
	"simrun/nodes/log/record"
	"simrun/nodes/log/wire"
	"simrun/sim"
	"simrun/sim/luck"
)

// story is a cluster, and a person who talks to it.
type story struct {
	*sim.World
	t     testing.TB
	env   nodes.Env
	hosts []*sim.Host
	lines map[string]*line
}

// line is the person's connection to one broker.
type line struct {
	stream net.Conn
	in     *bufio.Reader
	number int32
}

// tell begins a cluster of so many brokers and lets a person talk.
func tell(t testing.TB, brokers int, seed luck.Seed, change func(*broker.Config), talk func(s *story)) {
	s := &story{World: sim.New(sim.Options{Seed: seed}), t: t, lines: map[string]*line{}}
	t.Cleanup(s.Close)
	site := s.AddSite("here", s.AddSupplier("grid"), 0)
	var servers []nodes.NodeName
	for i := range brokers {
		servers = append(servers, nodes.NodeName(fmt.Sprintf("log/%d", i+1)))
	}
	for i := range brokers {
		config := broker.DefaultConfig()
		config.Servers, config.Election, config.Session, config.Lag = servers, 100*time.Millisecond, 400*time.Millisecond, 300*time.Millisecond
		config.FollowWait, config.JoinDelay, config.LeastMember, config.Offsets, config.Ledgers = 50*time.Millisecond, 0, 50*time.Millisecond, 2, 2
		config.MinInSync = min(2, brokers)
		if change != nil {
			change(config)
		}
		s.hosts = append(s.hosts, s.AddHost(sim.HostOptions{Name: string(servers[i]), Site: site, Restart: 50 * time.Millisecond,
			Main: func(env nodes.Env) error { return broker.Server.Main(env, config) }}))
	}
	told := false
	s.AddHost(sim.HostOptions{Name: "person", Site: site, NeverRestart: true, Main: func(env nodes.Env) error {
		s.env = env
		require.NoError(t, env.Sleep(time.Second))
		talk(s)
		told = true
		return nil
	}})
	for !told && len(s.Findings()) == 0 && s.Now() < 10*time.Minute {
		s.Run(s.Now() + time.Second)
	}
	require.Empty(t, s.Findings())
	require.True(t, told, "the story came to no end")
}

// address is where a broker is found.
func (s *story) address(id int32) string { return fmt.Sprintf("log/%d:9092", id) }

// ask sends a request to a broker, and waits for the answer.
func (s *story) ask(id int32, request kmsg.Request) (kmsg.Response, error) {
	at := s.address(id)
	l := s.lines[at]
	if l == nil {
		stream, err := s.env.Dial("tcp", at, 200*time.Millisecond)
		if err != nil {
			return nil, err
		}
		l = &line{stream: stream, in: bufio.NewReader(stream)}
		s.lines[at] = l
	}
	answer, err := l.ask(s.env, request)
	if err != nil {
		_ = l.stream.Close()
		delete(s.lines, at)
	}
	return answer, err
}

func (l *line) ask(env nodes.Env, request kmsg.Request) (kmsg.Response, error) {
	l.number++
	_ = l.stream.SetDeadline(env.Now().Add(2 * time.Second))
	if _, err := l.stream.Write(wire.AppendRequest(nil, l.number, "person", request)); err != nil {
		return nil, err
	}
	body, err := wire.Read(l.in, 64<<20)
	if err != nil {
		return nil, err
	}
	if number, err := wire.Correlation(body); err != nil || number != l.number {
		return nil, fmt.Errorf("answer %d to request %d: %w", number, l.number, err)
	}
	return wire.DecodeAnswer(body, request.Key(), request.GetVersion())
}

// must is ask where there has to be an answer.
func must[T kmsg.Response](s *story, id int32, request kmsg.Request) T {
	answer, err := s.ask(id, request)
	require.NoError(s.t, err)
	return answer.(T)
}

func (s *story) sleep(d time.Duration) { require.NoError(s.t, s.env.Sleep(d)) }

// create makes a topic.
func (s *story) create(name string, partitions int32, replicas int16, config map[string]string) {
	r := wire.New(wire.CreateTopics, 5).(*kmsg.CreateTopicsRequest)
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, replicas
	for key, value := range config {
		topic.Configs = append(topic.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: key, Value: &value})
	}
	r.Topics, r.TimeoutMillis = append(r.Topics, topic), 5000
	told := must[*kmsg.CreateTopicsResponse](s, 1, r).Topics[0]
	require.Equal(s.t, wire.None, wire.Code(told.ErrorCode))
}

// leader is who leads a partition, by what some broker that answers says; 0 is nobody.
func (s *story) leader(topic string, partition int32) int32 {
	p := s.describe(topic, partition)
	if p == nil || p.Leader < 0 {
		return 0
	}
	return p.Leader
}

// describe is what is told of a partition by the first broker that answers.
func (s *story) describe(topic string, partition int32) *kmsg.MetadataResponseTopicPartition {
	for id := range s.hosts {
		if p := s.seenBy(int32(id+1), topic, partition); p != nil {
			return p
		}
	}
	return nil
}

func (s *story) seenBy(id int32, topic string, partition int32) *kmsg.MetadataResponseTopicPartition {
	r := wire.New(wire.Metadata, 9).(*kmsg.MetadataRequest)
	r.Topics = []kmsg.MetadataRequestTopic{{Topic: &topic}}
	answer, err := s.ask(id, r)
	if err != nil {
		return nil
	}
	for _, t := range answer.(*kmsg.MetadataResponse).Topics {
		for i := range t.Partitions {
			if t.Partitions[i].Partition == partition {
				return &t.Partitions[i]
			}
		}
	}
	return nil
}

// strike lets a broker be struck, and recover after so long; 0 is never.
func (s *story) strike(id int32, lasts time.Duration, how func(*sim.Host) *sim.Strike) {
	s.At(s.Now(), func() {
		strike := how(s.hosts[id-1])
		if lasts > 0 {
			s.At(s.Now()+lasts, strike.End)
		}
	})
}

// settle waits until a partition has so many in sync.
func (s *story) settle(topic string, inSync int) *kmsg.MetadataResponseTopicPartition {
	for range 200 {
		if p := s.describe(topic, 0); p != nil && p.Leader > 0 && len(p.ISR) == inSync {
			return p
		}
		s.sleep(50 * time.Millisecond)
	}
	require.FailNow(s.t, "the partition does not settle", "%+v", s.describe(topic, 0))
	return nil
}

// producer numbers what it sends, as an idempotent producer does.
type producer struct {
	s     *story
	topic string
	id    int64
	next  int32
	acked []string
}

func (s *story) producer(topic string) *producer {
	r := wire.New(wire.InitProducerID, 3).(*kmsg.InitProducerIDRequest)
	r.ProducerID, r.ProducerEpoch = -1, -1
	told := must[*kmsg.InitProducerIDResponse](s, 1, r)
	require.Equal(s.t, wire.None, wire.Code(told.ErrorCode))
	return &producer{s: s, topic: topic, id: told.ProducerID}
}

// batch is one record as a produce request.
func (p *producer) batch(value string, acks int16) *kmsg.ProduceRequest {
	b, err := new(record.Codec).Build(record.Builder{Producer: &record.Producer{ID: p.id, Sequence: p.next}}, record.Record{Value: []byte(value)})
	require.NoError(p.s.t, err)
	return produce(p.topic, acks, b)
}

func produce(topic string, acks int16, b record.Batch) *kmsg.ProduceRequest {
	r := wire.New(wire.Produce, 9).(*kmsg.ProduceRequest)
	r.Acks, r.TimeoutMillis = acks, 1000
	one := kmsg.NewProduceRequestTopicPartition()
	one.Records = b
	r.Topics = []kmsg.ProduceRequestTopic{{Topic: topic, Partitions: []kmsg.ProduceRequestTopicPartition{one}}}
	return r
}

// send sends a value until it is acknowledged by all in sync.
func (p *producer) send(value string) {
	r := p.batch(value, -1)
	for range 200 {
		if leader := p.s.leader(p.topic, 0); leader > 0 {
			if answer, err := p.s.ask(leader, r); err == nil {
				told := answer.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
				if told.ErrorCode == 0 {
					p.next++
					p.acked = append(p.acked, value)
					return
				}
				require.True(p.s.t, wire.Code(told.ErrorCode).Retriable(), "%s: %s", value, wire.Code(told.ErrorCode))
			}
		}
		p.s.sleep(20 * time.Millisecond)
	}
	require.FailNow(p.s.t, "not acknowledged", value)
}

// fetch asks for one partition from an offset on.
func fetch(topic string, offset int64, isolation int8) *kmsg.FetchRequest {
	r := wire.New(wire.Fetch, 11).(*kmsg.FetchRequest)
	r.ReplicaID, r.MaxWaitMillis, r.MinBytes, r.MaxBytes, r.SessionEpoch, r.IsolationLevel = -1, 100, 1, 1<<20, -1, isolation
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch = offset, 1<<20, -1
	r.Topics = []kmsg.FetchRequestTopic{{Topic: topic, Partitions: []kmsg.FetchRequestTopicPartition{p}}}
	return r
}

// read reads a partition from its beginning to so many records.
func (s *story) read(topic string, most int) (values []string) {
	offset := int64(0)
	for stalls := 0; stalls < 200; {
		leader := s.leader(topic, 0)
		if leader == 0 {
			stalls++
			s.sleep(20 * time.Millisecond)
			continue
		}
		answer, err := s.ask(leader, fetch(topic, offset, 0))
		if err != nil {
			stalls++
			s.sleep(20 * time.Millisecond)
			continue
		}
		told := answer.(*kmsg.FetchResponse).Topics[0].Partitions[0]
		before := offset
		for data := told.RecordBatches; len(data) > 0; {
			b, rest, err := record.Cut(data)
			require.NoError(s.t, err)
			data = rest
			for r, err := range new(record.Codec).Records(b) {
				require.NoError(s.t, err)
				if r.Offset >= offset && !b.Attributes().Control() {
					values = append(values, string(r.Value))
				}
			}
			offset = b.NextOffset()
		}
		if len(values) >= most {
			return values
		}
		if offset == before {
			stalls++
			s.sleep(20 * time.Millisecond)
		}
	}
	return values
}

func numbers(n int) (all []string) {
	for i := range n {
		all = append(all, strconv.Itoa(i))
	}
	return all
}
