package primary

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"simrun/nodes/journal"
)

// journalDir is where the journal lies in the server's data, and asideDir where one is put that was found damaged.
const (
	journalDir = "journal"
	asideDir   = "journal.damaged"
)

// recover reads the journal. One that is damaged is put aside, if others may have what it had: the server is then one that lost
// its disk. It has nothing and has promised nothing (isLost), and counts when a primary has sent it everything.
func (s *server) recover() error {
	err := s.open()
	corrupt := errors.As(err, new(*journal.Corruption))
	s.record.Sometimes(damageFound, corrupt)
	if !corrupt || !s.config.Rejoin || len(s.config.Servers) < 2 {
		return err
	}
	s.env.Log().Warn("the journal is damaged; it is put aside, and this server is to be sent everything", "err", err, "aside", asideDir)
	if err := journal.PutAside(s.env.FS(), journalDir, asideDir); err != nil {
		return err
	}
	s.aside = true
	s.record.Note("put-aside")
	return s.open()
}

// open makes log and store of what the journal holds. What is behind the snapshot is not done yet: who is the primary now
// may not have all of it.
func (s *server) open() error {
	r := newRecovered()
	j, err := journal.Open(s.env, journalDir, s.config.journal(), r.replay)
	if err != nil {
		return fmt.Errorf("what was stored cannot be read: %w", err)
	}
	s.journal = j
	if err := r.made(); err != nil {
		return errors.Join(fmt.Errorf("what was stored cannot be read: %w", err), j.Close())
	}
	s.store.Become(r.store)
	s.log, s.promised, s.kept, s.whole, s.vouched, s.goal = r.log, r.promised, r.promised, r.whole, r.whole, r.goal
	s.pledged = s.log.place()
	if !r.blank {
		s.record.Note("replayed")
		s.record.Sometimes(outlived, s.log.end() > 0)
	}
	s.env.Log().Info("journal read", "store", s.store.String(), "log", s.log.String(), "journal", j.String())
	return nil
}

// keep appends a record. There is room: what is proposed, and what a primary may send, is bounded by less than the journal takes.
func (s *server) keep(record []byte) journal.Position {
	at, err := s.journal.Append(record)
	if err != nil {
		s.fail(err)
	}
	return at
}

// landed calls f once a record is durable. What cannot be written ends the server.
func (s *server) landed(at journal.Position, f func()) {
	s.journal.Then(at, func(err error) {
		if err != nil {
			s.fail(err)
		}
		f()
	})
}

// durableAt notes that the log is durable up to an offset once a record is.
func (s *server) durableAt(at journal.Position, offset uint64) {
	cuts := s.cuts
	s.landed(at, func() {
		if cuts != s.cuts || offset <= s.log.durable {
			return
		}
		s.record.Always(durableExists, offset <= s.log.end())
		s.log.dry(offset)
		s.advance()
	})
}

// compact lets a snapshot stand for the journal.
func (s *server) compact() {
	err := s.journal.Compact(s.live())
	s.compacting = false
	switch {
	case err == nil:
		s.record.Reach(compacted)
		s.record.Note("compacted")
	case errors.Is(err, journal.ErrBroken):
		s.fail(err)
	default:
		s.env.Log().Warn("the journal is not compacted", "err", err)
	}
}

// live are the records that stand for all that the journal was given so far.
func (s *server) live() iter.Seq[[]byte] {
	f := foundation{offset: s.log.applied, promised: s.promised, goal: s.goal, whole: s.whole, lineage: s.log.lineage}
	behind := slices.Clone(s.log.entries[s.log.applied-s.log.base:])
	s.record.Sometimes(compactedBusy, len(behind) > 0)
	return records(f, s.store.Image()(nil), behind)
}

// grow compacts the journal where that is worth it.
func (s *server) grow() {
	if !s.compacting && !s.installing && !s.stopping && s.journal.Bloated() {
		s.compacting = true
		s.env.Go("compact", s.compact)
	}
}
