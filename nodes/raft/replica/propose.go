package replica

import (
	"errors"

	"simrun/nodes"
	"simrun/nodes/raft"
)

// proposal is a command that waits for its fate.
type proposal struct {
	command []byte
	index   uint64
	term    uint64
	done    func(answer []byte, err error)
}

// pledge is a proposal in the order of time.
type pledge struct {
	index, term uint64
	until       nodes.Instant
}

// question is a read, and up to where servers were known to have committed when it was asked.
type question struct {
	since uint64
	done  func(error)
}

// confirmed is a read that may be answered once the machine has done index.
type confirmed struct {
	index uint64
	done  func(error)
}

// Propose has a command done by every server, and calls done with its answer, valid until done returns, once this one has
// done it. The command is kept, and not to be written to. Errors are told at once or later: ErrNotLeader, ErrBusy, ErrLost,
// ErrUnknown, raft.ErrTransferring, ErrClosed.
func (r *Replica) Propose(command []byte, done func(answer []byte, err error)) {
	switch {
	case r.closed:
		done(nil, ErrClosed)
	case !r.Leads():
		done(nil, ErrNotLeader)
	case r.waiting+len(r.gathered) >= r.opts.Waiting:
		done(nil, ErrBusy)
	default:
		r.gathered = append(r.gathered, proposal{command: command, done: done})
		r.poke()
	}
}

// mostAtOnce bounds what one turn proposes: the rest goes into the next.
const mostAtOnce = 4096

// propose gives the core what was gathered.
func (r *Replica) propose() {
	if len(r.gathered) == 0 {
		return
	}
	n := min(len(r.gathered), mostAtOnce)
	if n > 1 && r.env.Point(loneCommand) {
		n = 1
	}
	batch := r.gathered[:n]
	commands := make([][]byte, n)
	for i := range batch {
		commands[i] = batch[i].command
	}
	first, err := r.core.Propose(r.env.Mark(), commands...)
	if errors.Is(err, raft.ErrFull) && n > 1 {
		// Less may have room; and what is refused had better be the latest.
		commands = commands[:1]
		n, batch = 1, batch[:1]
		first, err = r.core.Propose(r.env.Mark(), commands...)
	}
	if errors.Is(err, raft.ErrFull) {
		err = ErrBusy
	}
	rest := r.gathered[n:]
	r.gathered = nil
	if len(rest) > 0 {
		r.gathered = append(r.gathered, rest...)
		r.poke()
	}
	until := r.env.Mark().Add(r.opts.Patience)
	for i, p := range batch {
		if err != nil {
			p.done(nil, err)
			continue
		}
		p.command, p.index, p.term = nil, first+uint64(i), r.core.Term()
		r.waiters[p.index] = append(r.waiters[p.index], p)
		r.inOrder = append(r.inOrder, pledge{p.index, p.term, until})
		r.waiting++
	}
}

// decide answers those who wait for an entry. Where it is another leader's, theirs has no place any more.
func (r *Replica) decide(e *raft.Entry, answer []byte) {
	waiters := r.waiters[e.Index]
	if len(waiters) == 0 {
		return
	}
	delete(r.waiters, e.Index)
	r.waiting -= len(waiters)
	for _, p := range waiters {
		if p.term == e.Term {
			p.done(answer, nil)
		} else {
			r.record.Reach(overwritten)
			p.done(nil, ErrLost)
		}
	}
}

// forget gives up a proposal, if its fate is still open.
func (r *Replica) forget(p pledge, why error) {
	waiters := r.waiters[p.index]
	for i, w := range waiters {
		if w.term != p.term {
			continue
		}
		if len(waiters) == 1 {
			delete(r.waiters, p.index)
		} else {
			r.waiters[p.index] = append(append([]proposal(nil), waiters[:i]...), waiters[i+1:]...)
		}
		r.waiting--
		r.record.Reach(gaveUp)
		w.done(nil, why)
		return
	}
}

// expire gives up what has waited for too long.
func (r *Replica) expire() {
	now := r.env.Mark()
	n := 0
	for n < len(r.inOrder) {
		p := r.inOrder[n]
		if now < p.until && len(r.waiters[p.index]) > 0 {
			break
		}
		r.forget(p, ErrUnknown)
		n++
	}
	if n > 0 {
		r.inOrder = append(r.inOrder[:0], r.inOrder[n:]...)
	}
	r.calls.expire(now)
}

// Read calls done with nil at a moment at which the machine shows all that was done before Read was called. With a
// lease that may be at once. Errors: ErrNotLeader, ErrBusy, ErrClosed.
func (r *Replica) Read(done func(error)) {
	switch {
	case r.closed:
		done(ErrClosed)
	case !r.Leads():
		done(ErrNotLeader)
	case len(r.asked)+len(r.confirms) >= r.opts.Waiting:
		done(ErrBusy)
	default:
		if index, leased := r.leased(r.env.Mark()); leased {
			r.record.Reach(leaseRead)
			r.whenApplied(confirmed{index, done})
			return
		}
		since, _ := r.record.Horizon(committed, r.store.Identity().Cluster)
		r.asked = append(r.asked, question{since, done})
		r.poke()
	}
}

// leased is from which index on reads may be answered at once. No other leader can have committed anything beyond it.
func (r *Replica) leased(now nodes.Instant) (index uint64, leased bool) {
	index, leased = r.core.LeaseRead(now)
	if leased {
		group := r.store.Identity().Cluster
		since, _ := r.record.Horizon(committed, group)
		r.record.Always(leasesSeeAll, index >= since || !r.record.Steady(committed, group, r.opts.Raft.Drift))
	}
	return index, leased
}

// ask lets the core confirm that this server leads, for all reads that have come.
func (r *Replica) ask() {
	if len(r.asked) == 0 {
		return
	}
	asked := r.asked
	r.asked = nil
	r.readID++
	if err := r.core.Read(r.env.Mark(), r.readID); err != nil {
		for _, q := range asked {
			q.done(err)
		}
		return
	}
	r.reads[r.readID] = asked
}

// confirm answers reads, or lets them wait for the machine.
func (r *Replica) confirm(reads []raft.Read, refused []uint64) {
	waiting := r.confirms
	r.confirms = nil
	for _, c := range waiting {
		r.whenApplied(c)
	}
	for _, read := range reads {
		for _, q := range r.reads[read.ID] {
			r.record.Always(readsSeeAll, read.Index >= q.since)
			r.whenApplied(confirmed{read.Index, q.done})
		}
		delete(r.reads, read.ID)
	}
	for _, id := range refused {
		for _, q := range r.reads[id] {
			q.done(ErrNotLeader)
		}
		delete(r.reads, id)
	}
}

func (r *Replica) whenApplied(c confirmed) {
	if c.index <= r.applied {
		c.done(nil)
		return
	}
	r.confirms = append(r.confirms, c)
}
