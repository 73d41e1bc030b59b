package parity

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// What becomes of a process, besides its death, and what its peer sees of that.
var strikings = []scene{
	{
		name:   "a paused peer's kernel takes what it can",
		victim: "server",
		server: func(s *side) {
			c := s.connect()
			s.meet()
			n, err := readOut(c)
			io.WriteString(c, fmt.Sprint(n == plenty+5, err))
			c.Close()
		},
		client: func(s *side) {
			c := s.connect()
			s.meet()
			s.strike(pause)
			s.write(c, "hello")
			done := false
			writer := s.in("writer", func() {
				s.say("all was written: %v", s.writePlenty(c) == plenty)
				s.closeWrite(c)
				done = true
			})
			s.must(c.SetReadDeadline(s.Now().Add(300 * time.Millisecond)))
			s.read(c)
			s.say("the writer is done while the peer is paused: %v", done)
			s.must(c.SetReadDeadline(time.Time{}))
			s.strike(resume)
			s.join(writer)
			s.read(c)
			s.read(c)
		},
	},
	{
		name:   "a paused peer's kernel answers who connects",
		victim: "server",
		server: func(s *side) {
			l := s.listen()
			s.meet()
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				s.in("echo", func() {
					io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
					c.Close()
				})
			}
		},
		client: func(s *side) {
			port := s.hear()
			s.meet()
			s.strike(pause)
			c := s.dial(port, time.Minute)
			s.write(c, "anybody?")
			gone := s.dial(port, time.Minute)
			s.reset(gone)
			s.must(c.SetReadDeadline(s.Now().Add(100 * time.Millisecond)))
			s.read(c)
			s.must(c.SetReadDeadline(time.Time{}))
			s.strike(resume)
			s.read(c)
			s.closeWrite(c)
			s.read(c)
		},
	},
	{
		name:   "a paused peer is killed",
		victim: "server",
		server: part("meet"),
		client: part("meet; strike pause; write never read; settle; strike kill; read; read"),
	},
	{
		name:   "a peer is asked to stop",
		victim: "server",
		server: func(s *side) {
			c := s.connect()
			s.in("other", func() {
				s.AwaitStop()
				io.WriteString(c, "the other task knows. ")
			})
			s.meet()
			s.AwaitStop()
			s.Sleep(50 * time.Millisecond)
			io.WriteString(c, "farewell")
		},
		client: func(s *side) {
			c := s.connect()
			s.meet()
			s.strike(stop)
			text, err := io.ReadAll(c)
			s.did(fmt.Sprintf("read %q", text), err)
		},
	},
	{
		name:   "a server comes back to its port and its files",
		victim: "server",
		server: func(s *side) {
			_, err := s.FS().Lock("LOCK")
			s.must(err)
			l := s.listen()
			f, err := s.FS().OpenFile("port", os.O_CREATE|os.O_RDWR, 0o644)
			s.must(err)
			_, err = f.WriteAt([]byte(port(l)), 0) // the page cache outlives a process
			s.must(err)
			s.accept(l)
			s.meet()
		},
		again: func(s *side) {
			_, err := s.FS().Lock("LOCK")
			s.must(err)
			f, err := s.FS().OpenFile("port", os.O_RDONLY, 0)
			s.must(err)
			text := make([]byte, 5)
			n, _ := f.ReadAt(text, 0)
			l, err := s.Listen("tcp", "server:"+string(text[:n]))
			s.must(err)
			c, err := l.Accept()
			s.must(err)
			io.WriteString(c, "here I am again")
		},
		client: func(s *side) {
			port := s.hear()
			c := s.dial(port, 0)
			s.meet()
			s.strike(kill)
			s.dial(port, 0)
			s.strike(start)
			var again net.Conn
			var err error
			for again == nil {
				again, err = s.Dial("tcp", "server:"+port, time.Minute)
				if errors.Is(err, syscall.ECONNREFUSED) {
					s.must(s.Sleep(time.Millisecond))
				}
			}
			s.read(again)
			s.read(c)
			s.write(c, "to the first life")
			s.settle()
			s.write(c, "to the first life")
		},
	},
	{
		name:   "a killed client's port and place are free again",
		victim: "client",
		server: func(s *side) {
			l := s.listen()
			s.meet()
			s.strike(kill)
			c := s.accept(l)
			s.read(c)
			s.read(c)
			s.write(c, "x")
			s.settle()
			s.write(c, "x")
		},
		client: func(s *side) {
			c := s.dial(s.hear(), 0)
			s.write(c, "I was here")
			s.meet()
		},
	},
}
