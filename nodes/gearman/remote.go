package gearman

import (
	"time"

	"simrun/nodes"
	"simrun/nodes/backoff"
)

// remote is a server as a client knows it: a line to it, or the time to try for one again. It is
// dialled when a request wants it, never for its own sake, so that a client without work is at rest.
type remote struct {
	client  *client
	server  nodes.NodeName
	line    *line // nil while there is none
	dialing bool
	backoff backoff.Backoff
	retryAt nodes.Instant
}

// want makes sure that there is a line, or a dial under way, or a backoff to wait for.
func (r *remote) want() {
	if r.line != nil || r.dialing || r.wait() > 0 {
		return
	}
	r.dialing = true
	r.client.env.Go("dial "+string(r.server), r.dial)
}

// wait is how long the server is to be left alone.
func (r *remote) wait() time.Duration { return r.retryAt.Sub(r.client.env.Mark()) }

// dial tries for a line, and then reads from it.
func (r *remote) dial() {
	c := r.client
	stream, err := c.env.Dial("tcp", address(r.server), c.config.Timeout)
	r.dialing = false
	if err == nil && c.stopping {
		_ = stream.Close()
		return
	}
	if err != nil {
		r.lose(err)
		return
	}
	l := newLine(r, stream)
	r.line = l
	c.changed.Broadcast()
	if c.config.Exceptions {
		c.env.Go("option", func() { l.send(&call{request: OptionReq, args: [][]byte{[]byte("exceptions")}}) })
	}
	l.read()
}

// lose leaves the server alone for a while.
func (r *remote) lose(err error) {
	c := r.client
	r.line = nil
	wait := r.backoff.Next(c.env.Rand())
	r.retryAt = c.env.Mark().Add(wait)
	c.env.Log().Info("server not reached", "server", string(r.server), "err", err, "again", wait)
	c.changed.Broadcast()
}

// rank orders servers that can be asked: those that are heard of before those in doubt, and the one
// to avoid last.
func (r *remote) rank(avoid *remote) int {
	rank := 0
	if r.line.doubt != nil {
		rank += 2
	}
	if r == avoid {
		rank++
	}
	return rank
}

// reach is a line to the best server that has one, the first of equals; nil if none comes up in time.
// Servers that might come up are dialled on the way, so that the preferred one is used again once it
// is back.
func (c *client) reach(avoid *remote) *line {
	until := c.env.Mark().Add(c.config.Timeout)
	for !c.stopping {
		var best *remote
		soon := until.Sub(c.env.Mark())
		if soon <= 0 {
			return nil
		}
		for _, r := range c.remotes {
			r.want()
			switch {
			case r.line != nil:
				if best == nil || r.rank(avoid) < best.rank(avoid) {
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
