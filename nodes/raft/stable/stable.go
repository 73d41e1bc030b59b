// Package stable answers what a Raft server remembers when it comes back: its identity, term, vote, snapshot and log, on
// a journal (package journal).
//
// Each Save of the core is one record, or several where it is large; many share a sync. A snapshot that the server made
// itself takes the place of the journal's past when it is compacted; one that came from a leader is written as records
// like any others, which say that all before them counts no more.
//
// # A refused record leaves no hole
//
// A journal may refuse a batch because the disk is full, and take the next. So every record has a number, and recovery
// leaves out what does not follow what it has: a hole is the end. What is left out was never said to be durable, for
// those who wait for it are told in order, and the first error is the last that the server hears. Without numbers, a
// Save that replaces entries could be lost and the one after it be put upon the entries that were to be replaced: a log
// that never was.
package stable

import (
	"iter"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/raft"
)

// Identity is who a server is, of which cluster.
type Identity struct {
	ID      raft.ID
	Cluster uint64 // drawn by who began the cluster; zero before the server belongs to one
}

// Store is a server's memory.
//
// Invariant: state is what a recovery would give once all that was appended is durable.
type Store struct {
	journal  *journal.Journal
	identity Identity
	state    raft.State
	number   uint64 // of the last record
	last     journal.Position
	buf      []byte
	partial  partial // recovery: a snapshot of which the beginning has been read
	skipped  int
	blank    bool
}

// partial is the pieces of a snapshot that were read.
type partial struct {
	next, total uint64
	data        []byte
}

// Open recovers what is in dir. Errors are those of journal.Open: *journal.Corruption where the disk lost what it had
// promised to keep.
func Open(env nodes.Env, dir string, o journal.Options) (*Store, error) {
	s := &Store{blank: true}
	j, err := journal.Open(env, dir, o, s.replay)
	if err != nil {
		return nil, err
	}
	s.journal, s.partial = j, partial{}
	if s.skipped > 0 {
		env.Log().Warn("raft: records after one that the disk had refused are left out", "records", s.skipped)
	}
	return s, nil
}

// State is what a recovery would give once all that was appended is durable.
func (s *Store) State() raft.State { return s.state }

// Identity is who the server is; zero if it is nobody yet.
func (s *Store) Identity() Identity { return s.identity }

// Blank says that nothing was ever saved.
func (s *Store) Blank() bool { return s.blank }

// LogBytes is how much a recovery would read after the journal's snapshot.
func (s *Store) LogBytes() nodes.Bytes { return s.journal.LogBytes() }

// Bloated is the journal's own wish to be compacted.
func (s *Store) Bloated() bool { return s.journal.Bloated() }

// String is the store on one line.
func (s *Store) String() string { return s.journal.String() }

// Be makes the server somebody. It never gives way; Settle, or the Save after it, tells when it is durable.
func (s *Store) Be(i Identity) error {
	s.identity = i
	return s.append(appendIdentity(s.head(identityRecord), i))
}

// Then calls f once all that was appended is durable, or cannot be.
func (s *Store) Then(f func(error)) {
	if s.last == (journal.Position{}) {
		f(nil)
		return
	}
	s.journal.Then(s.last, f)
}

// Settle gives way until all that was appended is durable.
func (s *Store) Settle() error {
	if s.last == (journal.Position{}) {
		return nil
	}
	return s.journal.Commit(s.last)
}

// Begin writes down the snapshot that a server begins with, and the term and vote at that time. All before it counts no
// more. It never gives way.
func (s *Store) Begin(snapshot raft.Snapshot, term uint64, vote raft.ID) error {
	for body := range pieces(&snapshot, term, vote) {
		if err := s.append(append(s.head(pieceRecord), body...)); err != nil {
			return err
		}
	}
	s.blank = false
	s.state = raft.State{Term: term, Vote: vote, Snapshot: snapshot}
	return nil
}

// Save writes down what the core wants to be kept, and has then called with nil once it is durable. It never gives
// way. Errors, also those that then is told, are final: the server has to end and recover. But after ErrBehind the same
// may be saved again, once Settle has returned.
func (s *Store) Save(save *raft.Save, then func(error)) error {
	if save.Snapshot != nil {
		if err := s.Begin(*save.Snapshot, save.Term, save.Vote); err != nil {
			return err
		}
	}
	for part := range parts(save.Term, save.Vote, save.Entries) {
		if err := s.append(raft.AppendSave(s.head(saveRecord), &part)); err != nil {
			return err
		}
		s.keep(&part)
	}
	s.journal.Then(s.last, then)
	return nil
}

// keep takes over a Save.
func (s *Store) keep(save *raft.Save) {
	s.blank = false
	s.state.Term, s.state.Vote = save.Term, save.Vote
	if len(save.Entries) == 0 {
		return
	}
	at := save.Entries[0].Index - s.state.Snapshot.Index - 1
	if at < uint64(len(s.state.Entries)) {
		s.state.Entries = s.state.Entries[:at:at] // a compaction may be reading what is replaced
	}
	s.state.Entries = append(s.state.Entries, save.Entries...)
}

// Compact lets a snapshot that the core made stand for the log up to it, and rewrites the journal. It gives way while
// it writes; Save may be called meanwhile. Errors: those of journal.Compact. After one that is not ErrBroken nothing is
// lost, and the next call tries again.
func (s *Store) Compact(snapshot raft.Snapshot) error {
	if n := snapshot.Index - s.state.Snapshot.Index; snapshot.Index > s.state.Snapshot.Index && n <= uint64(len(s.state.Entries)) {
		s.state.Entries = append([]raft.Entry(nil), s.state.Entries[n:]...)
		s.state.Snapshot = snapshot
	} // else a newer one came from a leader meanwhile
	return s.journal.Compact(s.live())
}

// live is what a recovery needs, as of now.
func (s *Store) live() iter.Seq[[]byte] {
	number, identity, blank, state := s.number, s.identity, s.blank, s.state
	return func(yield func([]byte) bool) {
		if !yield(appendIdentity(appendHead(nil, identityRecord, number), identity)) || blank {
			return
		}
		for body := range pieces(&state.Snapshot, state.Term, state.Vote) {
			if !yield(append(appendHead(nil, pieceRecord, number), body...)) {
				return
			}
		}
		for part := range parts(state.Term, state.Vote, state.Entries) {
			if !yield(raft.AppendSave(appendHead(nil, saveRecord, number), &part)) {
				return
			}
		}
	}
}

func (s *Store) head(k recordKind) []byte { return appendHead(s.buf[:0], k, s.number+1) }

// append gives a record to the journal.
func (s *Store) append(record []byte) error {
	s.buf = record
	if cap(record) > 2*pieceBytes {
		s.buf = nil
	}
	at, err := s.journal.Append(record)
	if err == nil {
		s.number++
		s.last = at
	}
	return err
}

// Close makes durable what was appended, and frees the directory.
func (s *Store) Close() error { return s.journal.Close() }
