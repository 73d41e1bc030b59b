package sim

import (
	"io"
	"net"
	"slices"
	"syscall"
	"time"

	"simrun/netmodel"
)

// conn is a stream socket as a task sees it: net.Conn over a non-blocking netmodel.Socket.
type conn struct {
	life   *life
	socket *netmodel.Socket
	local  net.Addr
	remote net.Addr
	read   side
	write  side
	// turn is the task whose Write is under way: two Writes never interleave.
	turn   *task
	queued []*task
	closed bool
}

func newConn(l *life, socket *netmodel.Socket) *conn {
	c := &conn{life: l, socket: socket, local: netAddr("tcp", socket.LocalAddr()), remote: netAddr("tcp", socket.RemoteAddr())}
	c.read = side{life: l, closed: &c.closed}
	c.write = side{life: l, closed: &c.closed}
	socket.ReadWaiter, socket.WriteWaiter = &c.read, &c.write
	return c
}

// Dial asks the network for a connection and waits until it stands.
func (e *env) Dial(network, address string, timeout time.Duration) (net.Conn, error) {
	t := e.life.current()
	fail := func(err error) (net.Conn, error) {
		return nil, opError("dial", network, nil, Addr{network, address}, err)
	}
	if err := onlyNetwork(network, "tcp"); err != nil {
		return fail(err)
	}
	host, port, err := e.life.host.splitAddress(address)
	if err != nil {
		return fail(err)
	}
	if err := t.interrupted(); err != nil {
		return fail(err)
	}
	s, err := e.life.host.stack.Connect(host, port)
	if err == netmodel.ErrUnknownHost {
		return fail(&net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
	}
	if err != nil && err != syscall.EINPROGRESS {
		return fail(err)
	}
	c := newConn(e.life, s)
	if timeout > 0 {
		if at, ok := e.life.host.clock.After(t.life.host.world.now, timeout); ok {
			c.write.set(at, false)
		}
	}
	for {
		err := s.Connected()
		if err == syscall.EINPROGRESS {
			if err = c.write.fit(t); err == nil {
				c.write.wait(t)
				continue
			}
		}
		if err != nil {
			c.Close()
			return fail(err)
		}
		c.write.set(0, true)
		return c, nil
	}
}

func (c *conn) Read(p []byte) (int, error) {
	t := c.life.current()
	for {
		if err := c.read.fit(t); err != nil {
			return 0, c.fail("read", err)
		}
		n, err := c.socket.Read(p)
		switch err {
		case nil, io.EOF:
			return n, err
		case syscall.EAGAIN:
			c.read.wait(t)
		default:
			return n, c.fail("read", err)
		}
	}
}

func (c *conn) Write(p []byte) (int, error) {
	t := c.life.current()
	if err := c.takeTurn(t); err != nil {
		return 0, c.fail("write", err)
	}
	defer c.passTurn()
	c.life.host.world.foldBytes(p)
	sent := 0
	for {
		if err := c.write.fit(t); err != nil {
			return sent, c.fail("write", err)
		}
		n, err := c.socket.Write(p[sent:])
		sent += n
		switch {
		case err != nil && err != syscall.EAGAIN:
			return sent, c.fail("write", err)
		case sent == len(p):
			return sent, nil
		}
		c.write.wait(t)
	}
}

// takeTurn waits until no other task's Write is under way.
func (c *conn) takeTurn(t *task) error {
	for c.turn != nil {
		if err := c.write.fit(t); err != nil {
			return err
		}
		c.queued = append(c.queued, t)
		c.write.wait(t)
		if i := slices.Index(c.queued, t); i >= 0 {
			c.queued = slices.Delete(c.queued, i, i+1)
		}
	}
	c.turn = t
	return nil
}

func (c *conn) passTurn() {
	c.turn = nil
	if len(c.queued) > 0 && !c.life.dead {
		c.life.host.world.wake(c.queued[0])
	}
}

func (c *conn) CloseWrite() error {
	if c.life.dead || c.closed {
		return c.fail("close", net.ErrClosed)
	}
	return c.fail("close", c.socket.CloseWrite())
}

func (c *conn) Close() error {
	if c.life.dead || c.closed {
		return c.fail("close", net.ErrClosed)
	}
	c.closed = true
	err := c.socket.Close()
	c.read.end()
	c.write.end()
	return c.fail("close", err)
}

// SetLinger sets what Close does: zero seconds reset the connection and discard what was not sent.
func (c *conn) SetLinger(seconds int) error {
	if c.life.dead || c.closed {
		return c.fail("set", net.ErrClosed)
	}
	c.socket.SetLinger(seconds)
	return nil
}

// SetNoDelay turns Nagle's algorithm off, as it is from the beginning, or on.
func (c *conn) SetNoDelay(on bool) error {
	if c.life.dead || c.closed {
		return c.fail("set", net.ErrClosed)
	}
	c.socket.SetNoDelay(on)
	return nil
}

// SetKeepAliveConfig sets how a silent peer is probed; zero fields are the defaults of Go.
func (c *conn) SetKeepAliveConfig(k net.KeepAliveConfig) error {
	if c.life.dead || c.closed {
		return c.fail("set", net.ErrClosed)
	}
	c.socket.SetKeepAlive(netmodel.KeepAlive{Off: !k.Enable, Idle: k.Idle, Interval: k.Interval,
		Count: uint8(min(max(k.Count, 0), 127))})
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error  { return c.setDeadline(&c.read, t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.write, t) }

// setDeadline reckons as package net does: how long it is until t by the wall clock, then by the
// monotonic one.
func (c *conn) setDeadline(s *side, t time.Time) error {
	if c.life.dead || c.closed {
		return c.fail("set", net.ErrClosed)
	}
	at, ok := c.life.host.deadline(t)
	s.set(at, t.IsZero() || !ok)
	return nil
}

func (h *Host) deadline(t time.Time) (at time.Duration, ok bool) {
	h.readings++
	return h.clock.Deadline(h.world.now, t)
}

func (c *conn) fail(op string, err error) error { return opError(op, "tcp", c.local, c.remote, err) }
