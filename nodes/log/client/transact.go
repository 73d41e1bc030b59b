package client

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/nodes/log/record"
)

// errand is a transaction that a producer is to do.
type errand struct {
	op    nodes.Op
	all   []*message
	until nodes.Instant

	table  bool // it is a write to a table, which is told without its steps
	gaveUp bool // it is given up once it is sent
}

var errGaveUp = errors.New("log: it was given up")

// transact does transactions one after the other.
func (p *producer) transact(e *errand) {
	p.queue = append(p.queue, e)
	if p.busy {
		return
	}
	p.busy = true
	for len(p.queue) > 0 {
		e := p.queue[0]
		p.queue = p.queue[1:]
		p.do(e)
		p.finish()
	}
	p.busy = false
}

// do sends the messages of a transaction and commits it. It failed unless the wish to commit may have left.
func (p *producer) do(e *errand) {
	if lasts(p.env, e.until) <= 0 || p.stopping {
		e.op.Fail(errExpired)
		return
	}
	if err := p.wallet.begin(e.until); err != nil {
		e.op.Fail(err)
		return
	}
	f := fate{failed: errExpired}
	err := p.wallet.send(&p.codec, p.config.Compression, e.all, e.until, e.op)
	if err == nil && e.gaveUp {
		err = errGaveUp
	}
	if err == nil {
		f = p.wallet.end(e.until, true)
	}
	switch {
	case err != nil:
		p.wallet.abort(p.env.Mark().Add(p.brokers.config.Timeout))
		e.op.Fail(err)
	case f.arrived && e.table:
		e.op.Ok()
	case f.arrived:
		steps := make([]history.Step, len(e.all))
		for i, m := range e.all {
			steps[i] = m.sent()
		}
		e.op.Ok(history.Steps(steps...))
	case f.unknown != nil:
		p.wallet.reset()
		e.op.Unknown(f.unknown)
	default:
		p.wallet.reset()
		e.op.Fail(f.failed)
	}
}

// sent is a message that arrived, as a step of a transaction.
func (m *message) sent() history.Step {
	var offset any
	if m.offset >= 0 {
		offset = m.offset
	}
	return history.Step{F: "send", Key: name(m.topic, m.partition), Value: []any{offset, m.value}}
}

// send brings messages to their partitions, within the transaction, and notes their offsets.
func (w *wallet) send(codec *record.Codec, by Compression, all []*message, until nodes.Instant, op nodes.Op) error {
	topics, order := map[string][]int32{}, []string(nil)
	groups := map[string][]*message{}
	var first []*message // of each partition, in order
	for _, m := range all {
		where := name(m.topic, m.partition)
		if groups[where] == nil {
			first = append(first, m)
		}
		groups[where] = append(groups[where], m)
	}
	slices.SortStableFunc(first, func(a, b *message) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
	})
	for _, m := range first {
		if topics[m.topic] == nil {
			order = append(order, m.topic)
		}
		topics[m.topic] = append(topics[m.topic], m.partition)
	}
	if err := w.add(until, topics, order); err != nil {
		return err
	}
	compression, _ := record.Named(string(by))
	now := milliseconds(w.env.Now())
	for _, m := range first {
		where := name(m.topic, m.partition)
		var records []record.Record
		for _, each := range groups[where] {
			records = append(records, each.record(now))
		}
		batch, err := codec.Build(record.Builder{Compression: compression, LeaderEpoch: -1, Transactional: true,
			Producer: &record.Producer{ID: w.identity.id, Epoch: w.identity.epoch, Sequence: w.sequences[where]}}, records...)
		if err != nil {
			return err
		}
		f := w.deliver(&delivery{topic: m.topic, partition: m.partition, batch: batch, acks: -1, transaction: w.id, until: until, retries: mostAttempts, resend: true,
			ops: []nodes.Op{op}})
		if err := f.err(); err != nil {
			return fmt.Errorf("log: %s has not got its part: %w", where, err)
		}
		w.sequences[where] = next(w.sequences[where], len(records))
		for i, each := range groups[where] {
			if f.base >= 0 {
				each.offset = f.base + int64(i)
			}
		}
	}
	return nil
}

// mostAttempts is how often a part of a transaction is tried for; its time is up before that.
const mostAttempts = 1000
