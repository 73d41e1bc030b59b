package netmodel_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/netmodel"
	"simrun/nodes"
)

// An observer must be told of every packet, in words that need no legend.
func TestObserverSeesTheWholeStory(t *testing.T) {
	w, a, b := two(t)
	w.net.Observer = w
	l := listen(t, b)
	c, s := w.dial(a, b, l)
	write(t, c, "hello")
	w.pass(90 * time.Millisecond)
	cut := install(t, w, netmodel.Partition("cut", netmodel.Links{From: []string{"a"}, To: []string{"b"}, Both: true}))
	write(t, c, "lost once")
	w.net.Remove(cut)
	w.pass(900 * time.Millisecond)
	read(s)
	require.NoError(t, c.Close())
	w.pass(time.Second)
	require.NoError(t, s.Close())
	w.pass(time.Second)
	b.PowerOff()
	_, err := a.Connect("b", 80)
	require.NoError(t, err)
	w.pass(100 * time.Millisecond)

	port := c.LocalAddr().String()
	story := strings.ReplaceAll(strings.Join(w.trace, "\n"), port, "a:P")
	require.Equal(t, strings.TrimSpace(`
1ms a:P > b:80 SYN
2ms b:80 > a:P SYN-ACK
3ms a:P > b:80 ACK
11ms a:P > b:80 data 5
100ms a:P > b:80 data 9 lost: cut
303ms a:P > b:80 data 9
1.001s a:P > b:80 FIN
2.001s b:80 > a:P FIN`), story[:strings.LastIndex(story, "\n")])
	require.Regexp(t, `3.001s a:\d+ > b:80 SYN lost: dark$`, story)
}

// One line must say how a socket and a rule stand.
func TestLines(t *testing.T) {
	w, c, s := pair(t)
	slow := install(t, w, netmodel.SlowLink("slow", netmodel.Links{}, 2000, nodes.Spread{}))
	write(t, c, "hello")
	require.Contains(t, c.String(), "> b:80 established, 0 to read, 5 in the send buffer")
	w.pass(2 * time.Millisecond)
	require.Contains(t, s.String(), "established, 5 to read, 0 in the send buffer")
	require.Equal(t, `slow-link "slow": 2 packets, 1 connections`, slow.String(), "the message, and its acknowledgement")
	require.Equal(t, "slow", slow.Rule().Name)
	for v := netmodel.Cut; v <= netmodel.Exhaustion; v++ {
		require.NotContains(t, v.String(), "verb")
	}
	require.Equal(t, "verb 99", netmodel.Verb(99).String())
	require.Equal(t, "no such host", netmodel.ErrUnknownHost.Error())
	require.Equal(t, "west", w.net.Lookup("a").Site())
	require.Equal(t, 1024, w.net.Lookup("a").Limits().Files)
	require.Panics(t, func() { w.net.AddStack("a", "west", netmodel.Limits{}) })
}

// Files of the disk and sockets share a process's descriptors.
func TestFilesAndSocketsShareDescriptors(t *testing.T) {
	_, a, _ := twoWith(t, lan, netmodel.Limits{Files: 1})
	require.NoError(t, a.TakeFile())
	_, err := a.Listen(80, 0)
	require.Equal(t, syscall.EMFILE, err)
	a.DropFile()
	listen(t, a)
	a.KillProcess()
	require.Panics(t, func() { a.DropFile() })
}

// A jam's memory is finite, whatever a host pours into it.
func TestJamIsFinite(t *testing.T) {
	w := newTown(t, "a", "b")
	jam := install(t, w.world, netmodel.JamLink("jam", netmodel.Links{}))
	for range 70_000 {
		require.NoError(t, w.sockets["a"].SendTo([]byte("x"), w.sockets["b"].Addr()))
	}
	require.Equal(t, 1<<16, w.net.Counts().InFlight)
	w.net.Remove(jam)
	for _, s := range w.sockets {
		require.NoError(t, s.Close())
	}
	w.gone()
}

// A SYN that a jam holds is a SYN late: the connection comes about when the jam is over.
func TestJammedHandshake(t *testing.T) {
	w, a, b := two(t)
	listen(t, b)
	jam := install(t, w, netmodel.JamLink("jam", netmodel.Links{}))
	c, err := a.Connect("b", 80)
	require.NoError(t, err)
	w.pass(500 * time.Millisecond)
	require.Equal(t, syscall.EINPROGRESS, c.Connected())
	_, err = c.Write([]byte("x"))
	require.Equal(t, syscall.EAGAIN, err)
	_, err = c.Read(make([]byte, 1))
	require.Equal(t, syscall.EAGAIN, err)
	require.Equal(t, syscall.ENOTCONN, c.CloseWrite())
	w.net.Remove(jam)
	w.pass(3 * time.Millisecond)
	require.NoError(t, c.Connected())
}

// A socket that sends to very many forgets some and goes on; so a scan of all ports costs no memory without end.
func TestSocketSendsToManyPlaces(t *testing.T) {
	w := newTown(t, "a", "b")
	for port := 1; port <= 10_000; port++ {
		require.NoError(t, w.sockets["a"].SendTo([]byte("anybody?"), netmodel.Addr{Host: "b", Port: port}))
	}
	w.pass(time.Second)
	require.True(t, w.sockets["b"].Readable())
}

// Delays of any distribution work on links and on slow links.
func TestDelaysOfAnyDistribution(t *testing.T) {
	for _, d := range []nodes.Spread{
		{Lo: time.Millisecond, Hi: time.Second},
		{Mean: 10 * time.Millisecond},
		{Choices: []time.Duration{time.Millisecond, time.Second}},
	} {
		w, a, b := twoWith(t, netmodel.LinkClass{Delay: d}, netmodel.Limits{})
		install(t, w, netmodel.SlowLink("slow", netmodel.Links{}, 2000, d))
		l := listen(t, b)
		c, err := a.Connect("b", 80)
		require.NoError(t, err)
		w.pass(time.Minute)
		s, err := l.Accept()
		require.NoError(t, err)
		write(t, c, "some time")
		w.pass(time.Minute)
		wantRead(t, s, "some time", syscall.EAGAIN)
	}
}
