package recording

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/scenarios"
	"simrun/sim"
)

// Message is something that one host sent to another: a message of a protocol, or bytes that none is known for.
type Message struct {
	From, To string
	Sent     time.Duration // when its last byte left
	At       time.Duration // when it was there as a whole, or was lost
	Lost     string        // why it did not arrive; empty if it did
	Again    bool          // it was sent before, and lost
	Protocol string        // empty if its bytes could not be read
	Asked    bool          // From speaks to a server of the protocol; else the server answers
	nodes.Message
	Data []byte // its bytes
}

// ports are the protocols that hosts are spoken to in.
type ports map[netmodel.Addr]*nodes.Protocol

func portsOf(hosts []scenarios.Host) ports {
	all := ports{}
	for i := range hosts {
		h := &hosts[i]
		for j := range h.Kind.Words.Protocols {
			p := &h.Kind.Words.Protocols[j]
			all[netmodel.Addr{Host: h.Name, Port: portOf(h, p)}] = p
		}
	}
	return all
}

// portOf is where a host takes connections in a protocol.
func portOf(h *scenarios.Host, p *nodes.Protocol) int {
	if address, ok := h.Option(p.Listen).(string); ok && p.Listen != "" {
		if _, port, err := net.SplitHostPort(address); err == nil {
			if n, err := strconv.Atoi(port); err == nil {
				return n
			}
		}
	}
	return cmp.Or(p.Port, h.Kind.Port)
}

// direction is what one end of a connection sends to the other.
type direction struct {
	conn uint64
	from string
}

// stream is a direction as it arrives.
type stream struct {
	protocol *nodes.Protocol // nil once nothing more of it can be read
	asked    bool
	next     uint64            // how far it has arrived in order
	early    map[uint64]*piece // what arrived before its turn, by where it begins
	pending  []byte            // what arrived in order and is no whole message yet
	lost     map[uint64]bool   // where pieces began that were lost
}

// piece is a segment.
type piece struct {
	*sim.Line
	at time.Duration // when it was its turn
}

// mostPending bounds what is kept of a message that does not end, and of what arrived before its turn.
const mostPending = 4 << 20

// readMessages puts together what was sent from the packets that carried it.
func readMessages(hosts []scenarios.Host, lines []sim.Line) []Message {
	r := reader{ports: portsOf(hosts), streams: map[direction]*stream{}}
	for i := range lines {
		l := &lines[i]
		switch {
		case l.Kind != "packet" || l.Bytes == 0:
		case l.Wire.Kind == netmodel.Datagram:
			p, asked := r.protocol(l)
			r.read(l, p, asked, []byte(l.Wire.Payload), l.At, false)
		case l.Wire.Lost != "":
			r.lose(l)
		default:
			r.arrive(l)
		}
	}
	sortByArrival(r.messages)
	return r.messages
}

func sortByArrival(messages []Message) {
	slices.SortStableFunc(messages, func(a, b Message) int { return cmp.Compare(a.At, b.At) })
}

// reader makes messages of packets.
type reader struct {
	ports    ports
	streams  map[direction]*stream
	messages []Message
}

// protocol is what is spoken between the ends of a packet's way, and whether the sender asks.
func (r *reader) protocol(l *sim.Line) (p *nodes.Protocol, asked bool) {
	if p := r.ports[netmodel.Addr{Host: l.Peer, Port: int(l.Wire.To)}]; p != nil {
		return p, true
	}
	return r.ports[netmodel.Addr{Host: l.Host, Port: int(l.Wire.From)}], false
}

func (r *reader) stream(l *sim.Line) *stream {
	d := direction{l.Wire.Conn, l.Host}
	s := r.streams[d]
	if s == nil {
		s = &stream{early: map[uint64]*piece{}, lost: map[uint64]bool{}}
		s.protocol, s.asked = r.protocol(l)
		r.streams[d] = s
	}
	return s
}

// lose is a segment that does not arrive. What it carried is told as far as it can be read by itself.
func (r *reader) lose(l *sim.Line) {
	s := r.stream(l)
	again := s.lost[l.Wire.Offset]
	s.lost[l.Wire.Offset] = true
	r.read(l, s.protocol, s.asked, []byte(l.Wire.Payload), l.At, again)
}

// arrive is a segment that arrives, in its turn or before it.
func (r *reader) arrive(l *sim.Line) {
	s := r.stream(l)
	end := l.Wire.Offset + uint64(l.Bytes)
	switch {
	case end <= s.next: // a copy
		return
	case l.Wire.Offset > s.next:
		if len(s.early) < 1024 {
			s.early[l.Wire.Offset] = &piece{Line: l}
		}
		return
	}
	r.take(s, l, l.At)
	for s.early[s.next] != nil {
		early := s.early[s.next]
		delete(s.early, s.next)
		r.take(s, early.Line, l.At)
	}
}

// take reads what has come in order at that time.
func (r *reader) take(s *stream, l *sim.Line, at time.Duration) {
	again := s.lost[l.Wire.Offset]
	skip := s.next - l.Wire.Offset
	s.next = l.Wire.Offset + uint64(l.Bytes)
	if uint64(len(l.Wire.Payload)) < uint64(l.Bytes) || len(s.pending)+l.Bytes > mostPending {
		s.protocol, s.pending = nil, nil // its bytes were not kept, or are too many
	}
	if s.protocol == nil {
		r.raw(l, at, again)
		return
	}
	s.pending = append(s.pending[:len(s.pending):len(s.pending)], l.Wire.Payload[skip:]...)
	for len(s.pending) > 0 {
		m, n := s.protocol.Read(s.pending, s.asked)
		if n == 0 {
			return
		}
		if n < 0 || n > len(s.pending) {
			s.protocol, s.pending = nil, nil
			r.raw(l, at, again)
			return
		}
		r.add(l, s.protocol, s.asked, m, s.pending[:n:n], at, again)
		s.pending = s.pending[n:]
	}
	s.pending = nil
}

// read tells of a packet that is read by itself.
func (r *reader) read(l *sim.Line, p *nodes.Protocol, asked bool, data []byte, at time.Duration, again bool) {
	read := false
	for p != nil && len(data) > 0 {
		m, n := p.Read(data, asked)
		if n <= 0 || n > len(data) {
			break
		}
		r.add(l, p, asked, m, data[:n:n], at, again)
		data, read = data[n:], true
	}
	if !read {
		r.raw(l, at, again)
	}
}

// why is the reason why a packet was lost, without the way that a rule stands on: "lose-packets all a>b" is of a packet whose
// way is known.
func why(lost string) string {
	if i := strings.LastIndexByte(lost, ' '); i > 0 && strings.Contains(lost[i:], ">") {
		return lost[:i]
	}
	return lost
}

func (r *reader) add(l *sim.Line, p *nodes.Protocol, asked bool, m nodes.Message, data []byte, at time.Duration, again bool) {
	r.messages = append(r.messages, Message{From: l.Host, To: l.Peer, Sent: l.Wire.Sent, At: at, Lost: why(l.Wire.Lost), Again: again,
		Protocol: p.Name, Asked: asked, Message: m, Data: data})
}

// raw tells of bytes that nobody can read.
func (r *reader) raw(l *sim.Line, at time.Duration, again bool) {
	name := "data"
	if l.Wire.Kind == netmodel.Datagram {
		name = "datagram"
	}
	r.messages = append(r.messages, Message{From: l.Host, To: l.Peer, Sent: l.Wire.Sent, At: at, Lost: why(l.Wire.Lost), Again: again,
		Message: nodes.Message{Name: name, Text: strconv.Itoa(l.Bytes) + " bytes"}, Data: []byte(l.Wire.Payload)})
}
