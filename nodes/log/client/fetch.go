package client

import (
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/record"
	"simrun/nodes/log/wire"
)

// await waits until something was fetched.
func (c *consumer) await() {
	for !c.stopping && c.fatal == nil && !c.lost() {
		for _, p := range c.parts {
			if len(p.buffer) > 0 {
				return
			}
		}
		if c.widen(); c.lost() {
			return
		}
		for _, p := range c.parts {
			if p.parted != nil {
				c.turnBack(p)
			}
		}
		if slices.ContainsFunc(c.parts, func(p *part) bool { return !p.placed() }) && c.place() == nil {
			c.moved = true // its next poll begins elsewhere
		}
		c.feed()
		c.woken.WaitFor(c.brokers.config.Timeout)
	}
}

// feed sees that each broker is asked which leads a part whose buffer is empty.
func (c *consumer) feed() {
	homeless := false
	for _, p := range c.parts {
		r := c.leader(p.topic, p.partition)
		if homeless = homeless || r == nil; r == nil || c.fetching[r] || !p.wants() {
			continue
		}
		c.fetching[r] = true
		c.env.Go("fetch "+r.address, func() { c.fetch(r) })
	}
	if homeless && !c.seeking {
		c.seeking = true
		c.env.Go("metadata", func() {
			_ = c.refresh(c.config.Topics...)
			c.woken.Broadcast()
			_ = c.env.Sleep(c.brokers.config.BackoffMin) // cancelled or not: whoever answers at once is not asked at once again
			c.seeking = false
		})
	}
}

// fetch asks one broker for what is new in the parts that it leads, until none of them needs anything.
func (c *consumer) fetch(r *remote) {
	pause := c.pause()
	for !c.stopping {
		var wanted []*part
		for _, p := range c.parts {
			if c.leader(p.topic, p.partition) == r && p.wants() {
				wanted = append(wanted, p)
			}
		}
		if len(wanted) == 0 {
			break
		}
		wanted, err := c.hold(r, wanted)
		if len(wanted) > 0 {
			err = errors.Join(err, c.fetchOnce(r, wanted))
		}
		c.woken.Broadcast()
		if err == nil {
			pause.Reset()
			continue
		}
		_ = c.refresh(c.config.Topics...) // else those who lead are asked who are known
		if c.rest(pause) != nil {
			break
		}
	}
	c.fetching[r] = false
	c.woken.Broadcast()
}

func (c *consumer) fetchOnce(r *remote, wanted []*part) error {
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis, request.MinBytes, request.MaxBytes = int32(c.config.FetchWait.Milliseconds()), 1, int32(c.config.FetchBytes)
	request.SessionEpoch = -1
	if c.config.Isolation == ReadCommitted {
		request.IsolationLevel = 1
	}
	from := make([]spot, len(wanted))
	for i, p := range wanted {
		from[i] = p.fetched
		t := slices.IndexFunc(request.Topics, func(t kmsg.FetchRequestTopic) bool { return t.Topic == p.topic })
		if t < 0 {
			t = len(request.Topics)
			request.Topics = append(request.Topics, kmsg.FetchRequestTopic{Topic: p.topic})
		}
		one := kmsg.NewFetchRequestTopicPartition()
		one.Partition, one.FetchOffset, one.CurrentLeaderEpoch, one.PartitionMaxBytes = p.partition, p.fetched.offset, p.holds, int32(c.config.FetchBytes)
		request.Topics[t].Partitions = append(request.Topics[t].Partitions, one)
	}
	answer, _, err := r.ask(forFetch, request, c.config.FetchWait+c.brokers.config.Timeout)
	if err != nil {
		return err
	}
	told := answer.(*kmsg.FetchResponse)
	if told.ErrorCode != 0 {
		return wire.Code(told.ErrorCode)
	}
	for _, t := range told.Topics {
		for i := range t.Partitions {
			at := slices.IndexFunc(wanted, func(p *part) bool { return p.topic == t.Topic && p.partition == t.Partitions[i].Partition })
			if at < 0 || wanted[at].gone || wanted[at].fetched != from[at] || !wanted[at].wants() {
				continue // nobody waits for it any more
			}
			err = errors.Join(err, c.fill(wanted[at], &t.Partitions[i]))
		}
	}
	return err
}

// fill takes over what was fetched of a part.
func (c *consumer) fill(p *part, told *kmsg.FetchResponseTopicPartition) error {
	switch code := wire.Code(told.ErrorCode); code {
	case wire.None:
	case wire.OffsetOutOfRange:
		c.env.Record().Reach(outOfRange)
		p.reset = true
		return nil
	default:
		return code
	}
	p.high = told.HighWatermark
	if c.config.Isolation == ReadCommitted && told.LastStableOffset >= 0 {
		p.high = told.LastStableOffset
	}
	hidden := newVeil(told.AbortedTransactions)
	for data := told.RecordBatches; len(data) > 0; {
		b, rest, err := record.Cut(data)
		if errors.Is(err, record.ErrShort) {
			break // the answer had no room for all of it
		}
		if err != nil {
			return err
		}
		if err := b.Check(); err != nil {
			return err
		}
		data = rest
		if hidden.covers(b, c.config.Isolation) || b.NextOffset() <= p.fetched.offset {
			p.pass(b)
			continue
		}
		for one, err := range c.codec.Records(b) {
			if err != nil {
				return err
			}
			if one.Offset >= p.fetched.offset {
				p.buffer = append(p.buffer, fetched{one.Offset, b.LeaderEpoch(), slices.Clone(one.Key), slices.Clone(one.Value)})
			}
		}
		p.pass(b)
	}
	if len(p.buffer) == 0 {
		p.position = p.fetched // nothing but what nobody sees
	}
	return nil
}

// veil hides what aborted transactions wrote.
type veil struct {
	aborted []kmsg.FetchResponseTopicPartitionAbortedTransaction // that have not begun yet, in order
	open    map[int64]bool
}

func newVeil(aborted []kmsg.FetchResponseTopicPartitionAbortedTransaction) *veil {
	v := &veil{aborted: slices.Clone(aborted), open: map[int64]bool{}}
	slices.SortStableFunc(v.aborted, func(a, b kmsg.FetchResponseTopicPartitionAbortedTransaction) int {
		return int(max(-1, min(1, a.FirstOffset-b.FirstOffset)))
	})
	return v
}

// covers says whether a batch is not for applications.
func (v *veil) covers(b record.Batch, isolation Isolation) bool {
	for len(v.aborted) > 0 && v.aborted[0].FirstOffset <= b.LastOffset() {
		v.open[v.aborted[0].ProducerID] = true
		v.aborted = v.aborted[1:]
	}
	if b.Attributes().Control() {
		delete(v.open, b.Producer().ID)
		return true
	}
	return isolation == ReadCommitted && b.Attributes().Transactional() && v.open[b.Producer().ID]
}

// place finds out from where to go on in each part: from where the group has come, or where it is to begin.
func (c *consumer) place() error {
	if c.member != nil {
		if err := c.member.fetchOffsets(); err != nil {
			return err
		}
	}
	for _, p := range c.parts {
		if p.placed() {
			continue
		}
		at, err := c.edge(p)
		if err != nil {
			return err
		}
		if p.reset && !p.added {
			c.tellReset(p, at.offset)
		}
		p.put(at)
	}
	return nil
}

// edge is the first offset of a part, or the one after the last.
func (c *consumer) edge(p *part) (spot, error) {
	until := c.env.Mark().Add(c.patience())
	pause := c.pause()
	err := error(errNoLeader)
	which := earliestOffset
	if c.config.From == Latest && !p.added {
		which = latestOffset
	}
	for lasts(c.env, until) > 0 {
		if r := c.leader(p.topic, p.partition); r != nil {
			var at int64
			if at, err = c.brokers.edge(r, p.topic, p.partition, -1, which, c.config.Isolation); err == nil {
				return spot{at, -1}, nil // the epoch that comes with it is that of the record there, or of the leader: not of the one before
			}
		}
		_ = c.refresh(c.config.Topics...) // else the next attempt asks the one that is known
		if resting := c.rest(pause); resting != nil {
			return spot{}, resting
		}
	}
	return spot{}, err
}

// patience is how long something is tried before the consumer looks after itself otherwise.
func (c *consumer) patience() time.Duration { return 2 * c.brokers.config.Timeout }
