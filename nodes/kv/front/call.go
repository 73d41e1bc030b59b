package front

import (
	"bytes"

	"simrun/nodes/kv"
	"simrun/nodes/resp"
)

// Call is a command that is under way on a connection.
type Call struct {
	kv.Request
	// Peer asked for it.
	Peer *Peer
	// Asking says that the peer said ASKING before it.
	Asking bool

	moment moment
	done   bool
	answer []byte // that waits for those before it
	next   *Call
}

// Reply answers the call. The answer's memory is the caller's.
func (c *Call) Reply(answer []byte) {
	p := c.Peer
	if p.front.record.Always(answeredOnce, !c.done); c.done {
		return
	}
	c.done = true
	switch {
	case p.closed:
	case p.first == c:
		p.out = append(p.out, answer...)
		p.advance()
		p.queued()
	default:
		c.answer = bytes.Clone(answer)
		p.held += len(answer)
	}
	p.bound()
}

// Error answers the call with an error: "MOVED 866 b:6379".
func (c *Call) Error(text string) { c.Reply(resp.AppendError(nil, text)) }

// Abandoned says that nobody waits for the answer any more.
func (c *Call) Abandoned() bool { return c.Peer.closed }

// begin puts a call behind those that are under way.
func (p *Peer) begin(c *Call) {
	if p.last != nil {
		p.last.next = c
	} else {
		p.first = c
	}
	p.last = c
	p.owed++
}

// advance takes what is answered from the head of the calls that are under way.
func (p *Peer) advance() {
	for p.first != nil && p.first.done {
		c := p.first
		p.held -= len(c.answer)
		p.out = append(p.out, c.answer...)
		p.front.note(c.moment.sent)
		c.answer = nil
		if p.first = c.next; p.first == nil {
			p.last = nil
		}
		p.owed--
	}
	if p.waiting {
		p.turn.Signal()
	}
}
