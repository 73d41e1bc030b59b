package gearman

import (
	"errors"
	"net"
	"os"
	"time"

	"simrun/nodes"
)

// session is the server's side of one connection: client, worker and administrator at once, as the peer
// pleases. Two tasks serve it. The reader takes requests one after the other; the writer sends what other
// sessions have for this one, and answers that are many. A few answers to its own requests the reader sends
// itself, so that the usual exchange costs no wakeup.
//
// Invariants: while busy, the reader will send what is in out before it waits for a request; else whoever
// appends to out signals the writer. While owed is not zero, nothing is answered out of turn.
type session struct {
	server *server
	number uint64
	stream net.Conn
	in     *Reader
	out    []byte
	spare  []byte     // memory for the next out
	wake   nodes.Cond // the writer waits here for something in out
	turn   nodes.Cond // the reader waits here until owed is zero

	busy    bool
	writing bool
	ending  bool // what is in out is to be sent, then the stream is closed
	closed  bool
	left    bool // its jobs have been taken from it

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
	// directOutput is the most that a reader sends itself. It must fit the buffers of any socket beside
	// what is in them, or a peer that writes much before it reads could hold the reader up.
	directOutput = 4 << 10
	// keptOutput is the most memory that a session at rest keeps for its output.
	keptOutput = 16 << 10
	// mostOwed bounds the submissions of one session that wait for the journal.
	mostOwed = 16 << 10
	// mostListening bounds the foreground submissions that one session waits for.
	mostListening = 64 << 10
	// longestID bounds the name that a worker gives itself.
	longestID = 512
	// linger is how long a session that is over may take to send its last answers.
	linger = 10 * time.Second
)

// errOverflow closes a session that does not read.
var errOverflow = errors.New("gearman: too much output waits for a peer that does not read")

// read is the reader's task.
func (s *session) read() {
	err := s.serve()
	if err != nil && !s.closed && !isEnd(err) {
		s.server.env.Log().Info("connection closed", "peer", s.stream.RemoteAddr(), "err", err)
	}
	s.server.leave(s)
	s.finish()
}

// serve takes requests until the stream ends.
func (s *session) serve() error {
	s.busy = true
	for !s.ending && !s.closed {
		if idle := !s.in.Buffered(); idle || s.server.env.Point(flushEach) {
			s.flush()
			s.busy = !idle
		}
		if s.isTiresome() {
			return errTiresome
		}
		text, err := s.await()
		s.busy = true
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
	return !s.busy && s.asked && !s.expected() && s.wokenFor == nil && len(s.out) == 0 && !s.writing &&
		s.server.env.Point(closeIdle)
}

// await waits for the beginning of a request and says whether it is text. Only a session that nothing is
// expected of can be silent for too long.
func (s *session) await() (text bool, err error) {
	patience := s.server.config.IdleTimeout
	for {
		if patience > 0 && !s.in.Buffered() {
			_ = s.stream.SetReadDeadline(s.server.env.Now().Add(patience))
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
	if v := s.server; v.env.Point(slowRequest) && !s.pause(func() error { return v.env.Sleep(lull(v.env)) }) {
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
	if s.closed || s.overflows() {
		return
	}
	s.out = Append(s.out, Response, t, args...)
	noteSent(s.server.record, t)
	s.queued()
}

// sendText queues an answer of the text protocol.
func (s *session) sendText(text []byte) {
	if s.closed || s.overflows() {
		return
	}
	s.out = append(s.out, text...)
	s.queued()
}

// refuse queues an ERROR.
func (s *session) refuse(r *refusal) { s.send(Error, []byte(r.code), []byte(r.text)) }

// refusal is an ERROR of the protocol.
type refusal struct{ code, text string }

func (s *session) queued() {
	if !s.busy {
		s.wake.Signal()
	}
}

// overflows closes a session whose peer has left too much unread.
func (s *session) overflows() bool {
	limit := int(s.server.config.MaxOutput)
	if limit == 0 || len(s.out) <= limit {
		return false
	}
	s.server.env.Log().Warn("connection closed", "peer", s.stream.RemoteAddr(), "err", errOverflow)
	s.server.record.Reach(peerDeaf)
	s.close()
	return true
}

// settle lets the reader wait until every answer it owes is queued. It says false if the session is over.
func (s *session) settle() bool {
	for s.owed > 0 {
		if !s.pause(s.allPaid) {
			return false
		}
	}
	return !s.closed
}

// allPaid waits until it is told that nothing is owed. That, or the end, may have come while answers were sent.
func (s *session) allPaid() error {
	if s.owed == 0 || s.closed {
		return nil
	}
	s.server.record.Reach(waitedInTurn)
	return s.turn.Wait()
}

// pause lets the reader wait in the middle of a request. It says false if the session is over.
func (s *session) pause(wait func() error) bool {
	s.flush()
	s.busy = false
	err := wait()
	s.busy = true
	return err == nil && !s.closed
}

// paid takes one from what is owed.
func (s *session) paid() {
	s.owed--
	if s.owed == 0 {
		s.turn.Signal()
	}
}

// flush sends what the reader has answered, or leaves it to the writer if it is much.
func (s *session) flush() {
	for len(s.out) > 0 && !s.closed {
		if s.writing || len(s.out) > directOutput {
			s.wake.Signal()
			return
		}
		s.transmit()
	}
}

// write is the writer's task. It ends the session's life.
func (s *session) write() {
	for !s.closed {
		switch {
		case s.writing || len(s.out) == 0 && !s.ending:
			if s.wake.Wait() != nil {
				s.close()
			}
		case len(s.out) == 0:
			s.close()
		default:
			s.transmit()
		}
	}
	s.server.forget(s)
}

// transmit sends what is in out.
func (s *session) transmit() {
	out := s.out
	s.out, s.spare = s.spare[:0], nil
	s.writing = true
	err := s.put(out)
	s.writing = false
	if cap(out) <= keptOutput {
		s.spare = out
	}
	if err != nil {
		s.close()
	}
	if s.ending || len(s.out) > 0 && !s.busy {
		s.wake.Signal()
	}
}

// put writes to the stream.
func (s *session) put(out []byte) error {
	if half := len(out) / 2; s.server.env.Point(smallWrites) {
		if _, err := s.stream.Write(out[:half]); err != nil {
			return err
		}
		out = out[half:]
	}
	_, err := s.stream.Write(out)
	return err
}

// finish lets the session end once all is sent, or soon.
func (s *session) finish() {
	s.busy = false
	s.ending = true
	s.wake.Signal()
	if !s.closed && (s.writing || len(s.out) > 0) {
		s.server.env.AfterFunc(linger, s.close)
	}
}

// close ends the session at once. The reader's next read fails, and it takes the session's jobs from it.
func (s *session) close() {
	if s.closed {
		return
	}
	s.closed = true
	s.out = nil
	_ = s.stream.Close()
	s.wake.Signal()
	s.turn.Signal()
}
