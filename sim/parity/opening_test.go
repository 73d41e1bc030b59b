package parity

import (
	"net"
	"time"
)

// How connections come about, and how they do not.
var openings = []scene{
	{
		name: "a closed port refuses",
		server: func(s *side) {
			l := s.listen()
			s.close(l)
			s.meet()
		},
		client: func(s *side) {
			port := s.hear()
			s.meet()
			s.dial(port, 0)
			s.dial(port, time.Minute)
		},
	},
	{
		name:   "a name that nobody has",
		server: func(s *side) {},
		client: func(s *side) {
			_, err := s.Dial("tcp", "nobody.invalid:4730", 10*time.Second)
			s.did("dial", err)
		},
	},
	{
		name:   "addresses that are none",
		server: func(s *side) {},
		client: func(s *side) {
			for _, address := range []string{"server", "server:", "server:99999", "server:http-alt-nonsense", ""} {
				_, err := s.Dial("tcp", address, time.Second)
				s.say("dial %q: fails %v", address, err != nil)
			}
			for _, network := range []string{"unix", "udp", "", "tcp7"} {
				_, err := s.Dial(network, "server:1", time.Second)
				s.say("dial over %q: fails %v", network, err != nil)
				_, err = s.Listen(network, "client:0")
				s.say("listen over %q: fails %v", network, err != nil)
			}
			_, err := s.ListenPacket("tcp", "client:0")
			s.say("listen for packets over tcp: fails %v", err != nil)
			_, err = s.Listen("tcp", "server:99999")
			s.say("listen on port 99999: fails %v", err != nil)
		},
	},
	{
		name: "both ends know each other",
		server: func(s *side) {
			c := s.connect()
			s.tell(c.RemoteAddr().String())
			s.say("local port is the listener's: %v", c.LocalAddr().String() == s.hear())
			s.say("network %s", c.LocalAddr().Network())
		},
		client: func(s *side) {
			c := s.connect()
			s.say("local address is what the server sees: %v", c.LocalAddr().String() == s.hear())
			s.tell(c.RemoteAddr().String())
		},
	},
	{
		name: "a port in use",
		server: func(s *side) {
			l := s.listen()
			_, err := s.Listen("tcp", "server:"+port(l))
			s.did("listen", err)
			c := s.accept(l)
			s.close(l)
			// An accepted connection does not hold the port against a new listener, nor does one that ended.
			again, err := s.Listen("tcp", "server:"+port(l))
			s.did("listen beside a connection", err)
			s.close(again)
			s.close(c)
			again, err = s.Listen("tcp", "server:"+port(l))
			s.did("listen after it", err)
			s.close(again)
			s.meet()
		},
		client: func(s *side) {
			c := s.dial(s.hear(), 0)
			// The port of one's own connection cannot be listened on.
			_, err := s.Listen("tcp", c.LocalAddr().String())
			s.did("listen", err)
			s.meet()
		},
	},
	{
		name:    "a full accept queue",
		backlog: 2,
		server: func(s *side) {
			l := s.listen()
			s.meet()
			for range 3 {
				s.read(s.accept(l))
			}
			s.meet()
			s.read(s.accept(l))
		},
		client: func(s *side) {
			port := s.hear()
			for _, text := range []string{"first", "second", "third"} {
				s.write(s.dial(port, 0), text)
			}
			s.dial(port, 300*time.Millisecond)
			s.meet()
			s.meet()
			s.write(s.dial(port, 0), "fifth")
		},
	},
	{
		name:    "a queue that moves while a SYN is tried again",
		backlog: 1,
		server: func(s *side) {
			l := s.listen()
			s.meet()
			for range 3 {
				s.read(s.accept(l))
			}
		},
		client: func(s *side) {
			port := s.hear()
			for _, text := range []string{"first", "second"} {
				s.write(s.dial(port, 0), text)
			}
			before := s.Mark()
			third := s.in("third", func() { s.write(s.dial(port, 0), "third") })
			s.meet()
			s.join(third)
			took := s.Mark().Sub(before)
			s.say("it took about the second after which a SYN is sent again: %v", took > 900*time.Millisecond && took < 2*time.Second)
		},
	},
	{
		name: "a listener closed over waiting connections resets them",
		server: func(s *side) {
			l := s.listen()
			s.meet()
			s.close(l)
			s.meet()
			_, err := l.Accept()
			s.did("accept", err)
			s.close(l)
		},
		client: func(s *side) {
			c := s.dial(s.hear(), 0)
			s.write(c, "unheard")
			s.meet()
			s.meet()
			s.read(c)
			s.read(c)
			s.write(c, "too late")
		},
	},
	{
		name: "a connection reset before it was accepted",
		server: func(s *side) {
			l := s.listen()
			s.meet()
			c := s.accept(l)
			s.read(c)
			s.write(c, "anybody?")
		},
		client: func(s *side) {
			c := s.dial(s.hear(), 0)
			s.settle()
			s.reset(c)
			s.meet()
		},
	},
	{
		name: "a connection closed before it was accepted",
		server: func(s *side) {
			l := s.listen()
			s.meet()
			c := s.accept(l)
			s.read(c)
			s.read(c)
		},
		client: func(s *side) {
			c := s.dial(s.hear(), 0)
			s.settle()
			s.write(c, "a letter")
			s.settle()
			s.close(c)
			s.meet()
		},
	},
	{
		name: "connections are accepted in the order of their coming",
		server: func(s *side) {
			l := s.listen()
			s.meet()
			for range 3 {
				s.read(s.accept(l))
			}
		},
		client: func(s *side) {
			port := s.hear()
			for _, text := range []string{"a", "b", "c"} {
				s.write(s.dial(port, 0), text)
				s.settle()
			}
			s.meet()
		},
	},
	{
		name:   "settings of a connection",
		server: part("read"),
		client: func(s *side) {
			c := s.connect()
			type settings interface {
				SetKeepAliveConfig(net.KeepAliveConfig) error
				SetNoDelay(bool) error
				SetLinger(int) error
			}
			set, ok := c.(settings)
			s.say("it has settings: %v", ok)
			if !ok {
				return
			}
			s.did("keepalive off", set.SetKeepAliveConfig(net.KeepAliveConfig{}))
			s.did("keepalive on", set.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 5 * time.Second, Count: 3}))
			s.did("nodelay", set.SetNoDelay(false))
			s.did("linger", set.SetLinger(5))
			s.did("linger off", set.SetLinger(-1))
			s.write(c, "still well")
			s.close(c)
			s.did("keepalive after close", set.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true}))
			s.did("linger after close", set.SetLinger(1))
		},
	},
}
