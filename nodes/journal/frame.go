package journal

import (
	"encoding/binary"
	"hash/crc32"
)

// A frame is a head of 40 bytes, little-endian, and a body, padded with zeros to a multiple of 8:
//
//	 0  CRC-32C of salt, offset and the head's other bytes
//	 4  length of the body
//	 8  number of the first record
//	16  count of records
//	20  CRC-32C of the body
//	24  offset up to which the segment was durable when the frame was written
//	32  chain: the CRC at 0 of the frame before, of the segment's header for the first frame
//	36  kind; in its upper 24 bits how many sectors of the body and its padding are zeros
//
// The body is the records, each a uvarint length and that many bytes. The salt is the segment's own,
// drawn at random, so that no payload can contain a frame that counts; with the offset under the
// checksum a frame that was written elsewhere, or is left from an earlier life of these blocks, does
// not count either.
//
// A sector is written as a whole or not at all. So of a frame that a crash left only a part of, some sector is zeros,
// as the file was before. Where no more of them are than the head counts, all of the frame was written, and what is
// wrong with it has changed since.
const (
	frameHead  = 40
	frameAlign = 8
	kindBits   = 8
	sector     = 512
)

// Kinds of frames.
const (
	kindBatch uint32 = iota + 1
	kindMark         // no body: says that what is before it was durable
	kindEnd          // no body: a snapshot is complete; its first is the count of its records
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// frame is a frame's head.
type frame struct {
	sum     uint32
	length  uint32
	first   uint64
	count   uint32
	body    uint32
	durable int64
	chain   uint32
	kind    uint32
	zeros   uint32
}

// span is how many bytes a frame with a body of that length takes.
func span(length int64) int64 { return frameHead + (length+frameAlign-1)&^(frameAlign-1) }

// seal completes a frame: buf is room for its head, then its body. It returns the bytes to write and the
// head's checksum, which the next frame carries as its chain.
func seal(buf []byte, f frame, salt uint64, offset int64) ([]byte, uint32) {
	body := buf[frameHead:]
	le := binary.LittleEndian
	le.PutUint32(buf[4:], uint32(len(body)))
	le.PutUint64(buf[8:], f.first)
	le.PutUint32(buf[16:], f.count)
	le.PutUint32(buf[20:], crc32.Checksum(body, castagnoli))
	le.PutUint64(buf[24:], uint64(f.durable))
	le.PutUint32(buf[32:], f.chain)
	for int64(len(buf)) < span(int64(len(body))) {
		buf = append(buf, 0)
	}
	le.PutUint32(buf[36:], f.kind|zeros(buf[frameHead:], offset+frameHead)<<kindBits)
	sum := headSum(buf, salt, offset)
	le.PutUint32(buf, sum)
	return buf, sum
}

// zeros counts the sectors of which b, which lies at that offset of a file, has nothing but zeros.
func zeros(b []byte, offset int64) (n uint32) {
	for len(b) > 0 {
		part := b[:min(int64(len(b)), sector-offset%sector)]
		if part[0] == 0 && isZeroed(part) {
			n++
		}
		b, offset = b[len(part):], offset+int64(len(part))
	}
	return n
}

// isWritten says whether no part of a head is as the file was before: the part in one sector has the checksum, that in
// the other the kind.
func isWritten(head []byte, offset int64) bool { return zeros(head[:frameHead], offset) == 0 }

// openHead reads a head, and says whether it is the head of a frame that was written at that offset
// of the segment with that salt.
func openHead(head []byte, salt uint64, offset int64) (f frame, ok bool) {
	le := binary.LittleEndian
	f = frame{
		sum:     le.Uint32(head),
		length:  le.Uint32(head[4:]),
		first:   le.Uint64(head[8:]),
		count:   le.Uint32(head[16:]),
		body:    le.Uint32(head[20:]),
		durable: int64(le.Uint64(head[24:])),
		chain:   le.Uint32(head[32:]),
		kind:    le.Uint32(head[36:]) & (1<<kindBits - 1),
		zeros:   le.Uint32(head[36:]) >> kindBits,
	}
	if f.durable < headerSize || f.durable > offset {
		return f, false
	}
	return f, f.sum == headSum(head, salt, offset)
}

func headSum(head []byte, salt uint64, offset int64) uint32 {
	var place [16]byte
	binary.LittleEndian.PutUint64(place[:], salt)
	binary.LittleEndian.PutUint64(place[8:], uint64(offset))
	return crc32.Update(crc32.Checksum(place[:], castagnoli), castagnoli, head[4:frameHead])
}

// records calls yield with each record of a body. It says whether the body is exactly count records.
func records(body []byte, count uint32, yield func(i uint64, payload []byte) error) (whole bool, err error) {
	for i := range uint64(count) {
		length, n := binary.Uvarint(body)
		if n <= 0 || length > uint64(len(body)-n) {
			return false, nil
		}
		if yield != nil {
			if err := yield(i, body[n:n+int(length)]); err != nil {
				return true, err
			}
		}
		body = body[n+int(length):]
	}
	return len(body) == 0, nil
}
