package sim

import (
	"net"
	"strconv"

	"simrun/netmodel"
)

// Addr is a host and a port of the world: "gearman-a:4730".
type Addr struct{ network, text string }

// Network implements net.Addr.
func (a Addr) Network() string { return a.network }

// String implements net.Addr.
func (a Addr) String() string { return a.text }

func netAddr(network string, a netmodel.Addr) net.Addr {
	return Addr{network, a.Host + ":" + strconv.Itoa(a.Port)}
}
