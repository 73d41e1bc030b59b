package parity

import (
	"io"
	"net"
	"strconv"
	"time"

	"simrun/nodes"
)

func itoa(n int) string { return strconv.Itoa(n) }

func alone(s *side) {}

// What tasks do to each other.
var tasks = []scene{
	{
		name:   "a cancelled task",
		server: alone,
		client: func(s *side) {
			for _, call := range []struct {
				name string
				f    func() error
			}{
				{"sleep", func() error { return s.Sleep(time.Hour) }},
				{"wait", func() error { return s.NewCond().Wait() }},
				{"await stop", s.AwaitStop},
				{"next", func() error { _, err := s.Next(); return err }},
				{"join", func() error {
					sleeper := s.in("sleeper", func() { s.Sleep(time.Hour) })
					defer sleeper.Cancel()
					return sleeper.Join()
				}},
			} {
				t := s.in(call.name, func() {
					s.did(call.name, call.f())
					s.did("and again", call.f())
				})
				s.settle()
				t.Cancel()
				s.join(t)
				t.Cancel()
			}
			t := s.in("waiter", func() { s.say("signalled: %v", s.NewCond().WaitFor(time.Hour)) })
			s.settle()
			t.Cancel()
			s.join(t)
		},
	},
	{
		name:   "a cancelled reader leaves the connection to others",
		server: part("meet; write for the second; meet"),
		client: func(s *side) {
			c := s.connect()
			first := s.in("first", func() { s.readWhat("first", c) })
			s.settle()
			second := s.in("second", func() { s.readWhat("second", c) })
			s.settle()
			first.Cancel()
			s.join(first)
			s.meet()
			s.join(second)
			s.meet()
		},
	},
	{
		name:   "a cancelled writer",
		server: part("meet; drain some"),
		client: func(s *side) {
			c := s.connect()
			writer := s.in("writer", func() {
				n, err := c.Write(make([]byte, plenty))
				s.say("cancelled: %v", kind(err))
				s.say("some was written, not all: %v", n > 0 && n < plenty)
			})
			s.settle()
			second := s.in("second", func() {
				_, err := c.Write([]byte("x"))
				s.say("the second: %v", kind(err))
			})
			s.settle()
			second.Cancel()
			s.join(second)
			writer.Cancel()
			s.join(writer)
			s.reset(c)
			s.meet()
		},
	},
	{
		name: "a cancelled accept and a cancelled dial",
		server: func(s *side) {
			l := s.listen()
			t := s.in("acceptor", func() { _, err := l.Accept(); s.say("accept: %s", kind(err)) })
			s.settle()
			t.Cancel()
			s.join(t)
			s.meet()
			s.meet()
			s.accept(l)
		},
		backlog: 1,
		client: func(s *side) {
			port := s.hear()
			s.meet()
			s.dial(port, 0)
			s.dial(port, 0)
			t := s.in("dialler", func() { _, err := s.Dial("tcp", "server:"+port, 0); s.say("third dial: %s", kind(err)) })
			s.settle()
			t.Cancel()
			s.join(t)
			s.meet()
		},
	},
	{
		name:   "signals reach tasks in the order of their waiting",
		server: alone,
		client: func(s *side) {
			c := s.NewCond()
			var woken []string
			var all []nodes.Task
			for _, name := range []string{"a", "b", "c", "d"} {
				all = append(all, s.in(name, func() {
					if c.Wait() == nil {
						woken = append(woken, name)
					}
				}))
				s.settle()
			}
			c.Signal()
			s.settle()
			s.say("after a signal: %v", woken)
			c.Signal()
			all[1].Cancel() // b, who was signalled but has not run: the signal must not be lost
			s.settle()
			s.say("after a signal to a task that is cancelled: %v", woken)
			c.Broadcast()
			s.settle()
			s.say("%d in all after a broadcast", len(woken))
			c.Signal()
			s.say("a signal that nobody waits for is gone: %v", !c.WaitFor(10*time.Millisecond))
			s.AfterFunc(10*time.Millisecond, c.Signal)
			s.say("signalled in time: %v", c.WaitFor(time.Minute))
			before := s.Mark()
			s.say("no time at all: %v", c.WaitFor(0) || c.WaitFor(-time.Second))
			s.say("and at once: %v", s.Mark().Sub(before) < time.Second)
		},
	},
	{
		name:   "timers",
		server: alone,
		client: func(s *side) {
			fired := 0
			t := s.AfterFunc(10*time.Millisecond, func() { fired++ })
			s.settle()
			s.settle()
			s.say("fired %d, stop %v", fired, t.Stop())
			t = s.AfterFunc(10*time.Millisecond, func() { fired++ })
			s.say("stop %v, again %v", t.Stop(), t.Stop())
			s.settle()
			s.settle()
			s.say("fired %d", fired)
			s.AfterFunc(-time.Second, func() { fired++ })
			s.say("not yet: %d", fired)
			s.settle()
			s.say("fired %d", fired)
			// The callback is a task: it may block.
			done := s.NewCond()
			s.AfterFunc(0, func() {
				s.must(s.Sleep(time.Millisecond))
				done.Signal()
			})
			s.say("a timer's task may sleep: %v", done.WaitFor(time.Minute))
		},
	},
	{
		name:   "sleep and work take their time",
		server: alone,
		client: func(s *side) {
			before, wall := s.Mark(), s.Now()
			s.must(s.Sleep(20 * time.Millisecond))
			s.must(s.Work(10 * time.Millisecond))
			s.must(s.Sleep(0))
			s.must(s.Sleep(-time.Hour))
			took := s.Mark().Sub(before)
			s.say("by the monotonic clock: %v", took >= 30*time.Millisecond && took < 10*time.Second)
			took = s.Now().Sub(wall)
			s.say("by the wall clock: %v", took >= 29*time.Millisecond && took < 10*time.Second)
			s.say("a task that has not given way has not let another run: %v", undisturbed(s))
		},
	},
	{
		name: "a stream is woken across tasks",
		server: func(s *side) {
			c := s.connect()
			io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
			s.closeWrite(c)
		},
		client: func(s *side) {
			c := s.connect()
			var got []byte
			reader := s.in("reader", func() { got, _ = io.ReadAll(c) })
			for range 20 {
				s.in("writer", func() { c.Write([]byte("a line of text\n")) })
			}
			s.settle()
			s.closeWrite(c)
			s.join(reader)
			s.say("%d bytes came back", len(got))
		},
	},
}

func (s *side) readWhat(who string, c net.Conn) {
	buffer := make([]byte, 100)
	n, err := c.Read(buffer)
	s.say("%s read %q: %s", who, buffer[:n], kind(err))
}

// undisturbed starts tasks and sees none of them run while it does not give way.
func undisturbed(s *side) bool {
	ran := false
	for range 10 {
		s.in("other", func() { ran = true })
	}
	s.AfterFunc(0, func() { ran = true })
	x := uint64(1)
	for range 20_000_000 {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return !ran && x != 0
}
