package broker

import (
	"errors"
	"fmt"
	"hash/fnv"
	"slices"

	"simrun/nodes"
	"simrun/nodes/log/cluster"
	"simrun/nodes/log/partition"
	"simrun/nodes/log/record"
	"simrun/nodes/log/wire"
)

// replica is this broker's part in one partition: its log, and what it is to the others.
//
// Invariants: it leads only in an epoch that the controllers gave to this life of the broker; the high watermark moves only while
// enough are in sync, and never beyond what anyone has who is in the in-sync set, or may be because this leader asked for that.
type replica struct {
	b      *broker
	ref    cluster.Ref
	name   uint64               // what stands for ref where numbers are names
	log    *partition.Partition // nil until it is open
	view   cluster.Partition    // as the controllers last said
	config cluster.Config
	least  int // how many have to be in sync for the high watermark to move
	// everywhere is the offset below which all replicas have all, in sync or not: the leader finds it out, and followers are told. It goes back
	// where one of them begins anew.
	everywhere int64

	leads     bool
	epoch     int32 // in which it leads
	starts    int64 // where its log was when it began to lead
	followers map[int32]*follower
	asked     []int32 // who may be in sync already, for this leader has asked for that
	askedAt   int32   // the partition's epoch at which it asked
	doubt     bool    // what was asked last was refused

	cutting bool          // the log is being truncated
	rests   nodes.Instant // until when its leader is not asked
	waiting []*pending    // for the high watermark, by offset
	watches []*watch
	keeper  *keeper // of what stands in a partition of an internal topic; nil if there is none
}

// follower is what a leader knows of another replica.
type follower struct {
	life     int64 // the broker's epoch
	end      int64 // what is below it has, as durable as it promises
	asked    nodes.Instant
	askedEnd int64         // the leader's end when it asked last
	caughtUp nodes.Instant // when it last had all that there was
}

// pending waits for the high watermark to reach an offset.
type pending struct {
	end  int64
	done func(code wire.Code)
	over bool
}

// watch waits for anything to change.
type watch struct {
	cond  nodes.Cond
	moved bool
}

func (w *watch) signal() {
	if !w.moved {
		w.moved = true
		w.cond.Signal()
	}
}

// newReplica is a replica whose log is not open yet, and of which nothing is known.
func (b *broker) newReplica(ref cluster.Ref) *replica {
	name := fnv.New64a()
	fmt.Fprint(name, ref.ID, "/", ref.Index)
	r := &replica{b: b, ref: ref, name: name.Sum64(), view: cluster.Partition{Leader: cluster.None, LeaderEpoch: -1, Epoch: -1}}
	b.replicas[ref] = r
	return r
}

// look takes note of what the controllers say. It does not give way.
func (r *replica) look() {
	t, p := r.b.state.Find(r.ref)
	if p == nil {
		r.view = cluster.Partition{Leader: cluster.None, LeaderEpoch: -1, Epoch: r.view.Epoch}
		r.follow()
		return
	}
	if r.log != nil && !same(r.config, t.Config) {
		r.log.Configure(r.b.config.partition(t.Config))
		r.b.record.Reach(reconfigured)
	}
	was := r.view.LeaderEpoch
	r.view, r.config, r.least = *p, t.Config, min(t.Config.MinInSync(), len(p.Replicas))
	if p.LeaderEpoch != was {
		r.rests = 0
	}
	if p.Epoch > r.askedAt {
		r.asked, r.doubt = nil, false
	}
	switch {
	case r.log == nil || r.cutting:
		return // whoever opens or truncates it looks again
	case p.Leader != r.b.place.id || !r.b.alive():
		r.follow()
	case !r.leads || r.epoch != p.LeaderEpoch:
		r.lead()
	default:
		r.advance()
	}
	r.moved()
}

// lead begins an epoch.
func (r *replica) lead() {
	r.stepDown()
	r.leads, r.epoch = true, r.view.LeaderEpoch
	r.log.StartEpoch(r.epoch)
	r.starts = r.log.Next()
	r.b.record.Always(leadersHaveAll, r.hasAll())
	r.followers = map[int32]*follower{}
	now := r.b.env.Mark()
	for _, id := range r.view.Replicas {
		if id != r.b.place.id {
			r.followers[id] = &follower{asked: now, caughtUp: now} // it has lag-time from now on
		}
	}
	r.b.note("became-leader", r)
	r.b.record.Reach(becameLeader)
	r.b.record.Sometimes(ledUnclean, len(r.view.InSync) == 1 && r.config.Unclean())
	r.advance()
	r.b.tend(r)
}

// hasAll says whether a leader has all that was committed under those before it, as far as anybody knows. Only where it was agreed to may it lack
// something: where an unclean leader was let in, or where nobody else has the partition.
func (r *replica) hasAll() bool {
	end, epoch := r.b.record.Horizon(committed, r.name)
	return epoch >= uint64(r.epoch) || r.starts >= int64(end) || r.view.Unclean || len(r.view.Replicas) == 1
}

// follow makes the replica follow whoever leads.
func (r *replica) follow() {
	if r.leads {
		r.stepDown()
		r.b.note("stepped-down", r)
		r.b.record.Reach(steppedDown)
	}
	if leader := r.view.Leader; leader != cluster.None && leader != r.b.place.id {
		r.b.fetch(leader)
	}
}

// stepDown ends an epoch. Whoever waits has to ask the next leader.
func (r *replica) stepDown() {
	if !r.leads {
		return
	}
	r.leads, r.followers, r.asked = false, nil, nil
	if k := r.keeper; k != nil {
		r.keeper = nil
		k.resign()
	}
	waiting := r.waiting
	r.waiting = nil
	for _, w := range waiting {
		w.finish(wire.NotLeaderOrFollower)
	}
}

func (w *pending) finish(code wire.Code) {
	if !w.over {
		w.over = true
		w.done(code)
	}
}

// held is the offset below which this broker has what it promises to keep.
func (r *replica) held() int64 {
	if r.b.config.Sync == partition.Always {
		return r.log.Durable()
	}
	return r.log.Placed()
}

// advance moves the high watermark, and what every replica has.
func (r *replica) advance() {
	if !r.leads {
		return
	}
	all := r.held()
	for _, f := range r.followers {
		all = min(all, f.end)
	}
	r.spread(all)
	if len(r.view.InSync) < r.least {
		return
	}
	high := r.held()
	for _, list := range [][]int32{r.view.InSync, r.asked} {
		for _, id := range list {
			if f := r.followers[id]; f != nil {
				high = min(high, f.end)
			}
		}
	}
	if high > r.log.Watermark() {
		r.log.SetWatermark(high)
		r.b.record.Advance(committed, r.name, uint64(high), uint64(r.epoch))
	}
}

// spread takes note that all replicas have what is below the offset.
func (r *replica) spread(everywhere int64) {
	if everywhere != r.everywhere {
		r.everywhere = everywhere
		r.log.KeepRemovals(everywhere)
	}
}

// grown is told by the log that it has grown, or that its watermark has moved.
func (r *replica) grown() {
	if r.log != nil {
		r.advance()
		r.moved()
	}
}

// moved tells all that wait.
func (r *replica) moved() {
	high := r.log.Watermark()
	for len(r.waiting) > 0 && r.waiting[0].end <= high && r.leads {
		w := r.waiting[0]
		r.waiting = r.waiting[1:]
		w.finish(wire.None)
	}
	for _, w := range r.watches {
		w.signal()
	}
}

// await calls done once all below the offset is committed, or it is known that this leader will not see it. It returns how to
// give up.
func (r *replica) await(end int64, done func(code wire.Code)) *pending {
	w := &pending{end: end, done: done}
	if end <= r.log.Watermark() {
		w.finish(wire.None)
		return w
	}
	i, _ := slices.BinarySearchFunc(r.waiting, end+1, func(w *pending, end int64) int {
		if w.end < end {
			return -1
		}
		return 1
	})
	r.waiting = slices.Insert(r.waiting, i, w)
	return w
}

// abandon forgets one that waits.
func (r *replica) abandon(w *pending, code wire.Code) {
	if i := slices.Index(r.waiting, w); i >= 0 {
		r.waiting = slices.Delete(r.waiting, i, i+1)
	}
	w.finish(code)
}

// unwatch forgets a watch.
func (r *replica) unwatch(w *watch) {
	if i := slices.Index(r.watches, w); i >= 0 {
		r.watches = slices.Delete(r.watches, i, i+1)
	}
}

// leading is this broker's replica of a partition that it leads, in that epoch if the client says which it means. Where it does
// not, the code says what the client is told.
func (b *broker) leading(topic string, index, epoch int32) (*replica, wire.Code) {
	r := b.find(topic, index)
	switch p := b.state.Partition(topic, index); {
	case p == nil:
		return nil, wire.UnknownTopicOrPartition
	case r == nil || !r.leads:
		return nil, wire.NotLeaderOrFollower
	case epoch >= 0 && epoch < r.epoch:
		return nil, wire.FencedLeaderEpoch
	case epoch > r.epoch:
		return nil, wire.UnknownLeaderEpoch
	}
	return r, wire.None
}

// codeOf is what a client is told of an error of a log.
func codeOf(err error) wire.Code {
	for _, known := range []struct {
		err  error
		code wire.Code
	}{
		{partition.ErrFenced, wire.InvalidProducerEpoch}, {partition.ErrOutOfOrder, wire.OutOfOrderSequence}, {partition.ErrTransaction, wire.InvalidTxnState},
		{partition.ErrCoordinator, wire.CoordinatorFenced}, {partition.ErrProducers, wire.ThrottlingQuotaExceeded}, {partition.ErrLeader, wire.NotLeaderOrFollower},
		{partition.ErrKey, wire.InvalidRecord}, {partition.ErrBehind, wire.NotEnoughReplicas}, {partition.ErrOutOfRange, wire.OffsetOutOfRange},
		{record.ErrTooLarge, wire.MessageTooLarge}, {record.ErrCorrupt, wire.CorruptMessage}, {record.ErrShort, wire.CorruptMessage},
		{record.ErrInvalid, wire.InvalidRecord}, {record.ErrCompression, wire.UnsupportedCompression},
	} {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	if err == nil {
		return wire.None
	}
	return wire.StorageError
}
