package transaction

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/wire"
)

// ErrRecord is wrapped by what is said of a record that no coordinator of transactions writes.
var ErrRecord = errors.New("transaction: no such record")

// States in records that are none here: a transactional ID that is no more, and one that is being fenced off, which is written down only
// with its abort.
const mostState = int8(CompleteAbort)

func keyOf(id string) []byte {
	return (&kmsg.TxnMetadataKey{TransactionalID: id}).AppendTo(nil)
}

// record is what is written down of a transactional ID.
func record(id string, s *standing) coordinator.Record {
	v := kmsg.TxnMetadataValue{ProducerID: s.producer, ProducerEpoch: s.epoch, TimeoutMillis: int32(s.timeout.Milliseconds()),
		State: kmsg.TransactionState(s.state), LastUpdateTimestamp: s.updated.UnixMilli(), StartTimestamp: -1,
		PreviousProducerID: -1, NextProducerID: -1, NextProducerEpoch: -1}
	if s.once {
		v.Version, v.ClientTransactionVersion = 1, MovesOn
	}
	if !s.began.IsZero() {
		v.StartTimestamp = s.began.UnixMilli()
	}
	for _, p := range s.partitions {
		if n := len(v.Topics); n == 0 || v.Topics[n-1].Topic != p.Topic {
			v.Topics = append(v.Topics, kmsg.TxnMetadataValueTopic{Topic: p.Topic})
		}
		topic := &v.Topics[len(v.Topics)-1]
		topic.Partitions = append(topic.Partitions, p.Partition)
	}
	return coordinator.Record{Key: keyOf(id), Value: v.AppendTo(nil)}
}

// Replay tells the coordinator what stands in the partition, in its order, before it serves. Errors: ErrRecord, after which it may go on
// with the next.
func (c *Core) Replay(e coordinator.Entry) error {
	if c.serving || c.gone {
		panic("transaction: a coordinator that serves is told what stands in its partition")
	}
	var problems []error
	for _, r := range e.Records {
		if err := c.replay(r); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

func (c *Core) replay(r coordinator.Record) error {
	var k kmsg.TxnMetadataKey
	if err := k.ReadFrom(r.Key); err != nil || k.Version != 0 || k.TransactionalID == "" {
		return fmt.Errorf("%w: key %q of version %d: %w", ErrRecord, k.TransactionalID, k.Version, err)
	}
	if r.Value == nil {
		delete(c.transactions, k.TransactionalID)
		return nil
	}
	var v kmsg.TxnMetadataValue
	if err := v.ReadFrom(r.Value); err != nil || v.Version < 0 || v.Version > 1 {
		return fmt.Errorf("%w: value of %s, version %d: %w", ErrRecord, k.TransactionalID, v.Version, err)
	}
	s, err := standingOf(&v)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrRecord, k.TransactionalID, err)
	}
	t := newTransaction(k.TransactionalID)
	t.standing = s
	c.transactions[t.id] = t
	return nil
}

// standingOf reads what was written down, if it is something that can stand.
func standingOf(v *kmsg.TxnMetadataValue) (s standing, err error) {
	s = standing{state: State(v.State), producer: v.ProducerID, epoch: v.ProducerEpoch, timeout: time.Duration(v.TimeoutMillis) * time.Millisecond,
		once: v.ClientTransactionVersion >= MovesOn, updated: time.UnixMilli(v.LastUpdateTimestamp)}
	if v.StartTimestamp >= 0 {
		s.began = time.UnixMilli(v.StartTimestamp)
	}
	for _, topic := range v.Topics {
		for _, p := range topic.Partitions {
			s.partitions = append(s.partitions, TopicPartition{topic.Topic, p})
		}
	}
	slices.SortFunc(s.partitions, TopicPartition.compare)
	s.partitions = slices.Compact(s.partitions)
	underWay := s.state == Ongoing || s.state.decided()
	switch {
	case int8(v.State) < 0 || int8(v.State) > mostState:
		err = fmt.Errorf("state %d", int8(v.State))
	case s.producer < 0 || s.epoch < 0 || s.timeout <= 0:
		err = fmt.Errorf("producer %d, epoch %d, timeout %v", s.producer, s.epoch, s.timeout)
	case len(s.partitions) > 0 != underWay:
		err = fmt.Errorf("%s with %d partitions", s.state, len(s.partitions))
	}
	return s, err
}

// Refusal is the answer to a request for a coordinator of transactions that has this code and nothing else. The driver uses it, too,
// where there is no coordinator to ask.
func Refusal(request kmsg.Request, code wire.Code) kmsg.Response {
	n := int16(code)
	answer := request.ResponseKind()
	switch a := answer.(type) {
	case *kmsg.InitProducerIDResponse:
		a.ErrorCode, a.ProducerID, a.ProducerEpoch = n, -1, noEpoch
	case *kmsg.AddPartitionsToTxnResponse:
		for _, t := range request.(*kmsg.AddPartitionsToTxnRequest).Topics {
			told := kmsg.AddPartitionsToTxnResponseTopic{Topic: t.Topic}
			for _, p := range t.Partitions {
				told.Partitions = append(told.Partitions, kmsg.AddPartitionsToTxnResponseTopicPartition{Partition: p, ErrorCode: n})
			}
			a.Topics = append(a.Topics, told)
		}
	case *kmsg.AddOffsetsToTxnResponse:
		a.ErrorCode = n
	case *kmsg.EndTxnResponse:
		a.ErrorCode, a.ProducerID, a.ProducerEpoch = n, -1, noEpoch
	default:
		panic(fmt.Sprintf("transaction: a %T is not a coordinator's to answer", request))
	}
	return answer
}
