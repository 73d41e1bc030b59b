package single

import (
	"errors"
	"fmt"
	"iter"
	"slices"

	"simrun/nodes/journal"
	"simrun/nodes/kv"
)

// What the journal holds is these records. A record begins with its kind; the journal frames it and checks its sum.
const (
	recordEntry byte = 0x21 // a write, as kv.AppendEntry has it
	recordChunk byte = 0x22 // a piece of a snapshot
)

// journalDir is where the journal lies in the server's data.
const journalDir = "journal"

// recover makes the store of what the journal holds.
func (s *server) recover() error {
	record := s.config.MaxRequest + 1<<20
	options := journal.Options{
		Sync: s.config.Sync, Interval: s.config.SyncInterval,
		SegmentBytes: s.config.Segment, GrowBytes: min(s.config.Segment, 256<<10), CompactBytes: s.config.Compact,
		RecordBytes: max(record, 2*kv.MaxValue), PendingBytes: 64<<20 + 2*record,
	}
	r := recovered{}
	log, err := journal.Open(s.env, journalDir, options, r.replay)
	if err != nil {
		s.record.Sometimes(damageRefused, errors.As(err, new(*journal.Corruption)))
		return fmt.Errorf("what was stored cannot be read: %w", err)
	}
	s.journal = log
	if s.store, err = r.made(); err != nil {
		return errors.Join(fmt.Errorf("what was stored cannot be read: %w", err), log.Close())
	}
	if s.store.Version() > 0 {
		s.record.Note("replayed")
		s.record.Reach(outlived)
		s.record.Sometimes(sessionsOutlived, s.store.Sessions() > 0)
	}
	s.env.Log().Info("journal read", "store", s.store.String(), "journal", log.String())
	return nil
}

// recovered makes a store of records: the chunks of a snapshot, if there is one, then writes.
type recovered struct {
	loader *kv.Loader
	store  *kv.Store
	out    []byte
}

// replay takes up one record.
func (r *recovered) replay(record journal.Record) error {
	if err := r.take(record.Payload); err != nil {
		return fmt.Errorf("record %d: %w", record.Number, err)
	}
	return nil
}

var errRecord = errors.New("single: not a record of this server")

func (r *recovered) take(record []byte) error {
	switch {
	case len(record) == 0:
		return fmt.Errorf("%w: empty", errRecord)
	case record[0] == recordChunk && r.store == nil:
		if r.loader == nil {
			r.loader = &kv.Loader{}
		}
		return r.loader.Add(record[1:])
	case record[0] == recordEntry:
		store, err := r.made()
		if err == nil {
			r.out, err = store.ApplyEntry(record[1:], r.out[:0])
		}
		return err
	}
	return fmt.Errorf("%w: of the kind %#x", errRecord, record[0])
}

// made is the store as far as it was replayed.
func (r *recovered) made() (_ *kv.Store, err error) {
	switch {
	case r.store != nil:
	case r.loader != nil:
		r.store, err = r.loader.Store()
	default:
		r.store = kv.New()
	}
	return r.store, err
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
		s.stop(err)
	default:
		s.env.Log().Warn("the journal is not compacted", "err", err)
	}
}

// live are the records that stand for all that the journal was given so far: the store as it is, and the writes that
// are on their way. It is read once these have landed, and leaves out those that the disk has refused.
func (s *server) live() iter.Seq[[]byte] {
	image, pending := s.store.Image(), slices.Clone(s.pending)
	s.record.Sometimes(compactedBusy, len(pending) > 0)
	return func(yield func([]byte) bool) {
		var buf []byte
		for chunk := range image.Chunks() {
			buf = append(append(buf[:0], recordChunk), chunk...)
			if !yield(buf) {
				return
			}
		}
		for _, p := range pending {
			if !p.refused && !yield(p.record) {
				return
			}
		}
	}
}
