package transaction

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/wire"
)

// who is the transaction of a producer that is the current one, and does nothing else at the moment.
func (c *Core) who(id string, is coordinator.Producer, version int16) (*transaction, wire.Code) {
	t := c.transactions[id]
	switch {
	case id == "":
		return nil, wire.InvalidRequest
	case t == nil || t.producer != is.ID:
		return nil, wire.InvalidProducerIDMapping
	case t.epoch != is.Epoch && version < 2:
		return nil, wire.InvalidProducerEpoch
	case t.epoch != is.Epoch:
		return nil, wire.ProducerFenced
	case t.pending != nil:
		return nil, wire.ConcurrentTransactions
	}
	return t, wire.None
}

// addPartitions takes partitions into a transaction, which begins with the first.
func (c *Core) addPartitions(call *coordinator.Call, r *kmsg.AddPartitionsToTxnRequest) {
	var all []TopicPartition
	for _, topic := range r.Topics {
		for _, p := range topic.Partitions {
			all = append(all, TopicPartition{topic.Topic, p})
		}
	}
	t, code := c.who(r.TransactionalID, coordinator.Producer{ID: r.ProducerID, Epoch: r.ProducerEpoch}, r.Version)
	c.add(call, t, code, all)
}

// addOffsets takes the offsets of a group into a transaction.
func (c *Core) addOffsets(call *coordinator.Call, r *kmsg.AddOffsetsToTxnRequest) {
	t, code := c.who(r.TransactionalID, coordinator.Producer{ID: r.ProducerID, Epoch: r.ProducerEpoch}, r.Version)
	if r.Group == "" {
		code = wire.InvalidGroupID
	}
	c.add(call, t, code, []TopicPartition{{c.opts.OffsetsTopic, coordinator.Partition(r.Group, c.opts.OffsetsPartitions)}})
}

func (c *Core) add(call *coordinator.Call, t *transaction, code wire.Code, all []TopicPartition) {
	switch {
	case code != wire.None:
	case t.state.decided():
		code = wire.ConcurrentTransactions
	case len(t.partitions)+len(all) > c.opts.Partitions:
		code = wire.PolicyViolation
	}
	if code != wire.None {
		c.refuse(call, code)
		return
	}
	next := t.standing
	next.partitions = append(slices.Clone(next.partitions), all...)
	slices.SortFunc(next.partitions, TopicPartition.compare)
	next.partitions = slices.Compact(next.partitions)
	if len(next.partitions) == len(t.partitions) {
		c.refuse(call, wire.None) // nothing is new
		return
	}
	if t.state != Ongoing {
		next.state, next.began, next.once = Ongoing, c.now.Wall, false
	}
	c.write(t, next, func(code wire.Code) { c.refuse(call, code) })
}

// MovesOn is the version of transactions in which each has an epoch of its own; endMovesOn is that of EndTxn which tells the next.
const (
	MovesOn    = 2
	endMovesOn = 5
)

// end decides a transaction as its producer wishes. Who asks again for what was decided already is told so.
func (c *Core) end(call *coordinator.Call, r *kmsg.EndTxnRequest) {
	is, movesOn := coordinator.Producer{ID: r.ProducerID, Epoch: r.ProducerEpoch}, r.Version >= endMovesOn
	again := movesOn && c.movedOn(r.TransactionalID, is)
	if again {
		is.Epoch++
	}
	t, code := c.who(r.TransactionalID, is, r.Version)
	if code != wire.None {
		c.refuse(call, code)
		return
	}
	prepare, complete := PrepareAbort, CompleteAbort
	if r.Commit {
		prepare, complete = PrepareCommit, CompleteCommit
	}
	switch t.state {
	case Ongoing:
		next := t.standing
		if next.state, next.once = prepare, movesOn; movesOn {
			next.epoch++
		}
		c.decide(t, next, func(code wire.Code) { c.ended(call, t, code) })
	case prepare:
		c.refuse(call, wire.ConcurrentTransactions)
	case complete:
		if t.once != again { // it is not the one that this producer means
			c.refuse(call, wire.InvalidTxnState)
			return
		}
		c.ended(call, t, wire.None)
	default:
		c.refuse(call, wire.InvalidTxnState)
	}
}

// movedOn says that the producer's transaction was decided, and that it has not heard under which epoch it goes on.
func (c *Core) movedOn(id string, is coordinator.Producer) bool {
	t := c.transactions[id]
	return t != nil && t.once && t.producer == is.ID && t.epoch == is.Epoch+1 && t.state != Ongoing
}

// ended tells a producer that its transaction is decided, and under which epoch it goes on. Who has used up the last is told none, and asks for
// another number.
func (c *Core) ended(call *coordinator.Call, t *transaction, code wire.Code) {
	answer := Refusal(call.Request, code).(*kmsg.EndTxnResponse)
	if code == wire.None && t.once && t.epoch < lastEpoch {
		answer.ProducerID, answer.ProducerEpoch = t.producer, t.epoch
	}
	c.answer(call, answer)
}

// decide writes down how the transaction ends, and tells its partitions.
func (c *Core) decide(t *transaction, next standing, then func(wire.Code)) {
	c.write(t, next, func(code wire.Code) {
		if then(code); code == wire.None {
			c.begin(t)
		}
	})
}

// begin sends the markers of what was decided.
func (c *Core) begin(t *transaction) {
	c.decisions++
	t.number, t.missing = c.decisions, slices.Clone(t.partitions)
	c.mark(t)
}

// mark sends markers to the partitions that have not confirmed theirs, and completes the transaction if all have.
func (c *Core) mark(t *transaction) {
	if len(t.missing) > 0 {
		c.markers = append(c.markers, Marker{t.number, t.id, coordinator.Producer{ID: t.producer, Epoch: t.epoch}, t.state == PrepareCommit, t.once, slices.Clone(t.missing), c.epoch})
		return
	}
	next := t.standing
	next.state, next.partitions = CompleteAbort, nil
	if t.state == PrepareCommit {
		next.state = CompleteCommit
	}
	c.write(t, next, func(wire.Code) {}) // if it is refused, it will be tried again
}

// Marked says that partitions have a marker: it is committed there. One that is not confirmed is sent again.
func (c *Core) Marked(now coordinator.Time, m Marker, partitions ...TopicPartition) {
	c.see(now)
	if t := c.transactions[m.ID]; t != nil && t.number == m.Number {
		c.confirm(t, func(p TopicPartition) bool { return slices.Contains(partitions, p) })
	}
}

func (c *Core) confirm(t *transaction, has func(TopicPartition) bool) {
	if !t.state.decided() || len(t.missing) == 0 {
		return
	}
	if t.missing = slices.DeleteFunc(t.missing, has); len(t.missing) == 0 {
		c.mark(t)
	}
}

// DropTopic says that a topic is no more: its partitions need no markers.
func (c *Core) DropTopic(now coordinator.Time, topic string) {
	c.see(now)
	for _, t := range c.sorted() {
		c.confirm(t, func(p TopicPartition) bool { return p.Topic == topic })
	}
}

// Lacking are those of the partitions that are not known to have the marker yet. A marker that waited for its turn, and is asked for no
// more, must not leave: it would end the next transaction of the same producer.
func (c *Core) Lacking(m Marker, partitions []TopicPartition) (lack []TopicPartition) {
	t := c.transactions[m.ID]
	if t == nil || t.number != m.Number || !t.state.decided() {
		return nil
	}
	for _, p := range partitions {
		if slices.Contains(t.missing, p) {
			lack = append(lack, p)
		}
	}
	return lack
}
