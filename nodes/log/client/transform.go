package client

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/nodes/log/wire"
)

// transact writes what comes of messages to the output, and how far the consumer has come with them, in one transaction. What comes of a
// message is its value, an arrow, and what makes it one that nobody else has: so it is told whose effect it is, and which attempt's.
func (c *consumer) transact(all []polled) error {
	until := c.env.Mark().Add(c.config.TxnTimeout)
	if len(c.topics[c.config.Output]) == 0 {
		if err := c.refresh(c.config.Output); err != nil {
			return err
		}
	}
	if len(c.topics[c.config.Output]) == 0 {
		return errNoLeader
	}
	out, steps := make([]*message, len(all)), make([]history.Step, len(all))
	for i, r := range all {
		out[i] = c.outcome(&r)
		steps[i] = history.Step{F: "send", Key: name(out[i].topic, out[i].partition), Value: out[i].value}
	}
	if err := c.wallet.begin(until); err != nil {
		return err
	}
	op := c.env.Record().Invoke(nodes.Request{}, "txn", history.Steps(steps...))
	err := c.write(out, op)
	if err != nil {
		c.wallet.abort(c.env.Mark().Add(c.brokers.config.Timeout))
		op.Fail(err)
		return err
	}
	f := c.wallet.end(until, true)
	switch {
	case f.arrived:
		for i, m := range out {
			steps[i] = m.sent()
		}
		op.Ok(history.Steps(steps...))
		return nil
	case f.unknown != nil:
		op.Unknown(f.unknown)
	default:
		op.Fail(f.failed)
	}
	c.wallet.reset()
	return f.err()
}

// outcome is what comes of a message, in the partition of its key or, without one, the one with its own number.
func (c *consumer) outcome(r *polled) *message {
	partitions := len(c.topics[c.config.Output])
	m := &message{topic: c.config.Output, partition: r.part.partition % int32(partitions), offset: -1,
		value: fmt.Sprintf("%s→%s-%x", r.value, c.env.Host(), c.env.Rand().Uint64())}
	if r.key != nil {
		key := string(r.key)
		m.key, m.partition = &key, partitionOf(key, partitions)
	}
	return m
}

// write sends the messages and the offsets.
func (c *consumer) write(out []*message, op nodes.Op) error {
	until := c.env.Mark().Add(c.config.TxnTimeout)
	if err := c.wallet.send(&c.codec, "none", out, until, op); err != nil {
		return err
	}
	if err := c.wallet.addOffsets(until, c.config.Group); err != nil {
		return err
	}
	pause := c.pause()
	for {
		err := c.member.commitWithin(c.wallet)
		if err == nil || lasts(c.env, until) <= 0 || c.lost() || c.fatal != nil {
			return err
		}
		if resting := c.rest(pause); resting != nil {
			return resting
		}
	}
}

// commitWithin says how far the consumer has come, within a transaction. One that is a member no more is refused.
func (m *membership) commitWithin(w *wallet) error {
	request := kmsg.NewPtrTxnOffsetCommitRequest()
	request.TransactionalID, request.Group, request.ProducerID, request.ProducerEpoch = w.id, m.config.Group, w.identity.id, w.identity.epoch
	request.Generation, request.MemberID, request.InstanceID = m.generation, m.id, m.instance()
	for _, p := range m.parts {
		t := slices.IndexFunc(request.Topics, func(t kmsg.TxnOffsetCommitRequestTopic) bool { return t.Topic == p.topic })
		if t < 0 {
			t = len(request.Topics)
			request.Topics = append(request.Topics, kmsg.TxnOffsetCommitRequestTopic{Topic: p.topic})
		}
		one := kmsg.NewTxnOffsetCommitRequestTopicPartition()
		one.Partition, one.Offset, one.LeaderEpoch = p.partition, p.position.offset, p.position.epoch
		request.Topics[t].Partitions = append(request.Topics[t].Partitions, one)
	}
	answer, err := m.ask(forShort, request, m.env.Mark().Add(m.brokers.config.Timeout))
	if err != nil {
		return err
	}
	for _, t := range answer.(*kmsg.TxnOffsetCommitResponse).Topics {
		for _, p := range t.Partitions {
			code := wire.Code(p.ErrorCode)
			if err := m.heed(code); err != nil {
				if !code.Retriable() {
					m.rejoin = true
				}
				return err
			}
		}
	}
	return nil
}
