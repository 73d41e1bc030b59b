package client

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/ask"
	"simrun/nodes/log/record"
	"simrun/nodes/log/wire"
)

// A topic of which the last message of each key is kept is a table: a message is what its key is from then on, and one without a value says
// that the key is no more. Who wants to know what a key is reads its partition from the beginning to the end.

// TableOptions are the further keys of a workload line.
type TableOptions struct {
	Topic  string        `yaml:"topic" doc:"which topic is the table; that of the producer if empty"`
	Prefix string        `yaml:"prefix" doc:"what the names of keys begin with; key- if empty"`
	Keys   int           `yaml:"keys" doc:"how many keys there are, numbered from 1"`
	Value  nodes.Bytes   `yaml:"value" doc:"least size of a value"`
	GiveUp nodes.Percent `yaml:"give-up" doc:"share of writes that a transactional producer gives up once they are sent"`
}

// Validate says what cannot be meant.
func (o *TableOptions) Validate() error {
	switch {
	case o.Keys < 1 || o.Keys > 10_000_000:
		return errors.New("keys: is not between 1 and 10000000")
	case o.Value < 0 || o.Value > 1<<20:
		return fmt.Errorf("value: %s is not between 0 and 1MiB", o.Value)
	case o.GiveUp > nodes.PerMillion:
		return errors.New("give-up: is more than 100%")
	}
	return nil
}

func tableOptions() any { return &TableOptions{Keys: 10} }

// table does what is asked of a table: write and delete as messages are sent, and read.
func (p *producer) table(request nodes.Request, crowded bool) {
	o, _ := request.Options.(*TableOptions)
	if o == nil {
		o = tableOptions().(*TableOptions)
	}
	topic := o.Topic
	if topic == "" {
		topic = p.config.Topic
	}
	until := p.env.Mark().Add(p.config.Delivery)
	which, noise, luck := p.env.Rand().Uint64(), p.env.Rand().Uint64(), p.env.Rand().Uint64()
	key := cmp.Or(o.Prefix, "key-") + strconv.FormatUint(which%uint64(o.Keys)+1, 10)
	m := &message{topic: topic, key: &key, offset: -1, value: ask.Pad(p.env.Host()+"-"+strconv.FormatUint(request.ID, 10), noise, int(o.Value), '-')}
	attrs := []slog.Attr{slog.String("key", key)}
	if m.removal = request.Do == "delete"; request.Do == "write" {
		attrs = append(attrs, slog.String("value", m.value))
	}
	op := p.env.Record().Invoke(request, request.Do, attrs...)
	partitions, err := 0, errCrowded
	if !crowded {
		partitions, err = p.partitions(topic, until)
	}
	if err != nil {
		op.Fail(err, slog.Bool("own", crowded))
		p.finish()
		return
	}
	m.partition = partitionOf(key, partitions)
	switch {
	case request.Do == "read":
		p.look(op, m, until)
		p.finish()
	case p.wallet != nil:
		p.transact(&errand{op: op, all: []*message{m}, until: until, table: true, gaveUp: o.GiveUp.Hit(luck)})
	default:
		p.lane(m).take(&parcel{m, op, until})
	}
}

// look reads what the key of the message is.
func (p *producer) look(op nodes.Op, m *message, until nodes.Instant) {
	pause, err := p.pause(), error(errNoLeader)
	for {
		if r := p.leader(m.topic, m.partition); r != nil {
			s := &scan{producer: p, at: r, of: m}
			if err = s.run(until); err == nil {
				attrs := []slog.Attr{slog.Int64("end", s.end)}
				if s.found != nil {
					attrs = append(attrs, slog.String("value", *s.found))
				}
				op.Ok(attrs...)
				return
			}
		}
		if lasts(p.env, until) <= 0 || p.rest(pause) != nil {
			op.Fail(err)
			return
		}
		_ = p.refresh(m.topic) // else the next attempt asks the one that is known
	}
}

// scan is one reading of a partition, all of it from one leader in one epoch: what one of them has compacted another may not have.
type scan struct {
	*producer
	at    *remote
	of    *message
	epoch int32
	from  int64
	end   int64
	found *string
}

// run reads until the end is still where it was when it was reached: what was compacted away meanwhile made room for something before that.
func (s *scan) run(until nodes.Instant) (err error) {
	s.epoch = s.topics[s.of.topic][s.of.partition].epoch
	if s.from, err = s.edge(earliestOffset); err != nil {
		return err
	}
	for {
		if s.end, err = s.edge(latestOffset); err != nil || s.from >= s.end {
			return err
		}
		for s.from < s.end {
			if lasts(s.env, until) <= 0 {
				return errExpired
			}
			if err := s.more(); err != nil {
				return err
			}
		}
	}
}

// edge is where the partition begins, or where that of it ends which was committed.
func (s *scan) edge(which int64) (int64, error) {
	return s.brokers.edge(s.at, s.of.topic, s.of.partition, s.epoch, which, ReadCommitted)
}

// more reads what comes next.
func (s *scan) more() error {
	request := kmsg.NewPtrFetchRequest()
	request.MinBytes, request.MaxBytes, request.SessionEpoch, request.IsolationLevel = 1, scanBytes, -1, 1
	request.MaxWaitMillis = int32(s.brokers.config.Timeout.Milliseconds() / 2)
	one := kmsg.NewFetchRequestTopicPartition()
	one.Partition, one.FetchOffset, one.CurrentLeaderEpoch, one.PartitionMaxBytes = s.of.partition, s.from, s.epoch, scanBytes
	request.Topics = []kmsg.FetchRequestTopic{{Topic: s.of.topic, Partitions: []kmsg.FetchRequestTopicPartition{one}}}
	answer, _, err := s.at.ask(forFetch, request, s.brokers.config.Timeout)
	if err != nil {
		return err
	}
	told := answer.(*kmsg.FetchResponse)
	if len(told.Topics) != 1 || len(told.Topics[0].Partitions) != 1 {
		return errProtocol
	}
	p := &told.Topics[0].Partitions[0]
	if code := wire.Code(p.ErrorCode); code != wire.None {
		return code
	}
	hidden := newVeil(p.AbortedTransactions)
	for data := p.RecordBatches; len(data) > 0 && s.from < s.end; {
		b, rest, err := record.Cut(data)
		if errors.Is(err, record.ErrShort) {
			return nil // the answer had no room for all of it
		}
		if err == nil {
			err = b.Check()
		}
		if err == nil {
			err = s.take(b, hidden)
		}
		if err != nil {
			return err
		}
		data = rest
	}
	return nil
}

const scanBytes = 1 << 20

// take takes what a batch says of the key.
func (s *scan) take(b record.Batch, hidden *veil) error {
	if !hidden.covers(b, ReadCommitted) {
		for one, err := range s.codec.Records(b) {
			if err != nil {
				return err
			}
			if one.Offset < s.from || one.Offset >= s.end || string(one.Key) != *s.of.key {
				continue
			}
			if s.found = nil; one.Value != nil {
				value := string(one.Value)
				s.found = &value
			}
		}
	}
	s.from = max(s.from, b.NextOffset())
	return nil
}
