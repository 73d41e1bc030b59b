package netmodel

import "fmt"

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

// seen tells the observer, if there is one, of a packet that arrived or did not.
func (n *Network) seen(from, to Addr, kind PacketKind, size int, dropped string) {
	n.Observer.Packet(Packet{From: from, To: to, Kind: kind, Bytes: size, Dropped: dropped})
}
