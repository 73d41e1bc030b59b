package front

import (
	"errors"
	"io"
	"net"
	"os"

	"simrun/nodes"
	"simrun/nodes/kv"
	"simrun/nodes/resp"
	"simrun/nodes/serve"
)

// Peer is one connection.
//
// Invariant: those of its commands that are under way all write, or none does.
type Peer struct {
	serve.Answers
	front  *Front
	number uint64
	in     *resp.Reader
	writes bool

	// ReadOnly is whether the peer said READONLY: it takes what a replica knows.
	ReadOnly bool
	asking   bool
	name     string
	library  [2]string // its name and version
	command  string    // the last one
	heard    nodes.Instant
	began    nodes.Instant
}

// mostOwed bounds the commands of one connection that are under way.
const mostOwed = 4 << 10

func newPeer(f *Front, stream net.Conn) *Peer {
	options := serve.Options{MaxOutput: f.options.MaxOutput, Patience: f.options.IdleTimeout, SmallWrites: smallWrites,
		Deaf: func() { f.record.Reach(peerDeaf) }}
	return &Peer{Answers: serve.NewAnswers(f.env, stream, options, mostOwed, func(a *serve.Answer) { f.note(a.Moment) }),
		front: f, number: f.accepted, in: resp.NewReader(stream, f.options.Limits), began: f.env.Mark(), heard: f.env.Mark()}
}

// Number is the connection's; no other has it while the server runs.
func (p *Peer) Number() uint64 { return p.number }

// read is the reader's task.
func (p *Peer) read() {
	err := p.serve()
	if problem := (*resp.ProtocolError)(nil); errors.As(err, &problem) && !p.Closed() {
		p.front.record.Reach(notTheProtocol)
		p.refuse("ERR " + problem.Error())
	}
	if err != nil && !p.Closed() && !serve.IsEnd(err) {
		p.front.env.Log().Info("connection closed", "peer", p.Stream().RemoteAddr(), "err", err)
	}
	if serve.IsEnd(err) && !errors.Is(err, io.EOF) {
		p.Close() // nobody is there to be answered
	}
	p.SetBusy(false)
	p.Queued()
	p.finish()
}

// serve takes requests until the stream ends.
func (p *Peer) serve() error {
	p.SetBusy(true)
	for !p.Ending() && !p.Closed() {
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
	p.Flush()
	p.SetBusy(false)
	defer p.SetBusy(true)
	if p.Owed() == 0 && !p.in.Buffered() && p.command != "" && p.Idle() && p.front.env.Point(closeIdle) {
		return errTiresome
	}
	for {
		patience := p.front.options.IdleTimeout
		if patience > 0 {
			_ = p.Stream().SetReadDeadline(p.front.env.Now().Add(patience))
		}
		err := p.in.Fill()
		if patience == 0 || !errors.Is(err, os.ErrDeadlineExceeded) || p.Owed() == 0 {
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
	c.answer.Expected = f.expected(&r)
	p.Begin(&c.answer)
	if problem != "" {
		if word := lastWord(args[0]); word != "" {
			problem = word
			p.finish()
		}
		c.Error(problem)
		return nil
	}
	p.command, p.asking = r.Name, false
	moment := f.moments[r.Name]
	c.answer.Moment = moment.sent
	f.note(moment.received)
	if r.Is(kv.Local) {
		c.Reply(p.local(&r))
	} else {
		f.backend.Do(c)
	}
	if f.env.Point(flushEach) {
		p.Flush()
	}
	return nil
}

// expected is about how many bytes a command takes until it is answered.
func (f *Front) expected(r *kv.Request) (n int) {
	for _, arg := range r.All {
		n += len(arg)
	}
	if f.options.Expected != nil && r.Command != nil && r.Is(kv.Read) {
		n += f.options.Expected(r)
	}
	return n
}

// settle waits until a command may begin. It says false if the connection is over.
func (p *Peer) settle(writes bool) bool {
	may := func() bool { return p.mayBegin(writes) }
	if !p.Closed() && !may() {
		p.front.record.Sometimes(waitedForTurn, p.Owed() > 0 && p.writes != writes)
		p.front.record.Sometimes(waitedForPeer, p.Owed() == 0)
		if !p.Await(may) {
			return false
		}
	}
	p.writes = writes
	return !p.Closed()
}

// mayBegin says whether those commands that another could disturb, or be disturbed by, are answered, and not too much is
// under way or unsent.
func (p *Peer) mayBegin(writes bool) bool {
	return (p.Owed() == 0 || p.writes == writes) && p.Room()
}

// refuse answers what was no request with an error.
func (p *Peer) refuse(text string) {
	c := &Call{Peer: p}
	p.Begin(&c.answer)
	c.Error(text)
}

// Push sends what nobody asked for, behind the answers that are owed: what a client listens to.
func (p *Peer) Push(message []byte) {
	if p.Closed() || p.Ending() {
		return
	}
	c := &Call{Peer: p}
	p.Begin(&c.answer)
	c.Reply(message)
}

// write is the writer's task. It ends the connection's life.
func (p *Peer) write() {
	p.Write()
	p.front.forget(p)
}

// finish lets the connection end once all that is owed is sent, or soon.
func (p *Peer) finish() {
	if p.Ending() {
		return
	}
	p.End()
	if !p.Closed() {
		p.front.env.AfterFunc(serve.Linger, p.Close)
	}
}
