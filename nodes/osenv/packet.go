package osenv

import (
	"net"
	"time"
)

// packetConn is a UDP socket whose ReadFrom and WriteTo give way.
type packetConn struct {
	host    *Host
	udp     *net.UDPConn
	in, out half
}

func (h *Host) newPacketConn(udp *net.UDPConn) *packetConn {
	p := &packetConn{host: h, udp: udp}
	p.in.init(h, udp.SetReadDeadline)
	p.out.init(h, udp.SetWriteDeadline)
	h.adopt(udp)
	return p
}

func (p *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	t, err := p.in.begin()
	if err != nil {
		return 0, nil, err
	}
	n, from, err := p.udp.ReadFrom(b)
	return n, from, p.in.finish(t, err)
}

// WriteTo takes the addresses that ReadFrom gives, and any other whose String is "name:port" of a peer.
func (p *packetConn) WriteTo(b []byte, to net.Addr) (int, error) {
	t, err := p.out.begin()
	if err != nil {
		return 0, err
	}
	n, err := p.send(b, to)
	return n, p.out.finish(t, err)
}

func (p *packetConn) send(b []byte, to net.Addr) (int, error) {
	if real, ok := to.(*net.UDPAddr); ok {
		return p.udp.WriteToUDP(b, real)
	}
	real, err := net.ResolveUDPAddr("udp", p.host.resolve(to.String()))
	if err != nil {
		return 0, &net.OpError{Op: "write", Net: "udp", Addr: to, Err: err}
	}
	return p.udp.WriteToUDP(b, real)
}

func (p *packetConn) Close() error {
	p.in.close()
	p.out.close()
	delete(p.host.open, p.udp)
	return p.udp.Close()
}

func (p *packetConn) LocalAddr() net.Addr { return p.udp.LocalAddr() }

func (p *packetConn) SetReadDeadline(t time.Time) error  { return p.in.setDeadline(t) }
func (p *packetConn) SetWriteDeadline(t time.Time) error { return p.out.setDeadline(t) }

func (p *packetConn) SetDeadline(t time.Time) error {
	if err := p.SetReadDeadline(t); err != nil {
		return err
	}
	return p.SetWriteDeadline(t)
}
