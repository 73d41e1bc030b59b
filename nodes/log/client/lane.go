package client

import (
	"errors"
	"log/slog"

	"simrun/nodes"
	"simrun/nodes/log/record"
)

// lane brings messages to one partition, batch after batch, so that they stand there in the order in which they came.
//
// Invariant: only one batch is on its way. The number of the next is that of the last one plus its messages, under the same identity;
// where the fate of the last stays unknown, there is another identity before the next leaves.
type lane struct {
	*producer
	topic     string
	partition int32
	queue     []*parcel
	running   bool
	identity  *identity
	sequence  int32
}

// parcel is a message on its way, and the operation that wants to know.
type parcel struct {
	*message
	op    nodes.Op
	until nodes.Instant
}

func (p *producer) lane(m *message) *lane {
	where := name(m.topic, m.partition)
	if p.lanes[where] == nil {
		p.lanes[where] = &lane{producer: p, topic: m.topic, partition: m.partition}
	}
	return p.lanes[where]
}

func (l *lane) take(m *parcel) {
	l.queue = append(l.queue, m)
	if !l.running {
		l.running = true
		l.env.Go("produce "+name(l.topic, l.partition), l.run)
	}
}

// run brings all that there is.
func (l *lane) run() {
	for len(l.queue) > 0 {
		if l.config.Linger > 0 && l.waiting() < int(l.config.BatchBytes) {
			_ = l.env.Sleep(l.config.Linger) // cancelled or not: what is there leaves
		}
		if batch := l.cut(); len(batch) > 0 {
			l.bring(batch)
		}
	}
	l.running = false
}

func (l *lane) waiting() (bytes int) {
	for _, m := range l.queue {
		bytes += len(m.value)
	}
	return bytes
}

var (
	errExpired    = errors.New("log: it did not leave in time")
	errUnnumbered = errors.New("log: the producer got no number")
)

// cut takes the next batch out of the queue, without those whose time is up.
func (l *lane) cut() (batch []*parcel) {
	bytes := 0
	for len(l.queue) > 0 {
		m := l.queue[0]
		if bytes += len(m.value) + 32; len(batch) > 0 && (bytes > int(l.config.BatchBytes) || l.env.Point(smallBatch)) {
			break
		}
		l.queue = l.queue[1:]
		if lasts(l.env, m.until) <= 0 || l.stopping {
			m.op.Fail(errExpired)
			l.finish()
			continue
		}
		batch = append(batch, m)
	}
	return batch
}

// bring delivers a batch, and tells of each message what became of it.
func (l *lane) bring(batch []*parcel) {
	f := l.send(batch)
	server := slog.String("partition", name(l.topic, l.partition))
	for i, m := range batch {
		switch {
		case f.arrived && f.base >= 0:
			m.op.Ok(server, slog.Int64("offset", f.base+int64(i)))
		case f.arrived:
			m.op.Ok(server)
		case f.unknown != nil:
			m.op.Unknown(f.unknown)
		default:
			m.op.Fail(f.failed)
		}
		l.finish()
	}
}

func (l *lane) send(batch []*parcel) (f fate) {
	d := &delivery{topic: l.topic, partition: l.partition, acks: l.config.Acks.number(), until: batch[0].until, retries: l.config.Retries, resend: l.config.Resend}
	var records []record.Record
	now := milliseconds(l.env.Now())
	for _, m := range batch {
		records = append(records, m.record(now))
		d.ops = append(d.ops, m.op)
	}
	by, _ := record.Named(string(l.config.Compression))
	how := record.Builder{Compression: by, LeaderEpoch: -1}
	if l.config.Idempotent {
		if err := l.identify(batch[0].until); err != nil {
			return fate{failed: errors.Join(errUnnumbered, err)}
		}
		how.Producer = &record.Producer{ID: l.identity.id, Epoch: l.identity.epoch, Sequence: l.sequence}
	}
	var err error
	if d.batch, err = l.codec.Build(how, records...); err != nil {
		return fate{failed: err}
	}
	f = l.deliver(d)
	switch {
	case !l.config.Idempotent:
	case f.arrived:
		l.sequence = next(l.sequence, len(batch))
	case f.unknown != nil || f.broken:
		l.renumber()
	}
	return f
}

// next is the number of the message after so many. Numbers begin anew after the last.
func next(sequence int32, count int) int32 {
	return int32((int64(sequence) + int64(count)) % (1 << 31))
}

// renumber gives up the identity. If messages were lost on their way, the next under it would be out of order; if they were not, the
// next would be taken for them.
func (l *lane) renumber() {
	l.env.Record().Reach(renumbered)
	if l.producer.identity == l.identity {
		l.producer.identity = nil
	}
	l.identity, l.sequence = nil, 0
}

// identify sees that the lane has an identity: the producer's or, if that one is spent, a new one for all lanes to come.
func (l *lane) identify(until nodes.Instant) error {
	if l.identity != nil {
		return nil
	}
	if l.producer.identity == nil {
		is, err := l.brokers.identify(until)
		if err != nil {
			return err
		}
		if l.producer.identity == nil { // else another lane was faster
			l.producer.identity = is
		}
	}
	l.identity, l.sequence = l.producer.identity, 0
	return nil
}
