package record

import (
	"encoding/binary"
	"fmt"
)

// Marker is what a transaction's coordinator writes at the end of the transaction into every partition it wrote to: a control batch
// of one record.
type Marker struct {
	Commit           bool // else the transaction is aborted
	CoordinatorEpoch int32
	// Once says that the marker's epoch is the one after that of the transaction (KIP-890): where the producer has that epoch already, the
	// marker has been there before. It is not written down.
	Once bool
}

const (
	markerAbort  = 0
	markerCommit = 1
)

// BuildMarker makes the batch of a marker at that time, in milliseconds since 1970. The producer's sequence is of no matter.
func BuildMarker(m Marker, producerID int64, producerEpoch int16, now int64) Batch {
	be := binary.BigEndian
	key := be.AppendUint16(be.AppendUint16(nil, 0), markerAbort)
	if m.Commit {
		key[3] = markerCommit
	}
	value := be.AppendUint32(be.AppendUint16(nil, 0), uint32(m.CoordinatorEpoch))
	b, err := new(Codec).seal(head{
		attributes: transactionBit | controlBit, baseTime: now, maxTime: now, count: 1,
		producer: Producer{ID: producerID, Epoch: producerEpoch, Sequence: -1},
	}, appendRecord(nil, Record{Key: key, Value: value}, 0, 0))
	if err != nil {
		panic("record: a marker cannot be made: " + err.Error())
	}
	return b
}

// Marker is what a control batch says. It is ErrInvalid for a batch that is none, and for control batches of other sorts.
func (b Batch) Marker() (Marker, error) {
	if !b.Attributes().Control() || b.Attributes().Compression() != None || b.Count() != 1 {
		return Marker{}, fmt.Errorf("%w: it is no marker", ErrInvalid)
	}
	for r, err := range b.walk(b.Body(), false) {
		if err != nil {
			return Marker{}, err
		}
		be := binary.BigEndian
		if len(r.Key) < 4 || len(r.Value) < 6 || be.Uint16(r.Key[2:]) > markerCommit {
			break
		}
		return Marker{Commit: be.Uint16(r.Key[2:]) == markerCommit, CoordinatorEpoch: int32(be.Uint32(r.Value[2:]))}, nil
	}
	return Marker{}, fmt.Errorf("%w: its marker is of an unknown sort", ErrInvalid)
}
