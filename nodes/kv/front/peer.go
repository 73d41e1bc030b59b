package front

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"simrun/nodes"
	"simrun/nodes/kv"
	"simrun/nodes/resp"
)

// Peer is one connection. Two tasks serve it. The reader takes requests one after the other; the writer sends answers
// that came late, or are many. A few answers that are there at once the reader sends itself, so that the usual exchange
// costs no wakeup.
//
// Invariants: while busy, the reader will send what is in out before it waits; else whoever appends to out signals the
// writer. Calls are answered in the order of first to last, which are owed many; held is what their answers take. Those
// that are under way all write, or none does.
type Peer struct {
	front  *Front
	number uint64
	stream net.Conn
	in     *resp.Reader
	out    []byte
	spare  []byte     // memory for the next out
	wake   nodes.Cond // the writer waits here for something in out
	turn   nodes.Cond // the reader waits here for calls to be answered, or output to be sent

	first  *Call
	last   *Call
	owed   int
	held   int
	writes bool

	busy    bool
	waiting bool
	writing bool
	ending  bool // what is in out, and what is owed, is to be sent, then the stream is closed
	closed  bool

	// ReadOnly is whether the peer said READONLY: it takes what a replica knows.
	ReadOnly bool
	asking   bool
	name     string
	library  [2]string // its name and version
	command  string    // the last one
	heard    nodes.Instant
	began    nodes.Instant
}

const (
	// directOutput is the most that a reader sends itself. It must fit the buffers of any socket beside
	// what is in them, or a peer that writes much before it reads could hold the reader up.
	directOutput = 4 << 10
	// keptOutput is the most memory that a connection at rest keeps for its output.
	keptOutput = 16 << 10
	// mostOwed bounds the commands of one connection that are under way.
	mostOwed = 4 << 10
	// linger is how long a connection that is over may take to send its last answers.
	linger = 10 * time.Second
)

func newPeer(f *Front, stream net.Conn) *Peer {
	return &Peer{front: f, number: f.accepted, stream: stream, in: resp.NewReader(stream, f.options.Limits),
		wake: f.env.NewCond(), turn: f.env.NewCond(), began: f.env.Mark(), heard: f.env.Mark()}
}

// Number is the connection's; no other has it while the server runs.
func (p *Peer) Number() uint64 { return p.number }

// read is the reader's task.
func (p *Peer) read() {
	err := p.serve()
	if problem := (*resp.ProtocolError)(nil); errors.As(err, &problem) && !p.closed {
		p.front.record.Reach(notTheProtocol)
		p.refuse("ERR " + problem.Error())
	}
	if err != nil && !p.closed && !isEnd(err) {
		p.front.env.Log().Info("connection closed", "peer", p.stream.RemoteAddr(), "err", err)
	}
	if isEnd(err) && !errors.Is(err, io.EOF) {
		p.close() // nobody is there to be answered
	}
	p.busy = false
	p.wake.Signal()
	p.finish()
}

// serve takes requests until the stream ends.
func (p *Peer) serve() error {
	p.busy = true
	for !p.ending && !p.closed {
		args, err := p.in.Next()
		switch {
		case err != nil:
			return err
		case args == nil:
			err = p.await()
		default:
			err = p.take(args)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errTiresome closes a connection for no reason but to see what comes of it.
var errTiresome = errors.New("front: nothing is expected of the peer")

// await sends what there is, and waits for more to come.
func (p *Peer) await() error {
	p.flush()
	p.busy = false
	defer func() { p.busy = true }()
	if p.owed == 0 && !p.in.Buffered() && p.command != "" && len(p.out) == 0 && !p.writing && p.front.env.Point(closeIdle) {
		return errTiresome
	}
	for {
		patience := p.front.options.IdleTimeout
		if patience > 0 {
			_ = p.stream.SetReadDeadline(p.front.env.Now().Add(patience))
		}
		err := p.in.Fill()
		if patience == 0 || !errors.Is(err, os.ErrDeadlineExceeded) || p.owed == 0 {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				p.front.record.Reach(idleClosed)
			}
			p.heard = p.front.env.Mark()
			return err
		}
	}
}

// take takes a request.
func (p *Peer) take(args [][]byte) error {
	f := p.front
	f.commands++
	dawdle(f.env, slowRequest)
	r, problem := f.options.Commands.Parse(args)
	writes := p.writes // whatever is answered at once has no side
	if problem == "" && !r.Is(kv.Local) {
		writes = r.Is(kv.Write)
	}
	if !p.settle(writes) {
		return net.ErrClosed
	}
	c := &Call{Request: r, Peer: p, Asking: p.asking}
	p.begin(c)
	if problem != "" {
		c.Error(problem)
		return nil
	}
	p.command, p.asking = r.Name, false
	c.moment = f.moments[r.Name]
	f.note(c.moment.received)
	if r.Is(kv.Local) {
		c.Reply(p.local(&r))
	} else {
		f.backend.Do(c)
	}
	if f.env.Point(flushEach) {
		p.flush()
	}
	return nil
}

// settle waits until a command may begin. It says false if the connection is over.
func (p *Peer) settle(writes bool) bool {
	for !p.closed && !p.mayBegin(writes) {
		p.front.record.Sometimes(waitedForTurn, p.owed > 0 && p.writes != writes)
		p.front.record.Sometimes(waitedForPeer, p.owed == 0)
		p.flush()
		p.busy, p.waiting = false, true
		var err error
		if !p.closed && !p.mayBegin(writes) { // it may have come while answers were sent
			err = p.turn.Wait()
		}
		p.busy, p.waiting = true, false
		if err != nil {
			return false
		}
	}
	p.writes = writes
	return !p.closed
}

// mayBegin says whether those commands that another could disturb, or be disturbed by, are answered, and not too much is
// under way or unsent.
func (p *Peer) mayBegin(writes bool) bool {
	return (p.owed == 0 || p.writes == writes && p.owed < mostOwed) &&
		len(p.out)+p.held <= int(p.front.options.MaxOutput/4)
}

// refuse answers what was no request with an error.
func (p *Peer) refuse(text string) {
	c := &Call{Peer: p}
	p.begin(c)
	c.Error(text)
}

func (p *Peer) queued() {
	if !p.busy {
		p.wake.Signal()
	}
}

// bound closes a connection whose peer has left too much unread.
func (p *Peer) bound() {
	if p.closed || len(p.out)+p.held <= int(p.front.options.MaxOutput) {
		return
	}
	p.front.env.Log().Warn("connection closed", "peer", p.stream.RemoteAddr(),
		"err", "too much output waits for a peer that does not read")
	p.front.record.Reach(peerDeaf)
	p.close()
}

// flush sends what the reader has answered, or leaves it to the writer if it is much.
func (p *Peer) flush() {
	for len(p.out) > 0 && !p.closed {
		if p.writing || len(p.out) > directOutput {
			p.wake.Signal()
			return
		}
		p.transmit()
	}
}

// write is the writer's task. It ends the connection's life.
func (p *Peer) write() {
	for !p.closed {
		switch {
		case p.writing || len(p.out) == 0 && !(p.ending && p.owed == 0):
			if p.wake.Wait() != nil {
				p.close()
			}
		case len(p.out) == 0:
			p.close()
		default:
			p.transmit()
		}
	}
	p.front.forget(p)
}

// transmit sends what is in out.
func (p *Peer) transmit() {
	out := p.out
	p.out, p.spare = p.spare[:0], nil
	p.writing = true
	err := p.put(out)
	p.writing = false
	if cap(out) <= keptOutput {
		p.spare = out
	}
	if err != nil {
		p.close()
	}
	if p.ending || len(p.out) > 0 && !p.busy {
		p.wake.Signal()
	}
	if p.waiting {
		p.turn.Signal()
	}
}

// put writes to the stream.
func (p *Peer) put(out []byte) error {
	if patience := p.front.options.IdleTimeout; patience > 0 {
		_ = p.stream.SetWriteDeadline(p.front.env.Now().Add(patience))
	}
	if half := len(out) / 2; p.front.env.Point(smallWrites) {
		if _, err := p.stream.Write(out[:half]); err != nil {
			return err
		}
		out = out[half:]
	}
	_, err := p.stream.Write(out)
	return err
}

// finish lets the connection end once all that is owed is sent, or soon.
func (p *Peer) finish() {
	if p.ending {
		return
	}
	p.ending = true
	p.wake.Signal()
	if !p.closed {
		p.front.env.AfterFunc(linger, p.close)
	}
}

// close ends the connection at once.
func (p *Peer) close() {
	if p.closed {
		return
	}
	p.closed = true
	p.out, p.first, p.last, p.held = nil, nil, nil, 0
	_ = p.stream.Close()
	p.wake.Signal()
	p.turn.Signal()
}

// isEnd says whether an error is how streams end.
func isEnd(err error) bool {
	for _, end := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.Canceled,
		syscall.ECONNRESET, syscall.EPIPE, syscall.ETIMEDOUT, syscall.EHOSTUNREACH} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}
