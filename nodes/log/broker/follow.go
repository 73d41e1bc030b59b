package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/backoff"
	"simrun/nodes/log/cluster"
	"simrun/nodes/log/partition"
	"simrun/nodes/log/wire"
)

// fetcher copies from one other broker what it leads and this one follows. It speaks Kafka's own Fetch: an offset that it asks for says
// that it has all below, as durable as this broker promises.
type fetcher struct {
	b       *broker
	leader  int32
	line    line
	wake    nodes.Cond
	turn    int // which partition is named first
	backoff backoff.Backoff
}

// fetchBytes and fetchEach are how much a follower asks for at once, of all and of one partition.
const fetchBytes, fetchEach = 8 << 20, 1 << 20

// fetch makes sure that there is a fetcher for the leader, and that it looks what there is to fetch.
func (b *broker) fetch(leader int32) {
	f := b.fetchers[leader]
	if f == nil {
		f = &fetcher{b: b, leader: leader, line: line{b: b, to: leader}, wake: b.env.NewCond(), backoff: backoff.Backoff{Least: 20 * time.Millisecond, Most: time.Second}}
		b.fetchers[leader] = f
		b.env.Go(fmt.Sprintf("fetch from broker %d", leader), f.run)
	}
	f.wake.Signal()
}

// run fetches for as long as there is something to fetch.
func (f *fetcher) run() {
	for !f.b.stopping {
		following, resting := f.following()
		if len(following) == 0 && resting {
			f.wake.WaitFor(rest)
			continue
		}
		if len(following) == 0 {
			f.line.hangUp()
			if f.wake.Wait() != nil {
				return
			}
			continue
		}
		err := f.round(following)
		if err == nil {
			f.backoff.Reset()
			continue
		}
		f.line.hangUp()
		f.b.env.Log().Debug("fetching failed", "leader", f.leader, "err", err)
		if f.b.env.Sleep(f.backoff.Next(f.b.env.Rand())) != nil {
			return
		}
	}
	f.line.hangUp()
}

// rest is how long a replica is left alone whose fetch came to nothing: its leader may not know yet that it is.
const rest = 20 * time.Millisecond

// following are the replicas that follow this leader, a different one first each time, and whether others rest.
func (f *fetcher) following() (all []*replica, resting bool) {
	if !f.b.session.known || !f.b.session.swept {
		return nil, false
	}
	now := f.b.env.Mark()
	for _, r := range f.b.inOrder() {
		switch {
		case r.log == nil || r.leads || r.view.Leader != f.leader:
		case r.rests > now:
			resting = true
		default:
			all = append(all, r)
		}
	}
	if len(all) > 0 {
		f.turn++
		at := f.turn % len(all)
		all = append(all[at:], all[:at]...)
	}
	return all, resting
}

// round asks for what is new, and adds it.
func (f *fetcher) round(following []*replica) error {
	request, asked := f.request(following)
	answer, err := f.line.ask(request, f.b.config.FollowWait+slowest)
	if err != nil {
		return err
	}
	return f.take(answer.(*kmsg.FetchResponse), asked)
}

// position is what was asked of one replica.
type position struct {
	r      *replica
	log    *partition.Partition
	epoch  int32 // the leader's
	offset int64
}

// request names what each replica has.
func (f *fetcher) request(following []*replica) (*kmsg.FetchRequest, map[cluster.Ref]position) {
	request := wire.New(wire.Fetch, 12).(*kmsg.FetchRequest)
	request.ReplicaID, request.MaxWaitMillis, request.MinBytes, request.MaxBytes = f.b.place.id, int32(f.b.config.FollowWait.Milliseconds()), 1, fetchBytes
	request.SessionEpoch = -1
	asked := make(map[cluster.Ref]position, len(following))
	for _, r := range following {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.CurrentLeaderEpoch, p.FetchOffset, p.LastFetchedEpoch = r.ref.Index, r.view.LeaderEpoch, r.log.Next(), r.log.Epoch()
		p.LogStartOffset, p.PartitionMaxBytes = r.log.Start(), fetchEach
		asked[cluster.Ref{Topic: r.ref.Topic, Index: r.ref.Index}] = position{r, r.log, r.view.LeaderEpoch, p.FetchOffset}
		i := slices.IndexFunc(request.Topics, func(t kmsg.FetchRequestTopic) bool { return t.Topic == r.ref.Topic })
		if i < 0 {
			i = len(request.Topics)
			t := kmsg.NewFetchRequestTopic()
			t.Topic, t.Partitions = r.ref.Topic, make([]kmsg.FetchRequestTopicPartition, 0, len(following))
			request.Topics = append(request.Topics, t)
		}
		request.Topics[i].Partitions = append(request.Topics[i].Partitions, p)
	}
	return request, asked
}

// take adds what came, and waits until it is as durable as this broker promises.
func (f *fetcher) take(answer *kmsg.FetchResponse, asked map[cluster.Ref]position) error {
	if answer.ErrorCode != 0 {
		return wire.Code(answer.ErrorCode)
	}
	type added struct {
		position
		to   partition.Appended
		told *kmsg.FetchResponseTopicPartition
	}
	all := make([]added, 0, len(asked))
	for i := range answer.Topics {
		for j := range answer.Topics[i].Partitions {
			told := &answer.Topics[i].Partitions[j]
			p, known := asked[cluster.Ref{Topic: answer.Topics[i].Topic, Index: told.Partition}]
			if !known || !p.current() {
				continue
			}
			code := wire.Code(told.ErrorCode)
			switch {
			case code == wire.None && told.DivergingEpoch.EndOffset >= 0:
				had, of := p.log.Next(), p.log.Epoch()
				if err := f.part(p, told); err != nil {
					return err
				}
				if p.log.Next() == had && p.log.Epoch() == of {
					f.leave(p)
				}
				continue
			case code == wire.OffsetOutOfRange:
				if err := f.restart(p, told); err != nil {
					return err
				}
				continue
			case code != wire.None:
				f.leave(p) // it, or this broker, does not know yet who leads
				continue
			}
			to, err := p.log.Follow(told.RecordBatches)
			// If it does not, it will not the next time either, and the follower stands still until it is told to begin anew.
			f.b.record.Always(answersFit, !errors.Is(err, partition.ErrGap) || p.log.Next() != p.offset)
			if err != nil {
				f.b.env.Log().Warn("a leader's records do not fit", "leader", f.leader, "log", p.r.dir(), "err", err)
				f.leave(p)
				if errors.Is(err, partition.ErrBroken) {
					f.b.fail(err)
				}
			}
			all = append(all, added{p, to, told})
		}
	}
	for _, a := range all {
		if err := a.log.Commit(a.to); err != nil {
			if errors.Is(err, partition.ErrBroken) {
				f.b.fail(err)
			}
			return err
		}
		if a.current() {
			f.keepUp(a.position, a.told)
		}
	}
	return nil
}

// leave lets a replica rest.
func (f *fetcher) leave(p position) { p.r.rests = f.b.env.Mark().Add(rest) }

// current says whether the replica still follows in that epoch.
func (p position) current() bool {
	return p.r.log == p.log && !p.r.leads && p.r.view.LeaderEpoch == p.epoch
}

// keepUp takes the leader's high watermark, and where its log begins.
func (f *fetcher) keepUp(p position, told *kmsg.FetchResponseTopicPartition) {
	if high := min(told.HighWatermark, p.log.Next()); high > p.log.Watermark() {
		p.log.SetWatermark(high)
	}
	told.UnknownTags.Each(func(tag uint32, value []byte) {
		if tag == everywhereTag && len(value) == 8 {
			p.r.spread(min(int64(binary.BigEndian.Uint64(value)), p.log.Next()))
		}
	})
	if told.LogStartOffset > p.log.Start() && told.LogStartOffset <= p.log.Watermark() {
		if err := p.log.DeleteBefore(told.LogStartOffset); err != nil {
			f.b.env.Log().Warn("a log's start does not follow its leader's", "log", p.r.dir(), "err", err)
		}
	}
}

// part cuts off what the leader does not have: from where its log and this one last agreed. It is not the high watermark, which may be that of
// long ago here (KIP-101).
func (f *fetcher) part(p position, told *kmsg.FetchResponseTopicPartition) error {
	to := told.DivergingEpoch.EndOffset
	if of, end := p.log.EndOfEpoch(told.DivergingEpoch.Epoch); of != partition.NoEpoch {
		to = min(to, end)
	}
	to = max(to, p.log.Start())
	f.b.note("truncating", p.r)
	f.b.record.Reach(truncated)
	f.b.env.Log().Info("a log parts from its leader's, and is cut off", "log", p.r.dir(), "at", to, "of", p.log.Next())
	return f.alone(p.r, func() error {
		_, err := p.log.Truncate(to)
		return err
	})
}

// restart begins a log anew where the leader's begins, if the leader has nothing any more of what would come next here.
func (f *fetcher) restart(p position, told *kmsg.FetchResponseTopicPartition) error {
	if told.LogStartOffset <= p.log.Next() {
		f.b.env.Log().Warn("a leader has less than its follower, in the same epoch", "log", p.r.dir(), "leader", f.leader)
		f.leave(p)
		return nil
	}
	f.b.record.Reach(begunAnew)
	return f.alone(p.r, func() error { return p.log.Reset(told.LogStartOffset) })
}

// alone changes a log beyond appending. Meanwhile nobody begins to lead it.
func (f *fetcher) alone(r *replica, change func() error) error {
	r.cutting = true
	err := change()
	r.cutting = false
	if errors.Is(err, partition.ErrBroken) {
		f.b.fail(err)
	}
	if r.log != nil {
		r.look()
	}
	return err
}
