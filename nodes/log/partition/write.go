package partition

import (
	"encoding/binary"

	"simrun/nodes"
)

// write is one write to a segment that was not durable when a mark spoke of it: so many bytes, and how many of the sectors that it lies in, or of
// their parts, it left nothing but zeros in.
//
// A sector is written as a whole or not at all, and beyond its end a segment is zeros. So of a write that a crash left only a part of, some sector
// is zeros that was written with something else. Where of no write more of them are than were written, all that the mark's sync was about was on the
// disk, and what is wrong with it has changed since. Writes are counted one by one, for a sector in which one ends and the next begins may land as it was
// between the two.
type write struct {
	length int64
	zeros  uint32
}

const (
	// markHead is where the writes begin in a mark, writeSize how much room each takes.
	markHead, writeSize = 32, 8
	// mostWrites is of how many a mark can speak. Of more it is silent.
	mostWrites = (sector - 4 - markHead) / writeSize
)

// noteWrite remembers a write for the next mark.
func (s *segment) noteWrite(b []byte, at int64) {
	if len(s.writes) <= mostWrites {
		s.writes = append(s.writes, write{int64(len(b)), zeros(b, at)})
	}
}

// vouched are the writes that the next mark speaks of.
func (s *segment) vouched() []write {
	if len(s.writes) > mostWrites {
		return nil
	}
	return s.writes
}

// zeros counts the sectors of which b, which lies at that position of a file, has nothing but zeros.
func zeros(b []byte, at int64) (n uint32) {
	for len(b) > 0 {
		part := b[:min(int64(len(b)), sector-at%sector)]
		if isZeroed(part) {
			n++
		}
		b, at = b[len(part):], at+int64(len(part))
	}
	return n
}

func isZeroed(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

func decodeWrites(b []byte) (all []write) {
	le := binary.LittleEndian
	for ; len(b) >= writeSize && le.Uint32(b) > 0; b = b[writeSize:] {
		all = append(all, write{int64(le.Uint32(b)), le.Uint32(b[4:])})
	}
	return all
}

// wereWhole says, by the mark's word, whether the writes were all on the disk once that went there with it, and the position is within them.
func (m *mark) wereWhole(file nodes.File, position, size int64) (bool, error) {
	at := m.durable
	for _, w := range m.writes {
		if w.length > size-at { // the file was not as long on the disk: a crash came first
			return false, nil
		}
		if n, err := zerosOf(file, at, at+w.length); err != nil || n > w.zeros {
			return false, err
		}
		at += w.length
	}
	return position < at, nil
}

// zerosOf counts the sectors of a stretch of the file that are zeros.
func zerosOf(file nodes.File, from, to int64) (n uint32, err error) {
	buf := make([]byte, min(chunk, to-from))
	for from < to {
		end := min(from+int64(len(buf)), to)
		if end < to {
			end -= end % sector
		}
		piece := buf[:end-from]
		if err := readFull(file, piece, from); err != nil {
			return 0, err
		}
		n += zeros(piece, from)
		from = end
	}
	return n, nil
}
