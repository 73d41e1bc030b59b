package client

import (
	"errors"
	"fmt"
	"net"
	"time"

	"simrun/nodes"
	"simrun/nodes/resp"
)

// Errors that end a call without an answer.
var (
	errSilent   = errors.New("kv: no answer in time")
	errProtocol = errors.New("kv: the server answers what nobody asked")
)

// call is one request on a line, and what came of it.
type call struct {
	args     [][]byte
	patience time.Duration

	sent   bool // bytes of it may have left
	done   bool
	err    error // why there is no answer
	answer resp.Value
	over   nodes.Cond // nil if nobody waits
}

// line is a connection to one server, with the calls on it, which are sent in the order in which they were made and
// answered in that order. One that is not answered in time holds up all behind it, so it ends the line.
//
// Invariant: a call that is not done is in exactly one of outbox and asked. A dead line holds none.
type line struct {
	env    nodes.Env
	remote *remote
	stream net.Conn
	in     *resp.Reader
	out    []byte

	outbox  []*call
	asked   []*call // sent, oldest first
	writing bool
	dead    bool
}

// do makes a call and waits for its answer, for no longer than its patience.
func (l *line) do(c *call) {
	c.over = l.env.NewCond()
	until := l.env.Mark().Add(c.patience)
	l.send(c)
	for !c.done {
		if !c.over.WaitFor(until.Sub(l.env.Mark())) && !c.done {
			l.env.Record().Reach(gaveUp)
			l.Fail(errSilent)
		}
	}
}

// send makes a call, and sends what is in the outbox unless another task is at it, which then sends this too.
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
		l.out = l.out[:0]
		for _, c := range l.outbox {
			c.sent = true
			l.out = resp.AppendCommand(l.out, c.args...)
			l.env.Record().Note("send " + nameOf(c.args))
		}
		l.asked = append(l.asked, l.outbox...)
		l.outbox = nil
		_ = l.stream.SetWriteDeadline(l.env.Now().Add(c.patience))
		if _, err := l.stream.Write(l.out); err != nil {
			l.Fail(err)
		}
	}
	l.writing = false
}

// read takes what the server says until the line is dead.
func (l *line) read() {
	for !l.dead {
		answer, err := l.in.ReadReply()
		if dawdle(l.env, slowRead); l.dead {
			return
		}
		if err == nil && len(l.asked) == 0 {
			err = fmt.Errorf("%w: %s", errProtocol, answer)
		}
		if err != nil {
			l.Fail(err)
			return
		}
		l.remote.Heard()
		c := l.asked[0]
		l.asked = l.asked[1:]
		c.answer = answer
		l.env.Record().Note("recv " + wordOf(&answer))
		c.end(nil)
	}
}

// isIdle says that nothing is under way on the line.
func (l *line) isIdle() bool { return !l.writing && len(l.outbox) == 0 && len(l.asked) == 0 }

// Fail ends the line, and every call on it without an answer.
func (l *line) Fail(err error) {
	if l.dead {
		return
	}
	l.dead = true
	_ = l.stream.Close()
	calls := append(l.asked, l.outbox...)
	l.asked, l.outbox = nil, nil
	for _, c := range calls {
		c.end(err)
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
