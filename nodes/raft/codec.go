package raft

import (
	"encoding/binary"
	"fmt"
	"time"
)

// flags of an encoded message.
const (
	flagReject = 1 << iota
	flagForce
	flagDone
	allFlags = flagReject | flagForce | flagDone
)

// AppendMessage appends a message as DecodeMessage reads it. Whoever sends it adds its length and a checksum.
func AppendMessage(b []byte, m *Message) []byte {
	flags := byte(0)
	for _, f := range []struct {
		set bool
		bit byte
	}{{m.Reject, flagReject}, {m.Force, flagForce}, {m.Done, flagDone}} {
		if f.set {
			flags |= f.bit
		}
	}
	b = append(b, byte(m.Type), flags)
	for _, n := range [...]uint64{uint64(m.From), uint64(m.To), m.Term, m.Index, m.LogTerm, m.Commit, m.Round, m.Prev, m.Offset} {
		b = binary.AppendUvarint(b, n)
	}
	switch m.Type {
	case Append:
		b = appendEntries(b, m.Entries)
	case InstallSnapshot:
		if m.Done {
			b = appendBytes(b, m.Members.encode())
		}
		b = append(b, m.Data...)
	case AppendReply, SnapshotReply:
		if m.Promise > 0 {
			b = binary.AppendUvarint(b, uint64(m.Promise))
		}
	}
	return b
}

// DecodeMessage reads a message. What it holds of entries and of a snapshot is memory of b.
func DecodeMessage(b []byte) (Message, error) {
	d := decoder{b}
	var m Message
	m.Type = Type(d.byte())
	flags := d.byte()
	m.Reject, m.Force, m.Done = flags&flagReject != 0, flags&flagForce != 0, flags&flagDone != 0
	m.From, m.To = ID(d.uint()), ID(d.uint())
	for _, field := range []*uint64{&m.Term, &m.Index, &m.LogTerm, &m.Commit, &m.Round, &m.Prev, &m.Offset} {
		*field = d.uint()
	}
	if m.Type < PreVote || m.Type > TimeoutNow || flags&^byte(allFlags) != 0 || m.Index > mostIndex {
		d.fail()
	}
	switch m.Type {
	case Append:
		m.Entries = d.entries(m.Index, m.LogTerm, m.Term)
	case InstallSnapshot:
		if m.Done {
			members, err := decodeMembers(d.bytes())
			if err != nil {
				return Message{}, err
			}
			m.Members = members
		}
		m.Data, d.b = d.b, d.b[len(d.b):]
	case AppendReply, SnapshotReply:
		if len(d.b) > 0 {
			if m.Promise = time.Duration(d.uint()); m.Promise <= 0 || m.Promise > longestPromise {
				d.fail()
			}
		}
	}
	if d.b == nil || len(d.b) > 0 {
		return Message{}, fmt.Errorf("%w message", errMalformed)
	}
	if (m.Type == Append || m.Type == InstallSnapshot) && m.LogTerm > m.Term {
		return Message{}, fmt.Errorf("%w message: a log of a term to come", errMalformed)
	}
	return m, nil
}

// mostIndex and longestPromise leave room to count on.
const (
	mostIndex      = 1 << 62
	longestPromise = 1 << 61 * time.Nanosecond
)

func appendEntries(b []byte, entries []Entry) []byte {
	b = binary.AppendUvarint(b, uint64(len(entries)))
	for i := range entries {
		b = binary.AppendUvarint(b, entries[i].Term)
		b = append(b, byte(entries[i].Kind))
		b = appendBytes(b, entries[i].Data)
	}
	return b
}

func appendBytes(b, data []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(data)))
	return append(b, data...)
}

// AppendSave appends a Save, without its snapshot, as State.Replay reads it.
func AppendSave(b []byte, s *Save) []byte {
	b = binary.AppendUvarint(b, s.Term)
	b = binary.AppendUvarint(b, uint64(s.Vote))
	first := uint64(0)
	if len(s.Entries) > 0 {
		first = s.Entries[0].Index
	}
	b = binary.AppendUvarint(b, first)
	return appendEntries(b, s.Entries)
}

// Replay takes over a Save that AppendSave wrote: those of a disk, in their order, make up its State. It keeps none of
// the memory of b. Errors: what was written is not what is read, or does not follow what was read before.
func (s *State) Replay(b []byte) error {
	d := decoder{b}
	term, vote, first := d.uint(), ID(d.uint()), d.uint()
	if first > mostIndex {
		d.fail()
	}
	entries := d.entries(max(first, 1)-1, 0, term)
	if d.b == nil || len(d.b) > 0 || term < s.Term {
		return fmt.Errorf("%w record of a log", errMalformed)
	}
	if len(entries) == 0 {
		s.Term, s.Vote = term, vote
		return nil
	}
	last := s.Snapshot.Index + uint64(len(s.Entries))
	if first <= s.Snapshot.Index || first > last+1 {
		return fmt.Errorf("%w record of a log: entry %d after %d", errMalformed, first, last)
	}
	kept, before := s.Entries[:first-s.Snapshot.Index-1], s.Snapshot.Term
	if len(kept) > 0 {
		before = kept[len(kept)-1].Term
	}
	if entries[0].Term < before {
		return fmt.Errorf("%w record of a log: entry %d of term %d after one of term %d", errMalformed, first, entries[0].Term, before)
	}
	s.Term, s.Vote, s.Entries = term, vote, kept
	for _, e := range entries {
		e.Data = append([]byte(nil), e.Data...)
		s.Entries = append(s.Entries, e)
	}
	return nil
}

// AppendSnapshot appends what is to be kept of a snapshot, with the term and the vote of its time: those of its Save,
// or, of one from Compact, those that are durable. With later ones the Saves that are under way would not follow.
func AppendSnapshot(b []byte, s *Snapshot, term uint64, vote ID) []byte {
	for _, n := range [...]uint64{term, uint64(vote), s.Index, s.Term} {
		b = binary.AppendUvarint(b, n)
	}
	b = appendBytes(b, s.Members.encode())
	return append(b, s.Data...)
}

// DecodeSnapshot reads what AppendSnapshot wrote. The snapshot's data is memory of b.
func DecodeSnapshot(b []byte) (State, error) {
	d := decoder{b}
	var s State
	s.Term, s.Vote = d.uint(), ID(d.uint())
	s.Snapshot.Index, s.Snapshot.Term = d.uint(), d.uint()
	members, err := decodeMembers(d.bytes())
	if err != nil {
		return State{}, err
	}
	if d.b == nil || s.Snapshot.Index > mostIndex || s.Snapshot.Term > s.Term {
		return State{}, fmt.Errorf("%w snapshot", errMalformed)
	}
	s.Snapshot.Members, s.Snapshot.Data = members, d.b
	return s, nil
}

// decoder takes values from the front of b. After a value that is not there b is nil, and all further ones are zero.
type decoder struct{ b []byte }

func (d *decoder) fail() { d.b = nil }

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) uint() uint64 {
	if len(d.b) > 0 && d.b[0] < 0x80 { // as most are
		v := d.b[0]
		d.b = d.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) bytes() []byte {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

// count is a number of things of at least a byte each.
func (d *decoder) count(most uint64) uint64 {
	n := d.uint()
	if n > most || n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return n
}

// entries are those after an index, of terms that do not fall below that of the entry there and are none to come.
func (d *decoder) entries(after, before, term uint64) []Entry {
	n := d.count(mostIndex)
	if n == 0 {
		return nil
	}
	all := make([]Entry, 0, min(n, 4096))
	for i := range n {
		e := Entry{Index: after + 1 + i, Term: d.uint(), Kind: EntryKind(d.byte()), Data: d.bytes()}
		if d.b == nil || e.Kind < Command || e.Kind > Configure || e.Term < before || e.Term > term {
			d.fail()
			return nil
		}
		if e.Kind == Configure {
			if _, err := decodeMembers(e.Data); err != nil {
				d.fail()
				return nil
			}
		}
		before = e.Term
		all = append(all, e)
	}
	return all
}
