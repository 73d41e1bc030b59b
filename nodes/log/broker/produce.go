package broker

import (
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/partition"
	"simrun/nodes/log/record"
	"simrun/nodes/log/wire"
)

// production is a produce request whose partitions are answered one by one.
type production struct {
	call   *call
	answer *kmsg.ProduceResponse
	left   int // partitions that are not answered yet, and one until all were appended to
	timer  nodes.Timer
	late   []func() // what to do where time runs out
}

// produce appends what a producer sent. acks=all waits for the high watermark, acks=1 for this broker's own log, acks=0 for
// nothing, and is told of an error by the end of its connection.
func (b *broker) produce(c *call, r *kmsg.ProduceRequest) {
	p := &production{call: c, answer: r.ResponseKind().(*kmsg.ProduceResponse), left: 1}
	for i := range r.Topics {
		asked := &r.Topics[i]
		told := kmsg.NewProduceResponseTopic()
		told.Topic = asked.Topic
		told.Partitions = make([]kmsg.ProduceResponseTopicPartition, len(asked.Partitions))
		p.answer.Topics = append(p.answer.Topics, told)
		for j := range asked.Partitions {
			told.Partitions[j] = kmsg.NewProduceResponseTopicPartition()
			told.Partitions[j].Partition, told.Partitions[j].BaseOffset = asked.Partitions[j].Partition, -1
			p.left++
			b.produceTo(p, asked.Topic, &told.Partitions[j], asked.Partitions[j].Records, r.Acks)
		}
	}
	if p.left > 1 && r.Acks < 0 {
		p.timer = b.env.AfterFunc(milliseconds(r.TimeoutMillis), p.expire)
	}
	p.finished()
}

// finished says that one partition less is to be answered.
func (p *production) finished() {
	if p.left--; p.left > 0 {
		return
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	c := p.call
	c.reply(p.answer)
	if c.mute && p.failed() {
		c.guest.Close()
	}
}

func (p *production) failed() bool {
	for _, t := range p.answer.Topics {
		for _, one := range t.Partitions {
			if one.ErrorCode != 0 {
				return true
			}
		}
	}
	return false
}

// expire answers for the partitions that took too long. Their records are in the leader's log, and may yet be committed.
func (p *production) expire() {
	for _, late := range p.late {
		late()
	}
}

// produceTo appends to one partition, which is finished when it is known what to answer.
func (b *broker) produceTo(p *production, topic string, told *kmsg.ProduceResponseTopicPartition, records []byte, acks int16) {
	refuse := func(code wire.Code, why string) {
		told.ErrorCode, told.BaseOffset = int16(code), -1
		if why != "" {
			told.ErrorMessage = kmsg.StringPtr(why)
		}
		p.finished()
	}
	r, code := b.leading(topic, told.Partition, -1)
	switch {
	case code != wire.None:
		refuse(code, "")
		return
	case acks < -1 || acks > 1:
		refuse(wire.InvalidRequiredAcks, "")
		return
	case internal(topic):
		refuse(wire.InvalidTopic, "the topic is the brokers' own")
		return
	case acks < 0 && len(r.view.InSync) < r.config.MinInSync():
		b.record.Reach(tooFewInSync)
		refuse(wire.NotEnoughReplicas, "")
		return
	}
	batch, err := one(records)
	var a partition.Appended
	if err == nil {
		a, err = r.log.Append(batch, r.epoch)
	}
	if err != nil {
		refuse(r.refusal(err), err.Error())
		return
	}
	b.record.Sometimes(repeatedBatch, a.Duplicate)
	told.BaseOffset, told.LogAppendTime, told.LogStartOffset = a.First, a.Time, r.log.Start()
	switch {
	case acks == 0:
		p.finished()
	case acks > 0:
		r.log.Then(a, func(err error) {
			if err != nil {
				refuse(r.refusal(err), err.Error())
				return
			}
			p.finished()
		})
	default:
		b.acknowledgeAll(p, r, a, refuse)
	}
}

// acknowledgeAll finishes once all in-sync replicas have it, or it is known that they never will, or time is up.
func (b *broker) acknowledgeAll(p *production, r *replica, a partition.Appended, refuse func(wire.Code, string)) {
	w := r.await(a.Last+1, func(code wire.Code) {
		if code != wire.None {
			refuse(code, "")
			return
		}
		p.finished()
	})
	if w.over {
		return
	}
	p.late = append(p.late, func() {
		if !w.over {
			b.record.Reach(producedLate)
			r.abandon(w, wire.RequestTimedOut)
		}
	})
	r.log.Then(a, func(err error) {
		if err != nil && !w.over {
			r.abandon(w, r.refusal(err))
		}
	})
}

// complainEvery is how often whoever runs a broker is told of a disk that takes nothing.
const complainEvery = 10 * time.Second

// refusal is the code for what a log said of a batch.
func (r *replica) refusal(err error) wire.Code {
	code, b := codeOf(err), r.b
	if now := b.env.Mark(); code == wire.StorageError && (b.complained == 0 || now.Sub(b.complained) >= complainEvery) {
		b.complained = now
		b.env.Log().Warn("records are refused", "log", r.dir(), "err", err)
	}
	return code
}

// errBatches says that a request has none or many batches for a partition, where it is to have one.
var errBatches = errors.New("broker: a produce has one batch for each partition")

// one is the only batch that the records are.
func one(records []byte) (record.Batch, error) {
	batch, rest, err := record.Cut(records)
	if err == nil && len(rest) > 0 {
		err = errors.Join(errBatches, record.ErrInvalid)
	}
	return batch, err
}
