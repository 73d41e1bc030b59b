package gearman

import (
	"net"

	"simrun/nodes"
	"simrun/nodes/ask"
)

// remote is a server as a client knows it.
type remote = ask.Remote[*line]

// know makes the servers known that the client is configured with.
func (c *client) know() {
	c.servers = ask.Know(c.env, ask.Options[*line]{
		Timeout: c.config.Timeout, BackoffMin: c.config.BackoffMin, BackoffMax: c.config.BackoffMax,
		Address: func(server string) string { return address(nodes.NodeName(server)) },
		Open:    func(r *remote, stream net.Conn) *line { return newLine(c, r, stream) },
		Read:    c.read,
	}, c.config.Servers)
}

// serverOf is the server at the other end of a line.
func serverOf(l *line) nodes.NodeName { return nodes.NodeName(l.remote.Name) }

// read begins a line.
func (c *client) read(l *line) {
	if c.config.Exceptions {
		c.env.Go("option", func() { l.send(&call{request: OptionReq, args: [][]byte{[]byte("exceptions")}}) })
	}
	l.read()
}

// reach is a line to the best server that has one: those that are heard of before those in doubt, and the one to avoid
// last; nil if none comes up in time.
func (c *client) reach(avoid *remote) *line {
	return c.servers.Reach(nil, func(r *remote) int {
		rank := 0
		if r.Line().doubt != nil {
			rank += 2
		}
		if r == avoid {
			rank++
		}
		return rank
	})
}
