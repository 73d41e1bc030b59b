package broker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/record"
	"simrun/nodes/log/wire"
	"simrun/sim"
)

// coordinator finds who coordinates a group (0) or a transactional ID (1).
func (s *story) coordinator(name string, sort int8) int32 {
	for range 200 {
		r := wire.New(wire.FindCoordinator, 3).(*kmsg.FindCoordinatorRequest)
		r.CoordinatorKey, r.CoordinatorType = name, sort
		for id := range s.hosts {
			if answer, err := s.ask(int32(id+1), r); err == nil && answer.(*kmsg.FindCoordinatorResponse).ErrorCode == 0 {
				return answer.(*kmsg.FindCoordinatorResponse).NodeID
			}
		}
		s.sleep(50 * time.Millisecond)
	}
	require.FailNow(s.t, "nobody coordinates", name)
	return 0
}

// again asks a coordinator until it says something else than that it is not, or not yet, one.
func (s *story) again(name string, sort int8, request kmsg.Request, code func(kmsg.Response) int16) kmsg.Response {
	for range 200 {
		if answer, err := s.ask(s.coordinator(name, sort), request); err == nil {
			switch wire.Code(code(answer)) {
			case wire.NotCoordinator, wire.CoordinatorLoadInProgress, wire.CoordinatorNotAvailable, wire.ConcurrentTransactions:
			default:
				return answer
			}
		}
		s.sleep(50 * time.Millisecond)
	}
	require.FailNow(s.t, "no coordinator answers", name)
	return nil
}

func (s *story) commit(group string, offset int64) {
	r := wire.New(wire.OffsetCommit, 7).(*kmsg.OffsetCommitRequest)
	r.Group, r.Generation = group, -1
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset = offset
	r.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}
	code := func(a kmsg.Response) int16 { return a.(*kmsg.OffsetCommitResponse).Topics[0].Partitions[0].ErrorCode }
	require.Zero(s.t, code(s.again(group, 0, r, code)))
}

func (s *story) committed(group string) int64 {
	r := wire.New(wire.OffsetFetch, 7).(*kmsg.OffsetFetchRequest)
	r.Group, r.RequireStable = group, true
	r.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{0}}}
	told := s.again(group, 0, r, func(a kmsg.Response) int16 { return a.(*kmsg.OffsetFetchResponse).ErrorCode }).(*kmsg.OffsetFetchResponse)
	require.Zero(s.t, told.Topics[0].Partitions[0].ErrorCode)
	return told.Topics[0].Partitions[0].Offset
}

// If this failed, groups would begin anew, or go back, whenever the broker that looks after them is gone.
func TestOffsetsOutliveTheirCoordinator(t *testing.T) {
	tell(t, 3, 11, nil, func(s *story) {
		s.create("t", 1, 3, nil)
		for i := range int64(6) {
			for _, group := range []string{"one", "two", "three"} {
				s.commit(group, 10*i)
			}
			s.strike(s.coordinator("one", 0), 500*time.Millisecond, (*sim.Host).CrashMachine)
			s.sleep(30 * time.Millisecond)
			for _, group := range []string{"one", "two", "three"} {
				require.Equal(t, 10*i, s.committed(group), group)
			}
			s.settle("t", 3)
		}
	})
}

// writer is a transactional producer.
type writer struct {
	*producer
	epoch int16
	name  string
}

func (s *story) writer(name, topic string) *writer {
	r := wire.New(wire.InitProducerID, 3).(*kmsg.InitProducerIDRequest)
	r.TransactionalID, r.TransactionTimeoutMillis, r.ProducerID, r.ProducerEpoch = &name, 60_000, -1, -1
	told := s.again(name, 1, r, func(a kmsg.Response) int16 { return a.(*kmsg.InitProducerIDResponse).ErrorCode }).(*kmsg.InitProducerIDResponse)
	require.Zero(s.t, told.ErrorCode, "%s", wire.Code(told.ErrorCode))
	return &writer{producer: &producer{s: s, topic: topic, id: told.ProducerID}, epoch: told.ProducerEpoch, name: name}
}

// write adds a value to the producer's transaction.
func (w *writer) write(value string) wire.Code {
	add := wire.New(wire.AddPartitionsToTxn, 3).(*kmsg.AddPartitionsToTxnRequest)
	add.TransactionalID, add.ProducerID, add.ProducerEpoch = w.name, w.id, w.epoch
	add.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: w.topic, Partitions: []int32{0}}}
	code := func(a kmsg.Response) int16 {
		return a.(*kmsg.AddPartitionsToTxnResponse).Topics[0].Partitions[0].ErrorCode
	}
	if n := code(w.s.again(w.name, 1, add, code)); n != 0 {
		return wire.Code(n)
	}
	b, err := new(record.Codec).Build(record.Builder{Producer: &record.Producer{ID: w.id, Epoch: w.epoch, Sequence: w.next}, Transactional: true},
		record.Record{Value: []byte(value)})
	require.NoError(w.s.t, err)
	r := produce(w.topic, -1, b)
	r.TransactionID = &w.name
	for range 200 {
		if leader := w.s.leader(w.topic, 0); leader > 0 {
			if answer, err := w.s.ask(leader, r); err == nil {
				n := wire.Code(answer.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
				if n == wire.None {
					w.next++
				}
				if n == wire.None || !n.Retriable() {
					return n
				}
			}
		}
		w.s.sleep(20 * time.Millisecond)
	}
	require.FailNow(w.s.t, "not written", value)
	return 0
}

func (w *writer) end(commit bool) wire.Code {
	r := wire.New(wire.EndTxn, 3).(*kmsg.EndTxnRequest)
	r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Commit = w.name, w.id, w.epoch, commit
	code := func(a kmsg.Response) int16 { return a.(*kmsg.EndTxnResponse).ErrorCode }
	return wire.Code(code(w.s.again(w.name, 1, r, code)))
}

// readCommitted is what a reader of committed records sees of a partition.
func (s *story) readCommitted(topic string, most int) (values []string) {
	offset := int64(0)
	for stalls := 0; stalls < 100 && len(values) < most; {
		leader := s.leader(topic, 0)
		answer, err := s.ask(max(leader, 1), fetch(topic, offset, 1))
		if err != nil || leader == 0 {
			stalls++
			s.sleep(20 * time.Millisecond)
			continue
		}
		told := answer.(*kmsg.FetchResponse).Topics[0].Partitions[0]
		aborted := map[int64]bool{}
		starts := told.AbortedTransactions
		before := offset
		for data := told.RecordBatches; len(data) > 0; {
			b, rest, err := record.Cut(data)
			require.NoError(s.t, err)
			data = rest
			id := b.Producer().ID
			for len(starts) > 0 && starts[0].FirstOffset <= b.LastOffset() {
				aborted[starts[0].ProducerID] = true
				starts = starts[1:]
			}
			if b.Attributes().Control() {
				delete(aborted, id)
			} else if !aborted[id] || !b.Attributes().Transactional() {
				for r, err := range new(record.Codec).Records(b) {
					require.NoError(s.t, err)
					values = append(values, string(r.Value))
				}
			}
			offset = b.NextOffset()
		}
		if offset == before {
			stalls++
			s.sleep(20 * time.Millisecond)
		}
	}
	return values
}

// If this failed, a transaction would be half there, or one that was aborted would be seen, after brokers have fallen.
func TestTransactionsOutliveBrokers(t *testing.T) {
	tell(t, 3, 12, nil, func(s *story) {
		s.create("t", 1, 3, nil)
		w := s.writer("w", "t")
		var want []string
		for i := range 12 {
			for j := range 3 {
				require.Equal(t, wire.None, w.write(fmt.Sprint(i, "-", j)))
			}
			switch i % 4 {
			case 1:
				s.strike(s.coordinator("w", 1), 500*time.Millisecond, (*sim.Host).CrashMachine)
			case 3:
				s.strike(s.leader("t", 0), 500*time.Millisecond, (*sim.Host).CrashMachine)
			}
			require.Equal(t, wire.None, w.end(i%3 > 0))
			if i%3 > 0 {
				want = append(want, fmt.Sprint(i, "-", 0), fmt.Sprint(i, "-", 1), fmt.Sprint(i, "-", 2))
			}
		}
		require.Equal(t, want, s.readCommitted("t", len(want)))

		require.Equal(t, wire.None, w.write("zombie"))
		next := s.writer("w", "t")
		code := w.write("zombie again")
		require.Contains(t, []wire.Code{wire.ProducerFenced, wire.InvalidProducerEpoch}, code)
		require.Equal(t, wire.None, next.write("next"))
		require.Equal(t, wire.None, next.end(true))
		require.Equal(t, append(want, "next"), s.readCommitted("t", len(want)+1))
	})
}
