package gearman

import (
	"errors"
	"net"
	"os"

	"simrun/nodes/serve"
)

// session is the server's side of one connection: client, worker and administrator at once, as the peer
// pleases. Its reader takes requests one after the other; its writer sends what other sessions have for this one, and
// answers that are many.
//
// Invariant: while owed is not zero, nothing is answered out of turn; who makes it zero signals Turn.
type session struct {
	serve.Outbox
	server *server
	number uint64
	in     *Reader
	left   bool // its jobs have been taken from it

	id         []byte
	exceptions bool // it takes WORK_EXCEPTION
	owed       int  // submissions whose answer waits for the journal
	first      *listener
	last       *listener
	listening  int

	abilities []*ability
	running   *job // the jobs it has, newest first
	jobs      int
	sleeping  bool
	inVain    bool // it was woken for nothing the last time
	asked     bool // it has asked for a job
	wokenFor  *function
	wakeCount uint64 // tells one wakeup from another
}

const (
	// mostOwed bounds the submissions of one session that wait for the journal.
	mostOwed = 16 << 10
	// mostListening bounds the foreground submissions that one session waits for.
	mostListening = 64 << 10
	// longestID bounds the name that a worker gives itself.
	longestID = 512
)

// newSession is one that has said and heard nothing yet.
func newSession(v *server, stream net.Conn) *session {
	options := serve.Options{MaxOutput: v.config.MaxOutput, SmallWrites: smallWrites, Deaf: func() { v.record.Reach(peerDeaf) }}
	return &session{Outbox: serve.NewOutbox(v.env, stream, options), server: v, number: v.accepted,
		in: NewReader(stream, int64(v.config.MaxPacket))}
}

// read is the reader's task.
func (s *session) read() {
	err := s.serve()
	if err != nil && !s.Closed() && !serve.IsEnd(err) {
		s.server.env.Log().Info("connection closed", "peer", s.Stream().RemoteAddr(), "err", err)
	}
	s.server.leave(s)
	s.finish()
}

// serve takes requests until the stream ends.
func (s *session) serve() error {
	s.SetBusy(true)
	for !s.Ending() && !s.Closed() {
		if idle := !s.in.Buffered(); idle || s.server.env.Point(flushEach) {
			s.Flush()
			s.SetBusy(!idle)
		}
		if s.isTiresome() {
			return errTiresome
		}
		text, err := s.await()
		s.SetBusy(true)
		if err != nil {
			return err
		}
		if text {
			err = s.readLine()
		} else {
			err = s.readPacket()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errTiresome closes a worker's session for no reason but to see what comes of it.
var errTiresome = errors.New("gearman: nothing is expected of the peer")

// isTiresome says whether to close a worker's session of which nothing is expected: it may come again. One that has
// not even asked for a job is let alone, or a worker could knock for ever.
func (s *session) isTiresome() bool {
	return !s.Busy() && s.asked && !s.expected() && s.wokenFor == nil && s.Idle() &&
		s.server.env.Point(closeIdle)
}

// await waits for the beginning of a request and says whether it is text. Only a session that nothing is
// expected of can be silent for too long.
func (s *session) await() (text bool, err error) {
	patience := s.server.config.IdleTimeout
	for {
		if patience > 0 && !s.in.Buffered() {
			_ = s.Stream().SetReadDeadline(s.server.env.Now().Add(patience))
		}
		text, err = s.in.AtText()
		if patience == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return text, err
		}
		if !s.expected() {
			s.server.record.Reach(idleClosed)
			return text, err
		}
	}
}

// expected says whether the peer has a reason to be silent.
func (s *session) expected() bool {
	return s.jobs > 0 || s.listening > 0 || s.sleeping || s.owed > 0
}

func (s *session) readPacket() error {
	p, err := s.in.ReadPacket()
	if err != nil {
		return err
	}
	noteReceived(s.server.record, p.Type)
	if v := s.server; v.env.Point(slowRequest) && !s.Pause(func() error { return v.env.Sleep(lull(v.env)) }) {
		return nil
	}
	return s.server.handle(s, p)
}

func (s *session) readLine() error {
	line, err := s.in.ReadLine()
	if err != nil {
		return err
	}
	if s.owed > 0 && !s.settle() {
		return nil
	}
	return s.server.command(s, string(line))
}

// send queues a response for the peer.
func (s *session) send(t Type, args ...[]byte) {
	if s.Closed() || s.Overflows() {
		return
	}
	s.Out = Append(s.Out, Response, t, args...)
	noteSent(s.server.record, t)
	s.Queued()
}

// sendText queues an answer of the text protocol.
func (s *session) sendText(text []byte) {
	if s.Closed() || s.Overflows() {
		return
	}
	s.Out = append(s.Out, text...)
	s.Queued()
}

// refuse queues an ERROR.
func (s *session) refuse(r *refusal) { s.send(Error, []byte(r.code), []byte(r.text)) }

// refusal is an ERROR of the protocol.
type refusal struct{ code, text string }

// settle lets the reader wait until every answer it owes is queued. It says false if the session is over.
func (s *session) settle() bool {
	for s.owed > 0 {
		if !s.Pause(s.allPaid) {
			return false
		}
	}
	return !s.Closed()
}

// allPaid waits until it is told that nothing is owed. That, or the end, may have come while answers were sent.
func (s *session) allPaid() error {
	if s.owed == 0 || s.Closed() {
		return nil
	}
	s.server.record.Reach(waitedInTurn)
	return s.Turn.Wait()
}

// paid takes one from what is owed.
func (s *session) paid() {
	s.owed--
	if s.owed == 0 {
		s.Turn.Signal()
	}
}

// write is the writer's task. It ends the session's life.
func (s *session) write() {
	s.Write()
	s.server.forget(s)
}

// finish lets the session end once all is sent, or soon.
func (s *session) finish() {
	s.SetBusy(false)
	s.End()
	if !s.Closed() && !s.Idle() {
		s.server.env.AfterFunc(serve.Linger, s.Close)
	}
}
