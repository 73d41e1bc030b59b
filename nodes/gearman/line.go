package gearman

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"simrun/nodes"
)

// Errors that end a call without an answer.
var (
	errSilent   = errors.New("gearman: no answer in time")
	errProtocol = errors.New("gearman: the server does not keep to the protocol")
)

// call is one request on a line, and what came of it.
type call struct {
	request  Type
	args     [][]byte
	awaits   bool                // a foreground job: its result is the answer, not its handle
	created  func(handle string) // told of the handle at once
	patience time.Duration       // the line's timeout if zero

	sent   bool // bytes of it may have left
	done   bool
	err    error // why there is no answer
	answer Type
	handle string
	said   []string   // the answer's arguments
	over   nodes.Cond // nil if nobody waits
}

// line is a connection to one server, with the calls on it. Calls are sent in the order in which they
// were made and answered in that order; results of foreground jobs come when they come.
//
// Invariant: a call that is not done is in exactly one of outbox, asked and jobs. A dead line holds none.
type line struct {
	env     nodes.Env
	remote  *remote
	conn    *Conn
	timeout time.Duration

	outbox  []*call
	writing bool
	asked   []*call            // await a prompt answer, oldest first; those that gave up waiting keep their place
	jobs    map[string][]*call // await a result, by handle
	heard   nodes.Instant      // when the server was last heard of
	doubt   nodes.Timer        // will end the line; nil unless nothing was heard since a call gave up
	dead    bool
}

func newLine(c *client, r *remote, stream net.Conn) *line {
	env, config := c.env, c.config
	return &line{
		env: env, remote: r, conn: NewConn(stream, env.Record(), int64(config.MaxPacket)), timeout: config.Timeout,
		jobs: map[string][]*call{}, heard: env.Mark(),
	}
}

// do makes a call and waits for its answer, for no longer than the timeout.
func (l *line) do(c *call) {
	c.over = l.env.NewCond()
	until := l.env.Mark().Add(cmp.Or(c.patience, l.timeout))
	l.send(c)
	for !c.done {
		if !c.over.WaitFor(until.Sub(l.env.Mark())) && !c.done {
			l.giveUp(c)
		}
	}
}

// send makes a call, and sends what is in the outbox unless another task is at it, which then sends
// this too.
func (l *line) send(c *call) {
	if l.dead {
		c.end(net.ErrClosed)
		return
	}
	l.outbox = append(l.outbox, c)
	if l.writing {
		return
	}
	l.writing = true
	for len(l.outbox) > 0 && !l.dead {
		c := l.outbox[0]
		l.outbox = l.outbox[1:]
		if c.done {
			continue
		}
		c.sent = true
		l.asked = append(l.asked, c)
		_ = l.conn.SetWriteDeadline(l.env.Now().Add(l.timeout))
		if err := l.conn.WriteRequest(c.request, c.args...); err != nil {
			l.Fail(err)
		}
	}
	l.writing = false
}

// mostUnanswered bounds the calls that keep their place although nobody waits for their answer any more.
const mostUnanswered = 10_000

// giveUp ends a call that has waited for too long.
func (l *line) giveUp(c *call) {
	l.env.Record().Reach(gaveUp)
	if c.handle != "" {
		others := slices.DeleteFunc(l.jobs[c.handle], func(other *call) bool { return other == c })
		l.keep(c.handle, others)
	}
	c.end(errSilent)
	switch {
	case l.env.Mark().Sub(l.heard) >= l.timeout || len(l.asked) > mostUnanswered:
		l.Fail(errSilent)
	case l.doubt == nil:
		l.probe()
	}
}

// probe asks whether the server is there at all. Until it says anything others are preferred, and if
// it says nothing the line is given up.
func (l *line) probe() {
	l.doubt = l.env.AfterFunc(l.timeout, func() { l.Fail(errSilent) })
	l.env.Go("probe", func() { l.send(&call{request: EchoReq, args: [][]byte{nil}}) })
}

// hear is told that the server has said something.
func (l *line) hear() {
	l.heard = l.env.Mark()
	l.remote.Heard()
	l.trust()
}

// trust ends a doubt.
func (l *line) trust() {
	if l.doubt != nil {
		l.doubt.Stop()
		l.doubt = nil
		l.env.Record().Sometimes(heardAgain, !l.dead)
	}
}

// keep makes calls those that wait for the job's result.
func (l *line) keep(handle string, calls []*call) {
	if len(calls) == 0 {
		delete(l.jobs, handle)
		return
	}
	l.jobs[handle] = calls
}

// read takes what the server says until the line is dead.
func (l *line) read() {
	for !l.dead {
		packet, err := l.conn.ReadPacket()
		if dawdle(l.env, slowRead); l.dead {
			return
		}
		if err == nil {
			l.hear()
			err = l.take(packet)
		}
		if err != nil {
			l.Fail(err)
		}
	}
}

// take gives an answer to the call that it answers.
func (l *line) take(packet Packet) error {
	raw, err := packet.Args()
	if err != nil {
		return err
	}
	if !packet.Type.Known() {
		return fmt.Errorf("%w: %s", errProtocol, packet.Type)
	}
	var args []string
	for _, arg := range raw[:forms[packet.Type].args] {
		args = append(args, string(arg))
	}
	switch packet.Type {
	case JobCreated:
		return l.create(args[0])
	case WorkComplete, WorkFail, WorkException:
		l.conclude(packet.Type, args)
		return nil
	case WorkData, WorkWarning, WorkStatus:
		return nil
	case StatusRes, OptionRes, EchoRes, Error:
		return l.reply(packet.Type, args)
	default:
		return fmt.Errorf("%w: %s", errProtocol, packet.Type)
	}
}

// create is JOB_CREATED, the answer to the oldest submission.
func (l *line) create(handle string) error {
	if handle == "" {
		return fmt.Errorf("%w: an empty handle", errProtocol)
	}
	c := l.oldest(JobCreated)
	if c == nil {
		return fmt.Errorf("%w: a handle that nobody asked for", errProtocol)
	}
	c.handle = handle
	if c.created != nil && !c.done {
		c.created(handle)
	}
	switch {
	case c.done:
	case c.awaits:
		l.jobs[handle] = append(l.jobs[handle], c)
	default:
		c.answer = JobCreated
		c.end(nil)
	}
	return nil
}

// conclude is the end of a foreground job, for all submissions that it was the answer to.
func (l *line) conclude(answer Type, args []string) {
	calls := l.jobs[args[0]]
	delete(l.jobs, args[0])
	l.env.Record().Sometimes(lateAnswer, len(calls) == 0)
	for _, c := range calls {
		c.answer, c.said = answer, args
		c.end(nil)
	}
}

// reply is a prompt answer other than JOB_CREATED.
func (l *line) reply(answer Type, args []string) error {
	c := l.oldest(answer)
	if c == nil {
		return fmt.Errorf("%w: %s %q that nobody asked for", errProtocol, answer, args)
	}
	if !c.done {
		c.answer, c.said = answer, args
		c.end(nil)
	}
	return nil
}

// promises says which prompt answer a request gets, if it is not an ERROR.
func promises(request Type) Type {
	switch request {
	case GetStatus:
		return StatusRes
	case OptionReq:
		return OptionRes
	case EchoReq:
		return EchoRes
	default:
		return JobCreated
	}
}

// oldest takes the oldest call that this may be the answer to, or returns nil.
func (l *line) oldest(answer Type) *call {
	at := slices.IndexFunc(l.asked, func(c *call) bool { return answer == Error || promises(c.request) == answer })
	if at < 0 {
		return nil
	}
	c := l.asked[at]
	l.asked = slices.Delete(l.asked, at, at+1)
	return c
}

// isIdle says that nothing is under way on the line.
func (l *line) isIdle() bool {
	return !l.writing && len(l.outbox) == 0 && len(l.asked) == 0 && len(l.jobs) == 0
}

// Fail ends the line, and every call on it without an answer.
func (l *line) Fail(err error) {
	if l.dead {
		return
	}
	l.dead = true
	l.env.Record().Sometimes(fellSilent, errors.Is(err, errSilent))
	l.trust()
	_ = l.conn.Close()
	calls := append(l.asked, l.outbox...)
	for _, handle := range slices.Sorted(maps.Keys(l.jobs)) {
		calls = append(calls, l.jobs[handle]...)
	}
	l.asked, l.outbox, l.jobs = nil, nil, nil
	for _, c := range calls {
		if !c.done {
			c.end(err)
		}
	}
	l.remote.Lost(err)
}

// end wakes the task that waits for the call.
func (c *call) end(err error) {
	c.done, c.err = true, err
	if c.over != nil {
		c.over.Signal()
	}
}
