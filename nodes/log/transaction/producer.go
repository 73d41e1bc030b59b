package transaction

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/wire"
)

// init gives a producer its number and epoch. Who had the same transactional ID before is fenced off, and a transaction that it left
// behind is aborted first, which the producer is told to wait for.
func (c *Core) init(call *coordinator.Call, r *kmsg.InitProducerIDRequest) {
	if r.TransactionalID == nil {
		c.number(call, r)
		return
	}
	timeout := time.Duration(r.TransactionTimeoutMillis) * time.Millisecond
	switch {
	case *r.TransactionalID == "":
		c.refuse(call, wire.InvalidRequest)
		return
	case r.Version >= 3 && (r.ProducerID < 0) != (r.ProducerEpoch < 0):
		c.refuse(call, wire.InvalidRequest)
		return
	case timeout <= 0 || timeout > c.opts.MostTimeout:
		c.refuse(call, wire.InvalidTransactionTimeout)
		return
	}
	t := c.transactions[*r.TransactionalID]
	if t == nil {
		if len(c.transactions) >= c.opts.Most {
			c.refuse(call, wire.PolicyViolation)
			return
		}
		t = newTransaction(*r.TransactionalID)
		c.transactions[t.id] = t
	}
	expected := coordinator.Producer{ID: -1, Epoch: noEpoch}
	if r.Version >= 3 {
		expected = coordinator.Producer{ID: r.ProducerID, Epoch: r.ProducerEpoch}
	}
	switch {
	case t.pending != nil || t.state.decided():
		c.refuse(call, wire.ConcurrentTransactions)
	case expected.ID >= 0 && !t.isProducer(expected):
		c.refuse(call, wire.InvalidProducerEpoch)
	case t.state == Ongoing:
		c.fence(t, func(code wire.Code) {
			if code == wire.None {
				code = wire.ConcurrentTransactions
			}
			c.refuse(call, code)
		})
	default:
		c.advance(t, call, expected, timeout)
	}
}

func newTransaction(id string) *transaction {
	return &transaction{id: id, standing: standing{producer: -1, epoch: noEpoch}, previous: noEpoch, wake: coordinator.Never}
}

// number gives a producer without transactions a number of its own.
func (c *Core) number(call *coordinator.Call, r *kmsg.InitProducerIDRequest) {
	id, ok := c.opts.IDs.Take()
	if !ok {
		c.refuse(call, wire.CoordinatorLoadInProgress)
		return
	}
	c.answer(call, produced(r, coordinator.Producer{ID: id}))
}

func produced(r *kmsg.InitProducerIDRequest, is coordinator.Producer) kmsg.Response {
	answer := r.ResponseKind().(*kmsg.InitProducerIDResponse)
	answer.ProducerID, answer.ProducerEpoch = is.ID, is.Epoch
	return answer
}

// isProducer says whether that is who has the transactional ID, or had it until it asked for its next epoch and did not hear the answer.
func (t *transaction) isProducer(is coordinator.Producer) bool {
	return t.epoch == noEpoch || is.ID == t.producer && (is.Epoch == t.epoch || is.Epoch == t.previous)
}

// advance gives the transactional ID its next epoch or, when these have run out, another number.
func (c *Core) advance(t *transaction, call *coordinator.Call, expected coordinator.Producer, timeout time.Duration) {
	r := call.Request.(*kmsg.InitProducerIDRequest)
	known := t.epoch != noEpoch
	if known && expected.ID >= 0 && expected.Epoch == t.previous {
		c.answer(call, produced(r, coordinator.Producer{ID: t.producer, Epoch: t.epoch})) // as the answer that was not heard
		return
	}
	next := standing{state: Empty, producer: t.producer, epoch: t.epoch + 1, timeout: timeout, began: t.began}
	previous := noEpoch
	if expected.ID >= 0 && known {
		previous = t.epoch
	}
	if !known || t.epoch >= lastEpoch-1 {
		id, ok := c.opts.IDs.Take()
		if !ok {
			c.settle(t)
			c.refuse(call, wire.CoordinatorLoadInProgress)
			return
		}
		next.producer, next.epoch, previous = id, 0, noEpoch
	}
	c.write(t, next, func(code wire.Code) {
		if code != wire.None {
			c.refuse(call, code)
			return
		}
		t.previous = previous
		c.answer(call, produced(r, coordinator.Producer{ID: t.producer, Epoch: t.epoch}))
	})
}

// fence aborts a transaction under the next epoch, so that whoever began it can write nothing more.
func (c *Core) fence(t *transaction, then func(wire.Code)) {
	next := t.standing
	next.state = PrepareAbort
	if next.epoch < lastEpoch {
		next.epoch++
	}
	c.decide(t, next, func(code wire.Code) {
		if code == wire.None {
			t.previous = noEpoch
		}
		then(code)
	})
}
