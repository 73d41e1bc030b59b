package osenv

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"time"
)

// resolve puts the real address in the place of a peer's name.
func (h *Host) resolve(address string) string {
	if real, known := h.options.Peers[address]; known {
		return real
	}
	name, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	real, known := h.options.Peers[name]
	if !known {
		return address
	}
	if _, _, err := net.SplitHostPort(real); err == nil {
		return real
	}
	return net.JoinHostPort(strings.Trim(real, "[]"), port)
}

func isNetwork(network, kind string) bool {
	return network == kind || network == kind+"4" || network == kind+"6"
}

func unknownNetwork(op, network string) error {
	return &net.OpError{Op: op, Net: network, Err: net.UnknownNetworkError(network)}
}

// cancelFunc is a blocking call that a context ends.
type cancelFunc context.CancelFunc

func (f cancelFunc) interrupt() { f() }

func (e *env) Dial(network, address string, timeout time.Duration) (net.Conn, error) {
	t, err := e.h().running()
	if err != nil {
		return nil, err
	}
	if !isNetwork(network, "tcp") {
		return nil, unknownNetwork("dial", network)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	t.leave(cancelFunc(cancel))
	dialer := net.Dialer{Timeout: timeout}
	c, err := dialer.DialContext(ctx, network, e.h().resolve(address))
	if !t.enter() {
		if err == nil {
			c.Close()
		}
		runtime.Goexit()
	}
	if err != nil {
		if t.cancelled {
			err = context.Canceled
		}
		return nil, dialError(err)
	}
	return e.h().newConn(c.(*net.TCPConn)), nil
}

// dialError makes a dial that ran out of time say so as every other call does; package net has an error of its own
// for it, which errors.Is knows only as the context's.
func dialError(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && errors.Is(op.Err, context.DeadlineExceeded) {
		op.Err = os.ErrDeadlineExceeded
	}
	return err
}

func (e *env) Listen(network, address string) (net.Listener, error) {
	if _, err := e.h().running(); err != nil {
		return nil, err
	}
	if !isNetwork(network, "tcp") {
		return nil, unknownNetwork("listen", network)
	}
	l, err := net.Listen(network, e.h().resolve(address))
	if err != nil {
		return nil, err
	}
	return e.h().newListener(l.(*net.TCPListener)), nil
}

func (e *env) ListenPacket(network, address string) (net.PacketConn, error) {
	if _, err := e.h().running(); err != nil {
		return nil, err
	}
	if !isNetwork(network, "udp") {
		return nil, unknownNetwork("listen", network)
	}
	p, err := net.ListenPacket(network, e.h().resolve(address))
	if err != nil {
		return nil, err
	}
	return e.h().newPacketConn(p.(*net.UDPConn)), nil
}
