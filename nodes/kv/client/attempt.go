package client

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"simrun/nodes"
	"simrun/nodes/backoff"
	"simrun/nodes/kv"
	"simrun/nodes/resp"
)

// Errors of requests.
var (
	errCrowded     = errors.New("kv: too many requests under way")
	errUnreachable = errors.New("kv: no server could be reached")
	errNoSession   = errors.New("kv: the session was gone before the answer came")
)

// serve begins a request of the workload.
func (c *client) serve(request nodes.Request) error {
	e, err := c.errands.make(c.env, request)
	if err != nil {
		return err
	}
	op := c.env.Record().Invoke(request, e.verb, e.in()...)
	if c.servers.InFlight() >= c.config.MaxInFlight {
		c.env.Record().Reach(tooManyAtOnce)
		op.Fail(errCrowded, slog.Bool("own", true))
		return nil
	}
	c.servers.Begin(e.verb, func() { c.pursue(op, &e) })
	return nil
}

// mostRedirections bounds how often an attempt follows from one server to the next.
const mostRedirections = 5

// pursuit is a request while it is tried for.
type pursuit struct {
	*client
	op      nodes.Op
	errand  *errand
	slot    int   // of its key, or everySlot
	lane    *lane // of the session that makes it happen once; nil if it need not
	wanted  *remote
	avoid   *remote // the one that was asked last, unless it opened a session
	first   *remote // home when the attempt began; nil if it was to go elsewhere
	asking  bool
	failed  error // why an attempt certainly did nothing
	unknown error // why nobody knows of one
}

// pursue tries for an answer until there is one or the retries are used up. The request failed only if every attempt
// did; if one of them may have arrived, nobody knows.
func (c *client) pursue(op nodes.Op, e *errand) {
	p := &pursuit{client: c, op: op, errand: e, slot: everySlot, failed: errUnreachable}
	if c.config.Cluster {
		p.slot = kv.Slot([]byte(e.key))
	}
	if e.writes() && c.config.Retry == RetrySame {
		p.lane = c.takeLane(p.slot)
		defer c.giveLane(p.slot, p.lane)
	}
	pause := backoff.Backoff{Least: c.config.BackoffMin, Most: c.config.BackoffMax}
	for try, redirected := 0, 0; ; {
		out, came := p.attempt(try < c.config.Retries)
		if came == answered {
			op.Ok(out...)
			return
		}
		if came == again {
			p.leave()
		}
		if came == moved && redirected < mostRedirections {
			redirected++
			continue
		}
		if came == over || p.unknown != nil && e.writes() && c.config.Retry == RetryNever {
			break
		}
		if try++; try > c.config.Retries || c.servers.Stopping() || c.rest(&pause) != nil {
			break
		}
		redirected = 0
	}
	if p.unknown != nil {
		op.Unknown(p.unknown)
		return
	}
	op.Fail(p.failed)
}

// came is what came of an attempt.
type came uint8

const (
	again    came = iota // it may be tried again
	answered             // it was answered
	moved                // another server is to be asked
	over                 // it must not be tried again
)

// rest waits before a further attempt.
func (c *client) rest(pause *backoff.Backoff) error {
	wait := pause.Next(c.env.Rand())
	if c.env.Point(retryAtOnce) {
		wait = 0
	}
	return c.env.Sleep(wait)
}

// attempt asks one server.
func (p *pursuit) attempt(more bool) (out []slog.Attr, _ came) {
	c, record := p.client, p.env.Record()
	dawdle(c.env, slowSend)
	l := p.choose()
	if l == nil {
		record.Reach(nobodyReached)
		return nil, again
	}
	server := slog.String("server", l.remote.Name)
	patience := c.config.Timeout
	if more && c.env.Point(giveUpEarly) {
		patience /= 10
	}
	if p.lane != nil && p.lane.session == 0 && !p.openSession(l) {
		if p.wanted != nil {
			return nil, moved
		}
		return nil, again
	}
	record.Sometimes(failedOver, p.avoid != nil && l.remote != p.avoid)
	record.Sometimes(repeated, p.unknown != nil && p.errand.writes())
	if p.asking {
		p.asking = false
		l.send(&call{args: words("ASKING"), patience: patience})
	}
	try := p.op.Invoke("attempt", server)
	k := &call{args: p.request(), patience: patience}
	l.do(k)
	if p.errand.verb == "add" && k.err == nil && k.answer.Kind != resp.Failure {
		k = p.addTo(l, k)
	}
	p.avoid = l.remote
	p.wanted = nil
	switch {
	case k.err != nil && !k.sent:
		p.failed = k.err
		try.Fail(k.err)
		return nil, again
	case k.err != nil:
		p.unknown = k.err
		try.Unknown(k.err)
		return nil, again
	case k.answer.Kind == resp.Failure:
		return nil, p.refused(try, k.answer.Err())
	}
	out, err := c.outcome(p.errand, &k.answer)
	if err != nil {
		p.unknown = err
		try.Unknown(err)
		l.Fail(err)
		return nil, again
	}
	if p.errand.writes() || c.config.Read == ReadLeader {
		p.settle(l.remote)
	}
	try.Ok(server)
	return append(out, server), answered
}

// choose is the line for an attempt: to where it was moved, to a random server for a read that any may answer, else to
// home, or to the one after whoever was asked last if home cannot be reached.
func (p *pursuit) choose() *line {
	c := p.client
	p.first = nil
	if p.wanted != nil {
		if !p.asking {
			p.first = p.wanted
		}
		return c.reach(p.wanted, nil)
	}
	if !p.errand.writes() && c.config.Read == ReadAny {
		n := c.env.Rand().Uint64() % uint64(len(c.config.Servers))
		return c.reach(c.servers.All()[n], p.avoid)
	}
	p.first = p.home()
	l := c.reach(p.first, p.avoid)
	if l != nil && l.isIdle() && c.env.Point(dialAnew) {
		l.Fail(errAnew)
		l = c.reach(nil, p.avoid)
	}
	return l
}

// errAnew ends a line for no reason but to see what comes of it.
var errAnew = errors.New("kv: dialling anew")

// home is the server that answered last, of the slot if it is known.
func (p *pursuit) home() *remote {
	if r := p.homes[p.slot]; r != nil {
		return r
	}
	return p.leader
}

// settle makes a server the one to ask first from now on.
func (p *pursuit) settle(r *remote) {
	if p.slot != everySlot {
		p.homes[p.slot] = r
		return
	}
	p.leader = r
}

// leave makes the server after home the one to ask first, unless somebody has found a better meanwhile. So clients come
// round to every server, whatever their retries are: of a group that has changed, several of those that they know may be
// no members any more.
func (p *pursuit) leave() {
	if p.first != nil && p.first == p.home() {
		all := p.servers.All()
		p.settle(all[(slices.Index(all, p.first)+1)%len(all)])
	}
}

// request is what is sent: the command in its envelopes.
func (p *pursuit) request() [][]byte {
	var args [][]byte
	if p.lane != nil {
		args = words("ONCE", strconv.FormatUint(p.lane.session, 10), strconv.FormatUint(p.lane.sequence, 10))
	}
	args = append(args, p.quorum()...)
	if p.config.Monotonic && !p.errand.writes() {
		args = append(args, words("SINCE", strconv.FormatInt(p.seen, 10))...)
	}
	if p.errand.inBasket() || p.config.Versions && p.errand.verb != "fetch-add" {
		args = append(args, []byte("VERSIONED"))
	}
	return append(args, p.errand.args...)
}

// quorum says how many copies are asked for, if that is to be said.
func (p *pursuit) quorum() [][]byte {
	if q := p.config.Quorum; len(q) == 2 {
		return words("QUORUM", strconv.Itoa(q[0]), strconv.Itoa(q[1]))
	}
	return nil
}

// refused understands an error.
func (p *pursuit) refused(try nodes.Op, refusal error) came {
	var e resp.Error
	errors.As(refusal, &e)
	err := fmt.Errorf("kv: refused: %w", refusal)
	record := p.env.Record()
	switch e.Code() {
	case kv.Uncertain, "OVERTAKEN":
		record.Reach(uncertain)
		p.unknown = err
		try.Unknown(err)
		return again
	case "NOSESSION":
		if p.lane == nil {
			break
		}
		p.first = nil // it is the right server
		if p.lane.session = 0; p.unknown != nil {
			// Whether it was done before is forgotten with the session, and it must not be done again.
			record.Reach(sessionLost)
			p.unknown = errNoSession
			try.Unknown(errNoSession)
			return over
		}
	case "BEHIND": // whoever takes the writes is not
		if home := p.home(); home != p.avoid {
			record.Reach(wasBehind)
			p.wanted, p.failed = home, err
			try.Fail(err)
			return moved
		}
	case "MOVED", "ASK":
		if p.follow(e) {
			p.failed = err
			try.Fail(err)
			return moved
		}
	}
	record.Reach(refusedOnce)
	p.failed = err
	try.Fail(err)
	return again
}

// follow makes the server that an error names the one to ask, and says whether it can be.
func (p *pursuit) follow(e resp.Error) bool {
	_, where, found := strings.Cut(e.Rest(), " ")
	if !found {
		return false
	}
	if p.wanted = p.remoteAt(where); p.wanted == nil {
		return false
	}
	p.env.Record().Reach(followed)
	if p.asking = e.Code() == "ASK"; !p.asking {
		p.settle(p.wanted)
	}
	return true
}

// outcome reads an answer, in its envelope if it has one.
func (c *client) outcome(e *errand, v *resp.Value) (out []slog.Attr, err error) {
	if e.inBasket() {
		return outOfBasket(e, v)
	}
	if c.config.Monotonic && !e.writes() {
		if v.Kind != resp.Array || len(v.Array) != 2 || v.Array[1].Kind != resp.Integer {
			return nil, fmt.Errorf("%w: %s to a request for a position", errProtocol, v)
		}
		c.seen = max(c.seen, v.Array[1].Int)
		v = &v.Array[0]
	}
	if !c.config.Versions || e.verb == "fetch-add" {
		return c.errands.out(e, v)
	}
	if v.Kind != resp.Array || len(v.Array) != 2 {
		return nil, fmt.Errorf("%w: %s to a request for a version", errProtocol, v)
	}
	if out, err = c.errands.out(e, &v.Array[0]); err == nil && v.Array[1].Kind == resp.Integer {
		c.seen = max(c.seen, v.Array[1].Int)
		out = append(out, slog.Int64("version", v.Array[1].Int))
	}
	return out, err
}
