package primary

import "fmt"

// log is what was ordered, in memory: entries from behind base on. Those that are done and older than the backlog allows for
// are let go; the store has what they came to, and the journal too.
//
// Invariants: entries[i] has the offset base+1+i; base <= applied <= committed, durable <= end.
type log struct {
	base    uint64
	entries [][]byte
	bytes   int
	lineage lineage

	applied   uint64 // the store has done everything up to here
	committed uint64 // what will not be discarded any more, as far as is known here
	durable   uint64 // what this server's journal keeps
	wet       int    // bytes of what it does not keep yet
}

// end is the offset of the last entry.
func (l *log) end() uint64 { return l.base + uint64(len(l.entries)) }

// place is where the log ends.
func (l *log) place() place { return l.placeOf(l.end()) }

func (l *log) placeOf(offset uint64) place { return place{l.lineage.at(offset).epoch, offset} }

// entry is the one with that offset, which must be in memory.
func (l *log) entry(offset uint64) []byte { return l.entries[offset-l.base-1] }

// entrySize is what an entry costs beside its bytes.
const entrySize = 32

// add adds an entry, whose memory it keeps, and says its offset.
func (l *log) add(entry []byte) uint64 {
	l.entries = append(l.entries, entry)
	l.bytes += len(entry) + entrySize
	l.wet += len(entry) + entrySize
	return l.end()
}

// cut discards all behind an offset, and says how many entries that were.
func (l *log) cut(end uint64) (discarded uint64) {
	for l.end() > end {
		last := len(l.entries) - 1
		size := len(l.entries[last]) + entrySize
		if l.bytes -= size; l.end() > l.durable {
			l.wet -= size
		}
		l.entries[last] = nil
		l.entries = l.entries[:last]
		discarded++
	}
	l.lineage = l.lineage.until(end)
	l.durable, l.committed = min(l.durable, end), min(l.committed, end)
	return discarded
}

// dry notes that the journal keeps everything up to an offset.
func (l *log) dry(offset uint64) {
	for l.durable < offset {
		l.durable++
		l.wet -= len(l.entry(l.durable)) + entrySize
	}
}

// trim lets go of what is done, up to an offset, while there is more than so many bytes.
func (l *log) trim(upTo uint64, most int) {
	n := 0
	for l.bytes > most && l.base < min(upTo, l.applied, l.durable) {
		l.bytes -= len(l.entries[n]) + entrySize
		l.entries[n] = nil
		l.base++
		n++
	}
	if n > 0 {
		if l.entries = l.entries[n:]; cap(l.entries) > 4*len(l.entries)+1024 {
			l.entries = append(make([][]byte, 0, 2*len(l.entries)), l.entries...)
		}
	}
}

// reset makes it the log of somebody who has done everything up to an offset, and has nothing else.
func (l *log) reset(base uint64, of lineage) {
	*l = log{base: base, lineage: of, applied: base, committed: base, durable: base}
}

func (l *log) String() string {
	return fmt.Sprintf("log %d..%s, durable %d, committed %d, applied %d", l.base+1, l.place(), l.durable, l.committed, l.applied)
}
