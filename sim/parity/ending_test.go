package parity

import (
	"strings"
)

// How connections end, and what each side sees of it.
var endings = []scene{
	{
		name:   "data, then the end",
		server: part("write all I have; close; meet"),
		client: part("meet; read; read; read; close"),
	},
	{
		name:   "half closed",
		server: part("meet; read; read; write the answer; close; meet"),
		client: part("write the question; close write; write one more thing; meet; meet; read; read; close write; close"),
	},
	{
		name:   "both halves closed one by one",
		server: part("close write; meet; read; close write; write x; close"),
		client: part("close write; meet; read; write x; close"),
	},
	{
		name:   "reset, then read",
		server: part("reset; meet"),
		client: part("meet; read; read; write x; write x; close write; close"),
	},
	{
		name:   "reset, then write",
		server: part("reset; meet"),
		client: part("meet; write x; write x; read; close"),
	},
	{
		name:   "a reset wakes a reader",
		server: part("meet; reset"),
		client: func(s *side) {
			c := s.connect()
			reader := s.in("reader", func() { s.read(c) })
			s.meet()
			s.join(reader)
		},
	},
	{
		name:   "a reset wakes a writer",
		server: part("meet; reset"),
		client: func(s *side) {
			c := s.connect()
			writer := s.in("writer", func() { s.say("all was written: %v", s.writePlenty(c) == plenty) })
			s.meet()
			s.join(writer)
			s.read(c)
		},
	},
	{
		name:   "data before a reset can still be read",
		server: part("write quick, before I go; meet; reset; meet"),
		client: part("meet; meet; read; read; read"),
	},
	{
		name:   "close with unread data resets",
		server: part("meet; close; meet"),
		client: part("write you never read this; meet; meet; read; read; write x"),
	},
	{
		name:   "close with unread data after an answer",
		server: part("meet; write an answer to something else; close; meet"),
		client: part("write you never read this; meet; meet; read; read; read"),
	},
	{
		name:   "data that comes after close",
		server: part("close; meet; meet"),
		client: part("meet; write nobody is there; meet; write x; write x; read"),
	},
	{
		name:   "the end is read, then written to",
		server: part("close; meet; meet"),
		client: part("meet; read; write nobody is there; meet; read; write x; write x; close write; close"),
	},
	{
		name:   "both close at once",
		server: part("meet; close; meet"),
		client: part("meet; close; meet"),
	},
	{
		name:   "after one's own close",
		server: part("read"),
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
		name:   "close wakes a writer",
		server: part("meet; drain some"),
		client: func(s *side) {
			c := s.connect()
			s.must(c.SetReadDeadline(s.Now()))
			writer := s.in("writer", func() { s.say("all was written: %v", s.writePlenty(c) == plenty) })
			s.settle()
			s.reset(c)
			s.join(writer)
			s.meet()
		},
	},
	{
		name:   "what was written before close arrives",
		server: part("meet; drain"),
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
		server: part("meet"),
		client: part("meet; strike kill; read; write are you there?; settle; write x; read"),
	},
	{
		name:   "a killed peer with unread data",
		victim: "server",
		server: part("meet"),
		client: part("write you never read this; meet; strike kill; read; read; write x"),
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
		client: part("write last words; meet"),
	},
	{
		name:   "a peer killed with answers under way",
		victim: "server",
		server: func(s *side) {
			c := s.connect()
			s.write(c, strings.Repeat("x", 50_000))
			s.meet()
		},
		client: part("meet; strike kill; drain; read"),
	},
	{
		name:   "a peer killed with answers under way and unread data",
		victim: "server",
		server: part("meet; write an answer; meet"),
		client: part("write you never read this; meet; meet; strike kill; read; read"),
	},
	{
		name:   "a peer killed in the middle of a large write",
		victim: "server",
		server: func(s *side) {
			c := s.connect()
			s.in("writer", func() { c.Write(make([]byte, plenty)) })
			s.meet()
		},
		client: part("meet; strike kill; drain some"),
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
		server: part("meet"),
		client: func(s *side) {
			c := s.connect()
			writer := s.in("writer", func() {
				n := s.writePlenty(c)
				s.say("some, not all: %v", n > 0 && n < plenty)
			})
			s.meet()
			s.strike(kill)
			s.join(writer)
			s.read(c)
		},
	},
}
