package client

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/nodes/log/record"
	"simrun/nodes/probe"
)

// Semantics say what a consumer promises of the effects of what it processes.
type Semantics string

// The ways.
const (
	AtLeastOnce Semantics = "at-least-once" // it says how far it has come after it has processed
	AtMostOnce  Semantics = "at-most-once"  // before
	ExactlyOnce Semantics = "exactly-once"  // in the transaction in which it writes what came of it
)

// Values are the ways.
func (Semantics) Values() []string {
	return []string{string(AtLeastOnce), string(AtMostOnce), string(ExactlyOnce)}
}

// Isolation says which messages of transactions are seen.
type Isolation string

// The levels.
const (
	ReadCommitted   Isolation = "read-committed"
	ReadUncommitted Isolation = "read-uncommitted"
)

// Values are the levels.
func (Isolation) Values() []string { return []string{string(ReadCommitted), string(ReadUncommitted)} }

// Start is where a group begins that has come nowhere yet, or goes on where the records that it would come to are no more.
type Start string

// The ways.
const (
	Earliest Start = "earliest"
	Latest   Start = "latest"
)

// Values are the ways.
func (Start) Values() []string { return []string{string(Earliest), string(Latest)} }

// ConsumerConfig is what can be configured of a consumer.
type ConsumerConfig struct {
	Network `yaml:",inline"`

	Topics     []string      `yaml:"topics" doc:"what it consumes"`
	Group      string        `yaml:"group" doc:"with whom it shares the partitions; without a group it takes all, and says nobody how far it has come"`
	Semantics  Semantics     `yaml:"semantics" doc:"at-least-once, at-most-once, or exactly-once, which writes what came of each message to the output"`
	Isolation  Isolation     `yaml:"isolation" doc:"which messages of transactions are seen: read-committed or read-uncommitted"`
	From       Start         `yaml:"from" doc:"where it begins if the group has come nowhere yet, or to where nothing is any more: earliest or latest"`
	Assignor   Assignor      `yaml:"assignor" doc:"how a leader of the group divides the partitions: range or roundrobin"`
	Static     bool          `yaml:"static" doc:"keep its place in the group while it is away"`
	Instance   string        `yaml:"instance" doc:"under which name it keeps its place; the host's if empty. Whoever comes under it later fences the other off"`
	Session    time.Duration `yaml:"session-timeout" doc:"silence after which it is taken out of the group"`
	Heartbeat  time.Duration `yaml:"heartbeat" doc:"how often it makes itself heard"`
	Rebalance  time.Duration `yaml:"rebalance-timeout" doc:"how long the others wait for it to join again"`
	MaxPoll    int           `yaml:"max-poll" doc:"most messages that are processed at a time"`
	Work       nodes.Spread  `yaml:"work" doc:"how long a message occupies a core"`
	FetchWait  time.Duration `yaml:"fetch-wait" doc:"how long a broker waits where there is nothing new"`
	FetchBytes nodes.Bytes   `yaml:"fetch" doc:"most bytes of an answer, unless the first batch alone is more"`
	Output     string        `yaml:"output" doc:"topic for what comes of messages; takes exactly-once"`
	TxnTimeout time.Duration `yaml:"transaction-timeout" doc:"after how long the coordinator aborts a transaction"`
	Look       time.Duration `yaml:"look-every" doc:"how often it asks whether partitions were added"`
}

// DefaultConsumerConfig is what a consumer does where nothing is configured.
func DefaultConsumerConfig() *ConsumerConfig {
	return &ConsumerConfig{Network: defaultNetwork(), Topics: []string{"events"}, Group: "consumers", Semantics: AtLeastOnce, Isolation: ReadCommitted,
		From: Earliest, Assignor: Range, Session: 10 * time.Second, Heartbeat: 3 * time.Second, Rebalance: 30 * time.Second, MaxPoll: 100,
		FetchWait: 500 * time.Millisecond, FetchBytes: 1 << 20, TxnTimeout: 10 * time.Second, Look: 5 * time.Minute}
}

// Validate says what cannot be meant.
func (c *ConsumerConfig) Validate() error {
	switch {
	case len(c.Topics) == 0:
		return errors.New("topics: a consumer needs a topic")
	case c.Semantics == ExactlyOnce && (c.Output == "" || c.Group == ""):
		return errors.New("semantics: exactly-once takes an output and a group")
	case c.Semantics != ExactlyOnce && c.Output != "":
		return errors.New("output: takes semantics: exactly-once")
	case c.Instance != "" && !c.Static:
		return errors.New("instance: takes static")
	case c.Static && c.Group == "":
		return errors.New("static: takes a group")
	case c.Heartbeat >= c.Session:
		return errors.New("heartbeat: must be less than session-timeout")
	case c.FetchBytes > c.MaxAnswer/2:
		return errors.New("fetch: must be no more than half of max-answer")
	}
	return errors.Join(c.Network.validate(), least("heartbeat", int64(c.Heartbeat), int64(time.Millisecond)), least("rebalance-timeout", int64(c.Rebalance), int64(time.Millisecond)),
		least("max-poll", int64(c.MaxPoll), 1), least("fetch-wait", int64(c.FetchWait), 0), least("fetch", int64(c.FetchBytes), 1),
		least("transaction-timeout", int64(c.TxnTimeout), int64(time.Millisecond)), least("look-every", int64(c.Look), int64(time.Millisecond)))
}

// Consumer is the kind.
var Consumer = nodes.Kind{
	Name:   "log.consumer",
	Role:   nodes.Worker,
	Doc:    "Consumes the partitions of a log that speaks Kafka's protocol: in a group or by itself, and processes messages at least, at most, or exactly once.",
	Config: func() any { return DefaultConsumerConfig() },
	Main:   func(env nodes.Env, config any) error { return runConsumer(env, config.(*ConsumerConfig)) },
	Notes:  moments,
	Probes: []*probe.Set{&probes, &consumerProbes},
	Points: points,
}

// consumer is one process. Its main task polls and processes; others fetch ahead, and make it heard in its group.
//
// Invariant: what is processed next of a part is the first of its buffer, or what will be fetched at its position. Only the main task
// changes parts, and takes out of a buffer.
type consumer struct {
	*brokers
	config   *ConsumerConfig
	codec    record.Codec
	parts    []*part
	counted  []count // what it, or its group by its word, divides
	fetching map[*remote]bool
	seeking  bool       // who leads is being found out
	woken    nodes.Cond // something was fetched, or the parts are no longer its own
	moved    bool       // the parts or their positions are others than at the last poll

	member *membership // nil without a group
	wallet *wallet     // of exactly-once
	fatal  error
}

func runConsumer(env nodes.Env, config *ConsumerConfig) error {
	if err := config.Validate(); err != nil {
		return err
	}
	c := &consumer{brokers: newBrokers(env, &config.Network), config: config, fetching: map[*remote]bool{}, woken: env.NewCond()}
	if config.Group != "" {
		c.member = &membership{consumer: c, generation: -1}
	}
	if config.Semantics == ExactlyOnce {
		c.wallet = newWallet(c.brokers, env.Host(), config.TxnTimeout)
	}
	env.Go("stop", func() {
		_ = env.AwaitStop() // cancelled or not: it ends
		c.stop()
		c.woken.Broadcast()
	})
	env.Go("look", c.look)
	c.consume()
	if c.member != nil {
		c.member.leave()
	}
	c.hangUp()
	return c.fatal
}

// consume polls until it is asked to stop, and takes part in the group's rebalances between polls.
func (c *consumer) consume() {
	pause := c.pause()
	for !c.stopping && c.fatal == nil {
		if err := c.gain(); err != nil {
			c.env.Log().Info("no partitions yet", "err", err)
			if c.rest(pause) != nil {
				return
			}
			continue
		}
		pause.Reset()
		for !c.stopping && c.fatal == nil && !c.lost() {
			c.poll()
		}
		c.drop()
	}
}

// gain comes by partitions, and finds out from where to go on.
func (c *consumer) gain() error {
	if err := c.settle(); err != nil {
		return err
	}
	if c.member == nil {
		if err := c.refresh(c.config.Topics...); err != nil {
			return err
		}
		c.counted = nil
		for _, topic := range c.config.Topics {
			if len(c.topics[topic]) == 0 { // it may be about to be made: who passes over it now would do so for good
				c.drop()
				return errNoLeader
			}
			for p := range c.topics[topic] {
				c.parts = append(c.parts, newPart(topic, int32(p)))
			}
			c.counted = append(c.counted, count{topic, len(c.topics[topic])})
		}
	} else if err := c.member.join(); err != nil {
		return err
	}
	if err := c.place(); err != nil {
		c.drop()
		return err
	}
	c.moved = true
	return nil
}

// lost says whether the parts may be another's by now.
func (c *consumer) lost() bool { return c.member != nil && c.member.rejoin }

// drop lets go of the parts.
func (c *consumer) drop() {
	for _, p := range c.parts {
		p.gone = true
	}
	c.parts = nil
}

// count is how many partitions a topic had.
type count struct {
	topic      string
	partitions int
}

// look asks now and then whether there are more.
func (c *consumer) look() {
	for c.env.Sleep(c.config.Look) == nil && !c.stopping {
		topics := slices.Clone(c.config.Topics)
		for _, n := range c.counted {
			topics = append(topics, n.topic)
		}
		slices.Sort(topics)
		if c.refresh(slices.Compact(topics)...) == nil { // else it is asked again
			c.woken.Broadcast()
		}
	}
}

// outgrown are partitions that nobody has been given.
func (c *consumer) outgrown() (all []*part) {
	for _, n := range c.counted {
		for p := n.partitions; p < len(c.topics[n.topic]); p++ {
			all = append(all, newPart(n.topic, int32(p)))
		}
	}
	return all
}

// widen takes partitions that were added. In a group, who divided them has the group begin anew. By itself a consumer reads them from their
// beginning, wherever it began: whatever stands there came later.
func (c *consumer) widen() {
	added := c.outgrown()
	if len(added) == 0 {
		return
	}
	c.env.Record().Reach(newParts)
	if c.member != nil {
		c.counted, c.member.rejoin = nil, true
		return
	}
	for i := range c.counted {
		c.counted[i].partitions = len(c.topics[c.counted[i].topic])
	}
	for _, p := range added {
		p.added, p.reset = true, true
	}
	c.parts = append(c.parts, added...)
}

// polled is a message that was polled.
type polled struct {
	part *part
	fetched
}

// poll waits for messages and processes them. In the history it is answered once they are processed.
func (c *consumer) poll() {
	op := c.env.Record().Invoke(nodes.Request{}, "poll")
	c.await()
	if c.moved {
		op.Note("rebalance")
		c.moved = false
	}
	if c.stopping || c.fatal != nil || c.lost() {
		op.Ok(history.Records())
		return
	}
	all := c.take()
	if c.config.Semantics == AtMostOnce {
		if err := c.commit(); err != nil {
			op.Unknown(err) // they are not processed, now or later
			c.takeBack()
			return
		}
	}
	for range all {
		if c.env.Work(c.config.Work.Pick(c.env.Rand())) != nil {
			return
		}
	}
	op.Ok(history.Records(recordsOf(all)...))
	c.tellLag()
	switch c.config.Semantics {
	case AtLeastOnce:
		_ = c.commit() // what is not committed is processed again by whoever comes after it, or comes with the next
	case ExactlyOnce:
		if err := c.transact(all); err != nil {
			c.env.Log().Info("a transaction failed", "err", err)
			c.takeBack()
		}
	}
}

func recordsOf(all []polled) []history.Record {
	records := make([]history.Record, len(all))
	for i, r := range all {
		records[i] = history.Record{Partition: name(r.part.topic, r.part.partition), Offset: r.offset, Value: string(r.value)}
	}
	return records
}

// take takes messages out of the buffers, of each part in turn as many as there are.
func (c *consumer) take() (all []polled) {
	for _, p := range c.parts {
		n := min(len(p.buffer), c.config.MaxPoll-len(all))
		for _, f := range p.buffer[:n] {
			all = append(all, polled{p, f})
			p.position = spot{f.offset + 1, f.epoch}
		}
		if p.buffer = p.buffer[n:]; len(p.buffer) == 0 {
			p.position = p.fetched
		}
	}
	if len(c.parts) > 1 { // the next poll begins with another
		c.parts = append(c.parts[1:], c.parts[0])
	}
	return all
}

// takeBack goes back to where the group has come: what was polled since then is to be polled again. Whatever transaction the consumer
// left behind has to be over first.
func (c *consumer) takeBack() {
	c.env.Record().Reach(tookBack)
	op := c.env.Record().Invoke(nodes.Request{}, "seek")
	for _, p := range c.parts {
		p.put(nowhere)
	}
	c.moved = true
	err := c.settle()
	if err == nil {
		err = c.place()
	}
	if err != nil && c.member != nil {
		c.member.rejoin = true // its offsets are asked for again with its parts
	}
	op.Ok()
}

// settle sees that no transaction of the consumer's is under way.
func (c *consumer) settle() error {
	if c.wallet == nil {
		return nil
	}
	return c.wallet.begin(c.env.Mark().Add(c.config.TxnTimeout))
}

// tellLag sets the gauge: how many messages stand in its partitions that it has not processed.
func (c *consumer) tellLag() {
	lag := int64(0)
	for _, p := range c.parts {
		lag += max(0, p.high-p.position.offset)
	}
	c.env.Record().Gauge("lag", lag)
}

// tell notes a generation's partitions.
func (c *consumer) tell(generation int32) {
	c.env.Record().Note(rebalanced, slog.Int("generation", int(generation)), slog.Int("partitions", len(c.parts)))
}
