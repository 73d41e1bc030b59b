package sim

import (
	"net"
	"os"
	"strconv"
	"syscall"

	"simrun/netmodel"
)

// Addr is a host and a port of the world: "gearman-a:4730".
type Addr struct{ network, text string }

// Network implements net.Addr.
func (a Addr) Network() string { return a.network }

// String implements net.Addr.
func (a Addr) String() string { return a.text }

func netAddr(network string, a netmodel.Addr) net.Addr {
	return Addr{network, a.String()}
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

// opError wraps an error as package net does.
func opError(op, network string, source, target net.Addr, err error) error {
	if err == nil {
		return nil
	}
	if errno, ok := err.(syscall.Errno); ok {
		err = os.NewSyscallError(op, errno)
	}
	return &net.OpError{Op: op, Net: network, Source: source, Addr: target, Err: err}
}
