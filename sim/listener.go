package sim

import (
	"net"
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
