package record

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Producer is who makes batches, and the number that the first record of a batch has among all of that producer's for one partition.
type Producer struct {
	ID       int64 // -1 for a producer that does not number its records
	Epoch    int16
	Sequence int32
}

// nobody is the producer of batches that are not numbered.
var nobody = Producer{ID: -1, Epoch: -1, Sequence: -1}

// Builder says what the head of a batch is to say besides what follows from its records. Its zero value makes a plain batch.
type Builder struct {
	Compression   Compression
	Producer      *Producer // nil for one that does not number its records
	Transactional bool
	LeaderEpoch   int32
}

// Build makes a batch of records, at least one. The first one's offset is the batch's, and offsets must rise; if they are all zero, they
// are counted from zero. Errors: ErrInvalid, ErrTooLarge, ErrCompression.
func (c *Codec) Build(o Builder, records ...Record) (Batch, error) {
	if len(records) == 0 {
		return nil, fmt.Errorf("%w: it has no records", ErrInvalid)
	}
	first, last := records[0], records[len(records)-1]
	counted := len(records) > 1 && first.Offset == 0 && last.Offset == 0
	var body []byte
	maxTime := first.Time
	for i, r := range records {
		delta := r.Offset - first.Offset
		if counted {
			delta = int64(i)
		}
		if delta < int64(i) || delta > math.MaxInt32 || first.Offset < 0 {
			return nil, fmt.Errorf("%w: its offsets do not rise", ErrInvalid)
		}
		body = appendRecord(body, r, r.Time-first.Time, delta)
		maxTime = max(maxTime, r.Time)
	}
	lastDelta := last.Offset - first.Offset
	if counted {
		lastDelta = int64(len(records) - 1)
	}
	attributes := Attributes(o.Compression) & compressionBits
	if o.Transactional {
		attributes |= transactionBit
	}
	producer := nobody
	if o.Producer != nil {
		producer = *o.Producer
	}
	b, err := c.seal(head{
		offset: first.Offset, epoch: o.LeaderEpoch, attributes: attributes, lastDelta: int32(lastDelta),
		baseTime: first.Time, maxTime: maxTime, producer: producer, count: int32(len(records)),
	}, body)
	if err == nil && b.flaw() != "" {
		err = fmt.Errorf("%w: %s", ErrInvalid, b.flaw())
	}
	return b, err
}

func appendRecord(to []byte, r Record, timeDelta, offsetDelta int64) []byte {
	headers := 0
	for _, h := range r.Headers {
		headers += 2*binary.MaxVarintLen32 + len(h.Name) + len(h.Value)
	}
	b := make([]byte, 0, 5*binary.MaxVarintLen64+len(r.Key)+len(r.Value)+headers)
	b = append(b, 0)
	b = binary.AppendVarint(b, timeDelta)
	b = binary.AppendVarint(b, offsetDelta)
	b = appendBytes(b, r.Key)
	b = appendBytes(b, r.Value)
	b = binary.AppendVarint(b, int64(len(r.Headers)))
	for _, h := range r.Headers {
		b = binary.AppendVarint(b, int64(len(h.Name)))
		b = append(b, h.Name...)
		b = appendBytes(b, h.Value)
	}
	to = binary.AppendVarint(to, int64(len(b)))
	return append(to, b...)
}

func appendBytes(to, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(to, -1)
	}
	to = binary.AppendVarint(to, int64(len(b)))
	return append(to, b...)
}

// head is the fields of a batch that is being made.
type head struct {
	offset            int64
	epoch             int32
	attributes        Attributes
	lastDelta         int32
	baseTime, maxTime int64
	producer          Producer
	count             int32
}

// seal puts a batch together of its head and its records, not compressed yet.
func (c *Codec) seal(h head, body []byte) (Batch, error) {
	if len(body) > c.limit() {
		return nil, ErrTooLarge
	}
	b := make(Batch, HeadSize, HeadSize+len(body))
	be := binary.BigEndian
	be.PutUint64(b[atBaseOffset:], uint64(h.offset))
	be.PutUint32(b[atLeaderEpoch:], uint32(h.epoch))
	b[atMagic] = magic
	be.PutUint16(b[atAttributes:], uint16(h.attributes))
	be.PutUint32(b[atLastDelta:], uint32(h.lastDelta))
	be.PutUint64(b[atBaseTime:], uint64(h.baseTime))
	be.PutUint64(b[atMaxTime:], uint64(h.maxTime))
	be.PutUint64(b[atProducerID:], uint64(h.producer.ID))
	be.PutUint16(b[atProducerEpoch:], uint16(h.producer.Epoch))
	be.PutUint32(b[atBaseSequence:], uint32(h.producer.Sequence))
	be.PutUint32(b[atCount:], uint32(h.count))
	if h.count > 0 {
		out, err := c.compress(h.attributes.Compression(), b, body)
		if err != nil {
			return nil, err
		}
		b = out
	}
	if len(b) > math.MaxInt32-lengthEnd {
		return nil, ErrTooLarge
	}
	be.PutUint32(b[atLength:], uint32(len(b)-lengthEnd))
	b.seal()
	return b, nil
}

// Retain is the batch with only those records that keep says, at their offsets, and how many those are. The head stays, so that the offsets
// and the sequences that the batch stands for do; without a record it is a head and no more, and part of no transaction. If all are
// kept, it is the batch itself.
func (c *Codec) Retain(b Batch, keep func(Record) bool) (Batch, int, error) {
	body, free, err := c.expand(b)
	if err != nil {
		return nil, 0, err
	}
	defer free()
	var kept []byte
	count, maxTime := int32(0), int64(-1)
	for r, err := range b.walk(body, false) {
		if err != nil {
			return nil, 0, err
		}
		if keep(r) {
			kept = append(kept, r.raw...)
			maxTime = max(maxTime, r.Time)
			count++
		}
	}
	if count == b.Count() {
		return b, int(count), nil
	}
	if b.Attributes().AppendTime() {
		maxTime = b.MaxTime()
	}
	attributes := b.Attributes()
	if count == 0 {
		attributes &^= transactionBit | controlBit | compressionBits
	}
	rewritten, err := c.seal(head{
		offset: b.BaseOffset(), epoch: b.LeaderEpoch(), attributes: attributes, lastDelta: b.LastDelta(), baseTime: b.BaseTime(),
		maxTime: maxTime, producer: b.Producer(), count: count,
	}, kept)
	return rewritten, int(count), err
}

// Hole is a batch without records that stands for the offsets from first to last, at most 1<<31 of them.
func Hole(first, last int64, leaderEpoch int32) Batch {
	if last < first || last-first > math.MaxInt32 {
		panic(fmt.Sprintf("record: a hole from %d to %d", first, last))
	}
	b, err := new(Codec).seal(head{offset: first, epoch: leaderEpoch, lastDelta: int32(last - first), maxTime: -1, producer: nobody}, nil)
	if err != nil {
		panic("record: a hole cannot be made: " + err.Error())
	}
	return b
}
