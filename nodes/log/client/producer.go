package client

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"simrun/nodes"
	"simrun/nodes/ask"
	"simrun/nodes/history"
	"simrun/nodes/log/record"
	"simrun/nodes/probe"
)

// Acks says when a broker answers to what it is sent.
type Acks string

// The ways.
const (
	AcksNone   Acks = "none"   // it does not
	AcksLeader Acks = "leader" // once the leader has it
	AcksAll    Acks = "all"    // once all that are in sync have it
)

// Values are the ways.
func (Acks) Values() []string { return []string{string(AcksNone), string(AcksLeader), string(AcksAll)} }

func (a Acks) number() int16 { return map[Acks]int16{AcksNone: 0, AcksLeader: 1, AcksAll: -1}[a] }

// Compression is how batches are compressed.
type Compression string

// Values are the compressions.
func (Compression) Values() []string { return record.Values() }

// ProducerConfig is what can be configured of a producer.
type ProducerConfig struct {
	Network `yaml:",inline"`

	Topic       string        `yaml:"topic" doc:"where messages go that name no other"`
	Acks        Acks          `yaml:"acks" doc:"when a broker answers: none, leader, all (that are in sync)"`
	Idempotent  bool          `yaml:"idempotent" doc:"number the batches, so that one that is sent again is there once; takes acks: all"`
	Transaction bool          `yaml:"transactional" doc:"send in transactions, under the host's name as transactional id; takes idempotent"`
	TxnTimeout  time.Duration `yaml:"transaction-timeout" doc:"after how long the coordinator aborts a transaction"`
	Retries     int           `yaml:"retries" doc:"further attempts after one that failed or got no answer"`
	Resend      bool          `yaml:"resend" doc:"whether a batch is sent again of which nobody knows whether it arrived; without idempotent it may be there twice then"`
	Delivery    time.Duration `yaml:"delivery-timeout" doc:"time after which no further attempt at a message begins"`
	Linger      time.Duration `yaml:"linger" doc:"how long a message waits for others to share its batch"`
	BatchBytes  nodes.Bytes   `yaml:"batch" doc:"most bytes of messages in a batch, unless one alone is more"`
	Compression Compression   `yaml:"compression" doc:"none, gzip, snappy, lz4 or zstd"`
	MaxInFlight int           `yaml:"max-in-flight" doc:"most messages under way; further ones fail at once, by the client's own fault"`
}

// DefaultProducerConfig is what a producer does where nothing is configured.
func DefaultProducerConfig() *ProducerConfig {
	return &ProducerConfig{Network: defaultNetwork(), Topic: "events", Acks: AcksAll, Idempotent: true, TxnTimeout: 10 * time.Second, Retries: 1000, Resend: true,
		Delivery: 10 * time.Second, BatchBytes: 16 << 10, Compression: "none", MaxInFlight: 1000}
}

// Validate says what cannot be meant.
func (c *ProducerConfig) Validate() error {
	switch {
	case c.Topic == "":
		return errors.New("topic: a producer needs a topic")
	case c.Idempotent && c.Acks != AcksAll:
		return errors.New("idempotent: takes acks: all")
	case c.Transaction && !c.Idempotent:
		return errors.New("transactional: takes idempotent: true")
	case c.MaxInFlight < 1 || c.MaxInFlight > 1_000_000:
		return errors.New("max-in-flight: is not between 1 and 1000000")
	}
	return errors.Join(c.Network.validate(), least("retries", int64(c.Retries), 0), least("delivery-timeout", int64(c.Delivery), 1),
		least("transaction-timeout", int64(c.TxnTimeout), int64(time.Millisecond)), least("linger", int64(c.Linger), 0), least("batch", int64(c.BatchBytes), 1))
}

// SendOptions are the further keys of a workload line.
type SendOptions struct {
	Topic    string      `yaml:"topic" doc:"where the messages go; that of the producer if empty"`
	Keys     int         `yaml:"keys" doc:"how many keys there are: key-1, key-2 …; 0 is messages without, which go to all partitions in turn"`
	Value    nodes.Bytes `yaml:"value" doc:"least size of a message"`
	Messages int         `yaml:"messages" doc:"how many messages a transaction has"`
}

// Validate says what cannot be meant.
func (o *SendOptions) Validate() error {
	switch {
	case o.Keys < 0 || o.Keys > 10_000_000:
		return errors.New("keys: is not between 0 and 10000000")
	case o.Value < 0 || o.Value > 1<<20:
		return fmt.Errorf("value: %s is not between 0 and 1MiB", o.Value)
	case o.Messages < 1 || o.Messages > 1000:
		return errors.New("messages: is not between 1 and 1000")
	}
	return nil
}

func sendOptions() any { return &SendOptions{Keys: 10, Messages: 3} }

// Producer is the kind.
var Producer = nodes.Kind{
	Name:   "log.producer",
	Role:   nodes.Client,
	Doc:    "Sends messages to the partitions of a log that speaks Kafka's protocol: in batches, numbered so that none is there twice, or in transactions.",
	Config: func() any { return DefaultProducerConfig() },
	Main:   func(env nodes.Env, config any) error { return runProducer(env, config.(*ProducerConfig)) },
	Operations: []nodes.Operation{{Name: "send", Options: sendOptions}, {Name: "txn", Options: sendOptions}, {Name: "grow", Options: growOptions},
		{Name: "write", Options: tableOptions}, {Name: "delete", Options: tableOptions}, {Name: "read", Options: tableOptions}},
	Notes:  moments,
	Probes: []*probe.Set{&probes},
	Points: points,
}

// producer is one process. A request is a task until its messages are in their lanes; those bring them to their partitions.
type producer struct {
	*brokers
	config   *ProducerConfig
	codec    record.Codec
	lanes    map[string]*lane
	turn     uint64 // of messages without a key
	inFlight int
	idle     nodes.Cond
	identity *identity // that new lanes take; nil if there is none

	wallet *wallet // of a transactional one
	queue  []*errand
	busy   bool
}

func runProducer(env nodes.Env, config *ProducerConfig) error {
	if err := config.Validate(); err != nil {
		return err
	}
	p := &producer{brokers: newBrokers(env, &config.Network), config: config, lanes: map[string]*lane{}, idle: env.NewCond()}
	if config.Transaction {
		p.wallet = newWallet(p.brokers, env.Host(), config.TxnTimeout)
	}
	for {
		request, err := env.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		crowded := p.inFlight >= config.MaxInFlight
		p.inFlight++
		env.Go(request.Do, func() { p.serve(request, crowded) })
	}
	if err := env.AwaitStop(); err != nil {
		return err
	}
	p.stop()
	for p.inFlight > 0 {
		if err := p.idle.Wait(); err != nil {
			return err
		}
	}
	p.hangUp()
	return nil
}

// finish ends a request.
func (p *producer) finish() {
	if p.inFlight--; p.inFlight == 0 {
		p.idle.Signal()
	}
}

var errCrowded = errors.New("log: too many messages under way")

// message is what is sent to one partition.
type message struct {
	topic     string
	partition int32 // -1 if it is not known how many there are
	key       *string
	value     string
	removal   bool  // it has no value
	offset    int64 // once it arrived; -1 if it was not told
}

// name is a partition as the history has it.
func name(topic string, partition int32) string { return topic + "-" + strconv.Itoa(int(partition)) }

// keyOf is nil where there is no key.
func (m *message) keyOf() any {
	if m.key == nil {
		return nil
	}
	return *m.key
}

func (m *message) partitionOf() any {
	if m.partition < 0 {
		return nil
	}
	return name(m.topic, m.partition)
}

func (m *message) record(now int64) record.Record {
	r := record.Record{Time: now, Value: []byte(m.value)}
	if m.key != nil {
		r.Key = []byte(*m.key)
	}
	if m.removal {
		r.Value = nil
	}
	return r
}

// serve makes messages of a request, and has them sent, unless there are too many already.
func (p *producer) serve(request nodes.Request, crowded bool) {
	switch request.Do {
	case "grow":
		p.grow(request)
		return
	case "write", "delete", "read":
		p.table(request, crowded)
		return
	}
	options, _ := request.Options.(*SendOptions)
	if options == nil {
		options = sendOptions().(*SendOptions)
	}
	count := 1
	if request.Do == "txn" {
		count = options.Messages
	}
	topic := options.Topic
	if topic == "" {
		topic = p.config.Topic
	}
	until := p.env.Mark().Add(p.config.Delivery)
	partitions, err := len(p.topics[topic]), errCrowded
	if !crowded {
		partitions, err = p.partitions(topic, until)
	}
	if crowded {
		p.env.Record().Reach(tooManyAtOnce)
	}
	own := slog.Bool("own", crowded)
	all := make([]*message, count)
	for i := range all {
		all[i] = p.draw(request.ID, i, topic, options, partitions)
	}
	if p.wallet != nil || request.Do == "txn" {
		steps := make([]history.Step, count)
		for i, m := range all {
			steps[i] = history.Step{F: "send", Key: m.partitionOf(), Value: m.value}
		}
		op := p.env.Record().Invoke(request, "txn", history.Steps(steps...))
		switch {
		case p.wallet == nil:
			op.Fail(errNoTransactions, slog.Bool("own", true))
		case err != nil:
			op.Fail(err, own)
		default:
			p.transact(&errand{op: op, all: all, until: until})
			return
		}
		p.finish()
		return
	}
	m := all[0]
	op := p.env.Record().Invoke(request, "send", slog.Any("partition", m.partitionOf()), slog.Any("key", m.keyOf()), slog.String("value", m.value))
	if err != nil {
		op.Fail(err, own)
		p.finish()
		return
	}
	p.lane(m).take(&parcel{m, op, until})
}

var errNoTransactions = errors.New("log: the producer is not transactional")

// partitions is how many the topic has. It waits until some broker has told.
func (p *producer) partitions(topic string, until nodes.Instant) (int, error) {
	pause := p.pause()
	for len(p.topics[topic]) == 0 {
		err := p.refresh(topic)
		if len(p.topics[topic]) > 0 {
			break
		}
		if err == nil {
			err = errNoLeader
		}
		if lasts(p.env, until) <= 0 || p.rest(pause) != nil {
			return 0, err
		}
	}
	return len(p.topics[topic]), nil
}

// draw makes a message: always by the same number of variates, so that one's luck is not another's. Its value is unique in a run, for
// it names the producer, the request and its place.
func (p *producer) draw(id uint64, nth int, topic string, o *SendOptions, partitions int) *message {
	which, noise := p.env.Rand().Uint64(), p.env.Rand().Uint64()
	m := &message{topic: topic, partition: -1, offset: -1, value: p.env.Host() + "-" + strconv.FormatUint(id, 10)}
	if nth > 0 {
		m.value += "-" + strconv.Itoa(nth)
	}
	m.value = ask.Pad(m.value, noise, int(o.Value), '-')
	if o.Keys > 0 {
		key := "key-" + strconv.FormatUint(which%uint64(o.Keys)+1, 10)
		m.key = &key
	}
	switch {
	case partitions == 0:
	case m.key != nil:
		m.partition = partitionOf(*m.key, partitions)
	default:
		m.partition = int32(p.turn % uint64(partitions))
		p.turn++
	}
	return m
}
