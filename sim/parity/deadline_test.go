package parity

import (
	"errors"
	"net"
	"os"
	"time"
)

// How time runs out.
var deadlines = []scene{
	{
		name:   "a read waits no longer than its deadline",
		server: idle,
		client: func(s *side) {
			c := s.connect()
			before := s.Mark()
			s.must(c.SetReadDeadline(s.Now().Add(50 * time.Millisecond)))
			s.read(c)
			s.say("not before its time: %v", s.Mark().Sub(before) >= 45*time.Millisecond)
			s.read(c)
			s.write(c, "writing is not concerned")
		},
	},
	{
		name:   "a deadline that has passed comes before data",
		server: part("write data; meet"),
		client: func(s *side) {
			c := s.connect()
			s.meet()
			s.must(c.SetReadDeadline(s.Now().Add(-time.Second)))
			s.read(c)
			s.must(c.SetReadDeadline(time.Time{}))
			s.read(c)
		},
	},
	{
		name:   "a deadline can be taken back",
		server: part("meet; settle; write late"),
		client: func(s *side) {
			c := s.connect()
			s.must(c.SetDeadline(s.Now().Add(time.Millisecond)))
			s.settle()
			s.read(c)
			s.write(c, "x")
			s.must(c.SetDeadline(time.Time{}))
			s.meet()
			s.read(c)
			s.write(c, "x")
		},
	},
	{
		name:   "a deadline set while a task waits",
		server: idle,
		client: func(s *side) {
			c := s.connect()
			reader := s.in("reader", func() { s.read(c) })
			s.settle()
			s.must(c.SetReadDeadline(s.Now().Add(10 * time.Millisecond)))
			s.join(reader)
			s.must(c.SetReadDeadline(time.Time{}))
			reader = s.in("reader", func() { s.read(c) })
			s.settle()
			s.must(c.SetReadDeadline(s.Now().Add(-time.Hour)))
			s.join(reader)
		},
	},
	{
		name: "a deadline moved on while a task waits",
		server: func(s *side) {
			c := s.connect()
			s.meet()
			s.must(s.Sleep(200 * time.Millisecond))
			s.write(c, "in time for the new one")
		},
		client: func(s *side) {
			c := s.connect()
			s.must(c.SetReadDeadline(s.Now().Add(100 * time.Millisecond)))
			reader := s.in("reader", func() { s.read(c) })
			s.must(c.SetReadDeadline(s.Now().Add(time.Minute)))
			s.meet()
			s.join(reader)
		},
	},
	{
		name:   "a write waits no longer than its deadline",
		server: idle,
		client: func(s *side) {
			c := s.connect()
			s.must(c.SetWriteDeadline(s.Now().Add(300 * time.Millisecond)))
			n, err := c.Write(make([]byte, plenty))
			s.did("write", err)
			s.say("some was written, not all: %v", n > 0 && n < plenty)
			s.write(c, "x")
		},
	},
	{
		name: "what a write did before its deadline arrives",
		server: func(s *side) {
			c := s.connect()
			s.meet()
			n, err := readOut(c)
			s.did("read", err)
			s.tell(itoa(n))
		},
		client: func(s *side) {
			c := s.connect()
			s.must(c.SetWriteDeadline(s.Now().Add(300 * time.Millisecond)))
			n, err := c.Write(make([]byte, plenty))
			s.did("write", err)
			s.close(c)
			s.meet()
			s.say("the reader got what Write said: %v", s.hear() == itoa(n))
		},
	},
	{
		name:   "deadlines of both directions are their own",
		server: part("read; write read me; meet"),
		client: func(s *side) {
			c := s.connect()
			s.must(c.SetWriteDeadline(s.Now().Add(-time.Second)))
			s.write(c, "x")
			s.must(c.SetWriteDeadline(time.Time{}))
			s.must(c.SetReadDeadline(s.Now().Add(-time.Second)))
			s.write(c, "y")
			s.meet()
			s.read(c)
			s.must(c.SetReadDeadline(time.Time{}))
			s.read(c)
		},
	},
	{
		name:   "the end comes before a deadline",
		server: part("close; meet"),
		client: func(s *side) {
			c := s.connect()
			s.meet()
			s.must(c.SetReadDeadline(s.Now().Add(time.Minute)))
			s.read(c)
			s.must(c.SetReadDeadline(s.Now().Add(-time.Minute)))
			s.read(c)
		},
	},
	{
		name: "an accept waits no longer than its deadline",
		server: func(s *side) {
			l, err := s.Listen("tcp", "server:0")
			s.must(err)
			limited, ok := l.(interface{ SetDeadline(time.Time) error })
			s.say("a listener has a deadline: %v", ok)
			if !ok {
				return
			}
			s.must(limited.SetDeadline(s.Now().Add(10 * time.Millisecond)))
			s.accept(l)
			s.must(limited.SetDeadline(time.Time{}))
			s.tell(port(l))
			s.accept(l)
		},
		client: func(s *side) { s.dial(s.hear(), 0) },
	},
	{
		name:    "a dial waits no longer than its timeout",
		backlog: 1,
		server: func(s *side) {
			s.listen()
			s.meet()
		},
		client: func(s *side) {
			port := s.hear()
			s.dial(port, 0)
			s.dial(port, 0)
			before := s.Mark()
			_, err := s.Dial("tcp", "server:"+port, 100*time.Millisecond)
			s.did("dial", err)
			s.say("it is a deadline's error: %v", errors.Is(err, os.ErrDeadlineExceeded))
			var timeout net.Error
			s.say("it says that it is a timeout: %v", errors.As(err, &timeout) && timeout.Timeout())
			s.say("not before its time: %v", s.Mark().Sub(before) >= 95*time.Millisecond)
			s.meet()
		},
	},
}

// idle connects and does nothing more.
func idle(s *side) { s.connect() }
