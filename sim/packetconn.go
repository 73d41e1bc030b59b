package sim

import (
	"net"
	"syscall"
	"time"

	"simrun/netmodel"
)

// packetConn is a datagram socket as a task sees it.
type packetConn struct {
	life   *life
	socket *netmodel.PacketSocket
	read   side
	closed bool
}

func (e *env) ListenPacket(network, address string) (net.PacketConn, error) {
	l := e.life
	l.current()
	fail := func(err error) (net.PacketConn, error) { return nil, opError("listen", network, nil, nil, err) }
	if err := onlyNetwork(network, "udp"); err != nil {
		return fail(err)
	}
	port, err := l.host.localPort(address)
	if err != nil {
		return fail(err)
	}
	s, err := l.host.stack.OpenPacket(port)
	if err != nil {
		return fail(err)
	}
	p := &packetConn{life: l, socket: s}
	p.read = side{life: l, closed: &p.closed}
	s.Waiter = &p.read
	return p, nil
}

func (p *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	t := p.life.current()
	for {
		if err := p.read.fit(t); err != nil {
			return 0, nil, p.fail("read", err)
		}
		n, from, err := p.socket.ReceiveFrom(b)
		if err == nil {
			return n, netAddr("udp", from), nil
		}
		if err != syscall.EAGAIN {
			return 0, nil, p.fail("read", err)
		}
		p.read.wait(t)
	}
}

// WriteTo never waits: what does not fit is lost, as datagrams are.
func (p *packetConn) WriteTo(b []byte, to net.Addr) (int, error) {
	t := p.life.current()
	if err := p.read.alive(t); err != nil {
		return 0, p.fail("write", err)
	}
	host, port, err := p.life.host.splitAddress(to.String())
	if err != nil {
		return 0, p.fail("write", err)
	}
	if err := p.socket.SendTo(b, netmodel.Addr{Host: host, Port: port}); err != nil {
		return 0, p.fail("write", err)
	}
	p.life.host.world.foldBytes(b)
	return len(b), nil
}

func (p *packetConn) Close() error {
	if p.life.dead || p.closed {
		return p.fail("close", net.ErrClosed)
	}
	p.closed = true
	p.socket.Close()
	p.read.end()
	return nil
}

func (p *packetConn) LocalAddr() net.Addr { return netAddr("udp", p.socket.Addr()) }

func (p *packetConn) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

func (p *packetConn) SetReadDeadline(t time.Time) error {
	if p.life.dead || p.closed {
		return p.fail("set", net.ErrClosed)
	}
	at, ok := p.life.host.deadline(t)
	p.read.set(at, t.IsZero() || !ok)
	return nil
}

// SetWriteDeadline has nothing to bound.
func (p *packetConn) SetWriteDeadline(time.Time) error { return nil }

func (p *packetConn) fail(op string, err error) error {
	return opError(op, "udp", nil, p.LocalAddr(), err)
}
