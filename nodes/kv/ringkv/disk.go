package ringkv

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/ring"
	"simrun/nodes/ring/repair"
	"simrun/nodes/ring/version"
)

// journalDir is where the journal lies in the server's data, and asideDir where one is put that does not count any more.
const (
	journalDir = "ring"
	asideDir   = "ring.aside"
)

// recover reads the disk. Copies that are damaged are put aside, and the server begins as another without any: under its old
// name it had promised to have them.
func (s *server) recover() error {
	err := s.open()
	corrupt := errors.As(err, new(*journal.Corruption))
	s.record.Sometimes(damageFound, corrupt)
	if _, seeds := s.config.seeds(s.env.Host()); len(seeds) < 2 {
		return err // nobody has another copy
	}
	if corrupt {
		s.env.Log().Error("the copies are put aside, and this server begins anew as another", "err", err, "aside", asideDir)
		if err = s.putAside(); err == nil {
			err = s.open()
		}
	}
	return err
}

// open makes the server what its journal says.
func (s *server) open() error {
	r := recovered{versions: s.config.Versions, items: map[string]saved{}, outlived: map[ring.ID]time.Time{}, hints: repair.NewHints(repair.HintOptions{Bytes: int(s.config.HintBytes)})}
	log, err := journal.Open(s.env, journalDir, s.config.journal(), func(record journal.Record) error {
		if err := r.take(record.Payload); err != nil {
			return fmt.Errorf("record %d: %w", record.Number, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.journal = log
	if r.self.id == 0 {
		return s.begin(&r)
	}
	if r.self.versions != s.config.Versions {
		return errors.Join(fmt.Errorf("the copies are versioned by %s, and the configuration says %s", r.self.versions, s.config.Versions), log.Close())
	}
	s.restore(&r)
	return nil
}

// begin makes the server a new one.
func (s *server) begin(r *recovered) error {
	now := s.env.Now()
	r.self = identity{ring.ID(s.env.Rand().Uint64()>>16 | 1), s.config.Versions, now}
	r.marks = marks{floor: version.AtWall(now), repaired: now}
	if _, err := s.journal.Append(appendSelf(nil, r.self)); err != nil {
		return err
	}
	at, err := s.journal.Append(appendNotes(nil, r.marks))
	if err == nil {
		err = s.journal.Commit(at)
	}
	s.restore(r)
	return err
}

// restore takes over what the records came to.
func (s *server) restore(r *recovered) {
	s.self, s.marks, s.hints, s.members.kept = r.self, r.marks, r.hints, r.members
	s.doubt = doubt{old: s.rules.MustStartEmpty(r.marks.repaired, s.env.Now()), outlived: r.outlived, asked: map[ring.ID]nodes.Instant{}}
	s.shelf = newShelf(s.config.Versions, s.salt())
	s.shelf.self = s.self.id
	floor := s.marks.floor
	for _, key := range slices.Sorted(maps.Keys(r.items)) {
		one := r.items[key]
		l, err := s.config.Versions.decode(one.known)
		if err != nil {
			panic("ringkv: a copy was read, and cannot be: " + err.Error())
		}
		if it := s.shelf.put([]byte(key), l, one.epoch); it.at.Compare(floor) > 0 {
			floor = it.at
		}
	}
	s.marks.floor = floor
	s.clock = version.NewClock(version.ClockOptions{MaxDrift: s.config.MaxDrift, Floor: floor})
	s.record.Sometimes(outlived, len(r.items) > 0)
	s.record.Sometimes(hintsOutlived, r.hints.Len() > 0)
}

// putAside renames the journal's directory.
func (s *server) putAside() error { return journal.PutAside(s.env.FS(), journalDir, asideDir) }

// append writes a record and calls then, if it is there, once it is durable, or with why it is not. A journal that is broken
// ends the server, and calls nobody.
func (s *server) append(record []byte, then func(error)) {
	at, err := s.journal.Append(record)
	if err != nil && !errors.Is(err, journal.ErrBehind) {
		s.stop(err)
		return
	}
	landed := func(err error) {
		switch {
		case errors.Is(err, journal.ErrBroken):
			s.stop(err) // whether it is there nobody knows, so nobody is told
			return
		case then != nil:
			then(err)
		}
		if !s.compacting && !s.stopping && s.journal.Bloated() {
			s.compacting = true
			s.env.Go("compact", s.compact)
		}
	}
	if err != nil {
		landed(err)
		return
	}
	s.journal.Then(at, landed)
}

// save writes an item, and calls then once it is durable, or with why it is not. One that the disk refuses is written
// again later, and nobody is shown it before.
func (s *server) save(it *item, then func(error)) {
	it.unsynced++
	s.append(appendItem(nil, it.key, it.epoch, it.known), func(err error) {
		it.unsynced--
		if it.unsaved = err != nil; err != nil {
			s.record.Reach(notKept)
			s.unsaved = true
		}
		if then != nil {
			then(err)
		}
		if it.unsynced == 0 {
			waiting := it.waiting
			it.waiting = nil
			for _, f := range waiting {
				f()
			}
		}
	})
}

// whenSaved calls f once all that is known of a key here is durable: at once, or later.
func (it *item) whenSaved(f func()) {
	if it == nil || it.unsynced == 0 {
		f()
		return
	}
	it.waiting = append(it.waiting, f)
}

// saveAgain writes what the disk has refused.
func (s *server) saveAgain() {
	if !s.unsaved {
		return
	}
	s.unsaved = false
	for _, it := range s.shelf.all() {
		if it.unsaved && it.unsynced == 0 && s.shelf.find([]byte(it.key)) == it {
			s.save(it, nil)
		}
	}
}

// forget drops an item. What was counted under its epoch is lost with it, so that none up to it is begun again.
func (s *server) forget(it *item) {
	s.marks.epoch = max(s.marks.epoch, it.epoch)
	if it.at.Compare(s.marks.floor) > 0 {
		s.marks.floor = it.at
	}
	s.shelf.drop(it)
	s.append(appendNotes(nil, s.marks), nil)
	s.append(appendDropped(nil, it.key), nil)
}

// compact lets a snapshot stand for the journal.
func (s *server) compact() {
	err := s.journal.Compact(s.live())
	s.compacting = false
	switch {
	case err == nil:
		s.record.Reach(compacted)
	case errors.Is(err, journal.ErrBroken):
		s.stop(err)
	default:
		s.env.Log().Warn("the journal is not compacted", "err", err)
	}
}

// live are the records that stand for all that the journal was given so far, as they are now. What was refused, and is still
// to be written, is among them: it is there then all the sooner.
func (s *server) live() iter.Seq[[]byte] {
	type copied struct {
		key   string
		epoch uint64
		known []byte
	}
	head := [][]byte{appendSelf(nil, s.self), appendNotes(nil, s.marks), appendMembers(nil, s.members.kept), appendOutlived(nil, s.doubt.outlived)}
	var items []copied
	for _, it := range s.shelf.all() {
		items = append(items, copied{it.key, it.epoch, it.known})
	}
	hints := s.hints.Records()
	return func(yield func([]byte) bool) {
		for _, record := range head {
			if !yield(record) {
				return
			}
		}
		var buf []byte
		for _, it := range items {
			if buf = appendItem(buf[:0], it.key, it.epoch, it.known); !yield(buf) {
				return
			}
		}
		for _, hint := range hints {
			if buf = appendHint(buf[:0], hint); !yield(buf) {
				return
			}
		}
	}
}

// note writes the marks down.
func (s *server) note() { s.append(appendNotes(nil, s.marks), nil) }

// freshEpoch is one that this server never counted under.
func (s *server) freshEpoch() uint64 {
	s.marks.epoch = max(s.marks.epoch+1, uint64(max(s.clock.Now(s.env.Now()).Wall, 1)/int64(time.Microsecond)))
	return s.marks.epoch
}
