package gossip

import (
	"encoding/binary"
	"fmt"
	"math"

	"simrun/nodes/ring"
	"simrun/nodes/ring/wire"
)

// AppendMessage appends a message as DecodeMessage reads it.
func AppendMessage(b []byte, m *Message) []byte {
	b = appendMember(append(b, byte(m.Type)), &m.From)
	for _, n := range [...]uint64{uint64(m.To), m.Seq, uint64(m.Target), uint64(m.After), uint64(m.Through)} {
		b = binary.AppendUvarint(b, n)
	}
	b = binary.AppendUvarint(b, uint64(len(m.Updates)))
	for i := range m.Updates {
		b = appendUpdate(b, &m.Updates[i])
	}
	return b
}

// headBytes is the most that a message takes without its sender and updates.
const headBytes = 1 + 5*binary.MaxVarintLen64 + 3

// leastUpdate is the least that an update takes.
const leastUpdate = 7

func appendMember(b []byte, m *Member) []byte {
	b = append(b, byte(m.State), byte(m.Weight))
	b = binary.AppendUvarint(b, uint64(m.ID))
	b = binary.AppendUvarint(b, m.Incarnation)
	return wire.AppendBytes(wire.AppendBytes(b, m.Address), m.Site)
}

func appendUpdate(b []byte, u *Update) []byte {
	b = appendMember(b, &u.Member)
	if u.State == Suspect {
		b = binary.AppendUvarint(b, uint64(u.By))
	}
	return b
}

// DecodeMessage reads a message. It keeps none of the memory of b.
func DecodeMessage(b []byte) (Message, error) {
	d := wire.Of(b)
	m := Message{Type: Type(d.Byte()), From: takeMember(d)}
	m.To, m.Seq = ring.ID(d.Uint(math.MaxUint64)), d.Uint(math.MaxUint64)
	for _, id := range []*ring.ID{&m.Target, &m.After, &m.Through} {
		*id = ring.ID(d.Uint(math.MaxUint64))
	}
	for range d.Count(leastUpdate) {
		u := Update{Member: takeMember(d)}
		if u.State == Suspect {
			u.By = ring.ID(d.Uint(math.MaxUint64))
		}
		if d.Failed() {
			break
		}
		m.Updates = append(m.Updates, u)
	}
	if err := d.Err(); err != nil {
		return Message{}, fmt.Errorf("gossip: %w message", err)
	}
	if m.Type < Ping || m.Type > SyncReply || m.From.State != Alive && m.From.State != Left ||
		(m.Type == Sync || m.Type == SyncReply) && m.Through <= m.After {
		return Message{}, fmt.Errorf("gossip: %w message", wire.ErrMalformed)
	}
	return m, nil
}

func takeMember(d *wire.Decoder) (m Member) {
	m.State, m.Weight = State(d.Byte()), int(d.Byte())
	m.ID, m.Incarnation = ring.ID(d.Uint(math.MaxUint64)), d.Uint(mostIncarnation)
	m.Address, m.Site = string(d.Bytes()), string(d.Bytes())
	if !m.valid() {
		d.Fail()
	}
	return m
}
