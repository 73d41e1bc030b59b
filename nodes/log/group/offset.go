package group

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/wire"
)

// TopicPartition is a partition of a topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

func (a TopicPartition) compare(b TopicPartition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

// offset is how far a group has come in a partition.
type offset struct {
	at       int64
	epoch    int32 // of the leader that the record before it was read from; -1 if it is not known
	metadata string
	made     time.Time // by the wall of the coordinator that took it
	expires  time.Time // where its client said so; zero else
	order    uint64    // in which it stands in the partition, among all that does
}

// offsets are how far a group has come everywhere.
//
// Invariant: writing has no zero; open has no empty map. What is in either is not to be seen yet.
type offsets struct {
	committed map[TopicPartition]offset
	writing   map[TopicPartition]int              // how many writes of it are under way
	open      map[int64]map[TopicPartition]offset // by the producer in whose transaction they are
}

func newOffsets() offsets {
	return offsets{committed: map[TopicPartition]offset{}, writing: map[TopicPartition]int{}, open: map[int64]map[TopicPartition]offset{}}
}

func (o *offsets) none() bool {
	return len(o.committed) == 0 && len(o.writing) == 0 && len(o.open) == 0
}

// has says whether there is room taken for the partition already.
func (o *offsets) has(p TopicPartition) bool {
	_, committed := o.committed[p]
	return committed || o.uncertain(p)
}

// uncertain says that another offset of the partition may come to count, and it is not decided yet.
func (o *offsets) uncertain(p TopicPartition) bool {
	if o.writing[p] > 0 {
		return true
	}
	for _, mine := range o.open {
		if _, has := mine[p]; has {
			return true
		}
	}
	return false
}

// size is how many partitions have an offset, or are about to; those counted twice that may get another.
func (o *offsets) size() int {
	n := len(o.committed) + len(o.writing)
	for _, mine := range o.open {
		n += len(mine)
	}
	return n
}

func (o *offsets) begin(p TopicPartition) { o.writing[p]++ }

func (o *offsets) end(p TopicPartition) {
	if o.writing[p]--; o.writing[p] == 0 {
		delete(o.writing, p)
	}
}

// take makes an offset count, unless one that stands behind it in the partition does already.
func (o *offsets) take(p TopicPartition, is offset) {
	if was, known := o.committed[p]; !known || was.order <= is.order {
		o.committed[p] = is
	}
}

// hold keeps an offset until its transaction ends.
func (o *offsets) hold(producer int64, p TopicPartition, is offset) {
	if o.open[producer] == nil {
		o.open[producer] = map[TopicPartition]offset{}
	}
	o.open[producer][p] = is
}

// finish ends a producer's transaction.
func (o *offsets) finish(producer int64, commit bool) {
	mine := o.open[producer]
	delete(o.open, producer)
	if !commit {
		return
	}
	for _, p := range slices.SortedFunc(maps.Keys(mine), TopicPartition.compare) {
		o.take(p, mine[p])
	}
}

// all are the partitions with a committed offset, or with one under way, in order.
func (o *offsets) all(underWay bool) []TopicPartition {
	var all []TopicPartition
	for p := range o.committed {
		all = append(all, p)
	}
	if underWay {
		for p := range o.writing {
			if _, too := o.committed[p]; !too {
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, TopicPartition.compare)
	return all
}

// placed is an offset and where it belongs.
type placed struct {
	TopicPartition
	offset
}

// commit takes offsets from a member, or from anybody while the group has no members.
func (c *Core) commit(call *coordinator.Call, r *kmsg.OffsetCommitRequest) {
	g, code := c.committer(r.Group, r.MemberID, textOf(r.InstanceID), r.Generation)
	if code == wire.None && g.state == Completing && r.Generation >= 0 {
		code = wire.RebalanceInProgress
	}
	if code != wire.None {
		c.refuse(call, code)
		return
	}
	defer c.settle(g)
	if m := g.member(r.MemberID); m != nil {
		c.hear(m)
	}
	answer := r.ResponseKind().(*kmsg.OffsetCommitResponse)
	var all []placed
	for _, t := range r.Topics {
		told := kmsg.OffsetCommitResponseTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			o := placed{TopicPartition{t.Topic, p.Partition}, offset{at: p.Offset, epoch: -1, metadata: textOf(p.Metadata), made: c.now.Wall}}
			if r.Version >= 6 {
				o.epoch = p.LeaderEpoch
			}
			if r.Version >= 2 && r.Version <= 4 && r.RetentionTimeMillis >= 0 {
				o.expires = c.now.Wall.Add(time.Duration(min(r.RetentionTimeMillis, longestRetention)) * time.Millisecond)
			}
			code := c.room(g, &o, len(all))
			if code == wire.None {
				all = append(all, o)
			}
			told.Partitions = append(told.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: int16(code)})
		}
		answer.Topics = append(answer.Topics, told)
	}
	c.write(g, all, nil, func(code wire.Code) {
		if code != wire.None {
			blame(answer.Topics, func(t *kmsg.OffsetCommitResponseTopic) []kmsg.OffsetCommitResponseTopicPartition { return t.Partitions },
				func(p *kmsg.OffsetCommitResponseTopicPartition) *int16 { return &p.ErrorCode }, code)
		}
		c.answer(call, answer)
	})
}

// longestRetention is the most milliseconds that an offset is kept because its client says so: a hundred years.
const longestRetention = 100 * 366 * 24 * 3600 * 1000

// blame gives an error to each partition that has none yet.
func blame[T, P any](topics []T, partitions func(*T) []P, of func(*P) *int16, code wire.Code) {
	for i := range topics {
		all := partitions(&topics[i])
		for j := range all {
			if at := of(&all[j]); *at == 0 {
				*at = int16(code)
			}
		}
	}
}

// committer is the group of somebody who may commit offsets: a member of its generation, or, in a group without members, whoever
// names no generation. Such a group is made if need be.
func (c *Core) committer(id, memberID, instance string, generation int32) (*group, wire.Code) {
	g := c.groups[id]
	switch {
	case id == "":
		return nil, wire.InvalidGroupID
	case g == nil && generation >= 0:
		return nil, wire.IllegalGeneration
	case g == nil:
		if g = c.group(id); g == nil {
			return nil, wire.PolicyViolation
		}
		return g, wire.None
	case generation < 0 && g.state == Empty:
		return g, wire.None
	}
	if _, code := g.identify(memberID, instance); code != wire.None {
		return nil, code
	}
	if generation != g.generation {
		return nil, wire.IllegalGeneration
	}
	return g, wire.None
}

// room says whether one more offset can be taken, beside those before it in the request.
func (c *Core) room(g *group, o *placed, before int) wire.Code {
	switch {
	case len(o.metadata) > c.opts.MetadataBytes:
		return wire.OffsetMetadataTooLarge
	case c.ledger.Waiting() >= c.opts.Writes:
		return wire.CoordinatorNotAvailable
	case !g.offsets.has(o.TopicPartition) && g.offsets.size()+before >= c.opts.Offsets:
		return wire.PolicyViolation
	}
	return wire.None
}

// write writes offsets down, in a producer's transaction if there is one, and goes on once they are committed.
func (c *Core) write(g *group, all []placed, transaction *coordinator.Producer, then func(wire.Code)) {
	if len(all) == 0 {
		then(wire.None)
		return
	}
	var records []coordinator.Record
	for i := range all {
		g.offsets.begin(all[i].TopicPartition)
		records = append(records, all[i].record(g.id))
	}
	c.ledger.Write(records, transaction, func(code wire.Code) {
		for i := range all {
			g.offsets.end(all[i].TopicPartition)
			if code == wire.None {
				c.keep(g, &all[i], transaction)
			}
		}
		then(code)
		c.settle(g)
	})
}

// keep enters an offset that is committed.
func (c *Core) keep(g *group, o *placed, transaction *coordinator.Producer) {
	c.order++
	o.order = c.order
	if transaction != nil {
		g.offsets.hold(transaction.ID, o.TopicPartition, o.offset)
		return
	}
	g.offsets.take(o.TopicPartition, o.offset)
}

// commitInTransaction takes offsets that count once the producer's transaction is committed. Whether the producer is the
// current one the partition knows, which refuses the write if it is not.
func (c *Core) commitInTransaction(call *coordinator.Call, r *kmsg.TxnOffsetCommitRequest) {
	generation, memberID, instance := int32(-1), "", ""
	if r.Version >= 3 {
		generation, memberID, instance = r.Generation, r.MemberID, textOf(r.InstanceID)
	}
	g, code := c.transactor(r.Group, memberID, instance, generation)
	if code != wire.None {
		c.refuse(call, code)
		return
	}
	defer c.settle(g)
	answer := r.ResponseKind().(*kmsg.TxnOffsetCommitResponse)
	var all []placed
	for _, t := range r.Topics {
		told := kmsg.TxnOffsetCommitResponseTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			o := placed{TopicPartition{t.Topic, p.Partition}, offset{at: p.Offset, epoch: -1, metadata: textOf(p.Metadata), made: c.now.Wall}}
			if r.Version >= 2 {
				o.epoch = p.LeaderEpoch
			}
			code := c.room(g, &o, len(all))
			if code == wire.None {
				all = append(all, o)
			}
			told.Partitions = append(told.Partitions, kmsg.TxnOffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: int16(code)})
		}
		answer.Topics = append(answer.Topics, told)
	}
	c.write(g, all, &coordinator.Producer{ID: r.ProducerID, Epoch: r.ProducerEpoch}, func(code wire.Code) {
		if code != wire.None {
			blame(answer.Topics, func(t *kmsg.TxnOffsetCommitResponseTopic) []kmsg.TxnOffsetCommitResponseTopicPartition {
				return t.Partitions
			},
				func(p *kmsg.TxnOffsetCommitResponseTopicPartition) *int16 { return &p.ErrorCode }, code)
		}
		c.answer(call, answer)
	})
}

// transactor is the group of a producer that commits offsets. One that says nothing of a member is believed.
func (c *Core) transactor(id, memberID, instance string, generation int32) (*group, wire.Code) {
	if generation >= 0 || memberID != "" || instance != "" || id == "" {
		return c.committer(id, memberID, instance, generation)
	}
	g := c.group(id)
	if g == nil {
		return nil, wire.PolicyViolation
	}
	return g, wire.None
}

// Ended says that the marker which ends a producer's transaction is committed in the partition, after the Writes that were committed before.
func (c *Core) Ended(now coordinator.Time, producer int64, commit bool) {
	c.see(now)
	c.finish(producer, commit)
}

func (c *Core) finish(producer int64, commit bool) {
	for _, g := range c.sorted() {
		if _, has := g.offsets.open[producer]; has {
			g.offsets.finish(producer, commit)
			c.settle(g)
		}
	}
}

// fetch tells how far a group has come.
func (c *Core) fetch(call *coordinator.Call, r *kmsg.OffsetFetchRequest) {
	g := c.groups[r.Group]
	if r.Group == "" {
		c.refuse(call, wire.InvalidGroupID)
		return
	}
	topics := r.Topics
	if topics == nil && g != nil {
		for _, p := range g.offsets.all(r.RequireStable) {
			if n := len(topics); n == 0 || topics[n-1].Topic != p.Topic {
				topics = append(topics, kmsg.OffsetFetchRequestTopic{Topic: p.Topic})
			}
			t := &topics[len(topics)-1]
			t.Partitions = append(t.Partitions, p.Partition)
		}
	}
	answer := r.ResponseKind().(*kmsg.OffsetFetchResponse)
	for _, t := range topics {
		told := kmsg.OffsetFetchResponseTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			told.Partitions = append(told.Partitions, g.tell(TopicPartition{t.Topic, p}, r.RequireStable))
		}
		answer.Topics = append(answer.Topics, told)
	}
	c.answer(call, answer)
}

// tell is how far the group has come in a partition; nil is one that there is not.
func (g *group) tell(p TopicPartition, stable bool) kmsg.OffsetFetchResponseTopicPartition {
	told := kmsg.OffsetFetchResponseTopicPartition{Partition: p.Partition, Offset: -1, LeaderEpoch: -1, Metadata: kmsg.StringPtr("")}
	if g == nil {
		return told
	}
	if stable && g.offsets.uncertain(p) {
		told.ErrorCode = int16(wire.UnstableOffsetCommit)
		return told
	}
	if o, known := g.offsets.committed[p]; known {
		told.Offset, told.LeaderEpoch, told.Metadata = o.at, o.epoch, kmsg.StringPtr(o.metadata)
	}
	return told
}
