package stable

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"simrun/nodes/journal"
	"simrun/nodes/raft"
)

// recordKind is what a record is. A record begins with its kind and its number; the journal frames it and checks its
// sum.
type recordKind byte

const (
	identityRecord recordKind = 0x31 // who the server is
	saveRecord     recordKind = 0x32 // raft.AppendSave
	pieceRecord    recordKind = 0x33 // which piece, of how many, and a piece of raft.AppendSnapshot
)

// pieceBytes is about how much one record holds.
const pieceBytes = 1 << 20

// errRecord tells of a record that no version of this package has written.
var errRecord = errors.New("not a record of a Raft server")

func appendHead(b []byte, k recordKind, number uint64) []byte {
	return binary.AppendUvarint(append(b, byte(k)), number)
}

func appendIdentity(b []byte, i Identity) []byte {
	b = binary.AppendUvarint(b, uint64(i.ID))
	return binary.AppendUvarint(b, i.Cluster)
}

func decodeIdentity(b []byte) (Identity, error) {
	id, n := binary.Uvarint(b)
	if n <= 0 || id == 0 {
		return Identity{}, fmt.Errorf("%w: it names nobody", errRecord)
	}
	cluster, m := binary.Uvarint(b[n:])
	if m <= 0 || n+m != len(b) {
		return Identity{}, fmt.Errorf("%w: it names no cluster", errRecord)
	}
	return Identity{raft.ID(id), cluster}, nil
}

// pieces are the bodies of the records that hold a snapshot.
func pieces(s *raft.Snapshot, term uint64, vote raft.ID) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		all := raft.AppendSnapshot(nil, s, term, vote)
		total := uint64(len(all)+pieceBytes-1) / pieceBytes
		for n := range total {
			body := binary.AppendUvarint(nil, n)
			body = binary.AppendUvarint(body, total)
			if !yield(append(body, all[n*pieceBytes:min((n+1)*pieceBytes, uint64(len(all)))]...)) {
				return
			}
		}
	}
}

// parts are Saves that together are one: at least one, and each of a size that a record takes.
func parts(term uint64, vote raft.ID, entries []raft.Entry) iter.Seq[raft.Save] {
	return func(yield func(raft.Save) bool) {
		for first := true; first || len(entries) > 0; first = false {
			n, size := 0, 0
			for n < len(entries) && (n == 0 || size+len(entries[n].Data) <= pieceBytes) {
				size += len(entries[n].Data) + 32
				n++
			}
			if !yield(raft.Save{Term: term, Vote: vote, Entries: entries[:n]}) {
				return
			}
			entries = entries[n:]
		}
	}
}

// replay takes over a record of the journal.
func (s *Store) replay(r journal.Record) error {
	if err := s.take(r.Payload, r.Snapshot); err != nil {
		return fmt.Errorf("record %d: %w", r.Number, err)
	}
	return nil
}

// take takes over a record; of those of the log only one that follows the last.
func (s *Store) take(record []byte, compacted bool) error {
	if len(record) == 0 {
		return fmt.Errorf("%w: it is empty", errRecord)
	}
	number, n := binary.Uvarint(record[1:])
	if n <= 0 {
		return fmt.Errorf("%w: it has no number", errRecord)
	}
	if !compacted && number != s.number+1 {
		s.skipped++
		return nil
	}
	s.number = number
	body := record[1+n:]
	switch k := recordKind(record[0]); k {
	case identityRecord:
		i, err := decodeIdentity(body)
		if err == nil {
			s.identity = i
		}
		return err
	case saveRecord:
		s.blank = false
		return s.state.Replay(body)
	case pieceRecord:
		return s.piece(body)
	default:
		return fmt.Errorf("%w: of the unknown kind %#x", errRecord, byte(k))
	}
}

// piece takes a piece of a snapshot, and with the last of them the whole. Where a server ended between two pieces, others
// follow from the first on.
func (s *Store) piece(body []byte) error {
	at, n := binary.Uvarint(body)
	if n <= 0 {
		return fmt.Errorf("%w: it is no piece", errRecord)
	}
	total, m := binary.Uvarint(body[n:])
	p := &s.partial
	if at == 0 {
		*p = partial{total: total}
	}
	if m <= 0 || at != p.next || total != p.total || at >= total {
		return fmt.Errorf("%w: piece %d of %d of a snapshot, where piece %d of %d was to come", errRecord, at, total, p.next, p.total)
	}
	p.data = append(p.data, body[n+m:]...)
	if p.next++; p.next < p.total {
		return nil
	}
	state, err := raft.DecodeSnapshot(p.data)
	if err != nil {
		return err
	}
	s.state, s.blank, s.partial = state, false, partial{}
	return nil
}
