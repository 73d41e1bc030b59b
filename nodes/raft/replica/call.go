package replica

import (
	"encoding/binary"
	"fmt"

	"simrun/nodes"
)

// calls are requests to other servers that wait for an answer.
type calls struct {
	// last is the number of the latest. Each life begins somewhere else: an answer to a call of the one before may come yet.
	last    uint64
	pending map[uint64]*call
	inOrder []*call
}

type call struct {
	number uint64
	until  nodes.Instant
	done   func(answer []byte, err error)
	over   bool
}

// Call gives a request to the leader's handler, and calls done with its answer. Errors: ErrNotLeader where there is none,
// or it does not lead any more; ErrBusy; ErrUnknown; ErrClosed.
func (r *Replica) Call(request []byte, done func(answer []byte, err error)) {
	_, leader := r.Leader()
	switch {
	case r.closed:
		done(nil, ErrClosed)
		return
	case leader == "" || r.Leads():
		done(nil, ErrNotLeader)
		return
	case len(r.calls.pending) >= r.opts.Waiting:
		done(nil, ErrBusy)
		return
	}
	r.calls.last++
	c := &call{number: r.calls.last, until: r.env.Mark().Add(r.opts.Patience), done: done}
	if !r.post(leader, append(binary.AppendUvarint(r.frame(callFrame), c.number), request...)) {
		done(nil, ErrNotLeader)
		return
	}
	r.calls.pending[c.number] = c
	r.calls.inOrder = append(r.calls.inOrder, c)
	r.record.Reach(forwarded)
	if len(r.calls.inOrder) == 1 {
		r.poke() // its time is a deadline
	}
}

// called is a call of another server.
func (r *Replica) called(from string, body []byte) error {
	number, request, ok := uvarint(body)
	if !ok {
		return fmt.Errorf("%w: a call without a number", errFrame)
	}
	if r.handle == nil || !r.Leads() {
		r.post(from, binary.AppendUvarint(r.frame(refuseFrame), number))
		return nil
	}
	r.handle(from, request, func(answer []byte) {
		if r.closed {
			return
		}
		if answer == nil {
			r.post(from, binary.AppendUvarint(r.frame(refuseFrame), number))
			return
		}
		r.post(from, append(binary.AppendUvarint(r.frame(replyFrame), number), answer...))
	})
	return nil
}

// replied is the answer to a call.
func (r *Replica) replied(body []byte, led bool) error {
	number, answer, ok := uvarint(body)
	if !ok {
		return fmt.Errorf("%w: an answer without a number", errFrame)
	}
	c := r.calls.pending[number]
	if c == nil {
		return nil // it came too late
	}
	r.calls.end(c)
	if led {
		c.done(answer, nil)
	} else {
		c.done(nil, ErrNotLeader)
	}
	return nil
}

func (l *calls) end(c *call) {
	c.over = true
	delete(l.pending, c.number)
}

// expire gives up what was not answered.
func (l *calls) expire(now nodes.Instant) {
	n := 0
	for ; n < len(l.inOrder) && (l.inOrder[n].over || l.inOrder[n].until <= now); n++ {
		if c := l.inOrder[n]; !c.over {
			l.end(c)
			c.done(nil, ErrUnknown)
		}
	}
	if n > 0 {
		l.inOrder = append(l.inOrder[:0:0], l.inOrder[n:]...)
	}
}

// fail ends all.
func (l *calls) fail(why error) {
	for _, c := range l.inOrder {
		if !c.over {
			l.end(c)
			c.done(nil, why)
		}
	}
	l.inOrder = nil
}
