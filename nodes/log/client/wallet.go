package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/wire"
)

// wallet has the transactions of one transactional ID, one after the other.
//
// Invariant: after anything that went otherwise than it should the identity is given up; the next is one epoch further, so that
// nothing of a transaction which was left behind comes after it.
type wallet struct {
	*brokers
	id        string
	timeout   time.Duration
	identity  *identity
	sequences map[string]int32 // of each partition, under this identity
	at        *remote          // the coordinator
}

func newWallet(b *brokers, id string, timeout time.Duration) *wallet {
	return &wallet{brokers: b, id: id, timeout: timeout}
}

// endMovesOn is the version of EndTxn from which on each transaction has an epoch of its own (KIP-890).
const endMovesOn = 5

// errFenced says that another has the transactional ID, or the transaction took too long.
var errFenced = errors.New("log: the producer was fenced off")

// reset gives up the identity.
func (w *wallet) reset() { w.identity = nil }

// begin sees that there is an identity. What an earlier one left behind is aborted before there is.
func (w *wallet) begin(until nodes.Instant) error {
	if w.identity != nil {
		return nil
	}
	err := w.persist(until, func() kmsg.Request {
		r := kmsg.NewPtrInitProducerIDRequest()
		r.TransactionalID, r.TransactionTimeoutMillis, r.ProducerID, r.ProducerEpoch = kmsg.StringPtr(w.id), int32(w.timeout.Milliseconds()), -1, -1
		return r
	}, func(answer kmsg.Response) wire.Code {
		told := answer.(*kmsg.InitProducerIDResponse)
		if told.ErrorCode == 0 {
			w.identity, w.sequences = &identity{told.ProducerID, told.ProducerEpoch}, map[string]int32{}
		}
		return wire.Code(told.ErrorCode)
	})
	return err.err()
}

// add takes partitions into the transaction.
func (w *wallet) add(until nodes.Instant, topics map[string][]int32, order []string) error {
	result := w.persist(until, func() kmsg.Request {
		r := kmsg.NewPtrAddPartitionsToTxnRequest()
		r.TransactionalID, r.ProducerID, r.ProducerEpoch = w.id, w.identity.id, w.identity.epoch
		for _, topic := range order {
			r.Topics = append(r.Topics, kmsg.AddPartitionsToTxnRequestTopic{Topic: topic, Partitions: topics[topic]})
		}
		return r
	}, func(answer kmsg.Response) wire.Code {
		for _, t := range answer.(*kmsg.AddPartitionsToTxnResponse).Topics {
			for _, p := range t.Partitions {
				if code := wire.Code(p.ErrorCode); code != wire.None && code != wire.OperationNotAttempted {
					return code
				}
			}
		}
		return wire.None
	})
	return result.err()
}

// addOffsets takes a group's offsets into the transaction.
func (w *wallet) addOffsets(until nodes.Instant, group string) error {
	result := w.persist(until, func() kmsg.Request {
		r := kmsg.NewPtrAddOffsetsToTxnRequest()
		r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Group = w.id, w.identity.id, w.identity.epoch, group
		return r
	}, func(answer kmsg.Response) wire.Code {
		return wire.Code(answer.(*kmsg.AddOffsetsToTxnResponse).ErrorCode)
	})
	return result.err()
}

// end commits the transaction, or aborts it. If that stays unknown, only the coordinator knows. One that speaks of it tells the next epoch
// with its answer, so that nothing which is late comes to be part of the next transaction.
func (w *wallet) end(until nodes.Instant, commit bool) fate {
	return w.persist(until, func() kmsg.Request {
		r := kmsg.NewPtrEndTxnRequest()
		r.TransactionalID, r.ProducerID, r.ProducerEpoch, r.Commit = w.id, w.identity.id, w.identity.epoch, commit
		return r
	}, func(answer kmsg.Response) wire.Code {
		told := answer.(*kmsg.EndTxnResponse)
		switch code := wire.Code(told.ErrorCode); {
		case code != wire.None || told.Version < endMovesOn:
			return code
		case told.ProducerEpoch < 0:
			w.reset()
		default:
			w.identity, w.sequences = &identity{told.ProducerID, told.ProducerEpoch}, map[string]int32{}
		}
		return wire.None
	})
}

// persist asks the coordinator, whoever it is, until it gives an answer that will not be another the next time. All that is asked may be
// asked twice.
func (w *wallet) persist(until nodes.Instant, make func() kmsg.Request, code func(kmsg.Response) wire.Code) (f fate) {
	f.failed = errNoCoordinator
	pause := w.pause()
	for lasts(w.env, until) > 0 {
		if w.at == nil {
			at, err := w.coordinator(ofTransaction, w.id)
			if w.at = at; err != nil {
				f.failed = err
			}
		}
		if w.at != nil && w.once(&f, make(), code) {
			return f
		}
		if w.rest(pause) != nil {
			return f
		}
	}
	return f
}

// once asks the coordinator once, and says whether it has to be asked no more.
func (w *wallet) once(f *fate, request kmsg.Request, code func(kmsg.Response) wire.Code) (over bool) {
	answer, sent, err := w.at.ask(forShort, request, w.config.Timeout)
	if err != nil {
		if f.failed = err; sent {
			f.unknown = err
		}
		w.at = nil
		return false
	}
	said := code(answer)
	switch f.failed = fmt.Errorf("log: refused: %w", said); said {
	case wire.None:
		f.arrived = true
		return true
	case wire.NotCoordinator, wire.CoordinatorNotAvailable, wire.CoordinatorLoadInProgress:
		if w.at = nil; said == wire.NotCoordinator {
			f.unknown = f.failed // it may have been written down before the coordinator was deposed
		}
		return false
	case wire.InvalidProducerEpoch, wire.ProducerFenced, wire.InvalidProducerIDMapping:
		w.env.Record().Reach(fencedOff)
		f.failed, f.broken = fmt.Errorf("%w: %w", errFenced, said), true
		return true
	}
	return !said.Retriable()
}

// abort ends a transaction that shall leave nothing, and gives up the identity. That it is not committed is certain, whether
// the coordinator is reached or not.
func (w *wallet) abort(until nodes.Instant) {
	w.env.Record().Reach(aborted)
	if w.identity != nil {
		w.end(until, false)
	}
	w.reset()
}
