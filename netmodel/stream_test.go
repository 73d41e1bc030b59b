package netmodel_test

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/netmodel"
	"simrun/nodes"
)

// fill writes until the kernel takes no more, also after a second, and says how much it took.
func fill(t tb, w *world, s *netmodel.Socket) int {
	t.Helper()
	total := 0
	for block := bytes.Repeat([]byte("0123456789"), 1000); ; {
		n, err := s.Write(block)
		total += n
		if err == syscall.EAGAIN {
			if w.pass(time.Second); !s.Writable() {
				return total
			}
			continue
		}
		require.NoError(t, err)
	}
}

// A stream that does not carry what was written, in both directions, is none.
func TestStreamCarriesBytesBothWays(t *testing.T) {
	w, c, s := pair(t)
	write(t, c, "hello ")
	write(t, c, "world")
	wantRead(t, s, "", syscall.EAGAIN)
	w.pass(time.Millisecond)
	wantRead(t, s, "hello world", syscall.EAGAIN)
	write(t, s, "and back")
	w.pass(time.Millisecond)
	wantRead(t, c, "and back", syscall.EAGAIN)
	require.Equal(t, c.LocalAddr(), s.RemoteAddr())
	require.Equal(t, netmodel.Addr{Host: "b", Port: 80}, c.RemoteAddr())
}

// A reader is woken once for what it waits for, and one who does not wait is left alone.
func TestReaderIsWokenOnce(t *testing.T) {
	w, c, s := pair(t)
	var wake waker
	s.ReadWaiter = &wake
	write(t, c, "nobody waits")
	w.pass(time.Second)
	require.Zero(t, wake.woken)
	wantRead(t, s, "nobody waits", syscall.EAGAIN)
	write(t, c, "one ")
	write(t, c, "two")
	w.pass(time.Second)
	require.Equal(t, 1, wake.woken)
	wantRead(t, s, "one two", syscall.EAGAIN)
}

// A message costs its segment's arrival and nothing else; rest costs nothing.
func TestMessageIsOneEvent(t *testing.T) {
	w, c, s := pair(t)
	steps := w.steps
	for range 1000 {
		write(t, c, "ping")
		w.pass(time.Millisecond)
		wantRead(t, s, "ping", syscall.EAGAIN)
		write(t, s, "pong")
		w.pass(time.Millisecond)
		wantRead(t, c, "pong", syscall.EAGAIN)
	}
	require.Equal(t, 2000, w.steps-steps)
	w.pass(365 * 24 * time.Hour)
	require.Equal(t, 2000, w.steps-steps)
}

// Who writes to one who does not read comes to a stop: two buffers, and no more. As soon as there is room
// again the writer is woken, and all arrives.
func TestFullWindowBlocksTheWriter(t *testing.T) {
	w, c, s := pair(t)
	var wake waker
	c.WriteWaiter = &wake
	sent := fill(t, w, c)
	require.Equal(t, 128<<10, sent)
	require.False(t, c.Writable())
	woken := wake.woken
	wantWrite(t, c, syscall.EAGAIN)
	steps := w.steps
	w.pass(time.Hour)
	require.Equal(t, steps, w.steps, "while the peer is well, a closed window costs nothing")
	require.Equal(t, woken, wake.woken)

	got := 0
	for w.pass(time.Second); got < sent; w.pass(time.Second) {
		text, err := read(s)
		require.Equal(t, syscall.EAGAIN, err)
		require.NotEmpty(t, text)
		got += len(text)
	}
	require.Equal(t, woken+1, wake.woken)
	require.True(t, c.Writable())
	require.Zero(t, w.net.Counts().Retransmitted)
}

// A window that stays closed while the peer goes dark is noticed: probes go unanswered.
func TestClosedWindowOfADeadPeer(t *testing.T) {
	w, c, _ := pair(t)
	fill(t, w, c)
	w.net.Lookup("b").PowerOff()
	w.settle()
	wantWrite(t, c, syscall.ETIMEDOUT)
}

// A window update that is lost must not stop the stream: the probe brings another.
func TestLostWindowUpdate(t *testing.T) {
	w, c, s := pair(t)
	sent := fill(t, w, c)
	cut := install(t, w, netmodel.Partition("cut", netmodel.Links{From: []string{"b"}, To: []string{"a"}}))
	text, _ := read(s)
	require.NotEmpty(t, text)
	w.pass(time.Second)
	w.net.Remove(cut)
	got := len(text)
	for range 10 {
		w.pass(time.Second)
		text, _ := read(s)
		got += len(text)
	}
	require.Equal(t, sent, got)
}

// Loss in a stream is delay: the bytes come after the retransmission timeout of 200 ms and the round trip, in
// order, and what was written behind them waits.
func TestLossIsDelay(t *testing.T) {
	w, c, s := pair(t)
	cut := install(t, w, netmodel.Partition("cut", netmodel.Links{From: []string{"a"}, To: []string{"b"}, Both: true}))
	began := w.now
	write(t, c, "first ")
	w.net.Remove(cut)
	var wake waker
	s.ReadWaiter = &wake
	wantRead(t, s, "", syscall.EAGAIN)
	for wake.woken == 0 {
		require.True(t, w.step(1<<62))
	}
	require.Equal(t, 203*time.Millisecond, w.now-began, "timeout 200 ms, round trip 2 ms, way 1 ms")
	wantRead(t, s, "first ", syscall.EAGAIN)

	cut = install(t, w, netmodel.Partition("cut again", netmodel.Links{From: []string{"a"}, To: []string{"b"}, Both: true}))
	write(t, c, "second ")
	w.net.Remove(cut)
	write(t, c, "third")
	w.pass(time.Millisecond)
	wantRead(t, s, "", syscall.EAGAIN)
	w.pass(2 * time.Millisecond)
	wantRead(t, s, "second third", syscall.EAGAIN) // the third told of the hole: no timeout
}

// The backoff of a partition outlives its healing, so that a service is back later than its network.
func TestBackoffOutlivesThePartition(t *testing.T) {
	w, c, s := pair(t)
	began := w.now
	cut := install(t, w, netmodel.Partition("cut", netmodel.Links{From: []string{"a"}, To: []string{"b"}, Both: true}))
	write(t, c, "patience")
	w.pass(30 * time.Second)
	w.net.Remove(cut)
	var wake waker
	s.ReadWaiter = &wake
	wantRead(t, s, "", syscall.EAGAIN)
	for wake.woken == 0 {
		require.True(t, w.step(1<<62))
	}
	waits := w.now - began
	require.Greater(t, waits, 50*time.Second, "202 ms × (2^8 - 1)")
	require.Less(t, waits, 53*time.Second)

	write(t, c, "x") // and then the backoff is over
	w.pass(time.Millisecond)
	wantRead(t, s, "patiencex", syscall.EAGAIN)
}

// Where only the way back is cut, bytes arrive, but the sender does not know and at last gives up.
func TestOneWayPartition(t *testing.T) {
	w, c, s := pair(t)
	cut := install(t, w, netmodel.Partition("cut", netmodel.Links{From: []string{"b"}, To: []string{"a"}}))
	write(t, c, "you hear me, I do not hear you")
	w.pass(time.Second)
	wantRead(t, s, "you hear me, I do not hear you", syscall.EAGAIN)
	w.pass(20 * time.Minute)
	wantRead(t, c, "", syscall.ETIMEDOUT)
	wantRead(t, s, "", syscall.ETIMEDOUT) // its own probes went unanswered
	require.EqualValues(t, 1, cut.Effects().Connections)
}

// A lost acknowledgement is made good by the next, without a retransmission.
func TestLostAcknowledgement(t *testing.T) {
	w, c, s := pair(t)
	cut := install(t, w, netmodel.Partition("cut", netmodel.Links{From: []string{"b"}, To: []string{"a"}}))
	write(t, c, "one ")
	w.pass(time.Millisecond)
	require.EqualValues(t, 1, cut.Effects().Packets)
	w.net.Remove(cut)
	write(t, c, "two")
	w.settle()
	wantRead(t, s, "one two", syscall.EAGAIN)
	require.Zero(t, w.net.Counts().Retransmitted)
}

// Packets that overtake each other do not reorder bytes.
func TestDelaysDoNotReorder(t *testing.T) {
	w, a, b := twoWith(t, netmodel.LinkClass{Delay: nodes.Spread{Lo: time.Millisecond, Hi: 9 * time.Millisecond}}, netmodel.Limits{})
	l := listen(t, b)
	c, err := a.Connect("b", 80)
	require.NoError(t, err)
	w.pass(time.Second)
	s, err := l.Accept()
	require.NoError(t, err)
	var want []byte
	for i := range 200 {
		want = append(want, byte(i))
		n, err := c.Write([]byte{byte(i)})
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	w.pass(time.Second)
	got, _ := read(s)
	require.Equal(t, string(want), got)
}

// Nagle's algorithm, if somebody wants it, gathers small writes while an earlier one is not acknowledged.
func TestNagle(t *testing.T) {
	w, c, s := pair(t)
	c.SetNoDelay(false)
	for range 5 {
		write(t, c, "x")
	}
	w.pass(time.Millisecond)
	wantRead(t, s, "x", syscall.EAGAIN)
	w.pass(2 * time.Millisecond)
	wantRead(t, s, "xxxx", syscall.EAGAIN)
	write(t, c, "y")
	write(t, c, "z")
	c.SetNoDelay(true)
	w.pass(time.Millisecond)
	wantRead(t, s, "yz", syscall.EAGAIN)
}
