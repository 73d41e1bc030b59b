package broker

import (
	"slices"
	"time"

	"simrun/nodes/log/cluster"
	"simrun/nodes/log/wire"
)

// hear takes a follower's word, as leader: it has all below the offset, and wants what comes next.
func (r *replica) hear(id int32, life, offset int64) {
	f := r.followers[id]
	if known := r.b.state.Broker(id); f == nil || known == nil || life < known.Epoch || life < f.life {
		return // it was not asked to follow, or it is an earlier life that spoke
	}
	now := r.b.env.Mark()
	if life > f.life {
		*f = follower{life: life, asked: now, askedEnd: r.log.Next(), caughtUp: f.caughtUp}
	}
	f.end = offset
	switch {
	case offset >= r.log.Next():
		f.caughtUp = now
	case offset >= f.askedEnd:
		f.caughtUp = max(f.caughtUp, f.asked)
	}
	f.asked, f.askedEnd = now, r.log.Next()
	r.advance()
	if !slices.Contains(r.view.InSync, id) && r.mayJoin(id, f) {
		r.b.doubt()
	}
}

// mayJoin says whether a follower has all that was committed, of this epoch and those before it.
func (r *replica) mayJoin(id int32, f *follower) bool {
	known := r.b.state.Broker(id)
	return known != nil && !known.Fenced && f.life == known.Epoch && f.end >= max(r.log.Watermark(), r.starts)
}

// doubt lets the in-sync sets be looked at.
func (b *broker) doubt() {
	if !b.doubts {
		b.doubts = true
		b.altering.Signal()
	}
}

// watchLag looks now and then whether followers lag.
func (b *broker) watchLag() {
	for b.env.Sleep(max(b.config.Lag/4, time.Millisecond)) == nil && !b.stopping {
		b.doubt()
		b.show()
	}
}

// alterInSync is the task that asks for other in-sync sets, for all partitions at once.
func (b *broker) alterInSync() {
	for !b.stopping {
		if !b.doubts {
			if b.altering.Wait() != nil {
				return
			}
			continue
		}
		b.doubts = false
		alter := &cluster.Alter{Standing: cluster.Standing{ID: b.place.id, Epoch: b.lifeOf(b.place.id)}}
		var of []*replica
		for _, r := range b.inOrder() {
			if a, wants := r.wanted(); wants {
				alter.Partitions, of = append(alter.Partitions, a), append(of, r)
				if len(r.asked) > 0 {
					b.note("adds-in-sync", r)
				}
			}
		}
		if len(of) == 0 {
			continue
		}
		b.dawdle(slowAlter)
		result, err := b.once(&cluster.Command{Alter: alter})
		b.altered(of, alter, result, err)
	}
}

// altered looks at what became of what was asked. What was done shows in the state; what was refused is asked for no more, but may yet come to be
// by an earlier asking of which nobody knows. So the leader asks for the set as it is, which makes all that was asked before too old.
func (b *broker) altered(of []*replica, alter *cluster.Alter, result cluster.Result, err error) {
	again := err != nil || result.Code != wire.None
	for i, r := range of {
		if again || i >= len(result.Codes) {
			r.doubt = r.doubt || len(r.asked) > 0
			continue
		}
		if code := result.Codes[i]; code != wire.None {
			b.record.Reach(alterRefused)
			b.env.Log().Debug("the in-sync set stays", "log", r.dir(), "code", code, "asked", alter.Partitions[i].InSync)
			r.doubt = code == wire.IneligibleReplica || code == wire.InvalidRequest
		}
	}
	if !again {
		b.until(b.config.Election, func() bool { return !slices.ContainsFunc(of, (*replica).unsettled) })
	}
	if again && b.env.Sleep(b.config.Election/8) == nil {
		b.doubt()
	}
}

// unsettled says that the state does not show yet what was asked.
func (r *replica) unsettled() bool { return len(r.asked) > 0 && !r.doubt && r.view.Epoch == r.askedAt }

// wanted is the in-sync set that a leader asks for, if it is another than there is.
func (r *replica) wanted() (a cluster.AlterPartition, wants bool) {
	if !r.leads {
		return a, false
	}
	now := r.b.env.Mark()
	inSync := []int32{}
	for _, id := range r.view.InSync {
		f := r.followers[id]
		if f != nil && now.Sub(f.caughtUp) > r.b.config.Lag {
			r.b.record.Reach(outOfSync)
			continue
		}
		inSync = append(inSync, id)
	}
	lags := len(inSync) < len(r.view.InSync)
	var come []int32
	for _, id := range r.view.Replicas {
		f := r.followers[id]
		if f != nil && !slices.Contains(r.view.InSync, id) && r.mayJoin(id, f) && !r.doubt {
			come = append(come, id)
		}
	}
	if !lags && len(come) == 0 && !r.doubt {
		return a, false
	}
	for _, id := range come {
		if !slices.Contains(r.asked, id) {
			r.asked = append(r.asked, id)
		}
	}
	r.askedAt = r.view.Epoch
	r.b.record.Sometimes(cameIntoSync, len(come) > 0)
	a = cluster.AlterPartition{Ref: r.ref, LeaderEpoch: r.epoch, Epoch: r.view.Epoch}
	for _, id := range append(inSync, come...) {
		a.InSync = append(a.InSync, cluster.Standing{ID: id, Epoch: r.b.lifeOf(id)})
	}
	return a, true
}

// lifeOf is under which epoch a broker is registered. Whoever registers anew is out of every in-sync set from then on, and who may join
// has spoken in that life.
func (b *broker) lifeOf(id int32) int64 {
	if known := b.state.Broker(id); known != nil {
		return known.Epoch
	}
	return 0
}
