package sim

import (
	"net"
	"strconv"
	"syscall"
	"time"

	"simrun/netmodel"
)

// listener is a netmodel.Listener as a task sees it.
type listener struct {
	life     *life
	listener *netmodel.Listener
	in       side
	closed   bool
}

func (e *env) Listen(network, address string) (net.Listener, error) {
	l := e.life
	l.current()
	if err := onlyNetwork(network, "tcp"); err != nil {
		return nil, opError("listen", network, nil, nil, err)
	}
	port, err := l.host.localPort(address)
	if err != nil {
		return nil, opError("listen", network, nil, nil, err)
	}
	inner, err := l.host.stack.Listen(port, 0)
	if err != nil {
		return nil, opError("listen", network, nil, l.host.addr(network, port), err)
	}
	outer := &listener{life: l, listener: inner}
	outer.in = side{life: l, closed: &outer.closed}
	inner.Waiter = &outer.in
	return outer, nil
}

// Accept waits for a connection. While there are no descriptors left it fails, as on Linux, without
// waiting: who accepts in a loop must pause.
func (l *listener) Accept() (net.Conn, error) {
	t := l.life.current()
	for {
		if err := l.in.fit(t); err != nil {
			return nil, l.fail("accept", err)
		}
		s, err := l.listener.Accept()
		if err == nil {
			return newConn(l.life, s), nil
		}
		if err != syscall.EAGAIN {
			return nil, l.fail("accept", err)
		}
		l.in.wait(t)
	}
}

// SetDeadline limits how long Accept waits.
func (l *listener) SetDeadline(t time.Time) error {
	if l.life.dead || l.closed {
		return l.fail("set", net.ErrClosed)
	}
	at, ok := l.life.host.deadline(t)
	l.in.set(at, t.IsZero() || !ok)
	return nil
}

func (l *listener) Close() error {
	if l.life.dead || l.closed {
		return l.fail("close", net.ErrClosed)
	}
	l.closed = true
	err := l.listener.Close()
	l.in.end()
	return l.fail("close", err)
}

func (l *listener) Addr() net.Addr { return netAddr("tcp", l.listener.Addr()) }

func (l *listener) fail(op string, err error) error { return opError(op, "tcp", nil, l.Addr(), err) }

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

func onlyNetwork(network, only string) error {
	if network != only && network != only+"4" {
		return net.UnknownNetworkError(network)
	}
	return nil
}

// localPort is the port of an address to listen on: ":4730", "0.0.0.0:4730", or the host's own name.
func (h *Host) localPort(address string) (int, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, err
	}
	switch host {
	case "", "0.0.0.0", "::", h.Name:
	default:
		return 0, syscall.EADDRNOTAVAIL
	}
	return parsePort(address, port)
}

// splitAddress reads "host:port"; loopback names are the host itself.
func (h *Host) splitAddress(address string) (string, int, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	switch host {
	case "", "localhost", "127.0.0.1", "::1":
		host = h.Name
	}
	port, err := parsePort(address, text)
	return host, port, err
}

func parsePort(address, text string) (int, error) {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, &net.AddrError{Err: "invalid port", Addr: address}
	}
	return int(port), nil
}

func (h *Host) addr(network string, port int) net.Addr {
	return netAddr(network, netmodel.Addr{Host: h.Name, Port: port})
}
