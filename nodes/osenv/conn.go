package osenv

import (
	"net"
	"runtime"
	"syscall"
	"time"
)

// conn is a TCP connection whose Read and Write give way.
type conn struct {
	host    *Host
	tcp     *net.TCPConn
	in, out half
}

func (h *Host) newConn(tcp *net.TCPConn) *conn {
	c := &conn{host: h, tcp: tcp}
	c.in.init(h, tcp.SetReadDeadline)
	c.out.init(h, tcp.SetWriteDeadline)
	h.adopt(tcp)
	return c
}

func (c *conn) Read(p []byte) (int, error) {
	t, err := c.in.begin()
	if err != nil {
		return 0, err
	}
	n, err := c.tcp.Read(p)
	return n, c.in.finish(t, err)
}

func (c *conn) Write(p []byte) (int, error) {
	t, err := c.out.begin()
	if err != nil {
		return 0, err
	}
	n, err := c.tcp.Write(p)
	return n, c.out.finish(t, err)
}

func (c *conn) Close() error {
	c.in.close()
	c.out.close()
	delete(c.host.open, c.tcp)
	return c.tcp.Close()
}

// CloseWrite implements nodes.HalfCloser.
func (c *conn) CloseWrite() error { return c.tcp.CloseWrite() }

func (c *conn) LocalAddr() net.Addr  { return c.tcp.LocalAddr() }
func (c *conn) RemoteAddr() net.Addr { return c.tcp.RemoteAddr() }

func (c *conn) SetReadDeadline(t time.Time) error  { return c.in.setDeadline(t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.out.setDeadline(t) }

func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// The settings of *net.TCPConn that never give way.

func (c *conn) SetLinger(seconds int) error                    { return c.tcp.SetLinger(seconds) }
func (c *conn) SetNoDelay(on bool) error                       { return c.tcp.SetNoDelay(on) }
func (c *conn) SetKeepAliveConfig(k net.KeepAliveConfig) error { return c.tcp.SetKeepAliveConfig(k) }

// SyscallConn implements syscall.Conn, for settings that package net does not know.
func (c *conn) SyscallConn() (syscall.RawConn, error) { return c.tcp.SyscallConn() }

// listener is a TCP listener whose Accept gives way.
type listener struct {
	host *Host
	tcp  *net.TCPListener
	in   half
}

func (h *Host) newListener(tcp *net.TCPListener) *listener {
	l := &listener{host: h, tcp: tcp}
	l.in.init(h, tcp.SetDeadline)
	h.adopt(tcp)
	return l
}

func (l *listener) Accept() (net.Conn, error) {
	t, err := l.in.begin()
	if err != nil {
		return nil, err
	}
	tcp, err := l.tcp.AcceptTCP()
	if !t.enter() {
		if err == nil {
			tcp.Close()
		}
		runtime.Goexit()
	}
	if err = l.in.release(t, err); err != nil {
		return nil, err
	}
	return l.host.newConn(tcp), nil
}

func (l *listener) Close() error {
	l.in.close()
	delete(l.host.open, l.tcp)
	return l.tcp.Close()
}

func (l *listener) Addr() net.Addr { return l.tcp.Addr() }

func (l *listener) SetDeadline(t time.Time) error { return l.in.setDeadline(t) }

// SyscallConn implements syscall.Conn.
func (l *listener) SyscallConn() (syscall.RawConn, error) { return l.tcp.SyscallConn() }
