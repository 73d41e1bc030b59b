package gearman

import (
	"errors"
	"fmt"
	"log/slog"

	"simrun/nodes"
	"simrun/nodes/backoff"
)

// Errors of requests.
var (
	errCrowded     = errors.New("gearman: too many requests under way")
	errUnreachable = errors.New("gearman: no server could be reached")
)

// serve begins a request of the workload.
func (c *client) serve(request nodes.Request) error {
	e, err := c.errands.make(request, c.env.Rand(), c.env.Now())
	if err != nil {
		return err
	}
	op := c.env.Record().Invoke(request, request.Do, e.attrs()...)
	if c.servers.InFlight() >= c.config.MaxInFlight {
		c.env.Record().Reach(tooManyAtOnce)
		op.Fail(errCrowded, slog.Bool("own", true))
		return nil
	}
	c.servers.Begin(request.Do, func() { c.pursue(op, e) })
	return nil
}

// pursue submits a job until it is answered or its retries are used up. The request failed only if
// every attempt did; if one of them may have arrived, nobody knows.
func (c *client) pursue(op nodes.Op, e errand) {
	var avoid *remote
	var failed, unknown error
	pause := backoff.Backoff{Least: c.config.BackoffMin, Most: c.config.BackoffMax}
	for try := 0; try <= c.config.Retries; try++ {
		if try > 0 && (c.servers.Stopping() || c.rest(&pause) != nil) {
			break
		}
		dawdle(c.env, slowSubmit)
		l := c.choose(avoid)
		if l == nil {
			c.env.Record().Reach(nobodyReached)
			failed = errUnreachable
			continue
		}
		record := c.env.Record()
		record.Sometimes(failedOver, avoid != nil && l.remote != avoid)
		record.Sometimes(repeated, unknown != nil)
		e.hasty = try < c.config.Retries && c.env.Point(giveUpEarly)
		out, err, perhaps := c.attempt(op, l, &e)
		if err == nil {
			op.Ok(out...)
			return
		}
		if perhaps {
			unknown = err
			c.rename(&e, try)
		} else {
			failed = err
		}
		avoid = l.remote
	}
	if unknown != nil {
		op.Unknown(unknown)
		return
	}
	op.Fail(failed)
}

// rest waits before a further attempt.
func (c *client) rest(pause *backoff.Backoff) error {
	wait := pause.Next(c.env.Rand())
	if c.env.Point(retryAtOnce) {
		wait = 0
	}
	return c.env.Sleep(wait)
}

// choose is the line for an attempt; nil if no server can be reached.
func (c *client) choose(avoid *remote) *line {
	if avoid != nil && avoid.Line() != nil && c.env.Point(sameServer) {
		return avoid.Line()
	}
	l := c.reach(avoid)
	if l != nil && l.isIdle() && c.env.Point(dialAnew) {
		l.Fail(errAnew)
		l = c.reach(avoid)
	}
	return l
}

// errAnew ends a line for no reason but to see what comes of it.
var errAnew = errors.New("gearman: dialling anew")

// rename gives a job that may have arrived the unique id under which it is tried again.
func (c *client) rename(e *errand, try int) {
	if c.config.RetryUnique == RetryNew && e.unique != "" {
		e.unique = fmt.Sprintf("%s.%d", e.unique, try+1)
	}
}

// attempt submits a job to one server. If it returns an error, perhaps says whether the job may have
// arrived.
func (c *client) attempt(op nodes.Op, l *line, e *errand) (out []slog.Attr, err error, perhaps bool) {
	server := serverOf(l)
	try := op.Invoke("attempt", e.attemptAttrs(server)...)
	k := &call{
		request: e.request, args: e.args(), awaits: !e.background,
		created: func(handle string) { try.Note("created", slog.String("handle", handle)) },
	}
	if e.hasty {
		k.patience = l.timeout / 10
	}
	l.do(k)
	switch {
	case k.err != nil && !k.sent:
		try.Fail(k.err)
		return nil, k.err, false
	case k.err != nil:
		try.Unknown(k.err)
		return nil, k.err, true
	case k.answer == Error:
		c.env.Record().Reach(refusedJob)
		err := fmt.Errorf("gearman: refused: %s: %s", k.said[0], k.said[1])
		try.Fail(err)
		return nil, err, false
	}
	out = []slog.Attr{slog.String("server", string(server)), slog.String("handle", k.handle)}
	switch k.answer {
	case WorkComplete:
		out = append(out, slog.String("result", k.said[1]))
	case WorkFail, WorkException:
		out = append(out, slog.Bool("failed", true))
	}
	try.Ok(out...)
	if e.name == "status" {
		c.ask(op.Invoke("status", statusAttrs(server, k.handle)...), l, k.handle)
	}
	if e.background {
		c.follow(l, k.handle)
	}
	return out, nil, false
}

func statusAttrs(server nodes.NodeName, handle string) []slog.Attr {
	return []slog.Attr{slog.String("server", string(server)), slog.String("handle", handle)}
}

// ask asks a server for the status of a job, and says whether the server knows it.
func (c *client) ask(op nodes.Op, l *line, handle string) (known bool) {
	k := &call{request: GetStatus, args: [][]byte{[]byte(handle)}}
	l.do(k)
	switch {
	case k.err == nil && k.answer == Error:
		op.Fail(fmt.Errorf("gearman: refused: %s: %s", k.said[0], k.said[1]))
	case k.err == nil && k.said[0] != handle:
		op.Unknown(fmt.Errorf("%w: the status of %q instead of %q", errProtocol, k.said[0], handle))
		l.Fail(errProtocol)
	case k.err == nil:
		known = k.said[1] == "1"
		op.Ok(slog.Bool("known", known), slog.Bool("running", k.said[2] == "1"))
	case k.sent:
		op.Unknown(k.err)
	default:
		op.Fail(k.err)
	}
	return known
}

// follow asks for the status of a background job from time to time, over the line on which it was
// submitted, until the server has forgotten it.
func (c *client) follow(l *line, handle string) {
	if c.config.Poll == 0 || c.config.Polls == 0 {
		return
	}
	c.env.Go("poll", func() {
		for range c.config.Polls {
			if c.env.Sleep(c.config.Poll) != nil || l.dead {
				return
			}
			known := false
			c.servers.During(func() {
				known = c.ask(c.env.Record().Invoke(nodes.Request{}, "status", statusAttrs(serverOf(l), handle)...), l, handle)
			})
			if !known {
				return
			}
		}
	})
}
