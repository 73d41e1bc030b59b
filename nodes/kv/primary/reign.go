package primary

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"math"
	"slices"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/resp"
)

// An entry of the log is its kind and what the kind says.
const (
	entryCommand byte = 'c' // an entry of the store
	entryEpoch   byte = 'e' // an epoch begins, the number says which
)

// versionsOfEpoch is how many versions an epoch has: what a primary wrote and nobody else ever had, and what another wrote in its
// place, have different ones.
const versionsOfEpoch = 40

// reign is a primary's part. What an earlier primary ordered counts as committed only when something of this epoch does: before,
// a later primary may know better (the figure 8 of the Raft paper).
//
// Invariant: waiting is in the order of offsets.
type reign struct {
	server  *server
	epoch   uint64
	first   uint64  // the offset of this epoch's first entry
	feeds   []*feed // to each replica the last, in the order of their addresses
	waiting []pending
	bytes   int // of what waits
	waiters []*waiter
	image   snapshot // the last that was made
	wake    nodes.Cond
	due     bool
}

// pending is a write that waits for replicas, or for the disk.
type pending struct {
	offset uint64
	size   int
	until  nodes.Instant
	done   func(answer []byte, err error)
}

// begin makes this server the primary.
func (s *server) begin(d decree) {
	r := &reign{server: s, epoch: d.epoch, first: s.log.end() + 1, wake: s.env.NewCond()}
	s.reign, s.tenure.until, s.took = r, 0, true
	s.log.lineage = s.log.lineage.until(s.log.end()).with(span{d.epoch, d.id, r.first})
	s.keep(appendLineageRecord(nil, s.log.end(), s.log.lineage))
	entry := binary.AppendUvarint([]byte{entryEpoch}, d.epoch)
	at := s.keep(appendEntryRecord(nil, s.log.end()+1, entry))
	s.durableAt(at, s.log.add(entry))
	s.record.Note("became-leader", slog.Uint64("epoch", d.epoch))
	s.record.Reach(becamePrimary)
	s.env.Log().Info("became primary", "epoch", d.epoch, "from", r.first)
	s.env.Go("stream", r.run)
	s.report() // for the lease
}

// abdicate ends the reign. Nobody knows what becomes of what waits.
func (s *server) abdicate(why string) {
	r := s.reign
	if r == nil {
		return
	}
	s.reign = nil
	s.record.Note("stepped-down", slog.Uint64("epoch", r.epoch))
	s.record.Reach(steppedDown)
	s.env.Log().Info("stepped down", "epoch", r.epoch, "why", why)
	for _, p := range r.waiting {
		p.done(nil, errUnknown)
	}
	for _, w := range r.waiters {
		w.answer(r)
	}
	r.waiting, r.waiters = nil, nil
	r.wake.Signal()
}

// isReady says whether what the store shows is all that anybody has been told.
//
// A later primary is ready only when this one's lease has ended: by their clocks, and by those of the monitors.
func (r *reign) isReady() bool {
	s := r.server
	ready := s.leased() && s.log.committed >= r.first
	if ready {
		latest, _ := s.record.Horizon(reigns, s.group)
		s.record.Always(oneReigns, latest <= r.epoch || !s.record.Steady(reigns, s.group, s.config.MaxDrift))
		s.record.Advance(reigns, s.group, r.epoch, 0)
	}
	return ready
}

// isDone says whether nothing waits, and no replica that is there lacks anything.
func (r *reign) isDone() bool {
	s := r.server
	for _, f := range r.feeds {
		if f.isGood() && f.durable < s.log.end() {
			return false
		}
	}
	return s.log.committed == s.log.end()
}

// Leads says whether this server is the primary, as far as it knows.
func (s *server) Leads() bool { return s.reign != nil }

// Term is the latest epoch that is known.
func (s *server) Term() uint64 { return s.tenure.decree.epoch }

// Propose orders an entry of the store, and calls done with its answer, valid until done returns, once it is committed and done
// here. Errors: errNotPrimary, errFewer, errBusy; errUnknown, after which it may be done yet.
func (s *server) Propose(entry []byte, done func(answer []byte, err error)) {
	r := s.reign
	switch {
	case r == nil || !s.leased():
		done(nil, errNotPrimary)
		return
	case r.good() < s.config.Acknowledge:
		done(nil, errFewer)
		return
	case len(r.waiting) >= s.config.MaxWaiting || r.bytes+len(entry) > int(s.config.PendingBytes) && r.bytes > 0:
		s.record.Reach(tooMuchWaits)
		done(nil, errBusy)
		return
	}
	owned := append(append(make([]byte, 0, 1+len(entry)), entryCommand), entry...)
	at, err := s.journal.Append(appendEntryRecord(nil, s.log.end()+1, owned))
	switch {
	case errors.Is(err, journal.ErrBehind) || errors.Is(err, journal.ErrTooLarge):
		done(nil, errBusy)
		return
	case err != nil:
		s.fail(err)
	}
	offset := s.log.add(owned)
	r.waiting = append(r.waiting, pending{offset, len(owned), s.env.Mark().Add(s.config.patience()), done})
	r.bytes += len(owned)
	s.durableAt(at, offset)
	r.poke()
}

// advance finds what is committed by now, and does it.
func (s *server) advance() {
	if s.installing {
		return
	}
	if r := s.reign; r != nil {
		if at := r.agreed(); at >= r.first {
			s.log.committed = max(s.log.committed, at)
		}
	} else if f := s.session; f != nil {
		s.log.committed = max(s.log.committed, min(f.told, s.log.durable))
		if !s.whole && s.goal > 0 && s.log.durable >= s.goal {
			s.becomeWhole()
		}
	}
	for s.log.applied < s.log.committed {
		s.do(s.log.applied + 1)
	}
	if f := s.session; f != nil {
		f.freshen()
	}
	upTo := s.log.applied
	if r := s.reign; r != nil && s.log.bytes < int(s.config.PendingBytes) {
		upTo = r.needed()
	}
	s.log.trim(upTo, int(s.config.Backlog))
	s.tell()
	s.grow()
}

// agreed is the last offset that is on this server's disk, and on those of as many replicas as it takes.
func (r *reign) agreed() uint64 {
	s := r.server
	if s.config.Acknowledge == 0 {
		return s.log.durable
	}
	have := make([]uint64, 0, len(r.feeds))
	for _, f := range r.feeds {
		have = append(have, f.durable)
	}
	if len(have) < s.config.Acknowledge {
		return 0
	}
	slices.Sort(have)
	return min(s.log.durable, have[len(have)-s.config.Acknowledge])
}

// do does an entry that is committed.
func (s *server) do(offset uint64) {
	s.record.Always(inOrder, offset == s.log.applied+1 && offset <= s.log.durable)
	entry := s.log.entry(offset)
	s.log.applied = offset
	s.out = s.out[:0]
	switch {
	case len(entry) > 1 && entry[0] == entryCommand:
		out, err := s.store.ApplyEntry(entry[1:], s.out)
		if s.out = out; err != nil { // every server finds the same, so all go on with the same
			s.out = resp.AppendError(s.out[:0], "ERR "+err.Error())
		}
	case len(entry) > 1 && entry[0] == entryEpoch:
		if epoch, _ := binary.Uvarint(entry[1:]); epoch < math.MaxInt64>>versionsOfEpoch {
			s.store.Skip(epoch << versionsOfEpoch)
		}
	}
	if r := s.reign; r != nil {
		for len(r.waiting) > 0 && r.waiting[0].offset <= offset {
			r.waiting[0].done(s.out, nil)
			r.pop()
		}
	}
	s.trim()
}

func (r *reign) pop() {
	r.bytes -= r.waiting[0].size
	r.waiting[0] = pending{}
	if r.waiting = r.waiting[1:]; len(r.waiting) == 0 {
		r.waiting = nil
	}
}

// expire gives up what has waited for too long.
func (r *reign) expire(now nodes.Instant) {
	for len(r.waiting) > 0 && r.waiting[0].until <= now {
		r.waiting[0].done(nil, errUnknown)
		r.pop()
	}
}

// becomeWhole notes that this server has everything that it ever said it has. Monitors hear of it once that is durable: they may
// be about to decide that there was a primary, and who forgets that it is whole then never hears again that nothing is missing.
func (s *server) becomeWhole() {
	s.whole, s.goal = true, 0
	s.landed(s.keep([]byte{recordWhole}), func() { s.vouched = s.whole })
	s.caughtUp()
}

// caughtUp tells that the server is whole.
func (s *server) caughtUp() {
	s.record.Reach(caughtUp)
	if s.aside {
		s.record.Reach(damageRepaired)
		s.env.Log().Info("what was damaged is here again", "log", s.log.String())
	}
}
