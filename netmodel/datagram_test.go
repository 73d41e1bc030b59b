package netmodel_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/netmodel"
	"simrun/nodes"
)

// Datagrams keep their borders, tell their sender, and are cut where the reader's buffer ends.
func TestDatagramsKeepTheirBorders(t *testing.T) {
	w := newTown(t, "a", "b")
	a, b := w.sockets["a"], w.sockets["b"]
	var wake waker
	b.Waiter = &wake
	buf := make([]byte, 4)
	_, _, err := b.ReceiveFrom(buf)
	require.Equal(t, syscall.EAGAIN, err)
	for i, text := range []string{"one", "", "too long"} {
		require.NoError(t, a.SendTo([]byte(text), b.Addr()))
		w.pass(time.Duration(i+1) * time.Millisecond)
	}
	require.Equal(t, 1, wake.woken)
	for _, want := range []string{"one", "", "too "} {
		n, from, err := b.ReceiveFrom(buf)
		require.NoError(t, err)
		require.Equal(t, want, string(buf[:n]))
		require.Equal(t, a.Addr(), from)
	}
	require.False(t, b.Readable())
	require.Equal(t, netmodel.ErrUnknownHost, a.SendTo(nil, netmodel.Addr{Host: "x", Port: 1}))
	require.Equal(t, syscall.EMSGSIZE, a.SendTo(make([]byte, 65508), b.Addr()))
	require.NoError(t, a.SendTo(make([]byte, 65507), b.Addr()))
	require.Equal(t, syscall.EINVAL, a.SendTo(nil, netmodel.Addr{Host: "b"}))
	_, err = w.net.Lookup("a").OpenPacket(53)
	require.Equal(t, syscall.EADDRINUSE, err)
	require.NoError(t, a.Close())
	require.Equal(t, syscall.EBADF, a.Close())
	require.Equal(t, syscall.EBADF, a.SendTo(nil, b.Addr()))
	require.NoError(t, b.Close())
	w.gone()
}

// Nobody says that a datagram was lost: to no socket, to a dark or frozen host, or to a reader whose buffer is full.
func TestDatagramsGetLost(t *testing.T) {
	w := newTown(t, "a", "b")
	a, host := w.sockets["a"], w.net.Lookup("b")
	b := w.sockets["b"].Addr()
	require.NoError(t, a.SendTo([]byte("x"), netmodel.Addr{Host: "b", Port: 54}))
	host.FreezeMachine()
	require.NoError(t, a.SendTo([]byte("x"), b))
	w.pass(time.Second)
	host.ThawMachine()
	_, _, err := w.sockets["b"].ReceiveFrom(nil)
	require.Equal(t, syscall.EAGAIN, err)
	for range 5000 {
		require.NoError(t, a.SendTo([]byte("x"), b))
	}
	w.pass(time.Second)
	require.Less(t, w.net.Counts().InFlight, 4097, "1 MiB, each counted as 257 bytes")
	require.Greater(t, w.net.Counts().InFlight, 4000)
	host.PowerOff()
	require.NoError(t, a.SendTo([]byte("x"), b))
	require.NoError(t, a.Close())
	w.gone()
}

// A datagram above the MTU travels in fragments, and is lost with any of them.
func TestLargeDatagramsAreLostMoreOften(t *testing.T) {
	arrived := func(size int) (n int) {
		w := newTown(t, "a", "b")
		install(t, w.world, netmodel.LosePackets("loss", netmodel.Links{}, 100_000))
		for range 1000 {
			require.NoError(t, w.sockets["a"].SendTo(make([]byte, size), w.sockets["b"].Addr()))
			w.pass(time.Millisecond)
			if _, _, err := w.sockets["b"].ReceiveFrom(nil); err == nil {
				n++
			}
		}
		return n
	}
	require.InDelta(t, 900, arrived(1472), 40)
	require.InDelta(t, 810, arrived(1473), 50)
	require.InDelta(t, 349, arrived(14720), 50, "0.9^10")
}

// Datagrams may overtake each other where delays differ.
func TestDatagramsOvertake(t *testing.T) {
	w := newTown(t, "a", "b")
	w.net.SetLink("a", "b", netmodel.LinkClass{Delay: nodes.Spread{Lo: time.Millisecond, Hi: 5 * time.Millisecond}})
	for i := range 100 {
		require.NoError(t, w.sockets["a"].SendTo([]byte{byte(i)}, w.sockets["b"].Addr()))
	}
	w.pass(time.Second)
	sorted, buf := true, make([]byte, 1)
	for last := byte(0); ; last = buf[0] {
		if _, _, err := w.sockets["b"].ReceiveFrom(buf); err != nil {
			break
		}
		sorted = sorted && buf[0] >= last
	}
	require.False(t, sorted)
}

// A link class may lose and repeat by itself, and of several that apply the one that names more hosts wins.
func TestLinkClasses(t *testing.T) {
	w := newTown(t, "a", "b", "c")
	w.net.SetLink("a", "town", netmodel.LinkClass{Loss: nodes.PerMillion})
	require.Equal(t, "a> b>ac c>ab", w.reach())
	w.net.SetLink("town", "b", netmodel.LinkClass{Repeat: nodes.PerMillion})
	require.Equal(t, "a> b>ac c>abb", w.reach())
	w.net.SetLink("a", "b", lan)
	require.Equal(t, "a>b b>ac c>abb", w.reach())
}
