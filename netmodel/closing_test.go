package netmodel_test

import (
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/netmodel"
)

// gone says that nothing is left of any connection.
func (w *world) gone() {
	w.t.Helper()
	w.settle()
	c := w.net.Counts()
	require.Zero(w.t, c.Connections, "connections left")
	require.Zero(w.t, c.Buffered, "bytes of buffers left")
	require.Zero(w.t, c.InFlight, "datagrams left")
}

func wantWrite(t tb, s *netmodel.Socket, want error) {
	t.Helper()
	_, err := s.Write([]byte("x"))
	require.Equal(t, want, err)
}

// A close must be seen as the end of the stream after the last byte, and leave nothing behind.
func TestCloseIsSeenAfterTheLastByte(t *testing.T) {
	w, c, s := pair(t)
	write(t, c, "last words")
	require.NoError(t, c.Close())
	w.pass(time.Millisecond)
	wantRead(t, s, "last words", io.EOF)
	wantRead(t, s, "", io.EOF)
	require.NoError(t, s.Close())
	w.gone()
	for _, x := range []*netmodel.Socket{c, s} {
		_, err := x.Read(make([]byte, 1))
		require.Equal(t, syscall.EBADF, err)
		wantWrite(t, x, syscall.EBADF)
		require.Equal(t, syscall.EBADF, x.CloseWrite())
	}
}

// One direction may end while the other goes on.
func TestHalfClose(t *testing.T) {
	w, c, s := pair(t)
	write(t, c, "the question")
	require.NoError(t, c.CloseWrite())
	require.NoError(t, c.CloseWrite(), "once more is nothing")
	wantWrite(t, c, syscall.EPIPE)
	w.pass(time.Second)
	wantRead(t, s, "the question", io.EOF)
	write(t, s, "the answer")
	w.pass(time.Second)
	wantRead(t, c, "the answer", syscall.EAGAIN)
	require.NoError(t, s.CloseWrite())
	w.pass(time.Second)
	wantRead(t, c, "", io.EOF)
	require.Equal(t, syscall.ENOTCONN, c.CloseWrite(), "both directions are done")
	require.Equal(t, syscall.ENOTCONN, s.CloseWrite())
	require.NoError(t, c.Close())
	require.NoError(t, s.Close())
	w.gone()
}

// Both may close at once, and both wait in TIME_WAIT.
func TestSimultaneousClose(t *testing.T) {
	w, c, s := pair(t)
	require.NoError(t, c.Close())
	require.NoError(t, s.Close())
	w.gone()
}

// A peer that has closed answers RST to what comes later: the first Write seems to work, the next is EPIPE.
func TestWritingToAClosedPeer(t *testing.T) {
	w, c, s := pair(t)
	require.NoError(t, s.Close())
	w.pass(time.Second)
	write(t, c, "nobody is there")
	w.pass(time.Second)
	wantWrite(t, c, syscall.EPIPE)
	wantWrite(t, c, syscall.EPIPE)
	wantRead(t, c, "", io.EOF)
	require.NoError(t, c.Close())
	w.gone()
}

// Bytes that nobody read turn a close into a reset, which is told once, after what had arrived.
func TestCloseWithUnreadDataResets(t *testing.T) {
	w, c, s := pair(t)
	write(t, c, "you never read this")
	write(t, s, "an answer to something else")
	w.pass(time.Second)
	require.NoError(t, s.Close())
	w.pass(time.Second)
	wantRead(t, c, "an answer to something else", syscall.ECONNRESET)
	wantRead(t, c, "", io.EOF)
	wantWrite(t, c, syscall.EPIPE)
	require.NoError(t, c.Close())
	w.gone()
}

// SO_LINGER of zero resets, but what was sent before still arrives first.
func TestLingerZeroResets(t *testing.T) {
	w, c, s := pair(t)
	write(t, s, "quick, before I go")
	s.SetLinger(0)
	require.NoError(t, s.Close())
	w.pass(time.Second)
	wantRead(t, c, "quick, before I go", syscall.ECONNRESET)
	wantRead(t, c, "", io.EOF)
	require.Equal(t, syscall.ENOTCONN, c.CloseWrite())
	require.NoError(t, c.Close())
	w.gone()

	w, c, s = pair(t)
	s.SetLinger(0)
	require.NoError(t, s.Close())
	w.pass(time.Second)
	wantWrite(t, c, syscall.ECONNRESET)
	wantWrite(t, c, syscall.EPIPE)
	wantRead(t, c, "", io.EOF)
}

// A connection may be reset or closed before it is accepted; Accept hands it out all the same.
func TestResetBeforeAccept(t *testing.T) {
	w, a, b := two(t)
	l := listen(t, b)
	for _, abrupt := range []bool{true, false} {
		c, err := a.Connect("b", 80)
		require.NoError(t, err)
		w.pass(time.Second)
		if abrupt {
			c.SetLinger(0)
		} else {
			write(t, c, "a letter")
		}
		require.NoError(t, c.Close())
		w.pass(time.Second)
		s, err := l.Accept()
		require.NoError(t, err)
		if abrupt {
			wantRead(t, s, "", syscall.ECONNRESET)
			wantWrite(t, s, syscall.EPIPE)
		} else {
			wantRead(t, s, "a letter", io.EOF)
		}
		require.NoError(t, s.Close())
	}
	require.NoError(t, l.Close())
	w.gone()
}

// A reset wakes whoever waits, to read or to write.
func TestResetWakes(t *testing.T) {
	w, c, s := pair(t)
	var reader, writer waker
	c.ReadWaiter, c.WriteWaiter = &reader, &writer
	wantRead(t, c, "", syscall.EAGAIN)
	fill(t, w, c)
	reader.woken, writer.woken = 0, 0
	s.SetLinger(0)
	require.NoError(t, s.Close())
	w.pass(time.Second)
	require.Equal(t, 1, reader.woken)
	require.Equal(t, 1, writer.woken)
	require.True(t, c.Readable())
	require.True(t, c.Writable())
	wantWrite(t, c, syscall.ECONNRESET)
}

// kill -9 leaves a kernel that sends what was written, then FIN.
func TestKilledProcess(t *testing.T) {
	w, c, s := pair(t)
	write(t, s, "last words")
	w.net.Lookup("b").KillProcess()
	w.pass(time.Second)
	wantRead(t, c, "last words", io.EOF)
	write(t, c, "are you there?")
	w.pass(time.Second)
	wantWrite(t, c, syscall.EPIPE)
	wantRead(t, c, "", io.EOF)
	require.Zero(t, w.net.Lookup("b").Files())
	require.NoError(t, c.Close())
	w.gone()
}

// Where the killed process had not read all, and where it had not even accepted, the peer is reset.
func TestKilledProcessWithUnreadData(t *testing.T) {
	w, a, b := two(t)
	l := listen(t, b)
	c, s := w.dial(a, b, l)
	write(t, s, "an answer")
	write(t, c, "you never read this")
	unaccepted, err := a.Connect("b", 80)
	require.NoError(t, err)
	w.pass(time.Second)
	p, err := b.OpenPacket(80)
	require.NoError(t, err)
	b.KillProcess()
	w.pass(time.Second)
	wantRead(t, c, "an answer", syscall.ECONNRESET)
	wantRead(t, unaccepted, "", syscall.ECONNRESET)
	_, _, err = p.ReceiveFrom(nil)
	require.Equal(t, syscall.EBADF, err)
	_, err = outcome(w, a, "b", 80)
	require.Equal(t, syscall.ECONNREFUSED, err)
	listen(t, b) // the next process takes the port again
	require.NoError(t, c.Close())
	require.NoError(t, unaccepted.Close())
	w.gone()
}

// A killed process's large answer still arrives, even if the reader is slow.
func TestKilledProcessWithAFullBuffer(t *testing.T) {
	w, c, s := pair(t)
	sent := fill(t, w, s)
	w.net.Lookup("b").KillProcess()
	w.pass(time.Minute)
	got := 0
	for {
		n, err := c.Read(make([]byte, 1000))
		if got += n; err == io.EOF {
			break
		}
		if err == syscall.EAGAIN {
			w.pass(time.Second)
		}
	}
	require.Equal(t, sent, got)
	require.NoError(t, c.Close())
	w.gone()
}

// Darkness says nothing. The peer learns of it from its own timers, or when the machine is back and is spoken to.
func TestPowerOffIsSilence(t *testing.T) {
	w, c, s := pair(t)
	b := w.net.Lookup("b")
	write(t, s, "under way when the lights go out")
	b.PowerOff()
	b.PowerOff()
	w.pass(10 * time.Second)
	wantRead(t, c, "under way when the lights go out", syscall.EAGAIN)
	write(t, c, "are you there?")
	w.pass(10 * time.Second)
	wantRead(t, c, "", syscall.EAGAIN)
	b.Boot()
	w.pass(time.Minute)
	wantRead(t, c, "", syscall.ECONNRESET)
	require.NoError(t, c.Close())
	w.gone()
}

// What is written to a host that stays dark is given up after fifteen retransmissions, 924 s for a short path.
func TestRetransmissionGivesUp(t *testing.T) {
	w, c, _ := pair(t)
	w.net.Lookup("b").PowerOff()
	began := w.now
	var wake waker
	c.ReadWaiter = &wake
	wantRead(t, c, "", syscall.EAGAIN)
	write(t, c, "are you there?")
	for wake.woken == 0 {
		require.True(t, w.step(1<<62))
	}
	require.InDelta(t, (924*time.Second + 600*time.Millisecond).Seconds(), (w.now - began).Seconds(), 3)
	require.EqualValues(t, 15, w.net.Counts().Retransmitted)
	wantRead(t, c, "", syscall.ETIMEDOUT)
	wantRead(t, c, "", io.EOF)
	wantWrite(t, c, syscall.EPIPE)
	require.NoError(t, c.Close())
	w.gone()
}

// On one's own site the same ends as no route to the host, since its address has not been answered for.
func TestRetransmissionToANeighbourIsUnreachable(t *testing.T) {
	w, a, _ := two(t)
	d := w.net.AddStack("d", "west", netmodel.Limits{})
	c, _ := w.dial(a, d, listen(t, d))
	d.PowerOff()
	write(t, c, "are you there?")
	w.settle()
	wantRead(t, c, "", syscall.EHOSTUNREACH)
}

// An idle connection to a host that went dark ends by keepalive: 15 s idle, then nine probes 15 s apart.
func TestKeepAliveFindsTheDead(t *testing.T) {
	w, c, _ := pair(t)
	w.pass(time.Hour)
	at := w.now
	w.net.Lookup("b").PowerOff()
	var wake waker
	c.ReadWaiter = &wake
	wantRead(t, c, "", syscall.EAGAIN)
	for wake.woken == 0 {
		require.True(t, w.step(1<<62))
	}
	wantRead(t, c, "", syscall.ETIMEDOUT)
	require.Greater(t, w.now-at, 135*time.Second)
	require.LessOrEqual(t, w.now-at, 150*time.Second)
}

// Without keepalive an idle connection never learns.
func TestWithoutKeepAliveNobodyLearns(t *testing.T) {
	w, c, _ := pair(t)
	c.SetKeepAlive(netmodel.KeepAlive{Off: true})
	w.net.Lookup("b").PowerOff()
	w.pass(365 * 24 * time.Hour)
	wantRead(t, c, "", syscall.EAGAIN)
}

// A host that came back is found out by the next probe.
func TestKeepAliveFindsTheRebooted(t *testing.T) {
	w, c, _ := pair(t)
	w.pass(time.Hour)
	b := w.net.Lookup("b")
	b.PowerOff()
	w.pass(time.Second)
	b.Boot()
	w.pass(15 * time.Second)
	wantRead(t, c, "", syscall.ECONNRESET)
}

// A partition that ends in time does an idle connection no harm, and costs nothing once it is over.
func TestKeepAliveOutlivesAShortPartition(t *testing.T) {
	w, c, s := pair(t)
	cut := install(t, w, netmodel.Partition("cut", netmodel.Links{From: []string{"a"}, To: []string{"b"}, Both: true}))
	w.pass(2 * time.Minute)
	require.NotZero(t, cut.Effects().Packets)
	w.net.Remove(cut)
	w.pass(time.Hour)
	wantRead(t, c, "", syscall.EAGAIN)
	wantRead(t, s, "", syscall.EAGAIN)
	steps := w.steps
	w.pass(365 * 24 * time.Hour)
	require.Equal(t, steps, w.steps, "an idle year costs no event")

	install(t, w, netmodel.Partition("cut", netmodel.Links{From: []string{"a"}, To: []string{"b"}, Both: true}))
	w.pass(3 * time.Minute)
	wantRead(t, c, "", syscall.ETIMEDOUT)
	wantRead(t, s, "", syscall.ETIMEDOUT)
}

// A frozen machine neither answers nor acknowledges; thawed, it goes on where it was.
func TestFrozenMachine(t *testing.T) {
	w, c, s := pair(t)
	b := w.net.Lookup("b")
	b.FreezeMachine()
	write(t, c, "wake up")
	w.pass(3 * time.Second)
	wantRead(t, s, "", syscall.EAGAIN)
	require.NotZero(t, w.net.Counts().Retransmitted)
	b.ThawMachine()
	w.pass(5 * time.Second)
	wantRead(t, s, "wake up", syscall.EAGAIN)
	write(t, s, "I am up")
	w.pass(time.Second)
	wantRead(t, c, "I am up", syscall.EAGAIN)
}

// Acknowledgements that come to a frozen machine are lost, and what they were for is sent again.
func TestFrozenSender(t *testing.T) {
	w, c, s := pair(t)
	a := w.net.Lookup("a")
	write(t, c, "before")
	w.pass(1500 * time.Microsecond)
	a.FreezeMachine()
	w.pass(time.Minute)
	wantRead(t, s, "before", syscall.EAGAIN)
	a.ThawMachine()
	w.pass(time.Second)
	require.NotZero(t, w.net.Counts().Retransmitted)
	wantRead(t, s, "", syscall.EAGAIN)
	write(t, c, "after")
	w.pass(time.Second)
	wantRead(t, s, "after", syscall.EAGAIN)
	require.NoError(t, c.Close())
	require.NoError(t, s.Close())
	w.gone()
}

// A client that closed waits for the server's FIN, but not for ever.
func TestFinWaitEnds(t *testing.T) {
	w, c, s := pair(t)
	require.NoError(t, c.Close())
	w.pass(59 * time.Second)
	require.Equal(t, 1, w.net.Counts().Connections)
	w.pass(time.Hour)
	wantRead(t, s, "", io.EOF)
	wantWrite(t, s, syscall.EPIPE)
	require.NoError(t, s.Close())
	w.gone()
}

// A FIN that is lost is sent again, and so is one whose acknowledgement was lost.
func TestLostFIN(t *testing.T) {
	for _, way := range [][][]string{{{"a"}, {"b"}}, {{"b"}, {"a"}}} {
		w, c, s := pair(t)
		cut := install(t, w, netmodel.Partition("cut", netmodel.Links{From: way[0], To: way[1]}))
		require.NoError(t, c.Close())
		w.pass(100 * time.Millisecond)
		w.net.Remove(cut)
		w.pass(time.Second)
		wantRead(t, s, "", io.EOF)
		require.NoError(t, s.Close())
		w.gone()
	}
}
