// Package record answers what a record batch is: the bytes, in version 2 of Kafka's format, that producers send, brokers keep and
// consumers fetch.
//
// A Batch is those bytes, looked at where they lie. A broker keeps a producer's batch as it came: it only sets the base offset and
// the leader epoch, which lie outside the checksum for that reason. Nothing here trusts what it reads: Cut finds where a batch
// ends, Check whether its head can be true and its checksum is right, Codec.Verify whether what it holds is what the head says,
// compressed or not.
//
// Message sets of the formats before (magic 0 and 1) are refused with ErrFormat: who still sends those is told
// UNSUPPORTED_FOR_MESSAGE_FORMAT. Nothing converts them.
//
// Source: the protocol guide of Apache Kafka, "Record batch"; KIP-98 (producers, transactions), KIP-101 (leader epochs).
package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// Errors. Their text is the same on every machine: no library's own words are in it.
var (
	// ErrShort says that the bytes end within the batch.
	ErrShort = errors.New("record: the batch is cut short")
	// ErrFormat says that it is a message set of a format before version 2, or of one that is to come.
	ErrFormat = errors.New("record: not a batch of version 2")
	// ErrCorrupt says that the bytes are not those that were written: the checksum, a length or a count is wrong.
	ErrCorrupt = errors.New("record: the batch is corrupt")
	// ErrInvalid says that the batch is what was written, but should not have been.
	ErrInvalid = errors.New("record: the batch is invalid")
	// ErrCompression says that it is compressed in a way that nobody here knows.
	ErrCompression = errors.New("record: unknown compression")
	// ErrTooLarge says that its records take more than the limit.
	ErrTooLarge = errors.New("record: the batch is too large")
)

// HeadSize is how many bytes come before the records of a batch.
const HeadSize = 61

// Where the fields of a head lie. The length counts the bytes after itself; the checksum is of those after itself.
const (
	atBaseOffset    = 0
	atLength        = 8
	atLeaderEpoch   = 12
	atMagic         = 16
	atSum           = 17
	atAttributes    = 21
	atLastDelta     = 23
	atBaseTime      = 27
	atMaxTime       = 35
	atProducerID    = 43
	atProducerEpoch = 51
	atBaseSequence  = 53
	atCount         = 57

	lengthEnd = atLength + 4
	magic     = 2
)

// Attributes are the bits of a head that say what sort of batch it is.
type Attributes int16

const (
	compressionBits Attributes = 0x07
	appendTimeBit   Attributes = 0x08
	transactionBit  Attributes = 0x10
	controlBit      Attributes = 0x20
	horizonBit      Attributes = 0x40
	knownBits                  = compressionBits | appendTimeBit | transactionBit | controlBit | horizonBit
)

// Compression is how the records are compressed.
func (a Attributes) Compression() Compression { return Compression(a & compressionBits) }

// AppendTime says that the timestamps are the broker's, of the moment of the append; else they are the producer's.
func (a Attributes) AppendTime() bool { return a&appendTimeBit != 0 }

// Transactional says that the batch is part of a transaction.
func (a Attributes) Transactional() bool { return a&transactionBit != 0 }

// Control says that the batch is a marker of a transaction's end, which is not for applications.
func (a Attributes) Control() bool { return a&controlBit != 0 }

// Batch is one whole batch, as Cut returns it.
//
// Invariant: len(b) >= HeadSize, the length it states is its own, and its magic is 2.
type Batch []byte

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Cut returns the first batch of the data, without a copy, and what follows it. It looks at the length and the magic only; Check
// looks at the rest. Errors: ErrShort, ErrFormat, ErrCorrupt for a length that no batch has.
func Cut(data []byte) (b Batch, rest []byte, err error) {
	size, err := Size(data)
	if err != nil {
		return nil, data, err
	}
	if size > len(data) {
		return nil, data, ErrShort
	}
	return Batch(data[:size:size]), data[size:], nil
}

// Size is how many bytes the batch has that the data begin with, of which there must be HeadSize. Errors are those of Cut.
func Size(data []byte) (int, error) {
	if len(data) > atMagic && data[atMagic] != magic {
		return 0, fmt.Errorf("%w: its magic is %d", ErrFormat, int8(data[atMagic]))
	}
	if len(data) < HeadSize {
		return 0, ErrShort
	}
	length := int32(binary.BigEndian.Uint32(data[atLength:]))
	if length < HeadSize-lengthEnd || length > math.MaxInt32-lengthEnd {
		return 0, fmt.Errorf("%w: its length is %d", ErrCorrupt, length)
	}
	return lengthEnd + int(length), nil
}

func (b Batch) int16At(at int) int16 { return int16(binary.BigEndian.Uint16(b[at:])) }
func (b Batch) int32At(at int) int32 { return int32(binary.BigEndian.Uint32(b[at:])) }
func (b Batch) int64At(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) }

// BaseOffset is the offset of the first record that the batch was made of.
func (b Batch) BaseOffset() int64 { return b.int64At(atBaseOffset) }

// LastOffset is that of the last; compaction may have removed both.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastDelta()) }

// NextOffset is the offset of what follows the batch.
func (b Batch) NextOffset() int64 { return b.LastOffset() + 1 }

// LastDelta is how far the last offset is from the first.
func (b Batch) LastDelta() int32 { return b.int32At(atLastDelta) }

// LeaderEpoch is the epoch of the leader that appended the batch.
func (b Batch) LeaderEpoch() int32 { return b.int32At(atLeaderEpoch) }

// Sum is the CRC-32C of what follows it.
func (b Batch) Sum() uint32 { return uint32(b.int32At(atSum)) }

// Attributes say what sort of batch it is.
func (b Batch) Attributes() Attributes { return Attributes(b.int16At(atAttributes)) }

// BaseTime is what the records' times are counted from, in milliseconds since 1970.
func (b Batch) BaseTime() int64 { return b.int64At(atBaseTime) }

// MaxTime is the latest time of a record, in milliseconds since 1970; -1 for none.
func (b Batch) MaxTime() int64 { return b.int64At(atMaxTime) }

// Count is how many records there are; none where compaction removed them all.
func (b Batch) Count() int32 { return b.int32At(atCount) }

// Producer is who made the batch; its ID is -1 if that is an ordinary producer.
func (b Batch) Producer() Producer {
	return Producer{ID: b.int64At(atProducerID), Epoch: b.int16At(atProducerEpoch), Sequence: b.int32At(atBaseSequence)}
}

// Body is the records, compressed as the attributes say.
func (b Batch) Body() []byte { return b[HeadSize:] }

// SetBaseOffset gives the batch its place in a log.
func (b Batch) SetBaseOffset(offset int64) {
	binary.BigEndian.PutUint64(b[atBaseOffset:], uint64(offset))
}

// SetLeaderEpoch says which leader appended it.
func (b Batch) SetLeaderEpoch(epoch int32) {
	binary.BigEndian.PutUint32(b[atLeaderEpoch:], uint32(epoch))
}

// SetAppendTime makes the broker's time that of every record, in milliseconds since 1970.
func (b Batch) SetAppendTime(now int64) {
	binary.BigEndian.PutUint16(b[atAttributes:], uint16(b.Attributes()|appendTimeBit))
	binary.BigEndian.PutUint64(b[atMaxTime:], uint64(now))
	b.seal()
}

// SetMaxTime says which time of a record is the latest, in milliseconds since 1970.
func (b Batch) SetMaxTime(latest int64) {
	binary.BigEndian.PutUint64(b[atMaxTime:], uint64(latest))
	b.seal()
}

// seal writes the checksum.
func (b Batch) seal() {
	binary.BigEndian.PutUint32(b[atSum:], crc32.Checksum(b[atAttributes:], castagnoli))
}

// Check says whether the bytes are those that were written: ErrCorrupt, or ErrInvalid for a head that no batch may have. What is
// compressed is not looked at.
func (b Batch) Check() error {
	if crc32.Checksum(b[atAttributes:], castagnoli) != b.Sum() {
		return fmt.Errorf("%w: its checksum is wrong", ErrCorrupt)
	}
	if why := b.flaw(); why != "" {
		return fmt.Errorf("%w: %s", ErrInvalid, why)
	}
	return nil
}

// flaw is what no batch's head may say, or "".
func (b Batch) flaw() string {
	p, attributes, count := b.Producer(), b.Attributes(), b.Count()
	switch {
	case b.BaseOffset() < 0 || b.LastDelta() < 0 || b.BaseOffset() > math.MaxInt64-int64(b.LastDelta())-1:
		return "its offsets are none"
	case count < 0 || int64(count) > int64(b.LastDelta())+1:
		return "it has more records than offsets"
	case count == 0 && len(b.Body()) > 0:
		return "it has no records, but bytes of them"
	case attributes&^knownBits != 0:
		return "its attributes are unknown"
	case p.ID < -1 || p.ID >= 0 && p.Epoch < 0:
		return "its producer is none"
	case p.ID >= 0 && p.Sequence < 0 && !attributes.Control():
		return "its sequence is none"
	case p.ID < 0 && (attributes.Transactional() || attributes.Control()):
		return "it is part of a transaction without a producer"
	}
	return ""
}

// String is the batch's head on one line.
func (b Batch) String() string {
	p, kind := b.Producer(), ""
	if p.ID >= 0 {
		kind = fmt.Sprintf(" producer %d/%d sequence %d", p.ID, p.Epoch, p.Sequence)
	}
	if b.Attributes().Transactional() {
		kind += " transactional"
	}
	if b.Attributes().Control() {
		kind += " control"
	}
	return fmt.Sprintf("offsets %d..%d epoch %d records %d bytes %d %s%s", b.BaseOffset(), b.LastOffset(), b.LeaderEpoch(), b.Count(),
		len(b), b.Attributes().Compression(), kind)
}
