package cluster_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/log/cluster"
	"simrun/nodes/log/wire"
)

// replica is a broker as far as one partition goes: a log, and what it believes.
type replica struct {
	log    []int // what was written, each with a number of its own
	hw     int
	view   cluster.Partition
	dead   bool
	lost   bool
	least  int           // how many have to be in sync, as far as it knows
	starts int           // where its log was when it began to lead
	ends   map[int32]end // of followers, since it began to lead
	asked  []int32       // who may be in sync already, for it asked for that
}

// end is how far a life of a follower has got.
type end struct {
	epoch  int64
	offset int
}

// world is a partition of three replicas, and what was committed.
type world struct {
	*story
	t         *rapid.T
	replicas  map[int32]*replica
	committed []int
	written   int
}

// truth is the partition as the controllers have it.
func (w *world) truth() *cluster.Partition { return w.s.Partition("t", 0) }

// learn lets a broker see what the controllers have decided.
func (w *world) learn(id int32) {
	r, now := w.replicas[id], *w.truth()
	if now.Leader == id && now.LeaderEpoch != r.view.LeaderEpoch {
		r.starts, r.ends = len(r.log), map[int32]end{}
	}
	if now.Epoch != r.view.Epoch {
		r.asked = nil
	}
	r.view, r.least = now, w.s.Topic("t").Config.MinInSync()
}

// fetch lets a follower take what its leader has, after it has cut off what the leader lacks.
func (w *world) fetch(id int32, most int) {
	f := w.replicas[id]
	l := w.replicas[f.view.Leader]
	if l == nil || l == f || l.dead || l.view.Leader != f.view.Leader || l.view.LeaderEpoch != f.view.LeaderEpoch {
		return
	}
	same := 0
	for same < min(len(f.log), len(l.log)) && f.log[same] == l.log[same] {
		same++
	}
	f.log = f.log[:same:same]
	l.ends[id] = end{w.epochs[id], same}
	f.log = append(f.log, l.log[same:min(same+most, len(l.log))]...)
	f.hw = max(min(f.hw, len(f.log)), min(l.hw, len(f.log)))
}

// commit moves a leader's high watermark as far as those in sync have its log, and if they are enough.
func (w *world) commit(id int32) {
	l := w.replicas[id]
	if l.view.Leader != id || len(l.view.InSync) < l.least {
		return
	}
	high := len(l.log)
	for _, other := range append(slices.Clone(l.view.InSync), l.asked...) {
		if other != id {
			high = min(high, l.ends[other].offset)
		}
	}
	if l.hw = max(l.hw, high); l.hw > len(w.committed) {
		w.committed = slices.Clone(l.log[:l.hw])
	}
	require.True(w.t, slices.Equal(w.committed[:l.hw], l.log[:l.hw]), "broker %d shows something else than what was committed", id)
}

// alter lets a leader drop somebody from the in-sync set, or take in whoever has caught up.
func (w *world) alter(id, other int32) {
	l := w.replicas[id]
	if l.view.Leader != id || other == id {
		return
	}
	now := slices.Clone(l.view.InSync)
	was := w.epochs[other]
	if i := slices.Index(now, other); i >= 0 {
		now = slices.Delete(now, i, i+1)
	} else if e := l.ends[other]; e.offset >= max(l.hw, l.starts) {
		now, l.asked = append(now, other), append(l.asked, other)
		w.epochs[other] = e.epoch // of the life that has caught up
	}
	w.story.alter(id, l.view, now...)
	w.epochs[other] = was
}

// crash ends a life. What the broker had not made durable is gone, if it is one that did not say so.
func (w *world) crash(id int32, lose int) {
	r := w.replicas[id]
	r.dead, r.hw, r.ends, r.asked = true, 0, nil, nil
	r.view = cluster.Partition{Leader: cluster.None, LeaderEpoch: -1}
	if lose > 0 {
		r.lost = true
		r.log = r.log[:max(0, len(r.log)-lose)]
	}
}

// start begins the next life.
func (w *world) start(id int32) {
	if r := w.replicas[id]; r.dead {
		w.register(id, !r.lost)
		r.dead, r.lost = false, false
		w.learn(id)
	}
}

// check holds the state to its invariants, and the leader to what was committed.
func (w *world) check(leaders map[int32]int32, before cluster.Partition) {
	p := w.truth()
	require.GreaterOrEqual(w.t, p.LeaderEpoch, before.LeaderEpoch)
	require.GreaterOrEqual(w.t, p.Epoch, before.Epoch)
	if p.Leader != before.Leader {
		require.Greater(w.t, p.LeaderEpoch, before.LeaderEpoch)
	}
	if p.String() != before.String() {
		require.Greater(w.t, p.Epoch, before.Epoch)
	}
	for _, id := range append(slices.Clone(p.InSync), p.Eligible...) {
		require.Contains(w.t, p.Replicas, id)
	}
	for _, id := range p.InSync {
		require.False(w.t, w.s.Broker(id).Fenced, "%d is fenced and in sync", id)
		require.NotContains(w.t, p.Eligible, id)
	}
	if len(p.InSync) >= w.s.Topic("t").Config.MinInSync() {
		require.Empty(w.t, p.Eligible)
	}
	if p.Leader == cluster.None {
		return
	}
	require.Contains(w.t, p.InSync, p.Leader)
	if other, had := leaders[p.LeaderEpoch]; had {
		require.Equal(w.t, other, p.Leader, "two lead in epoch %d", p.LeaderEpoch)
	}
	leaders[p.LeaderEpoch] = p.Leader
	if l := w.replicas[p.Leader]; !l.lost {
		require.GreaterOrEqual(w.t, len(l.log), len(w.committed), "leader %d lacks what was committed: %s", p.Leader, p)
		require.True(w.t, slices.Equal(w.committed, l.log[:len(w.committed)]), "leader %d has something else than what was committed: %s", p.Leader, p)
	}
}

// If this failed, something that was acknowledged with acks=all could be lost: by a leader that never had it, or lost it.
// Replicas copy, crash with and without their tails, believe what was true a while ago, and the controllers fence whom they like.
func TestWhoLeadsHasAllThatWasCommitted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{story: begin(t, 3), t: t, replicas: map[int32]*replica{}}
		w.create("t", 1, 3, two)
		for id := int32(1); id <= 3; id++ {
			w.replicas[id] = &replica{view: cluster.Partition{Leader: cluster.None}}
			w.learn(id)
		}
		leaders := map[int32]int32{}
		steps := rapid.IntRange(20, 120).Draw(t, "steps")
		for range steps {
			before := *w.truth()
			id := rapid.Int32Range(1, 3).Draw(t, "broker")
			r := w.replicas[id]
			action := rapid.SampledFrom([]string{"write", "write", "fetch", "fetch", "fetch", "commit", "commit", "learn", "learn", "learn", "alter", "fence", "unfence", "unfence", "crash", "start", "configure"}).Draw(t, "action")
			switch {
			case action == "configure":
				w.configure("t", cluster.Step{Setting: "min.insync.replicas", Do: cluster.Set, Value: rapid.SampledFrom([]string{"1", "2", "2", "3"}).Draw(t, "least")})
			case action == "start":
				w.start(id)
			case action == "fence":
				w.fence(id)
			case r.dead:
			case action == "write" && r.view.Leader == id:
				w.written++
				r.log = append(r.log, w.written)
			case action == "fetch":
				w.fetch(id, rapid.IntRange(0, 3).Draw(t, "records"))
			case action == "commit":
				w.commit(id)
			case action == "learn":
				w.learn(id)
			case action == "alter":
				w.alter(id, rapid.Int32Range(1, 3).Draw(t, "other"))
			case action == "unfence":
				w.unfence(id)
			case action == "crash":
				w.crash(id, rapid.IntRange(0, 4).Draw(t, "lost")/2)
			}
			w.check(leaders, before)
		}
		again := cluster.New()
		require.NoError(t, again.Restore(w.s.Image()(nil)))
		require.Equal(t, w.s.Image()(nil), again.Image()(nil))
		require.Error(t, again.Restore([]byte("no image")))
		require.Equal(t, wire.InvalidRequest, w.do(cluster.Command{}).Code)
	})
}
