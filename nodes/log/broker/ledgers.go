package broker

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/cluster"
	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/record"
	"simrun/nodes/log/transaction"
	"simrun/nodes/log/wire"
)

// askLedger has the coordinator of a transactional ID answer.
func (b *broker) askLedger(c *call, request kmsg.Request) {
	k, code := b.coordinator(ledgerTopic, transactionOf(request))
	if code != wire.None {
		c.reply(transaction.Refusal(request, code))
		return
	}
	k.step(c.header.Client, c.guest.host, request, c.reply)
}

func transactionOf(request kmsg.Request) string {
	switch r := request.(type) {
	case *kmsg.InitProducerIDRequest:
		return *r.TransactionalID
	case *kmsg.AddPartitionsToTxnRequest:
		return r.TransactionalID
	case *kmsg.AddOffsetsToTxnRequest:
		return r.TransactionalID
	default:
		return request.(*kmsg.EndTxnRequest).TransactionalID
	}
}

// initProducerID gives a producer a number that nobody else has. Those without a transactional ID get it from any broker.
func (b *broker) initProducerID(c *call, r *kmsg.InitProducerIDRequest) {
	if code := b.stockUp(c); code != wire.None {
		c.reply(transaction.Refusal(r, code))
		return
	}
	if r.TransactionalID != nil {
		b.askLedger(c, r)
		return
	}
	answer := r.ResponseKind().(*kmsg.InitProducerIDResponse)
	id, ok := b.ids.Take()
	if answer.ProducerID = id; !ok {
		answer.ErrorCode, answer.ProducerID = int16(wire.CoordinatorLoadInProgress), -1
	}
	c.reply(answer)
}

// stockUp sees that there are numbers for producers.
func (b *broker) stockUp(c *call) (code wire.Code) {
	if b.ids.Left() > 0 {
		return wire.None
	}
	if !c.pause(func() error {
		for b.stocking {
			b.applied.WaitFor(b.config.Election)
		}
		if b.ids.Left() > 0 {
			return nil
		}
		b.stocking = true
		r := b.settled(&cluster.Command{Producers: &cluster.Standing{ID: b.place.id, Epoch: b.lifeOf(b.place.id)}}, 4*b.config.Election)
		b.stocking = false
		b.applied.Broadcast()
		if r.Code != wire.None {
			code = wire.CoordinatorLoadInProgress // that is what makes clients try again
			return nil
		}
		b.ids.Add(r.Epoch, cluster.ProducerBlock)
		return nil
	}) {
		return wire.CoordinatorLoadInProgress
	}
	return code
}

// writeMarkers ends transactions in partitions that are led here, as their coordinator decided.
func (b *broker) writeMarkers(c *call, r *kmsg.WriteTxnMarkersRequest) {
	answer := r.ResponseKind().(*kmsg.WriteTxnMarkersResponse)
	left := 1
	finished := func() {
		if left--; left == 0 {
			c.reply(answer)
		}
	}
	answer.Markers = make([]kmsg.WriteTxnMarkersResponseMarker, len(r.Markers))
	for i, m := range r.Markers {
		told := kmsg.NewWriteTxnMarkersResponseMarker()
		told.ProducerID = m.ProducerID
		by := coordinator.Producer{ID: m.ProducerID, Epoch: m.ProducerEpoch}
		marker := record.Marker{Commit: m.Committed, CoordinatorEpoch: m.CoordinatorEpoch, Once: m.TransactionVersion >= transaction.MovesOn}
		for _, t := range m.Topics {
			of := kmsg.NewWriteTxnMarkersResponseMarkerTopic()
			of.Topic = t.Topic
			of.Partitions = make([]kmsg.WriteTxnMarkersResponseMarkerTopicPartition, len(t.Partitions))
			for j, index := range t.Partitions {
				of.Partitions[j] = kmsg.NewWriteTxnMarkersResponseMarkerTopicPartition()
				of.Partitions[j].Partition = index
				left++
				b.mark(t.Topic, index, by, marker, func(code wire.Code) {
					of.Partitions[j].ErrorCode = int16(code)
					finished()
				})
			}
			told.Topics = append(told.Topics, of)
		}
		answer.Markers[i] = told
	}
	finished()
}

// mark writes one marker, and says when it is committed.
func (b *broker) mark(topic string, index int32, by coordinator.Producer, m record.Marker, done func(wire.Code)) {
	r, code := b.leading(topic, index, -1)
	if code != wire.None {
		done(code)
		return
	}
	a, err := r.log.AppendMarker(m, by.ID, by.Epoch, r.epoch)
	if err != nil {
		done(codeOf(err))
		return
	}
	b.record.Sometimes(abortMarked, !m.Commit)
	committed := r.await(a.Last+1, func(code wire.Code) {
		if k := r.keeper; code == wire.None && !a.Duplicate && k != nil && k.groups != nil && !k.over {
			k.groups.Ended(b.now(), by.ID, m.Commit)
			k.drive()
		}
		done(code)
	})
	r.log.Then(a, func(err error) {
		if err != nil && !committed.over {
			r.abandon(committed, codeOf(err))
		}
	})
}

// sendMarkers sends a transaction's end to the leaders of its partitions. What is not confirmed the coordinator sends again.
func (b *broker) sendMarkers(k *keeper, m transaction.Marker) {
	byLeader := map[int32][]transaction.TopicPartition{}
	for _, p := range m.Partitions {
		of := b.state.Partition(p.Topic, p.Partition)
		switch {
		case of == nil: // its topic is no more
			k.ledger.Marked(b.now(), m, p)
		case of.Leader == b.place.id:
			b.mark(p.Topic, p.Partition, m.Producer, record.Marker{Commit: m.Commit, CoordinatorEpoch: m.CoordinatorEpoch, Once: m.Once}, func(code wire.Code) {
				k.marked(m, code, p)
			})
		case of.Leader != cluster.None:
			byLeader[of.Leader] = append(byLeader[of.Leader], p)
		}
	}
	for _, leader := range b.state.Brokers() {
		if partitions := byLeader[leader.ID]; len(partitions) > 0 {
			b.courier(leader.ID).take(errand{k, m, partitions})
		}
	}
}

// marked takes note that a partition has its marker, or never needs one: it knows a later epoch of the producer or of the coordinator.
func (k *keeper) marked(m transaction.Marker, code wire.Code, partitions ...transaction.TopicPartition) {
	if !k.over && (code == wire.None || code == wire.InvalidProducerEpoch || code == wire.CoordinatorFenced || code == wire.UnknownTopicOrPartition && k.gone(partitions)) {
		k.ledger.Marked(k.b.now(), m, partitions...)
		k.drive()
	}
}

// gone says that none of the partitions is there any more.
func (k *keeper) gone(partitions []transaction.TopicPartition) bool {
	return !slices.ContainsFunc(partitions, func(p transaction.TopicPartition) bool { return k.b.state.Partition(p.Topic, p.Partition) != nil })
}

// errand is markers for one broker.
type errand struct {
	k          *keeper
	m          transaction.Marker
	partitions []transaction.TopicPartition
}

// courier brings markers to one other broker, one after the other.
type courier struct {
	b       *broker
	line    line
	errands []errand
	running bool
}

// mostErrands bounds how many may wait for one courier. The coordinator sends again what was not taken.
const mostErrands = 1000

func (b *broker) courier(to int32) *courier {
	if b.couriers[to] == nil {
		b.couriers[to] = &courier{b: b, line: line{b: b, to: to}}
	}
	return b.couriers[to]
}

func (c *courier) take(e errand) {
	if len(c.errands) >= mostErrands {
		return
	}
	c.errands = append(c.errands, e)
	if !c.running {
		c.running = true
		c.b.env.Go("markers", c.run)
	}
}

// run brings all that there is.
func (c *courier) run() {
	for len(c.errands) > 0 && !c.b.stopping {
		e := c.errands[0]
		c.errands = c.errands[1:]
		if e.k.over {
			continue
		}
		if e.partitions = e.k.ledger.Lacking(e.m, e.partitions); len(e.partitions) == 0 {
			continue // it was sent again, and the first has done it: the producer may be in its next transaction
		}
		if err := c.bring(e); err != nil {
			c.b.env.Log().Debug("markers were not brought", "to", c.line.to, "err", err)
			c.line.hangUp()
		}
	}
	c.errands, c.running = nil, false
	c.line.hangUp()
}

func (c *courier) bring(e errand) error {
	request := wire.New(wire.WriteTxnMarkers, 2).(*kmsg.WriteTxnMarkersRequest)
	m := kmsg.NewWriteTxnMarkersRequestMarker()
	m.ProducerID, m.ProducerEpoch, m.Committed, m.CoordinatorEpoch = e.m.Producer.ID, e.m.Producer.Epoch, e.m.Commit, e.m.CoordinatorEpoch
	if e.m.Once {
		m.TransactionVersion = transaction.MovesOn
	}
	for _, p := range e.partitions {
		i := slices.IndexFunc(m.Topics, func(t kmsg.WriteTxnMarkersRequestMarkerTopic) bool { return t.Topic == p.Topic })
		if i < 0 {
			i = len(m.Topics)
			m.Topics = append(m.Topics, kmsg.WriteTxnMarkersRequestMarkerTopic{Topic: p.Topic})
		}
		m.Topics[i].Partitions = append(m.Topics[i].Partitions, p.Partition)
	}
	request.Markers = append(request.Markers, m)
	told, err := c.line.ask(request, slowest+time.Duration(len(e.partitions))*time.Millisecond)
	if err != nil {
		return err
	}
	for _, marker := range told.(*kmsg.WriteTxnMarkersResponse).Markers {
		for _, t := range marker.Topics {
			for _, p := range t.Partitions {
				e.k.marked(e.m, wire.Code(p.ErrorCode), transaction.TopicPartition{Topic: t.Topic, Partition: p.Partition})
			}
		}
	}
	return nil
}
