package primary

import (
	"fmt"
	"iter"

	"simrun/nodes/journal"
	"simrun/nodes/kv/shards"
)

// What the journal holds is these records. A record begins with its kind; the journal frames it and checks its sum.
const (
	recordBase    byte = 0x31 // the first of a snapshot: what its pieces are
	recordPiece   byte = 0x32 // a piece of the store as it was there
	recordEntry   byte = 0x33 // an entry of the log and its offset
	recordLineage byte = 0x34 // the log ends at an offset, and this is its lineage
	recordPromise byte = 0x35 // an epoch: nothing of an earlier one is taken any more
	recordWhole   byte = 0x36 // this server has everything that it ever said it has
)

// pieceBytes is how much of a snapshot is in one record.
const pieceBytes = 64 << 10

// foundation is what a snapshot's first record says.
type foundation struct {
	offset   uint64 // the store has done everything up to here
	promised uint64
	goal     uint64 // where the log has to be for the server to be whole; 0 if it is
	whole    bool
	lineage  lineage
	size     uint64 // of all pieces
}

func (f *foundation) append(b []byte) []byte {
	b = putNumbers(append(b, recordBase), f.offset, f.promised, f.goal, f.size)
	return putLineage(putFlags(b, f.whole), f.lineage)
}

// appendEntryRecord adds the record of an entry.
func appendEntryRecord(b []byte, offset uint64, entry []byte) []byte {
	return append(putNumbers(append(b, recordEntry), offset), entry...)
}

func appendLineageRecord(b []byte, end uint64, l lineage) []byte {
	return putLineage(putNumbers(append(b, recordLineage), end), l)
}

// records are those that stand for a server: a snapshot, and the entries behind it.
func records(f foundation, image []byte, entries [][]byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		f.size = uint64(len(image))
		buf := f.append(nil)
		if !yield(buf) {
			return
		}
		for rest := image; len(rest) > 0; {
			n := min(len(rest), pieceBytes)
			buf = append(append(buf[:0], recordPiece), rest[:n]...)
			if rest = rest[n:]; !yield(buf) {
				return
			}
		}
		for i, entry := range entries {
			buf = appendEntryRecord(buf[:0], f.offset+1+uint64(i), entry)
			if !yield(buf) {
				return
			}
		}
	}
}

// recovered makes a server's state of records.
type recovered struct {
	foundation
	begun  bool // there was a first record of a snapshot
	image  []byte
	store  *shards.Store
	log    log
	blank  bool // nothing was ever written
	record int
}

func newRecovered() *recovered { return &recovered{blank: true} }

// replay takes up one record.
func (r *recovered) replay(record journal.Record) error {
	if err := r.take(record.Payload, record.Snapshot); err != nil {
		return fmt.Errorf("record %d: %w", record.Number, err)
	}
	return nil
}

func (r *recovered) take(record []byte, snapshot bool) error {
	if len(record) == 0 {
		return fmt.Errorf("%w: empty", errWire)
	}
	r.blank = false
	in := wire{rest: record[1:]}
	switch kind := record[0]; {
	case kind == recordBase && snapshot && !r.begun:
		r.begun = true
		r.offset, r.promised, r.goal, r.size = in.number(), in.number(), in.number(), in.number()
		in.flags(&r.whole)
		r.lineage = in.lineage()
		r.log.reset(r.offset, r.lineage)
		return in.end()
	case kind == recordPiece && snapshot && r.begun && r.store == nil:
		r.image = append(r.image, in.rest...)
		if uint64(len(r.image)) > r.size {
			return fmt.Errorf("%w: a snapshot goes on behind its end", errWire)
		}
		return nil
	case kind == recordEntry:
		offset := in.number()
		if in.bad || offset != r.log.end()+1 {
			return fmt.Errorf("%w: an entry at %d behind %d", errWire, offset, r.log.end())
		}
		r.log.add(append([]byte(nil), in.rest...))
		return nil
	case kind == recordLineage:
		end, of := in.number(), in.lineage()
		if in.bad || end < r.log.base || end > r.log.end() {
			return fmt.Errorf("%w: a lineage that ends at %d", errWire, end)
		}
		r.log.cut(end)
		r.log.lineage = of
		return in.end()
	case kind == recordPromise:
		r.promised = max(r.promised, in.number())
		return in.end()
	case kind == recordWhole:
		r.whole, r.goal = true, 0
		return in.end()
	default:
		return fmt.Errorf("%w: a record of the kind %#x", errWire, kind)
	}
}

// made is the store as the snapshot has it. What is behind it in the log may have to be discarded yet.
func (r *recovered) made() (err error) {
	if r.store = shards.New(); r.begun {
		if uint64(len(r.image)) != r.size {
			return fmt.Errorf("%w: a snapshot is cut short", errWire)
		}
		if r.store, err = shards.Decode(r.image); err != nil {
			return err
		}
	}
	r.image = nil
	r.log.dry(r.log.end())
	return nil
}
