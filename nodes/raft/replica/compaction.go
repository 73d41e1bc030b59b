package replica

import (
	"errors"
	"slices"

	"simrun/nodes/journal"
	"simrun/nodes/raft"
)

// image is the machine as of an index, for a snapshot that is to come.
type image struct {
	index  uint64
	append func(dst []byte) []byte
}

// compact makes a snapshot where the log has become long. The image is taken first; the log before it goes once it is
// durable here and the members have it, or enough else has been done since: a follower that is a little behind should not
// need a snapshot for it.
func (r *Replica) compact() {
	if r.closed || r.rewrites {
		return
	}
	switch {
	case r.image != nil && r.image.index <= r.snapshot:
		r.image = nil
	case r.image != nil && r.isRipe():
		r.keep()
		return
	case r.image == nil && (r.isLong() && !r.isSendingSnapshots() || r.isWanted()):
		r.image = &image{r.applied, r.machine.Image()}
		if r.isRipe() {
			r.keep()
			return
		}
	}
	if r.core.LastIndex() > 0 && r.store.Bloated() {
		r.record.Reach(rewritten)
		r.rewrite(r.store.State().Snapshot)
	}
}

// isLong says whether there is enough log for a snapshot.
func (r *Replica) isLong() bool {
	done := r.applied - min(r.core.FirstIndex()-1, r.applied)
	return done >= uint64(r.opts.SnapshotEntries) || done > 0 && r.core.LogBytes() >= int(r.opts.SnapshotBytes) ||
		done > 0 && r.env.Point(snapshotNow)
}

// isRipe says whether the image may take the place of the log before it.
func (r *Replica) isRipe() bool {
	at := r.image.index
	if r.core.Compactable() < at {
		return false
	}
	switch {
	case r.isWanted() || !r.Leads():
		return true
	case r.isSendingSnapshots():
		return false
	case r.applied-at >= uint64(r.opts.SnapshotEntries/4+1) || r.core.LogBytes() >= 2*int(r.opts.SnapshotBytes):
		return true
	}
	for _, m := range r.core.Members().All() {
		if r.core.Match(m.ID) < at {
			return false
		}
	}
	return true
}

// patience is how many times longer than usual the log may become while a member is sent a snapshot.
const patience = 16

// isSendingSnapshots says whether a member that answers is being sent the snapshot that the log begins with. It is going to
// need what comes after: without that it would have to be sent the next one, and as long as so much is written, one after
// the other for ever.
func (r *Replica) isSendingSnapshots() bool {
	first := r.core.FirstIndex()
	if !r.Leads() || r.applied-min(first-1, r.applied) >= patience*uint64(r.opts.SnapshotEntries) ||
		r.core.LogBytes() >= patience/4*int(r.opts.SnapshotBytes) {
		return false
	}
	return slices.ContainsFunc(r.core.Members().All(), func(m raft.Member) bool {
		return r.core.Match(m.ID)+1 < first && r.core.Heard(m.ID)
	})
}

// keep makes the image a snapshot.
func (r *Replica) keep() {
	snapshot := r.core.Compact(r.image.index, r.image.append(nil))
	r.image, r.snapshot = nil, snapshot.Index
	r.record.Reach(snapshotMade)
	r.record.Agree(statesAgree, r.store.Identity().Cluster, snapshot.Index, snapshot.Term, snapshot.Data)
	r.record.Note("snapshot-made")
	r.rewrite(snapshot)
}

// rewrite compacts the journal.
func (r *Replica) rewrite(s raft.Snapshot) {
	r.rewrites = true
	r.env.Go("raft compaction", func() {
		err := r.store.Compact(s)
		r.rewrites = false
		switch {
		case err == nil || r.closed || errors.Is(err, journal.ErrClosed):
		case errors.Is(err, journal.ErrBroken):
			r.fail(err)
		default:
			r.record.Reach(notCompacted)
			r.env.Log().Warn("raft: the log cannot be compacted", "err", err)
		}
	})
}
