package osenv

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
)

// connect makes two ends of a connection on one host.
func connect(t *testing.T, env nodes.Env) (pair [2]net.Conn) {
	t.Helper()
	l, err := env.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	pair[0], err = env.Dial("tcp", l.Addr().String(), time.Minute)
	require.NoError(t, err)
	pair[1], err = l.Accept()
	require.NoError(t, err)
	return pair
}

// neverAccepts is an address whose accept queue is full, so that a SYN to it is dropped.
func neverAccepts(env nodes.Env) (address string, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		panic(err)
	}
	raw.Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) })
	if err != nil {
		panic(err)
	}
	filler, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		panic(err)
	}
	return l.Addr().String(), func() { filler.Close(); l.Close() }
}

// If this failed, node code that tells a refused connection from a silent one would go wrong for real.
func TestNetworkErrorsAreThoseOfTheContract(t *testing.T) {
	onHost(t, Options{}, func(t *testing.T, env nodes.Env) {
		var op *net.OpError
		l, err := env.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		_, err = env.Listen("tcp", l.Addr().String())
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.ErrorAs(t, err, &op)
		require.NoError(t, l.Close())
		_, err = l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = env.Dial("tcp", l.Addr().String(), time.Second)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.ErrorAs(t, err, &op)

		address, stop := neverAccepts(env)
		defer stop()
		_, err = env.Dial("tcp", address, 20*time.Millisecond)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.ErrorAs(t, err, &op)
		require.True(t, op.Timeout())

		_, err = env.Dial("unix", "/tmp/x", 0)
		require.ErrorAs(t, err, &op)
		_, err = env.Listen("unix", "/tmp/x")
		require.ErrorAs(t, err, &op)
		_, err = env.ListenPacket("tcp", ":0")
		require.ErrorAs(t, err, &op)

		pair := connect(t, env)
		require.NoError(t, pair[0].SetReadDeadline(env.Now().Add(time.Millisecond)))
		_, err = pair[0].Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.NoError(t, pair[0].SetReadDeadline(time.Time{}))
		require.NoError(t, pair[1].(nodes.HalfCloser).CloseWrite())
		_, err = pair[0].Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
	})
}

// If this failed, a node could not close a connection under a task that uses it.
func TestCloseUnblocks(t *testing.T) {
	onHost(t, Options{}, func(t *testing.T, env nodes.Env) {
		pair := connect(t, env)
		l, err := env.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		var all []nodes.Task
		for _, call := range []func() error{
			func() error { _, err := pair[0].Read(make([]byte, 1)); return err },
			func() error { _, err := pair[0].Read(make([]byte, 1)); return err },
			func() error { _, err := pair[0].Write(make([]byte, 64<<20)); return err },
			func() error { _, err := pair[0].Write(make([]byte, 64<<20)); return err },
			func() error { _, err := l.Accept(); return err },
			func() error { _, err := l.Accept(); return err },
		} {
			all = append(all, env.Go("blocked", func() { require.ErrorIs(t, call(), net.ErrClosed) }))
		}
		require.NoError(t, env.Sleep(10*time.Millisecond))
		require.NoError(t, pair[0].Close())
		require.NoError(t, l.Close())
		for _, task := range all {
			require.NoError(t, task.Join())
		}
		require.ErrorIs(t, pair[0].Close(), net.ErrClosed)
	})
}

// If this failed, the lines of two tasks would be mixed on one connection.
func TestConcurrentWritesNeverInterleave(t *testing.T) {
	onHost(t, Options{}, func(t *testing.T, env nodes.Env) {
		pair := connect(t, env)
		const size, writers = 1 << 20, 4
		for i := range writers {
			env.Go("writer", func() {
				n, err := pair[0].Write(bytes.Repeat([]byte{byte('a' + i)}, size))
				require.NoError(t, err)
				require.Equal(t, size, n)
			})
		}
		for range writers {
			block := make([]byte, size)
			_, err := io.ReadFull(pair[1], block)
			require.NoError(t, err)
			require.Equal(t, bytes.Repeat(block[:1], size), block)
		}
	})
}

func TestPeersAreResolved(t *testing.T) {
	h := New(Options{Peers: map[string]string{
		"gearman-a": "127.0.0.1:4731", "gearman-b": "127.0.0.2", "six": "[::1]", "gearman-a:80": "127.0.0.9:8080"}})
	defer h.Kill()
	for name, want := range map[string]string{
		"gearman-a:4730": "127.0.0.1:4731", "gearman-b:4730": "127.0.0.2:4730", "six:1": "[::1]:1",
		"gearman-a:80": "127.0.0.9:8080", "example.org:1": "example.org:1", "nonsense": "nonsense",
	} {
		require.Equal(t, want, h.resolve(name), name)
	}
	onHost(t, Options{Peers: map[string]string{"me": "127.0.0.1"}}, func(t *testing.T, env nodes.Env) {
		l, err := env.Listen("tcp", "me:0")
		require.NoError(t, err)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		_, err = env.Dial("tcp", "me:"+port, time.Minute)
		require.NoError(t, err)
	})
}

type name string

func (n name) Network() string { return "udp" }
func (n name) String() string  { return string(n) }

func TestDatagrams(t *testing.T) {
	onHost(t, Options{Peers: map[string]string{"me": "127.0.0.1"}}, func(t *testing.T, env nodes.Env) {
		a, err := env.ListenPacket("udp", "me:0")
		require.NoError(t, err)
		b, err := env.ListenPacket("udp", "me:0")
		require.NoError(t, err)
		_, port, _ := net.SplitHostPort(b.LocalAddr().String())
		_, err = a.WriteTo([]byte("ping"), name("me:"+port))
		require.NoError(t, err)
		buffer := make([]byte, 100)
		n, from, err := b.ReadFrom(buffer)
		require.NoError(t, err)
		require.Equal(t, "ping", string(buffer[:n]))
		_, err = b.WriteTo([]byte("pong"), from)
		require.NoError(t, err)
		n, _, err = a.ReadFrom(buffer)
		require.NoError(t, err)
		require.Equal(t, "pong", string(buffer[:n]))
		require.NoError(t, a.SetReadDeadline(env.Now().Add(time.Millisecond)))
		_, _, err = a.ReadFrom(buffer)
		require.True(t, errors.Is(err, os.ErrDeadlineExceeded))
		_, err = a.WriteTo(buffer, name("no such port:x"))
		require.Error(t, err)
		require.NoError(t, a.Close())
		_, _, err = a.ReadFrom(buffer)
		require.ErrorIs(t, err, net.ErrClosed)
	})
}
