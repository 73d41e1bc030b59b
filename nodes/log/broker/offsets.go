package broker

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/partition"
	"simrun/nodes/log/wire"
)

// The times that mean something else.
const (
	latestOffset   = -1
	earliestOffset = -2
	maxTimestamp   = -3
)

// listOffsets tells where a partition begins or ends, or which record is the first that is not older than a time.
func (b *broker) listOffsets(c *call, r *kmsg.ListOffsetsRequest) {
	answer := r.ResponseKind().(*kmsg.ListOffsetsResponse)
	for i := range r.Topics {
		asked := &r.Topics[i]
		told := kmsg.NewListOffsetsResponseTopic()
		told.Topic = asked.Topic
		for j := range asked.Partitions {
			told.Partitions = append(told.Partitions, b.listOffset(r, asked.Topic, &asked.Partitions[j]))
		}
		answer.Topics = append(answer.Topics, told)
	}
	c.reply(answer)
}

func (b *broker) listOffset(r *kmsg.ListOffsetsRequest, topic string, asked *kmsg.ListOffsetsRequestTopicPartition) kmsg.ListOffsetsResponseTopicPartition {
	told := kmsg.NewListOffsetsResponseTopicPartition()
	told.Partition, told.Offset, told.Timestamp, told.LeaderEpoch = asked.Partition, -1, -1, -1
	epoch := int32(-1)
	if r.Version >= 4 {
		epoch = asked.CurrentLeaderEpoch
	}
	of, code := b.leading(topic, asked.Partition, epoch)
	if code != wire.None {
		told.ErrorCode = int16(code)
		return told
	}
	log := of.log
	end := log.Watermark()
	switch {
	case r.ReplicaID >= 0:
		end = log.Next()
	case r.IsolationLevel > 0:
		end = log.Stable()
	}
	// A new leader's high watermark may be that of long ago, and nobody is to see the end go back.
	if r.ReplicaID < 0 && asked.Timestamp != earliestOffset && log.Watermark() < of.starts {
		told.ErrorCode = int16(wire.OffsetNotAvailable)
		if r.Version < 5 {
			told.ErrorCode = int16(wire.LeaderNotAvailable)
		}
		b.record.Reach(watermarkBehind)
		return told
	}
	switch asked.Timestamp {
	case latestOffset:
		told.Offset, told.LeaderEpoch = end, of.epoch
	case earliestOffset:
		told.Offset, told.LeaderEpoch = log.Start(), of.epoch
	default:
		find := func() (partition.Moment, bool, error) { return log.At(asked.Timestamp, end) }
		if asked.Timestamp == maxTimestamp {
			find = func() (partition.Moment, bool, error) { return log.Latest(end) }
		}
		m, found, err := find()
		if err != nil {
			told.ErrorCode = int16(codeOf(err))
		} else if found {
			told.Offset, told.Timestamp, told.LeaderEpoch = m.Offset, m.Time, m.Epoch
		}
	}
	return told
}

// offsetForLeaderEpoch tells where an epoch ended: where the asking side's log may part from this one (KIP-101).
func (b *broker) offsetForLeaderEpoch(c *call, r *kmsg.OffsetForLeaderEpochRequest) {
	answer := r.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
	for i := range r.Topics {
		asked := &r.Topics[i]
		told := kmsg.NewOffsetForLeaderEpochResponseTopic()
		told.Topic = asked.Topic
		for _, p := range asked.Partitions {
			one := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			one.Partition, one.LeaderEpoch, one.EndOffset = p.Partition, -1, -1
			epoch := int32(-1)
			if r.Version >= 2 {
				epoch = p.CurrentLeaderEpoch
			}
			of, code := b.leading(asked.Topic, p.Partition, epoch)
			if one.ErrorCode = int16(code); code == wire.None {
				one.LeaderEpoch, one.EndOffset = of.log.EndOfEpoch(p.LeaderEpoch)
			}
			told.Partitions = append(told.Partitions, one)
		}
		answer.Topics = append(answer.Topics, told)
	}
	c.reply(answer)
}

// deleteRecords moves where partitions begin.
func (b *broker) deleteRecords(c *call, r *kmsg.DeleteRecordsRequest) {
	answer := r.ResponseKind().(*kmsg.DeleteRecordsResponse)
	for i := range r.Topics {
		asked := &r.Topics[i]
		told := kmsg.NewDeleteRecordsResponseTopic()
		told.Topic = asked.Topic
		for _, p := range asked.Partitions {
			one := kmsg.NewDeleteRecordsResponseTopicPartition()
			one.Partition, one.LowWatermark = p.Partition, -1
			of, code := b.leading(asked.Topic, p.Partition, -1)
			if code == wire.None {
				to := p.Offset
				if to == -1 {
					to = of.log.Watermark()
				}
				switch {
				case internal(asked.Topic):
					code = wire.PolicyViolation
				case to < 0 || to > of.log.Watermark():
					code = wire.OffsetOutOfRange
				default:
					log := of.log
					code = codeOf(log.DeleteBefore(to))
					one.LowWatermark = log.Start()
				}
			}
			one.ErrorCode = int16(code)
			told.Partitions = append(told.Partitions, one)
		}
		answer.Topics = append(answer.Topics, told)
	}
	c.reply(answer)
}
