package front

import (
	"simrun/nodes/kv"
	"simrun/nodes/resp"
	"simrun/nodes/serve"
)

// Call is a command that is under way on a connection.
type Call struct {
	kv.Request
	// Peer asked for it.
	Peer *Peer
	// Asking says that the peer said ASKING before it.
	Asking bool

	answer serve.Answer
}

// Reply answers the call. The answer's memory is the caller's.
func (c *Call) Reply(answer []byte) {
	if c.Peer.front.record.Always(answeredOnce, !c.answer.Given()); !c.answer.Given() {
		c.answer.Give(answer)
	}
}

// Error answers the call with an error: "MOVED 866 b:6379".
func (c *Call) Error(text string) { c.Reply(resp.AppendError(nil, text)) }

// Abandoned says that nobody waits for the answer any more.
func (c *Call) Abandoned() bool { return c.Peer.Closed() }
