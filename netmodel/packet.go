package netmodel

import (
	"fmt"
	"time"
)

// PacketKind is what a packet is for.
type PacketKind uint8

// The kinds of packets.
const (
	SYN PacketKind = iota
	SYNACK
	ACK // acknowledgements proper are not observed, only those of handshakes and probes
	Data
	FIN
	RST
	Probe
	Datagram
)

// String is the kind's name.
func (k PacketKind) String() string {
	return [...]string{"SYN", "SYN-ACK", "ACK", "data", "FIN", "RST", "probe", "datagram"}[k]
}

// Packet is what an Observer is told.
type Packet struct {
	From, To Addr
	Kind     PacketKind
	Bytes    int // of payload
	// Dropped is empty for a packet that arrived, else why it did not: the name of a rule, "link", "dark"
	// for a host without power or frozen, "backlog", or "buffer".
	Dropped string
	// Sent is when it left, or left again. Of a packet of a handshake, and of a RST, only the time of the call is known.
	Sent time.Duration
	// Conn tells connections apart, from 1; a datagram has none.
	Conn uint64
	// Data is the payload, which lies at Offset in what its sender wrote to the connection. It is valid during the call,
	// and nil for a copy of what has been read already.
	Offset uint64
	Data   []byte
}

// String is the packet in one line.
func (p Packet) String() string {
	line := fmt.Sprintf("%v > %v %v", p.From, p.To, p.Kind)
	if p.Bytes > 0 {
		line += fmt.Sprintf(" %d", p.Bytes)
	}
	if p.Dropped != "" {
		line += " lost: " + p.Dropped
	}
	return line
}

// Observer watches packets arrive and get lost. It must not call back into the network.
type Observer interface {
	Packet(p Packet)
}

// saw tells the observer, if there is one, of a packet without payload at s's peer, or on its way there.
func (n *Network) saw(s *Socket, kind PacketKind, dropped string) {
	n.Observer.Packet(Packet{From: s.LocalAddr(), To: s.RemoteAddr(), Kind: kind, Dropped: dropped, Sent: n.world.Now(), Conn: uint64(s.conn.serial)})
}

// sawSegment tells the observer, if there is one, of the segment at that place of s's queue.
func (n *Network) sawSegment(s *Socket, i uint32, dropped string) {
	f := &s.out
	g, size := f.queue.at(i), f.sizeOf(i)
	p := Packet{From: s.LocalAddr(), To: s.RemoteAddr(), Kind: g.kind(), Bytes: size, Dropped: dropped, Sent: time.Duration(g.sentAt),
		Conn: uint64(s.conn.serial), Offset: g.end - uint64(size)}
	if size > 0 && p.Offset >= f.read && g.end <= f.written && f.ring != nil {
		p.Data = make([]byte, size)
		f.ring.get(p.Offset, p.Data)
	}
	n.Observer.Packet(p)
}
