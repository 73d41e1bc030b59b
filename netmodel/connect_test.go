package netmodel_test

import (
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/netmodel"
)

// outcome is how a connection attempt ended, and when.
func outcome(w *world, from *netmodel.Stack, host string, port int) (time.Duration, error) {
	began := w.now
	s, err := from.Connect(host, port)
	if err != nil {
		return 0, err
	}
	err = s.Connected()
	for err == syscall.EINPROGRESS {
		if !w.step(1 << 62) {
			break
		}
		err = s.Connected()
	}
	took := w.now - began
	s.Close()
	return took, err
}

// A port on which nobody listens answers at once, so that a client need not wait.
func TestConnectingToAClosedPortIsRefused(t *testing.T) {
	w, a, _ := two(t)
	took, err := outcome(w, a, "b", 80)
	require.Equal(t, syscall.ECONNREFUSED, err)
	require.Equal(t, 2*time.Millisecond, took)
	_, err = a.Connect("nobody", 80)
	require.Equal(t, netmodel.ErrUnknownHost, err)
	_, err = a.Connect("b", 1<<16)
	require.Equal(t, syscall.EINVAL, err)
}

// Linux tries a SYN seven times, a second and then twice as long apart, before it gives up.
func TestConnectingToADarkHostTimesOut(t *testing.T) {
	w, a, b := two(t)
	b.PowerOff()
	took, err := outcome(w, a, "b", 80)
	require.Equal(t, syscall.ETIMEDOUT, err)
	require.Equal(t, 127*time.Second, took)
	require.EqualValues(t, 6, w.net.Counts().Retransmitted)
}

// On one's own site a dark host does not answer for its address, which is known after three seconds.
func TestConnectingToADarkNeighbourIsUnreachable(t *testing.T) {
	w, a, _ := two(t)
	c := w.net.AddStack("c", "west", netmodel.Limits{})
	c.PowerOff()
	took, err := outcome(w, a, "c", 80)
	require.Equal(t, syscall.EHOSTUNREACH, err)
	require.Equal(t, 3*time.Second, took)
}

// A neighbour that comes back within the three seconds is reached by the next SYN.
func TestConnectingToANeighbourThatComesBack(t *testing.T) {
	w, a, _ := two(t)
	c := w.net.AddStack("c", "west", netmodel.Limits{})
	c.PowerOff()
	s, err := a.Connect("c", 80)
	require.NoError(t, err)
	w.pass(2500 * time.Millisecond)
	c.Boot()
	listen(t, c)
	w.pass(time.Second)
	require.NoError(t, s.Connected())
}

// A partition looks like silence, not like a missing neighbour; once it heals, the next SYN gets through.
func TestConnectingThroughAPartition(t *testing.T) {
	w, a, b := two(t)
	listen(t, b)
	cut := install(t, w, netmodel.Partition("cut", netmodel.Links{From: []string{"a"}, To: []string{"b"}, Both: true}))
	took, err := outcome(w, a, "b", 80)
	require.Equal(t, syscall.ETIMEDOUT, err)
	require.Equal(t, 127*time.Second, took)
	require.EqualValues(t, 7, cut.Effects().Packets)
	require.EqualValues(t, 1, cut.Effects().Connections)

	s, err := a.Connect("b", 80)
	require.NoError(t, err)
	w.pass(1500 * time.Millisecond)
	w.net.Remove(cut)
	w.pass(1400 * time.Millisecond)
	require.Equal(t, syscall.EINPROGRESS, s.Connected(), "the SYN comes 3 s after the first")
	w.pass(200 * time.Millisecond)
	require.NoError(t, s.Connected())
}

// A SYN-ACK that is lost is sent again, and the connection comes about all the same.
func TestConnectingThroughAOneWayPartition(t *testing.T) {
	w, a, b := two(t)
	l := listen(t, b)
	cut := install(t, w, netmodel.Partition("cut", netmodel.Links{From: []string{"b"}, To: []string{"a"}}))
	s, err := a.Connect("b", 80)
	require.NoError(t, err)
	w.pass(500 * time.Millisecond)
	w.net.Remove(cut)
	w.pass(time.Second)
	require.NoError(t, s.Connected())
	_, err = l.Accept()
	require.NoError(t, err)
}

// If only the last packet of the handshake is lost, the client's first bytes make up for it, and otherwise the
// server asks again.
func TestLastPacketOfTheHandshakeIsLost(t *testing.T) {
	for _, talks := range []bool{true, false} {
		w, a, b := two(t)
		l := listen(t, b)
		s, err := a.Connect("b", 80)
		require.NoError(t, err)
		w.pass(1500 * time.Microsecond)
		cut := install(t, w, netmodel.Partition("cut", netmodel.Links{From: []string{"a"}, To: []string{"b"}}))
		w.pass(time.Millisecond)
		require.NoError(t, s.Connected())
		_, err = l.Accept()
		require.Equal(t, syscall.EAGAIN, err)
		w.net.Remove(cut)
		if talks {
			write(t, s, "hello")
			w.pass(2 * time.Millisecond)
		} else {
			w.pass(2 * time.Second)
		}
		_, err = l.Accept()
		require.NoError(t, err)
	}
}

// A server forgets a client that vanished in the middle of its handshake.
func TestHalfOpenConnectionsAreForgotten(t *testing.T) {
	w, a, b := two(t)
	l, err := b.Listen(80, 1)
	require.NoError(t, err)
	_, err = a.Connect("b", 80)
	require.NoError(t, err)
	w.pass(1500 * time.Microsecond)
	a.PowerOff()
	w.pass(2 * time.Minute)
	_, err = l.Accept()
	require.Equal(t, syscall.EAGAIN, err)
	require.Zero(t, w.net.Counts().Connections)
	a.Boot()
	w.dial(a, b, l)
	w.dial(a, b, l)
}

// A full accept queue ignores SYNs, as Linux does, so that clients try again later instead of failing.
func TestFullAcceptQueue(t *testing.T) {
	w, a, b := two(t)
	l, err := b.Listen(80, 2)
	require.NoError(t, err)
	var all []*netmodel.Socket
	for range 4 {
		s, err := a.Connect("b", 80)
		require.NoError(t, err)
		all = append(all, s)
		w.pass(100 * time.Millisecond)
	}
	for i, s := range all[:3] {
		require.NoError(t, s.Connected(), "a backlog of 2 holds 3: %d", i)
	}
	require.Equal(t, syscall.EINPROGRESS, all[3].Connected())
	_, err = l.Accept()
	require.NoError(t, err)
	w.pass(time.Second)
	require.NoError(t, all[3].Connected())
}

// Ephemeral ports run out towards one address, and come back a minute after the connections ended.
func TestPortsRunOut(t *testing.T) {
	w, a, b := twoWith(t, lan, netmodel.Limits{Ports: 3})
	l := listen(t, b)
	other, err := b.Listen(81, 0)
	require.NoError(t, err)
	var clients, servers []*netmodel.Socket
	for range 3 {
		c, s := w.dial(a, b, l)
		clients, servers = append(clients, c), append(servers, s)
	}
	_, err = a.Connect("b", 80)
	require.Equal(t, syscall.EADDRNOTAVAIL, err)
	w.dial(a, b, other) // another address has ports of its own

	for i := range clients {
		require.NoError(t, clients[i].Close())
	}
	w.pass(time.Second)
	for i := range servers {
		require.NoError(t, servers[i].Close())
	}
	w.pass(59 * time.Second)
	_, err = a.Connect("b", 80)
	require.Equal(t, syscall.EADDRNOTAVAIL, err, "TIME_WAIT is a minute")
	w.pass(2 * time.Second)
	w.dial(a, b, l)
}

// Who is closed upon does not wait: only the side that closed first holds its port.
func TestPassiveCloseFreesThePort(t *testing.T) {
	w, a, b := twoWith(t, lan, netmodel.Limits{Ports: 1})
	l := listen(t, b)
	for range 10 {
		c, s := w.dial(a, b, l)
		require.NoError(t, s.Close())
		w.pass(10 * time.Millisecond)
		wantRead(t, c, "", io.EOF)
		require.NoError(t, c.Close())
		w.pass(10 * time.Millisecond)
	}
}

// Descriptors run out for listening, connecting and accepting alike; an unaccepted connection stays in its queue.
func TestFilesRunOut(t *testing.T) {
	w, a, b := two(t)
	b.SetLimits(netmodel.Limits{Files: 2})
	l := listen(t, b)
	c, _ := w.dial(a, b, l)
	_, err := b.Listen(81, 0)
	require.Equal(t, syscall.EMFILE, err)
	_, err = b.Connect("a", 80)
	require.Equal(t, syscall.EMFILE, err)
	_, err = b.OpenPacket(81)
	require.Equal(t, syscall.EMFILE, err)
	require.Equal(t, syscall.EMFILE, b.TakeFile())
	second, err := a.Connect("b", 80)
	require.NoError(t, err)
	w.pass(10 * time.Millisecond)
	require.NoError(t, second.Connected())
	_, err = l.Accept()
	require.Equal(t, syscall.EMFILE, err)
	b.SetLimits(netmodel.Limits{})
	_, err = l.Accept()
	require.NoError(t, err)
	require.Equal(t, 3, b.Files())
	require.NoError(t, c.Close())
	require.Equal(t, syscall.EBADF, c.Close())
	require.Equal(t, 1, a.Files())
}

// One port, one listener; and none on a port that a connection of one's own uses.
func TestPortsInUse(t *testing.T) {
	w, a, b := two(t)
	l := listen(t, b)
	_, err := b.Listen(80, 0)
	require.Equal(t, syscall.EADDRINUSE, err)
	c, _ := w.dial(a, b, l)
	_, err = a.Listen(c.LocalAddr().Port, 0)
	require.Equal(t, syscall.EADDRINUSE, err)
	require.NoError(t, l.Close())
	require.Equal(t, syscall.EBADF, l.Close())
	listen(t, b) // although a connection to the old one lives on
	free, err := b.Listen(0, 0)
	require.NoError(t, err)
	require.GreaterOrEqual(t, free.Addr().Port, 32768)
	_, err = a.OpenPacket(c.LocalAddr().Port)
	require.NoError(t, err, "datagrams have ports of their own")
}

// Accept tells its waiter of a connection.
func TestAcceptWakes(t *testing.T) {
	w, a, b := two(t)
	l := listen(t, b)
	var wake waker
	l.Waiter = &wake
	_, err := l.Accept()
	require.Equal(t, syscall.EAGAIN, err)
	require.False(t, l.Readable())
	_, err = a.Connect("b", 80)
	require.NoError(t, err)
	w.pass(2 * time.Millisecond)
	require.Zero(t, wake.woken)
	w.pass(time.Millisecond)
	require.Equal(t, 1, wake.woken)
	require.True(t, l.Readable())
}

// Closing a listener resets those who wait to be accepted, and those who still shake hands.
func TestClosingAListener(t *testing.T) {
	w, a, b := two(t)
	l := listen(t, b)
	waits, err := a.Connect("b", 80)
	require.NoError(t, err)
	w.pass(10 * time.Millisecond)
	shakes, err := a.Connect("b", 80)
	require.NoError(t, err)
	w.pass(1500 * time.Microsecond)
	require.NoError(t, l.Close())
	w.pass(10 * time.Millisecond)
	wantRead(t, waits, "", syscall.ECONNRESET)
	wantRead(t, shakes, "", syscall.ECONNRESET)
	wantRead(t, waits, "", io.EOF)
	_, err = waits.Write([]byte("x"))
	require.Equal(t, syscall.EPIPE, err)
	took, err := outcome(w, a, "b", 80)
	require.Equal(t, syscall.ECONNREFUSED, err)
	require.Equal(t, 2*time.Millisecond, took)
}

// A host can talk to itself, whatever the weather.
func TestLoopback(t *testing.T) {
	w, a, _ := two(t)
	install(t, w, netmodel.Partition("all", netmodel.Links{}))
	install(t, w, netmodel.LosePackets("loss", netmodel.Links{}, 1_000_000))
	c, s := w.dial(a, a, listen(t, a))
	write(t, c, "to myself")
	w.pass(time.Millisecond)
	wantRead(t, s, "to myself", syscall.EAGAIN)
}
