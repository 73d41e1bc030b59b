package client

import (
	"bufio"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/backoff"
	"simrun/nodes/log/wire"
)

// purpose is what a line is for. Answers come in the order of requests, so what waits long has a line of its own.
type purpose uint8

const (
	forShort purpose = iota // what is answered at once
	forProduce
	forFetch
	forGroup // joins and syncs
	purposes
)

// remote is a broker as a client knows it: lines to it, or the time to try for one again. It is dialled when somebody wants it, never
// for its own sake.
type remote struct {
	*brokers
	address string
	lines   [purposes]*line
	dialing [purposes]bool
	backoff backoff.Backoff
	retryAt nodes.Instant
}

// port is the protocol's.
const port = "9092"

// address is where a broker is dialled: its own port, or the protocol's.
func address(server string) string { return nodes.Address(server, port) }

// name is the broker as the history has it.
func (r *remote) name() string { return strings.TrimSuffix(r.address, ":"+port) }

// ask sends a request, and waits for its answer. It says whether any of it may have left.
func (r *remote) ask(p purpose, request kmsg.Request, patience time.Duration) (answer kmsg.Response, sent bool, err error) {
	c := &call{request: request, patience: patience}
	r.make(p, c)
	return c.answer, c.sent, c.err
}

// make makes a call on a line of its purpose.
func (r *remote) make(p purpose, c *call) {
	dawdle(r.env, slowSend)
	l, err := r.reach(p)
	if err != nil {
		c.err = err
		return
	}
	l.do(c)
}

// reach is the line, dialled if need be. A broker that could not be reached is left alone for a while first.
func (r *remote) reach(p purpose) (*line, error) {
	if wait := r.retryAt.Sub(r.env.Mark()); r.lines[p] == nil && wait > 0 {
		if err := r.env.Sleep(wait); err != nil {
			return nil, err
		}
	}
	for r.lines[p] == nil && r.dialing[p] {
		if err := r.changed.Wait(); err != nil {
			return nil, err
		}
		if r.lines[p] == nil && !r.dialing[p] {
			return nil, errResting
		}
	}
	if l := r.lines[p]; l != nil {
		return l, nil
	}
	if r.stopping {
		return nil, errStopping
	}
	r.dialing[p] = true
	l, err := r.dial(p)
	r.dialing[p] = false
	if err == nil && l.dead { // it ended as soon as it stood, and has been forgotten already
		err = net.ErrClosed
	}
	if err == nil && r.stopping {
		_ = l.stream.Close()
		l.dead, err = true, errStopping
	}
	if err == nil {
		r.lines[p] = l
	}
	r.changed.Broadcast()
	return l, err
}

// dial tries for a line, and asks what is spoken on it.
func (r *remote) dial(p purpose) (*line, error) {
	stream, err := r.env.Dial("tcp", r.address, r.config.Timeout)
	if err != nil {
		r.lose(nil, err)
		return nil, err
	}
	l := &line{env: r.env, remote: r, stream: stream, in: bufio.NewReaderSize(stream, 32<<10)}
	r.env.Go("read "+r.address, l.read)
	versions := kmsg.NewPtrApiVersionsRequest()
	versions.ClientSoftwareName, versions.ClientSoftwareVersion = "simrun", "1"
	c := &call{request: versions, patience: r.config.Timeout}
	if l.do(c); c.err != nil {
		return nil, c.err
	}
	told := c.answer.(*kmsg.ApiVersionsResponse)
	if code := wire.Code(told.ErrorCode); code != wire.None && len(told.ApiKeys) == 0 {
		l.fail(code)
		return nil, code
	}
	l.spoken = make(map[int16]version, len(told.ApiKeys))
	for _, k := range told.ApiKeys {
		l.spoken[k.ApiKey] = version{k.MinVersion, k.MaxVersion}
	}
	return l, nil
}

// lose leaves the broker alone for a while.
func (r *remote) lose(l *line, err error) {
	for p := range r.lines {
		if r.lines[p] == l {
			r.lines[p] = nil
		}
	}
	wait := r.backoff.Next(r.env.Rand())
	r.retryAt = r.env.Mark().Add(wait)
	r.env.Log().Info("broker not reached", "broker", r.address, "err", err, "again", wait)
	r.changed.Broadcast()
}

// hangUp ends all lines.
func (r *remote) hangUp() {
	for _, l := range r.lines {
		if l != nil {
			l.fail(errStopping)
		}
	}
}
