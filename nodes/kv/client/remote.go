package client

import (
	"net"
	"slices"
	"strings"

	"simrun/nodes"
	"simrun/nodes/ask"
	"simrun/nodes/resp"
)

// remote is a server as a client knows it: "store-a", or "host:port" where the port is not the protocol's.
type remote = ask.Remote[*line]

// port is the protocol's.
const port = "6379"

// address is where a server is dialled: its own port, or the protocol's.
func address(server string) string { return nodes.Address(server, port) }

// know makes the servers known that the client is configured with.
func (c *client) know() {
	c.servers = ask.Know(c.env, ask.Options[*line]{
		Timeout: c.config.Timeout, BackoffMin: c.config.BackoffMin, BackoffMax: c.config.BackoffMax,
		Address: address, Open: c.open, Read: (*line).read,
	}, c.config.Servers)
	c.leader = c.servers.All()[0]
	c.homes, c.lanes = map[int]*remote{}, map[int][]*lane{}
}

// open begins a line.
func (c *client) open(r *remote, stream net.Conn) *line {
	l := &line{env: c.env, remote: r, stream: stream, in: resp.NewReader(stream, resp.Limits{})}
	if c.config.Read == ReadAny {
		c.env.Go("readonly", func() { l.send(&call{args: words("READONLY"), patience: c.config.Timeout}) })
	}
	return l
}

// mostRemotes bounds the servers that a client knows beside those that it is configured with.
const mostRemotes = 64

// remoteAt is the server at an address that another has named; nil if too many have been.
func (c *client) remoteAt(where string) *remote {
	name := strings.TrimSuffix(where, ":"+port)
	all := c.servers.All()
	for _, r := range all {
		if r.Name == name || address(r.Name) == where {
			return r
		}
	}
	if len(all) >= len(c.config.Servers)+mostRemotes {
		return nil
	}
	return c.servers.Add(name)
}

// reach is a line to a server: the wanted one if it comes up soon enough, else the next after the one to avoid, in a
// circle; nil if none comes up in time.
func (c *client) reach(wanted, avoid *remote) *line {
	all := c.servers.All()
	from := slices.Index(all, avoid) + 1
	return c.servers.Reach(wanted, func(r *remote) int { return (slices.Index(all, r) - from + len(all)) % len(all) })
}
