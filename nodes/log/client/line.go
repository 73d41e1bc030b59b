package client

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/wire"
)

// Errors that end a call without an answer.
var (
	errSilent   = errors.New("log: no answer in time")
	errProtocol = errors.New("log: the broker answers what nobody asked")
	errUnspoken = errors.New("log: the broker does not speak this")
	errResting  = errors.New("log: the broker could not be reached just now")
	errStopping = errors.New("log: the client is stopping")
)

// call is one request on a line, and what came of it.
type call struct {
	request  kmsg.Request
	patience time.Duration
	silent   bool // no answer comes: a produce with acks=0

	number int32
	sent   bool // bytes of it may have left
	done   bool
	err    error // why there is no answer
	answer kmsg.Response
	over   nodes.Cond
}

// line is a connection to one broker, with the calls on it, which are answered in the order in which they were sent. One that is not
// answered in time holds up all behind it, so it ends the line.
//
// Invariant: a call that is not done is in exactly one of outbox and asked. A dead line holds none.
type line struct {
	env    nodes.Env
	remote *remote
	stream net.Conn
	in     *bufio.Reader
	out    []byte
	spoken map[int16]version // of each API, by the broker's own word

	outbox  []*call
	asked   []*call // sent, oldest first
	number  int32
	writing bool
	dead    bool
}

type version struct{ least, most int16 }

// do makes a call and waits for its answer, for no longer than its patience.
func (l *line) do(c *call) {
	if !l.settle(c.request) {
		c.err = errUnspoken
		return
	}
	c.over = l.env.NewCond()
	until := l.env.Mark().Add(c.patience)
	l.send(c)
	for !c.done {
		if !c.over.WaitFor(until.Sub(l.env.Mark())) && !c.done {
			l.env.Record().Reach(gaveUp)
			l.fail(errSilent)
		}
	}
}

// settle gives the request the newest version that both sides speak, and says whether there is one.
func (l *line) settle(r kmsg.Request) bool {
	api := wire.Find(r.Key())
	most, least := api.Most, api.Least
	if l.spoken != nil {
		theirs, known := l.spoken[r.Key()]
		if !known {
			return false
		}
		most, least = min(most, theirs.most), max(least, theirs.least)
	}
	r.SetVersion(most)
	return least <= most
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
		sent := l.outbox
		l.outbox = nil
		for _, c := range sent {
			l.number++
			c.number, c.sent = l.number, true
			l.out = wire.AppendRequest(l.out, c.number, l.env.Host(), c.request)
			l.env.Record().Note("send " + wire.Find(c.request.Key()).Name)
			if !c.silent {
				l.asked = append(l.asked, c)
			}
		}
		_ = l.stream.SetWriteDeadline(l.env.Now().Add(c.patience))
		if _, err := l.stream.Write(l.out); err != nil {
			l.fail(err)
			return
		}
		for _, c := range sent {
			if c.silent {
				c.end(nil)
			}
		}
	}
	l.writing = false
}

// read takes what the broker says until the line is dead.
func (l *line) read() {
	for !l.dead {
		body, err := wire.Read(l.in, int(l.remote.config.MaxAnswer))
		if dawdle(l.env, slowRead); l.dead {
			return
		}
		if err == nil {
			err = l.take(body)
		}
		if err != nil {
			l.fail(err)
		}
	}
}

// take is the answer to the oldest call.
func (l *line) take(body []byte) error {
	number, err := wire.Correlation(body)
	if err != nil {
		return err
	}
	if len(l.asked) == 0 || l.asked[0].number != number {
		return fmt.Errorf("%w: number %d", errProtocol, number)
	}
	c := l.asked[0]
	answer, err := wire.DecodeAnswer(body, c.request.Key(), c.request.GetVersion())
	if err != nil {
		return err
	}
	l.asked = l.asked[1:]
	l.remote.backoff.Reset()
	c.answer = answer
	l.env.Record().Note("recv " + wire.Find(c.request.Key()).Name)
	c.end(nil)
	return nil
}

// fail ends the line, and every call on it without an answer.
func (l *line) fail(err error) {
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
	l.remote.lose(l, err)
}

// end wakes the task that waits for the call.
func (c *call) end(err error) {
	c.done, c.err = true, err
	if c.over != nil {
		c.over.Signal()
	}
}
