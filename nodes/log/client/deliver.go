package client

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/record"
	"simrun/nodes/log/wire"
)

// delivery is a batch on its way to a partition. It is the same bytes at each attempt, and so under the same number.
type delivery struct {
	topic       string
	partition   int32
	batch       record.Batch
	acks        int16 // -1 is all that are in sync
	transaction string
	until       nodes.Instant
	retries     int
	resend      bool // also when nobody knows whether it arrived
	ops         []nodes.Op
}

// fate is what became of a delivery.
type fate struct {
	arrived bool
	base    int64 // offset of the first record; -1 if it was not told
	unknown error // why nobody knows whether it arrived
	failed  error // why it certainly did not, if unknown is nil
	broken  bool  // the producer's number is good for nothing more in the partition
}

// deliver brings a batch to whoever leads the partition, until there is an answer or the retries are used up.
func (b *brokers) deliver(d *delivery) (f fate) {
	f.failed = errNoLeader
	pause := b.pause()
	var before *remote
	for try := 0; ; {
		r := b.leader(d.topic, d.partition)
		if r == nil {
			if err := b.refresh(d.topic); err != nil {
				f.failed = err
			}
			r = b.leader(d.topic, d.partition)
		}
		again := true
		if r != nil {
			b.env.Record().Sometimes(resent, f.unknown != nil)
			b.env.Record().Sometimes(ledElsewhere, before != nil && before != r)
			before = r
			again = b.attempt(r, d, &f)
			if f.arrived {
				return f
			}
		}
		if !again || f.unknown != nil && !d.resend {
			return f
		}
		if try++; try > d.retries || lasts(b.env, d.until) <= 0 || b.rest(pause) != nil {
			return f
		}
		if r != nil {
			_ = b.refresh(d.topic) // else the next attempt asks the one that is known
		}
	}
}

// attempt asks one broker, and says whether it makes sense to try again.
func (b *brokers) attempt(r *remote, d *delivery, f *fate) (again bool) {
	server := slog.String("server", r.name())
	tries := make([]nodes.Op, len(d.ops))
	for i, op := range d.ops {
		tries[i] = op.Invoke("attempt", server)
	}
	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.TimeoutMillis = d.acks, int32(b.config.Timeout.Milliseconds())
	if d.transaction != "" {
		request.TransactionID = kmsg.StringPtr(d.transaction)
	}
	request.Topics = []kmsg.ProduceRequestTopic{{Topic: d.topic, Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: d.partition, Records: d.batch}}}}
	c := &call{request: request, patience: b.config.Timeout + b.config.Timeout/4, silent: d.acks == 0}
	r.make(forProduce, c)
	switch {
	case c.err != nil && !c.sent:
		f.failed = c.err
		for _, t := range tries {
			t.Fail(c.err)
		}
		return true
	case c.err != nil:
		f.unknown = c.err
		for _, t := range tries {
			t.Unknown(c.err)
		}
		return true
	case d.acks == 0:
		f.arrived, f.base = true, -1
	default:
		again = b.answered(c.answer.(*kmsg.ProduceResponse), d, f)
	}
	for _, t := range tries {
		switch {
		case f.arrived:
			t.Ok(server)
		case f.unknown != nil:
			t.Unknown(f.unknown)
		default:
			t.Fail(f.failed)
		}
	}
	return again
}

// answered understands what a broker says of a batch.
func (b *brokers) answered(told *kmsg.ProduceResponse, d *delivery, f *fate) (again bool) {
	if len(told.Topics) != 1 || told.Topics[0].Topic != d.topic || len(told.Topics[0].Partitions) != 1 || told.Topics[0].Partitions[0].Partition != d.partition {
		f.unknown = errProtocol
		return true
	}
	p := told.Topics[0].Partitions[0]
	code := wire.Code(p.ErrorCode)
	refused := fmt.Errorf("log: refused: %w", code)
	switch code {
	case wire.None:
		f.arrived, f.base = true, p.BaseOffset
	case wire.DuplicateSequence:
		b.env.Record().Reach(duplicate)
		f.arrived, f.base = true, -1
	case wire.NotLeaderOrFollower, wire.FencedLeaderEpoch:
		if d.acks == 1 {
			f.failed = refused
			return true
		}
		f.unknown = refused // it may have been written before the leader was deposed
		return true
	case wire.RequestTimedOut, wire.NotEnoughReplicasAfterWrite, wire.StorageError, wire.NetworkException, wire.UnknownServerError:
		f.unknown = refused
		return true
	case wire.OutOfOrderSequence, wire.UnknownProducerID, wire.InvalidProducerEpoch, wire.ProducerFenced, wire.InvalidProducerIDMapping, wire.InvalidTxnState:
		f.failed, f.broken = refused, true
		return false
	default:
		f.failed = refused
		return code.Retriable()
	}
	return false
}

// certain makes a fate say what it comes to in one word: nil if it arrived.
func (f *fate) err() error {
	switch {
	case f.arrived:
		return nil
	case f.unknown != nil:
		return f.unknown
	}
	return f.failed
}

// identity is a producer's number.
type identity struct {
	id    int64
	epoch int16
}

// identify asks any broker for a number that nobody else has.
func (b *brokers) identify(until nodes.Instant) (*identity, error) {
	pause := b.pause()
	for {
		err := error(errUnreachable)
		for _, r := range b.remotes[:len(b.remotes):len(b.remotes)] {
			request := kmsg.NewPtrInitProducerIDRequest()
			request.ProducerID, request.ProducerEpoch, request.TransactionTimeoutMillis = -1, -1, 60_000
			answer, _, problem := r.ask(forShort, request, b.config.Timeout)
			if problem != nil {
				err = problem
				continue
			}
			told := answer.(*kmsg.InitProducerIDResponse)
			if code := wire.Code(told.ErrorCode); code != wire.None {
				err = code
				continue
			}
			return &identity{told.ProducerID, told.ProducerEpoch}, nil
		}
		if lasts(b.env, until) <= 0 {
			return nil, err
		}
		if resting := b.rest(pause); resting != nil {
			return nil, errors.Join(err, resting)
		}
	}
}

// milliseconds is a time as records have it.
func milliseconds(t time.Time) int64 { return t.UnixMilli() }
