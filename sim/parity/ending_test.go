package parity

import (
	"net"
	"strings"
)

func reset(s *side, c net.Conn) {
	s.did("linger", c.(interface{ SetLinger(int) error }).SetLinger(0))
	s.close(c)
}

// How connections end, and what each side sees of it.
var endings = []scene{
	{
		name: "data, then the end",
		server: func(s *side) {
			c := s.connect()
			s.write(c, "all I have")
			s.close(c)
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.meet()
			s.read(c)
			s.read(c)
			s.read(c)
			s.close(c)
		},
	},
	{
		name: "half closed",
		server: func(s *side) {
			c := s.connect()
			s.meet()
			s.read(c)
			s.read(c)
			s.write(c, "the answer")
			s.close(c)
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.write(c, "the question")
			s.closeWrite(c)
			s.write(c, "one more thing")
			s.meet()
			s.meet()
			s.read(c)
			s.read(c)
			s.closeWrite(c)
			s.close(c)
		},
	},
	{
		name: "both halves closed one by one",
		server: func(s *side) {
			c := s.connect()
			s.closeWrite(c)
			s.meet()
			s.read(c)
			s.closeWrite(c)
			s.write(c, "x")
			s.close(c)
		},
		client: func(s *side) {
			c := s.connect()
			s.closeWrite(c)
			s.meet()
			s.read(c)
			s.write(c, "x")
			s.close(c)
		},
	},
	{
		name: "reset, then read",
		server: func(s *side) {
			reset(s, s.connect())
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.meet()
			s.read(c)
			s.read(c)
			s.write(c, "x")
			s.write(c, "x")
			s.closeWrite(c)
			s.close(c)
		},
	},
	{
		name: "reset, then write",
		server: func(s *side) {
			reset(s, s.connect())
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.meet()
			s.write(c, "x")
			s.write(c, "x")
			s.read(c)
			s.close(c)
		},
	},
	{
		name: "a reset wakes a reader",
		server: func(s *side) {
			c := s.connect()
			s.meet()
			reset(s, c)
		},
		client: func(s *side) {
			c := s.connect()
			reader := s.in("reader", func() { s.read(c) })
			s.meet()
			s.join(reader)
		},
	},
	{
		name: "a reset wakes a writer",
		server: func(s *side) {
			c := s.connect()
			s.meet()
			reset(s, c)
		},
		client: func(s *side) {
			c := s.connect()
			writer := s.in("writer", func() {
				n, err := c.Write(make([]byte, plenty))
				s.did("write", err)
				s.say("all was written: %v", n == plenty)
			})
			s.meet()
			s.join(writer)
			s.read(c)
		},
	},
	{
		name: "data before a reset can still be read",
		server: func(s *side) {
			c := s.connect()
			s.write(c, "quick, before I go")
			s.meet()
			reset(s, c)
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.meet()
			s.meet()
			s.read(c)
			s.read(c)
			s.read(c)
		},
	},
	{
		name: "close with unread data resets",
		server: func(s *side) {
			c := s.connect()
			s.meet()
			s.close(c)
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.write(c, "you never read this")
			s.meet()
			s.meet()
			s.read(c)
			s.read(c)
			s.write(c, "x")
		},
	},
	{
		name: "close with unread data after an answer",
		server: func(s *side) {
			c := s.connect()
			s.meet()
			s.write(c, "an answer to something else")
			s.close(c)
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.write(c, "you never read this")
			s.meet()
			s.meet()
			s.read(c)
			s.read(c)
			s.read(c)
		},
	},
	{
		name: "data that comes after close",
		server: func(s *side) {
			c := s.connect()
			s.close(c)
			s.meet()
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.meet()
			s.write(c, "nobody is there")
			s.meet()
			s.write(c, "x")
			s.write(c, "x")
			s.read(c)
		},
	},
	{
		name: "the end is read, then written to",
		server: func(s *side) {
			c := s.connect()
			s.close(c)
			s.meet()
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.meet()
			s.read(c)
			s.write(c, "nobody is there")
			s.meet()
			s.read(c)
			s.write(c, "x")
			s.write(c, "x")
			s.closeWrite(c)
			s.close(c)
		},
	},
	{
		name: "both close at once",
		server: func(s *side) {
			c := s.connect()
			s.meet()
			s.close(c)
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.meet()
			s.close(c)
			s.meet()
		},
	},
	{
		name:   "after one's own close",
		server: func(s *side) { s.read(s.connect()) },
		client: func(s *side) {
			c := s.connect()
			s.close(c)
			s.read(c)
			s.write(c, "x")
			s.closeWrite(c)
			s.close(c)
			s.did("deadline", c.SetDeadline(s.Now()))
		},
	},
	{
		name: "close wakes who waits",
		server: func(s *side) {
			c := s.connect()
			l, err := s.Listen("tcp", "server:0")
			s.must(err)
			acceptor := s.in("acceptor", func() { s.accept(l) })
			s.settle()
			s.close(l)
			s.join(acceptor)
			s.meet()
			s.close(c)
		},
		client: func(s *side) {
			c := s.connect()
			reader := s.in("reader", func() { s.read(c) })
			s.settle()
			s.close(c)
			s.join(reader)
			s.meet()
		},
	},
	{
		name: "close wakes a writer",
		server: func(s *side) {
			c := s.connect()
			s.meet()
			s.drainSome(c)
		},
		client: func(s *side) {
			c := s.connect()
			s.must(c.SetReadDeadline(s.Now()))
			writer := s.in("writer", func() {
				n, err := c.Write(make([]byte, plenty))
				s.did("write", err)
				s.say("all was written: %v", n == plenty)
			})
			s.settle()
			s.did("linger", c.(interface{ SetLinger(int) error }).SetLinger(0))
			s.close(c)
			s.join(writer)
			s.meet()
		},
	},
	{
		name: "what was written before close arrives",
		server: func(s *side) {
			c := s.connect()
			s.meet()
			s.drain(c)
		},
		client: func(s *side) {
			c := s.connect()
			s.write(c, strings.Repeat("x", 50_000))
			s.close(c)
			s.meet()
		},
	},
	{
		name:   "a killed peer",
		victim: "server",
		server: func(s *side) {
			s.connect()
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.meet()
			s.strike(kill)
			s.read(c)
			s.write(c, "are you there?")
			s.settle()
			s.write(c, "x")
			s.read(c)
		},
	},
	{
		name:   "a killed peer with unread data",
		victim: "server",
		server: func(s *side) {
			s.connect()
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.write(c, "you never read this")
			s.meet()
			s.strike(kill)
			s.read(c)
			s.read(c)
			s.write(c, "x")
		},
	},
	{
		name:   "a killed client",
		victim: "client",
		server: func(s *side) {
			c := s.connect()
			reader := s.in("reader", func() { s.read(c); s.read(c) })
			s.meet()
			s.strike(kill)
			s.join(reader)
		},
		client: func(s *side) {
			c := s.connect()
			s.write(c, "last words")
			s.meet()
		},
	},
	{
		name:   "a peer killed with answers under way",
		victim: "server",
		server: func(s *side) {
			c := s.connect()
			s.write(c, strings.Repeat("x", 50_000))
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.meet()
			s.strike(kill)
			s.drain(c)
			s.read(c)
		},
	},
	{
		name:   "a peer killed with answers under way and unread data",
		victim: "server",
		server: func(s *side) {
			c := s.connect()
			s.meet()
			s.write(c, "an answer")
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.write(c, "you never read this")
			s.meet()
			s.meet()
			s.strike(kill)
			s.read(c)
			s.read(c)
		},
	},
	{
		name:   "a peer killed in the middle of a large write",
		victim: "server",
		server: func(s *side) {
			c := s.connect()
			s.in("writer", func() { c.Write(make([]byte, plenty)) })
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			s.meet()
			s.strike(kill)
			s.drainSome(c)
		},
	},
	{
		name:   "a peer killed before it accepted",
		victim: "server",
		server: func(s *side) {
			s.listen()
			s.meet()
		},
		client: func(s *side) {
			port := s.hear()
			c := s.dial(port, 0)
			s.write(c, "hello?")
			s.meet()
			s.strike(kill)
			s.read(c)
			s.read(c)
			s.dial(port, 0)
		},
	},
	{
		name:   "a peer killed before it accepted, nothing sent",
		victim: "server",
		server: func(s *side) {
			s.listen()
			s.meet()
		},
		client: func(s *side) {
			c := s.dial(s.hear(), 0)
			s.meet()
			s.strike(kill)
			s.write(c, "x")
			s.write(c, "x")
			s.read(c)
		},
	},
	{
		name:   "a peer killed while its window is full",
		victim: "server",
		server: func(s *side) {
			s.connect()
			s.meet()
		},
		client: func(s *side) {
			c := s.connect()
			writer := s.in("writer", func() {
				n, err := c.Write(make([]byte, plenty))
				s.did("write", err)
				s.say("some, not all: %v", n > 0 && n < plenty)
			})
			s.meet()
			s.strike(kill)
			s.join(writer)
			s.read(c)
		},
	},
}
