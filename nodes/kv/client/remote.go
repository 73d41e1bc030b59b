package client

import (
	"net"
	"strings"
	"time"

	"simrun/nodes"
	"simrun/nodes/backoff"
	"simrun/nodes/resp"
)

// remote is a server as a client knows it: a line to it, or the time to try for one again. It is dialled when a
// request wants it, never for its own sake.
type remote struct {
	client  *client
	name    string // "store-a", or "host:port" where the port is not the protocol's
	line    *line  // nil while there is none
	dialing bool
	backoff backoff.Backoff
	retryAt nodes.Instant
}

// port is the protocol's.
const port = "6379"

// address is where a server is dialled: its own port, or the protocol's.
func address(server string) string {
	if strings.Contains(server, ":") {
		return server
	}
	return net.JoinHostPort(server, port)
}

// mostRemotes bounds the servers that a client knows beside those that it is configured with.
const mostRemotes = 64

// remoteAt is the server at an address that another has named; nil if too many have been.
func (c *client) remoteAt(where string) *remote {
	name := strings.TrimSuffix(where, ":"+port)
	for _, r := range c.remotes {
		if r.name == name || address(r.name) == where {
			return r
		}
	}
	if len(c.remotes) >= len(c.config.Servers)+mostRemotes {
		return nil
	}
	return c.addRemote(name)
}

func (c *client) addRemote(name string) *remote {
	r := &remote{client: c, name: name, backoff: backoff.Backoff{Least: c.config.BackoffMin, Most: c.config.BackoffMax}}
	c.remotes = append(c.remotes, r)
	return r
}

// want makes sure that there is a line, or a dial under way, or a backoff to wait for.
func (r *remote) want() {
	if r.line != nil || r.dialing || r.wait() > 0 {
		return
	}
	r.dialing = true
	r.client.env.Go("dial "+r.name, r.dial)
}

// wait is how long the server is to be left alone.
func (r *remote) wait() time.Duration { return r.retryAt.Sub(r.client.env.Mark()) }

// dial tries for a line, and then reads from it.
func (r *remote) dial() {
	c := r.client
	stream, err := c.env.Dial("tcp", address(r.name), c.config.Timeout)
	r.dialing = false
	if err == nil && c.stopping {
		_ = stream.Close()
		return
	}
	if err != nil {
		r.lose(nil, err)
		return
	}
	l := &line{env: c.env, remote: r, stream: stream, in: resp.NewReader(stream, resp.Limits{})}
	r.line = l
	if c.config.Read == ReadAny {
		c.env.Go("readonly", func() { l.send(&call{args: words("READONLY"), patience: c.config.Timeout}) })
	}
	c.changed.Broadcast()
	l.read()
}

// lose leaves the server alone for a while.
func (r *remote) lose(l *line, err error) {
	c := r.client
	if r.line == l {
		r.line = nil
	}
	wait := r.backoff.Next(c.env.Rand())
	r.retryAt = c.env.Mark().Add(wait)
	c.env.Log().Info("server not reached", "server", r.name, "err", err, "again", wait)
	c.changed.Broadcast()
}

// reach is a line to a server: the wanted one if it comes up soon enough, else the best of the others, the first of
// equals; nil if none comes up in time.
func (c *client) reach(wanted, avoid *remote) *line {
	until := c.env.Mark().Add(c.config.Timeout)
	for !c.stopping {
		soon := until.Sub(c.env.Mark())
		if soon <= 0 {
			return nil
		}
		if wanted != nil {
			if wanted.want(); wanted.line != nil {
				return wanted.line
			}
			if !wanted.dialing {
				wanted = nil
				continue
			}
			c.changed.WaitFor(soon)
			continue
		}
		var best *remote
		for _, r := range c.remotes {
			r.want()
			switch {
			case r.line != nil:
				if best == nil || best == avoid {
					best = r
				}
			case !r.dialing:
				soon = min(soon, max(r.wait(), 1))
			}
		}
		if best != nil {
			return best.line
		}
		c.changed.WaitFor(soon)
	}
	return nil
}
