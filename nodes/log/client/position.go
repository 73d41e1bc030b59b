package client

import (
	"errors"
	"log/slog"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/record"
	"simrun/nodes/log/wire"
)

// part is a partition that a consumer has.
//
// Invariant: the offsets in buffer rise, from position on, and lie before fetched. While buffer is empty, fetched is position.
type part struct {
	topic     string
	partition int32
	position  spot  // of what is processed next; nowhere before it is known
	fetched   spot  // from where to fetch
	since     int64 // from where on all that was fetched is of the epoch of fetched
	holds     int32 // the leader's epoch in which it is known that the log has what was fetched; -1 for none
	high      int64 // where the partition ends, as far as it may be seen
	buffer    []fetched
	gone      bool  // it is not the consumer's any more
	added     bool  // it was not there when the consumer began, so it is read from its beginning
	reset     bool  // its position is not there
	parted    *spot // where to go on, for the log was cut off below the position
}

// spot is an offset, and the leader's epoch of the record before it: by that it is told whether a log still has what was read up to there. It is
// -1 if nothing was read.
type spot struct {
	offset int64
	epoch  int32
}

// nowhere is where a part is before it is known.
var nowhere = spot{-1, -1}

// fetched is a message that was fetched ahead.
type fetched struct {
	offset     int64
	epoch      int32 // its leader's
	key, value []byte
}

func newPart(topic string, partition int32) *part {
	return &part{topic: topic, partition: partition, position: nowhere, fetched: nowhere, since: -1, holds: -1}
}

// put lets the part go on from there.
func (p *part) put(at spot) {
	p.position, p.fetched, p.since, p.buffer = at, at, at.offset, nil
	p.holds, p.reset, p.parted = -1, false, nil
}

// placed says whether it is known from where the part goes on.
func (p *part) placed() bool { return p.position.offset >= 0 && !p.reset }

// wants says whether something is to be fetched for the part. A fetch task outlives a generation of the group: it comes upon parts that are
// not placed yet, of which a broker could only say that there is no such offset.
func (p *part) wants() bool { return p.placed() && len(p.buffer) == 0 && p.parted == nil }

// pass lets the next fetch begin after the batch.
func (p *part) pass(b record.Batch) {
	if b.NextOffset() <= p.fetched.offset {
		return
	}
	if b.LeaderEpoch() != p.fetched.epoch {
		p.since = max(b.BaseOffset(), p.fetched.offset)
	}
	p.fetched = spot{b.NextOffset(), b.LeaderEpoch()}
}

// hold sees, before anything is fetched under another leader's epoch, that the log still has what was read of it: a leader that was
// elected uncleanly may lack it, and have others at the same offsets (KIP-320). It returns the parts of which that is known.
func (c *consumer) hold(r *remote, wanted []*part) (sure []*part, err error) {
	var doubtful []*part
	for _, p := range wanted {
		epoch := c.epochOf(p)
		switch {
		case p.holds == epoch:
		case p.fetched.epoch < 0 || epoch < 0: // there is nothing to be missed, or nobody to say so
			p.holds = epoch
		default:
			doubtful = append(doubtful, p)
			continue
		}
		sure = append(sure, p)
	}
	if len(doubtful) == 0 {
		return sure, nil
	}
	err = c.askEnds(r, doubtful)
	if errors.Is(err, errUnspoken) { // by brokers from before
		return wanted, nil
	}
	for _, p := range doubtful {
		if p.wants() && p.holds == c.epochOf(p) {
			sure = append(sure, p)
		}
	}
	return sure, err
}

// epochOf is the epoch of the part's leader, as far as it is known.
func (c *consumer) epochOf(p *part) int32 {
	if places := c.topics[p.topic]; int(p.partition) < len(places) {
		return places[p.partition].epoch
	}
	return -1
}

// askEnds asks the leader of the parts where in its logs the epochs end which were read last.
func (c *consumer) askEnds(r *remote, parts []*part) error {
	request := kmsg.NewPtrOffsetForLeaderEpochRequest()
	request.ReplicaID = -1
	from, under := make([]spot, len(parts)), make([]int32, len(parts))
	for i, p := range parts {
		from[i], under[i] = p.fetched, c.epochOf(p)
		t := slices.IndexFunc(request.Topics, func(t kmsg.OffsetForLeaderEpochRequestTopic) bool { return t.Topic == p.topic })
		if t < 0 {
			t = len(request.Topics)
			request.Topics = append(request.Topics, kmsg.OffsetForLeaderEpochRequestTopic{Topic: p.topic})
		}
		one := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		one.Partition, one.CurrentLeaderEpoch, one.LeaderEpoch = p.partition, under[i], p.fetched.epoch
		request.Topics[t].Partitions = append(request.Topics[t].Partitions, one)
	}
	answer, _, err := r.ask(forShort, request, c.brokers.config.Timeout)
	if err != nil {
		return err
	}
	for _, t := range answer.(*kmsg.OffsetForLeaderEpochResponse).Topics {
		for _, told := range t.Partitions {
			i := slices.IndexFunc(parts, func(p *part) bool { return p.topic == t.Topic && p.partition == told.Partition })
			if code := wire.Code(told.ErrorCode); code != wire.None {
				err = errors.Join(err, code)
			} else if i >= 0 && parts[i].fetched == from[i] && parts[i].wants() {
				c.compare(parts[i], under[i], spot{told.EndOffset, told.LeaderEpoch})
			}
		}
	}
	return err
}

// compare takes the leader's word for where the epoch ends in its log that was read last, or the latest before that.
func (c *consumer) compare(p *part, under int32, end spot) {
	switch {
	case end.offset < 0: // it knows nothing of that time; if the position is not there the fetch says so
		p.holds = under
	case end.offset < p.fetched.offset:
		p.parted = &end
	case end.epoch >= 0 && end.epoch < p.fetched.epoch: // nothing of that epoch is there, however long the log is
		p.parted = &spot{min(end.offset, p.since), end.epoch}
	default:
		p.holds = under
	}
}

// turnBack goes back to where the log was cut off: what comes there now is not what was read.
func (c *consumer) turnBack(p *part) {
	c.env.Record().Reach(cutOff)
	op := c.env.Record().Invoke(nodes.Request{}, "seek", slog.String("partition", name(p.topic, p.partition)), slog.Int64("offset", p.parted.offset))
	op.Note("truncated", slog.Int64("from", p.position.offset))
	p.put(*p.parted)
	c.moved = true
	op.Ok()
}

// tellReset says that the log has nothing any more, or not yet, at the part's position, and from where it goes on.
func (c *consumer) tellReset(p *part, to int64) {
	op := c.env.Record().Invoke(nodes.Request{}, "seek", slog.String("partition", name(p.topic, p.partition)), slog.Int64("offset", to))
	op.Note("out-of-range", slog.Int64("from", p.position.offset))
	c.env.Log().Info("the position is not there", "partition", name(p.topic, p.partition), "from", p.position.offset, "to", to)
	op.Ok()
}

// The times that mean something else.
const (
	latestOffset   int64 = -1
	earliestOffset int64 = -2
)

// edge asks a leader, in an epoch or in whichever it is (-1), where a partition begins, or where that of it ends which may be seen.
func (b *brokers) edge(r *remote, topic string, partition, epoch int32, which int64, isolation Isolation) (int64, error) {
	request := kmsg.NewPtrListOffsetsRequest()
	request.ReplicaID = -1
	if isolation == ReadCommitted {
		request.IsolationLevel = 1
	}
	one := kmsg.NewListOffsetsRequestTopicPartition()
	one.Partition, one.CurrentLeaderEpoch, one.Timestamp = partition, epoch, which
	request.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{one}}}
	answer, _, err := r.ask(forShort, request, b.config.Timeout)
	if err != nil {
		return 0, err
	}
	told := answer.(*kmsg.ListOffsetsResponse)
	if len(told.Topics) != 1 || len(told.Topics[0].Partitions) != 1 {
		return 0, errProtocol
	}
	edge := told.Topics[0].Partitions[0]
	if code := wire.Code(edge.ErrorCode); code != wire.None {
		return 0, code
	}
	if edge.Offset < 0 {
		return 0, errProtocol
	}
	return edge.Offset, nil
}
