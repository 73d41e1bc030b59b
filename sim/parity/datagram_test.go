package parity

import (
	"net"
	"strings"
	"time"
)

func (s *side) packets() net.PacketConn {
	p, err := s.ListenPacket("udp", s.name+":0")
	s.must(err)
	return p
}

func (s *side) receive(p net.PacketConn, size int) net.Addr {
	buffer := make([]byte, size)
	n, from, err := p.ReadFrom(buffer)
	s.did("received "+string(buffer[:n]), err)
	return from
}

func (s *side) send(p net.PacketConn, text string, to net.Addr) {
	n, err := p.WriteTo([]byte(text), to)
	s.say("sent %d: %s", n, class(err))
	s.settle() // or they might overtake each other
}

// named is an address by its name.
type named string

func (n named) Network() string { return "udp" }
func (n named) String() string  { return string(n) }

// How datagrams pass.
var datagrams = []scene{
	{
		name: "datagrams keep their borders",
		server: func(s *side) {
			p := s.packets()
			_, port, _ := net.SplitHostPort(p.LocalAddr().String())
			s.tell(port)
			s.meet()
			s.receive(p, 100)
			s.receive(p, 100)
			s.receive(p, 4) // what does not fit is gone
			from := s.receive(p, 100)
			s.send(p, "answer", from)
			s.meet()
		},
		client: func(s *side) {
			p := s.packets()
			to := named("server:" + s.hear())
			s.send(p, "one", to)
			s.send(p, "", to)
			s.send(p, "too long", to)
			s.send(p, "last", to)
			s.meet()
			s.receive(p, 100)
			s.meet()
		},
	},
	{
		name: "datagrams to nobody",
		server: func(s *side) {
			p := s.packets()
			_, port, _ := net.SplitHostPort(p.LocalAddr().String())
			s.close(p)
			s.tell(port)
			s.meet()
		},
		client: func(s *side) {
			p := s.packets()
			s.send(p, "anybody?", named("server:"+s.hear()))
			s.must(p.SetReadDeadline(s.Now().Add(20 * time.Millisecond)))
			s.receive(p, 10)
			s.meet()
		},
	},
	{
		name:   "a datagram socket's own end",
		server: alone,
		client: func(s *side) {
			p := s.packets()
			_, err := s.ListenPacket("udp", p.LocalAddr().String())
			s.did("listen again", err)
			s.must(p.SetReadDeadline(s.Now().Add(-time.Second)))
			s.receive(p, 10)
			s.must(p.SetReadDeadline(time.Time{}))
			reader := s.in("reader", func() { s.receive(p, 10) })
			s.settle()
			s.close(p)
			s.join(reader)
			s.send(p, "x", p.LocalAddr())
			s.close(p)
		},
	},
	{
		name:   "a datagram to oneself, and one that is too large",
		server: alone,
		client: func(s *side) {
			p := s.packets()
			s.send(p, "me", p.LocalAddr())
			s.receive(p, 10)
			s.send(p, strings.Repeat("x", 65507), p.LocalAddr())
			s.send(p, strings.Repeat("x", 65508), p.LocalAddr())
		},
	},
}
