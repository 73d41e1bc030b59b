package netmodel_test

import (
	"fmt"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/sim/luck"
)

// storm is a world of four hosts in which anything may happen, and what its processes know of it.
type storm struct {
	*world
	hosts     []*netmodel.Stack
	listeners []*netmodel.Listener // by host; nil where none
	packets   []*netmodel.PacketSocket
	ends      []*end
	rules     []*netmodel.Installed
	serial    int
	digest    uint64
}

// end is one socket, and what went through it. Byte k of a direction is known, so that every byte that comes can be
// judged by its place.
type end struct {
	*netmodel.Socket
	host          int
	written, read int
	salt          byte
	peer          *end
	err           error // the first error told
	eof           bool
	closed, cut   bool // by Close; by the death of its process or machine
}

func newStorm(t tb, seed, ties uint64) *storm {
	s := &storm{world: &world{t: t, ties: ties}}
	s.net = netmodel.New(s.world, luck.Seed(seed))
	class := netmodel.LinkClass{Delay: nodes.Spread{Lo: 0, Hi: 5 * time.Millisecond}, Loss: 20_000, Repeat: 10_000}
	s.net.SetLink("west", "east", class)
	s.net.SetLink("east", "west", class)
	s.net.SetLink("west", "west", netmodel.LinkClass{Delay: nodes.Exactly(100 * time.Microsecond), Bandwidth: 10 << 20})
	for i, name := range []string{"a", "b", "c", "d"} {
		limits := netmodel.Limits{SendBuffer: 4 << 10, ReceiveBuffer: 3 << 10, Backlog: 4, Files: 12, Ports: 20}
		s.hosts = append(s.hosts, s.net.AddStack(name, []string{"west", "west", "east", "east"}[i], limits))
	}
	s.listeners = make([]*netmodel.Listener, 4)
	s.packets = make([]*netmodel.PacketSocket, 4)
	return s
}

func (s *storm) note(what ...any) {
	for _, c := range []byte(fmt.Sprint(append(what, s.now)...)) {
		s.digest = luck.Mix(s.digest, uint64(c))
	}
}

// die forgets the sockets of a host whose process has ended.
func (s *storm) die(host int) {
	for _, e := range s.ends {
		if e.host == host {
			e.cut = true
		}
	}
	s.listeners[host], s.packets[host] = nil, nil
}

// act does one thing, chosen by three numbers.
func (s *storm) act(what, which, much int) {
	host := which % len(s.hosts)
	h := s.hosts[host]
	var e *end
	if living := s.living(); len(living) > 0 {
		e = living[which%len(living)]
	}
	switch what % 20 {
	case 0:
		if s.listeners[host] == nil {
			s.listeners[host], _ = h.Listen(80, 0)
		}
	case 1:
		c, err := h.Connect(s.hosts[much%len(s.hosts)].Name(), 80)
		s.note("connect", err)
		if err == nil {
			s.serial++
			s.ends = append(s.ends, &end{Socket: c, host: host, salt: byte(s.serial)})
		}
	case 2, 3:
		s.accept(host)
	case 4, 5, 6:
		if e != nil {
			s.write(e, much%5000)
		}
	case 7, 8, 9:
		if e != nil {
			s.read(e, much%5000+1)
		}
	case 10:
		if e != nil && much%3 == 0 {
			s.note("close", e.Close())
			e.closed = true
		}
	case 11:
		if e != nil && much%4 == 0 {
			s.note("close write", e.CloseWrite())
		}
	case 12:
		if e != nil {
			e.SetNoDelay(much%2 == 0)
			if much%7 == 0 {
				e.SetLinger(much % 2)
			}
			if much%5 == 0 {
				e.SetKeepAlive(netmodel.KeepAlive{Off: much%2 == 0, Idle: time.Second, Interval: time.Second, Count: 3})
			}
		}
	case 13:
		s.datagram(host, much)
	case 14:
		if which%3 == 0 {
			s.misfortune(host, much)
		}
	case 15, 16:
		s.weather(which, much)
	default:
		s.pass(time.Duration(much%64) * time.Duration(much%64) * time.Millisecond)
	}
}

// living are the sockets that a process still holds.
func (s *storm) living() (living []*end) {
	for _, e := range s.ends {
		if !e.closed && !e.cut {
			living = append(living, e)
		}
	}
	return living
}

func (s *storm) accept(host int) {
	l := s.listeners[host]
	if l == nil {
		return
	}
	c, err := l.Accept()
	s.note("accept", err)
	if err != nil {
		return
	}
	e := &end{Socket: c, host: host, salt: 100}
	for _, other := range s.ends {
		if other.LocalAddr() == c.RemoteAddr() && other.RemoteAddr() == c.LocalAddr() && other.peer == nil {
			e.peer, other.peer = other, e
		}
	}
	if e.peer == nil {
		c.Close() // of a client that is no more
		return
	}
	e.salt += e.peer.salt
	s.ends = append(s.ends, e)
}

func pattern(salt byte, k int) byte { return byte(k)*7 + byte(k>>8) + salt }

func (s *storm) write(e *end, size int) {
	p := make([]byte, size)
	for i := range p {
		p[i] = pattern(e.salt, e.written+i)
	}
	n, err := e.Write(p)
	s.note("write", n, err)
	e.written += n
	e.failed(err)
}

func (e *end) failed(err error) {
	if err != nil && err != io.EOF && err != syscall.EAGAIN && err != syscall.EPIPE && e.err == nil {
		e.err = err
	}
}

func (s *storm) read(e *end, size int) {
	p := make([]byte, size)
	n, err := e.Read(p)
	s.note("read", n, err)
	for i, b := range p[:n] {
		require.NotNil(s.t, e.peer, "bytes from nobody")
		require.Equal(s.t, pattern(e.peer.salt, e.read+i), b, "byte %d of a stream", e.read+i)
	}
	e.read += n
	e.failed(err)
	if err == io.EOF && e.err == nil && !e.eof && e.peer != nil && e.Connected() == nil {
		e.eof = true
	}
}

func (s *storm) datagram(host, much int) {
	if s.packets[host] == nil {
		s.packets[host], _ = s.hosts[host].OpenPacket(53)
		return
	}
	to := s.hosts[much%len(s.hosts)].Name()
	s.note("send", s.packets[host].SendTo(make([]byte, much%3000), netmodel.Addr{Host: to, Port: 53}))
	n, from, err := s.packets[host].ReceiveFrom(make([]byte, 4000))
	s.note("receive", n, from, err)
}

func (s *storm) misfortune(host, much int) {
	h := s.hosts[host]
	switch much % 8 {
	case 0:
		h.KillProcess()
		s.die(host)
	case 1:
		h.PowerOff()
		s.die(host)
	case 2:
		h.FreezeMachine()
	default:
		h.Boot()
		h.ThawMachine()
		s.act(0, host, 0)
	}
}

func (s *storm) weather(which, much int) {
	if (much%2 == 0 || len(s.rules) > 2) && len(s.rules) > 0 {
		i := which % len(s.rules)
		s.net.Remove(s.rules[i])
		s.rules = append(s.rules[:i], s.rules[i+1:]...)
		return
	}
	name := fmt.Sprint("rule ", s.serial)
	s.serial++
	links := netmodel.Links{From: []string{s.hosts[which%4].Name()}, Both: which%3 == 0}
	if which%5 == 0 {
		links = netmodel.Links{}
	}
	weather := []netmodel.Rule{
		netmodel.Partition(name, netmodel.Links{From: []string{"a"}, To: []string{"b", "c"}, Both: which%3 != 0}),
		netmodel.Partition(name, links),
		netmodel.Partition(name, netmodel.Links{From: []string{"d", "b"}, To: []string{"a", "c"}, Both: true}),
		netmodel.Flap(name, links, nodes.Spread{Mean: time.Second}, nodes.Exactly(300*time.Millisecond)),
		netmodel.SlowLink(name, links, 1000*int64(which%20), nodes.Spread{Hi: time.Second}),
		netmodel.JamLink(name, links),
		netmodel.LosePackets(name, links, nodes.Percent(which%1000)*1000),
		netmodel.RepeatPackets(name, links, 500_000),
		netmodel.CorruptPackets(name, links, 300_000),
		netmodel.LimitBandwidth(name, links, nodes.Bytes(1000*(1+which%100))),
		netmodel.ResetConnections(name, links),
		netmodel.Exhaust(name, netmodel.Resource(which%3), s.hosts[which%4].Name()),
	}
	in, err := s.net.Install(weather[much/2%len(weather)])
	require.NoError(s.t, err)
	s.rules = append(s.rules, in)
}

// heal ends all weather and all darkness, and lets time pass until every timeout is over. Processes read all that
// they can.
func (s *storm) heal() {
	for _, r := range s.rules {
		s.net.Remove(r)
	}
	s.rules = nil
	for _, h := range s.hosts {
		h.Boot()
		h.ThawMachine()
	}
	for range 150 {
		for i := range s.hosts {
			s.accept(i)
		}
		s.drain()
		s.pass(10 * time.Second)
	}
}

func (s *storm) drain() {
	for _, e := range s.ends {
		for before := -1; !e.closed && !e.cut && e.read > before; {
			before = e.read
			s.read(e, 10_000)
		}
	}
}

// judge looks whether what arrived is what was promised.
func (s *storm) judge() {
	for _, e := range s.ends {
		p := e.peer
		require.False(s.t, !e.closed && !e.cut && e.Connected() == syscall.EINPROGRESS, "%v connects for ever", e.LocalAddr())
		if e.closed || e.cut || p == nil || e.err != nil {
			continue
		}
		if e.Connected() == nil && p.err == nil && !p.cut && (e.Established() && p.Established() || e.eof) {
			require.Equal(s.t, p.written, e.read, "bytes are missing although nothing went wrong for good")
		}
	}
}

// finish closes everything and looks whether anything is left.
func (s *storm) finish() {
	for i, e := range s.ends {
		if !e.closed && !e.cut {
			s.ends[i].Close()
		}
	}
	for i := range s.hosts {
		if s.listeners[i] != nil {
			s.listeners[i].Close()
		}
		if s.packets[i] != nil {
			s.packets[i].Close()
		}
	}
	s.gone()
	for _, h := range s.hosts {
		require.Zero(s.t, h.Files(), "%s has descriptors left", h.Name())
	}
}

func (s *storm) check() { require.NoError(s.t, s.net.Check()) }

// Whatever happens, a stream's bytes come in order, without loss or repetition, until it ends with an error; a stream
// that nothing ended carries all; and when everything is closed nothing is left.
func TestStorm(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStorm(rt, rapid.Uint64().Draw(rt, "seed"), rapid.Uint64().Draw(rt, "ties"))
		for i := range s.hosts {
			s.act(0, i, 0)
		}
		for range rapid.IntRange(0, 200).Draw(rt, "steps") {
			s.act(rapid.IntRange(0, 19).Draw(rt, "what"), rapid.IntRange(0, 1000).Draw(rt, "which"), rapid.IntRange(0, 5000).Draw(rt, "much"))
			s.check()
		}
		s.heal()
		s.check()
		s.judge()
		s.finish()
	})
}

// FuzzStorm: no order of calls, however foolish, may break an invariant or panic.
func FuzzStorm(f *testing.F) {
	f.Add(uint64(1), []byte("\x00\x01\x00\x01\x02\x03\x11\x04\x05\x02\x01\x00\x04\x00\xff\x10\x20\x30"))
	f.Fuzz(func(t *testing.T, seed uint64, program []byte) {
		s := newStorm(t, seed, seed)
		for i := range s.hosts {
			s.act(0, i, 0)
		}
		for ; len(program) >= 3 && len(program) < 3000; program = program[3:] {
			s.act(int(program[0]), int(program[1])*3, int(program[2])*17)
			s.check()
		}
		s.heal()
		s.judge()
		s.finish()
	})
}

// tumble plays a storm drawn from the seed.
func tumble(t *testing.T, seed uint64, steps int) *storm {
	defer func() {
		if t.Failed() {
			t.Logf("in storm %d", seed)
		}
	}()
	s := newStorm(t, seed, seed)
	r := luck.Seed(seed).Stream("tumble")
	for i := range s.hosts {
		s.act(0, i, 0)
	}
	for range steps {
		s.act(r.Below(20), r.Below(1000), r.Below(5000))
		s.check()
	}
	s.heal()
	s.judge()
	s.finish()
	return s
}

// Storms that are longer than a property's.
func TestManyStorms(t *testing.T) {
	for seed := range uint64(12) {
		tumble(t, seed, 300)
	}
}
