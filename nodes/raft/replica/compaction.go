package replica

import (
	"errors"

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
	case r.image == nil && (r.isLong() || r.isWanted()):
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
	if r.isWanted() || !r.Leads() || r.applied-at >= uint64(r.opts.SnapshotEntries/4+1) || r.core.LogBytes() >= 2*int(r.opts.SnapshotBytes) {
		return true
	}
	for _, m := range r.core.Members().All() {
		if r.core.Match(m.ID) < at {
			return false
		}
	}
	return true
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
