package replica

import (
	"errors"
	"fmt"
	"log/slog"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/probe"
	"simrun/nodes/raft"
)

// drive is the driver's task.
func (r *Replica) drive() {
	for !r.closed {
		if left := r.deadline().Sub(r.env.Mark()); !r.due && left > 0 {
			r.wake.WaitFor(left)
			continue
		}
		r.due = false
		r.turn()
	}
}

// deadline is when a turn is due even if nothing comes.
func (r *Replica) deadline() nodes.Instant {
	at := r.core.Deadline()
	if len(r.inOrder) > 0 {
		at = min(at, r.inOrder[0].until)
	}
	if len(r.calls.inOrder) > 0 {
		at = min(at, r.calls.inOrder[0].until)
	}
	return at
}

// turn does all that there is to do now.
func (r *Replica) turn() {
	now := r.env.Mark()
	r.electEarly()
	r.core.Tick(now)
	r.leased(now) // whether anybody reads or not
	r.propose()
	r.ask()
	out := r.core.Output()
	r.changed()
	if out.Save != nil {
		r.save(out.Save)
	}
	for i := range out.Send {
		r.send(&out.Send[i])
	}
	if out.Restore != nil {
		r.restore(out.Restore)
	}
	if len(out.Apply) > 0 {
		r.dawdle(slowApply)
		r.apply(out.Apply)
	}
	r.confirm(out.Reads, out.Refused)
	r.expire()
	r.compact()
	r.show()
}

// fail ends a server that cannot write: what it has promised is on the disk, and what is not there, nobody was told.
func (r *Replica) fail(err error) {
	r.env.Exit(fmt.Errorf("raft: the log cannot be written: %w", err))
}

// save writes down what the core wants to be kept.
func (r *Replica) save(save *raft.Save) {
	r.dawdle(slowSave)
	core := r.core
	durable := func(err error) {
		if err != nil {
			r.fail(err)
		}
		if core == r.core && !r.closed {
			core.Saved(save.Number)
			r.poke()
		}
	}
	for {
		err := r.store.Save(save, durable)
		if errors.Is(err, journal.ErrBehind) {
			r.record.Reach(diskBehind)
			err = r.store.Settle()
			if err == nil {
				continue
			}
		}
		if err != nil {
			r.fail(err)
		}
		return
	}
}

// restore makes the machine what a leader's snapshot says.
func (r *Replica) restore(s *raft.Snapshot) {
	r.record.Always(applyForward, s.Index > r.applied)
	if err := r.machine.Restore(s.Data); err != nil {
		r.env.Exit(fmt.Errorf("raft: the leader's snapshot cannot be read: %w", err))
	}
	r.record.Reach(snapshotInstalled)
	r.record.Agree(statesAgree, r.store.Identity().Cluster, s.Index, s.Term, s.Data)
	r.record.Note("snapshot-installed")
	r.env.Log().Info("raft: snapshot installed", "index", s.Index, "bytes", len(s.Data))
	for _, p := range r.inOrder {
		if p.index <= s.Index && p.index > r.applied {
			r.forget(p, ErrUnknown) // it may be in it
		}
	}
	r.applied, r.snapshot, r.image = s.Index, s.Index, nil
}

// apply does committed entries, and answers those who wait for them.
func (r *Replica) apply(entries []raft.Entry) {
	group := r.store.Identity().Cluster
	for i := range entries {
		e := &entries[i]
		r.record.Always(applyForward, e.Index == r.applied+1)
		r.record.Agree(logsAgree, group, e.Index, e.Term, e.Data)
		r.applied = e.Index
		if e.Kind == raft.Command {
			r.answer = r.machine.Apply(e.Data, r.answer[:0])
		}
		r.decide(e, r.answer)
		if cap(r.answer) > 1<<20 {
			r.answer = nil
		}
	}
	// An entry of an earlier term is committed by whoever leads now; one of this term, by whoever led in it.
	if last := &entries[len(entries)-1]; last.Term == r.core.Term() {
		r.record.Advance(committed, group, last.Index, last.Term)
	}
}

// knowsAll says whether a leader's log has what was committed in earlier terms, as far as anybody knows (§3.6.3). One who hears
// late that it was elected need not have what a later leader has committed by then.
func (r *Replica) knowsAll() bool {
	index, term := r.record.Horizon(committed, r.store.Identity().Cluster)
	if term >= r.core.Term() || index < r.core.FirstIndex() {
		return true
	}
	own, has := r.core.TermAt(index)
	return has && own == term
}

// electEarly begins an election before its time, once in a while.
func (r *Replica) electEarly() {
	now := r.env.Mark()
	if now >= r.early && !r.Leads() && r.env.Point(electNow) {
		r.early = now.Add(r.opts.Raft.Election)
		r.core.Campaign(now)
	}
}

// changed tells of a new role, and of new members.
func (r *Replica) changed() {
	if role := r.core.Role(); role != r.was {
		switch {
		case role == raft.Leader:
			r.record.Agree(termsHaveOneLeader, r.store.Identity().Cluster, r.core.Term(), uint64(r.ID()), nil)
			r.record.Always(leadersKnowAll, r.knowsAll())
			r.record.Note("became-leader", slog.Uint64("term", r.core.Term()))
			r.record.Reach(becameLeader)
			r.env.Log().Info("raft: became leader", "term", r.core.Term(), "id", uint64(r.ID()))
		case r.was == raft.Leader:
			r.record.Note("stepped-down", slog.Uint64("term", r.core.Term()))
			r.record.Reach(steppedDown)
			r.env.Log().Info("raft: stepped down", "term", r.core.Term())
		}
		r.was = role
	}
	r.meet()
}

// standpoint is what the state line is told anew for.
type standpoint struct {
	role   raft.Role
	term   uint64
	leader raft.ID
}

// show tells figures, the state line and the fingerprint, as far as they have changed.
func (r *Replica) show() {
	c := r.core
	for i, g := range [...]struct {
		name  string
		value int64
	}{{"term", int64(c.Term())}, {"commit", int64(c.Commit())}, {"lag", int64(c.LastIndex() - r.applied)}, {"leads", lead(r.Leads())}} {
		if r.shown[i] != g.value+1 {
			r.shown[i] = g.value + 1
			r.record.Gauge(g.name, g.value)
		}
	}
	r.record.Always(appliedIsCommitted, r.applied <= c.Commit() && c.Commit() <= c.LastIndex())
	if now := (standpoint{c.Role(), c.Term(), c.Leader()}); now != r.said || !same(c.Members(), r.told) {
		r.said, r.told = now, c.Members()
		r.record.State(r.String())
		r.record.Advance(committed, r.store.Identity().Cluster, 0, 0) // whoever votes takes part, and goes by its clock
	}
	f := probe.Fingerprint(0).Among(int(c.Role()), 4).Flag(c.Leader() != 0).Size(int(c.LastIndex() - c.Commit())).
		Flag(c.FirstIndex() > 2).Flag(c.Members().Joint()).Flag(len(c.Members().Learners) > 0).
		Flag(c.Members().Votes(r.ID())).Size(min(r.waiting, 7)).Flag(r.rewrites).Flag(r.founding.joining != 0)
	if f != r.signed {
		r.signed = f
		r.record.Fingerprint(f)
	}
}

func lead(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
