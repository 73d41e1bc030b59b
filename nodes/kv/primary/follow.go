package primary

import (
	"errors"
	"hash/crc32"
	"log/slog"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/kv/shards"
)

// session is a replica's part: one stream of the primary's, from the join on for as long as nothing is missing in it.
type session struct {
	server  *server
	epoch   uint64
	id      uint64
	primary string
	asked   bool // the join has left
	resumed bool // it is agreed from where on the stream goes
	heard   nodes.Instant
	next    uint64 // the turn that comes next
	freed   uint64 // turns that the primary may take for done
	told    uint64 // what the primary says is committed
	marks   []mark
	image   []byte
	first   image // the first piece, without its data
}

// mark is a moment of this replica's clock, and what was committed by then at least.
type mark struct {
	at        nodes.Instant
	committed uint64
}

// mostImage bounds a snapshot that is taken.
const mostImage = 1 << 40

// seek asks the primary for its stream, anew.
func (s *server) seek() {
	d := &s.tenure.decree
	if d.epoch < s.promised || d.primary == s.self || d.primary == "" {
		s.leave()
		return
	}
	f := &session{server: s, epoch: d.epoch, id: s.env.Rand().Uint64()>>1 | 1, primary: d.primary, heard: s.env.Mark()}
	s.session = f
	if s.installing {
		return // the log is about to be another
	}
	j := join{epoch: f.epoch, session: f.id, end: s.log.end(), applied: s.log.applied, whole: s.whole, lineage: s.log.lineage.until(s.log.end())}
	f.asked = s.link.Send(f.primary, j.append(nil))
}

// leave ends the session.
func (s *server) leave() { s.session = nil }

// turned says whether a turn is the session's next. If one is missing, it asks for the stream anew.
func (s *server) turned(from string, t turn) bool {
	f := s.session
	if f == nil || s.installing || from != f.primary || t.epoch != f.epoch || t.session != f.id || f.epoch < s.promised {
		return false
	}
	if t.number != f.next {
		s.record.Reach(turnMissing)
		s.seek()
		return false
	}
	f.next++
	f.heard = s.env.Mark()
	return true
}

// resumed keeps what the primary has too, and discards the rest.
func (s *server) resumed(from string, in *wire) error {
	m, err := in.resume()
	if err != nil || !s.turned(from, m.turn) {
		return err
	}
	if m.fork < s.log.applied || m.fork > s.log.end() || s.session.resumed {
		return errWire
	}
	s.discard(s.log.end()-m.fork, "the new primary never had it")
	s.log.cut(m.fork)
	s.cuts++
	s.log.lineage = m.lineage
	if !s.whole {
		s.goal = m.goal
	}
	s.session.resumed, s.took = true, true
	s.durableAt(s.keep(appendLineageRecord(nil, m.fork, m.lineage)), m.fork)
	s.acknowledge()
	s.advance()
	return nil
}

// discard tells of what is lost here.
func (s *server) discard(entries uint64, why string) {
	if entries == 0 {
		return
	}
	s.discarded += entries
	s.record.Reach(tailDiscarded)
	s.record.Note("discarded", slog.Uint64("entries", entries), slog.Uint64("epoch", s.tenure.decree.epoch))
	s.env.Log().Warn("entries are discarded", "entries", entries, "why", why)
}

// streamed takes entries.
func (s *server) streamed(from string, in *wire) error {
	m, err := in.stream()
	if err != nil || !s.turned(from, m.turn) {
		return err
	}
	f := s.session
	if !f.resumed || m.before != s.log.end() {
		s.seek()
		return errWire
	}
	var at journal.Position
	for _, entry := range m.entries {
		at = s.keep(appendEntryRecord(nil, s.log.end()+1, entry))
		s.log.add(entry)
	}
	if len(m.entries) > 0 {
		session := f
		s.durableAt(at, s.log.end())
		s.landed(at, func() {
			if s.session == session && !s.stopping {
				s.acknowledge()
			}
		})
	}
	f.told = max(f.told, m.committed)
	if m.stamp > 0 {
		f.marks = append(f.marks, mark{min(nodes.Instant(m.stamp-1), s.env.Mark()), m.committed})
	}
	s.advance()
	if s.session == f {
		s.acknowledge()
	}
	return nil
}

// freshen notes since when nothing is missing in the store.
func (f *session) freshen() {
	s, n := f.server, 0
	for n < len(f.marks) && f.marks[n].committed <= s.log.applied {
		s.fresh, s.knows = max(s.fresh, f.marks[n].at), true
		n++
	}
	f.marks = f.marks[n:]
	if len(f.marks) == 0 {
		f.marks = nil
	}
}

// acknowledge tells the primary what is here. Nothing of an epoch before the one that was promised is ever acknowledged.
func (s *server) acknowledge() {
	f := s.session
	if f.epoch < s.promised {
		return
	}
	if s.log.wet <= int(s.config.PendingBytes) {
		f.freed = f.next
	}
	a := ack{epoch: f.epoch, session: f.id, next: f.freed, stamp: uint64(s.env.Mark()) + 1}
	if f.resumed { // before, the log may be another than the primary's
		a.durable = s.log.durable
	}
	if !s.env.Point(loseAck) {
		s.link.Send(f.primary, a.append(nil))
	}
}

// pieceCame takes a piece of a snapshot.
func (s *server) pieceCame(from string, in *wire) error {
	m, err := in.image()
	if err != nil || !s.turned(from, m.turn) {
		return err
	}
	f := s.session
	if m.at == 0 {
		f.first = m
		f.first.data = nil
	}
	if f.resumed || m.at != uint64(len(f.image)) || m.size > mostImage || m.at+uint64(len(m.data)) > m.size || m.size != f.first.size {
		s.seek()
		return errWire
	}
	f.image = append(f.image, m.data...)
	if uint64(len(f.image)) == m.size {
		if err := s.install(f); err != nil {
			return err
		}
	}
	if s.session == f {
		s.acknowledge()
	}
	return nil
}

// install makes the server what a snapshot says. From when it is durable the old log is no more.
func (s *server) install(f *session) error {
	if uint64(crc32.Checksum(f.image, castagnoli)) != f.first.sum {
		s.seek()
		return errWire
	}
	store, err := shards.Decode(f.image)
	if err != nil {
		s.seek()
		return err
	}
	s.installing = true
	defer func() { s.installing = false }()
	for s.compacting {
		if err := s.env.Sleep(s.config.Heartbeat / 10); err != nil {
			return err
		}
	}
	if s.session != f || s.promised > f.epoch || s.stopping {
		return nil
	}
	base := foundation{offset: f.first.offset, promised: s.promised, goal: f.first.goal, lineage: f.first.lineage}
	if s.whole { // what it said that it has, and that counts, is not beyond the fork
		base.goal = min(base.goal, f.first.fork)
	}
	if base.goal <= base.offset {
		base.whole, base.goal = true, 0
	}
	if err := s.journal.Compact(records(base, f.image, nil)); err != nil {
		if errors.Is(err, journal.ErrClosed) || s.stopping {
			return nil
		}
		s.fail(err)
	}
	s.discard(s.log.end()-min(f.first.fork, s.log.end()), "the new primary never had it, and it was done here")
	s.store.Become(store)
	s.log.reset(base.offset, base.lineage)
	s.cuts++
	was := s.whole
	s.whole, s.vouched, s.goal, s.knows = base.whole, base.whole, base.goal, false
	if s.whole && !was {
		s.caughtUp()
	}
	f.resumed, f.heard, f.image, s.took = true, s.env.Mark(), nil, true
	s.record.Reach(snapshotInstalled)
	s.record.Note("snapshot-installed")
	s.env.Log().Info("a snapshot is installed", "offset", base.offset, "store", s.store.String())
	return nil
}
