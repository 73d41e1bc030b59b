package nodes

import (
	"net"
	"slices"
	"strings"
)

// Address is where a server is reached: at the port that its name says, or at the usual one.
func Address[Name ~string](server Name, port string) string {
	if strings.Contains(string(server), ":") {
		return string(server)
	}
	return net.JoinHostPort(string(server), port)
}

// Addresses is where some servers are reached, each at its own port or at the usual one.
func Addresses(servers []NodeName, port string) (all []string) {
	for _, s := range servers {
		all = append(all, Address(s, port))
	}
	return all
}

// OwnAddress is the place, among the addresses of some servers, of the one on that host, or of the one that listens there; -1 if
// there is none.
func OwnAddress(addresses []string, host, listen string) int {
	return slices.IndexFunc(addresses, func(a string) bool { return a == listen || strings.HasPrefix(a, host+":") })
}

// Reached is where others reach a host that listens there: ":6379" is said without the host.
func Reached(host, listen string) string {
	if strings.HasPrefix(listen, ":") {
		return host + listen
	}
	return listen
}
