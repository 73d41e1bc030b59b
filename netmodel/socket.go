package netmodel

import (
	"fmt"
	"io"
	"syscall"
	"time"
)

// Socket is one end of a stream. Its calls never block. As Go does for its own, it starts with TCP_NODELAY
// and keepalive on.
//
// Waiters are for one who waits: Wake comes after a call has returned EAGAIN (or EINPROGRESS, for
// Connected; or after Write took only a part), once, when that call may now do something. A close by one's
// own hand wakes nobody.
type Socket struct {
	// ReadWaiter is woken for Read, WriteWaiter for Write and for the end of connecting.
	ReadWaiter, WriteWaiter Waiter

	conn  *conn
	stack *Stack
	path  *path // to the peer
	out   flow  // what this end writes; the peer reads from it
	port  uint16
	side  uint8 // index in conn.ends

	state        state
	closed       bool // the process has no descriptor of it any more
	closing      bool // FIN is or will be sent: nothing can be written
	active       bool // closed before the peer did, so it is this end that waits in TIME_WAIT
	ephemeral    bool // its port was given out by the host's ports
	abrupt       bool // SO_LINGER with 0
	nagle        bool
	readBlocked  bool
	writeBlocked bool
	waitsForFIN  bool // evFinWait is scheduled
	inTimeWait   bool
	darkPeer     bool // the peer, on the same site, did not answer its address

	keepAlive KeepAlive
	probes    uint8         // sent without an answer
	probeAt   time.Duration // when evProbe is due; 0 is never
	heard     time.Duration // when the peer was heard last; may lie ahead, for an acknowledgement under way

	err      syscall.Errno // SO_ERROR: told once
	soft     syscall.Errno // what a timeout will be told as, if not as itself
	listener *Listener     // while not accepted

	before, after *Socket // in the stack's list
}

// state is how an end stands with its kernel. What of a close has been sent or heard is told by flows.
type state uint8

const (
	gone        state = iota // the kernel knows nothing of it; what has been received can still be read
	connecting               // SYN-SENT
	shaking                  // SYN-RECEIVED
	established              // and everything up to the end of both directions
)

// KeepAlive is how a silent peer is probed: after Idle without a sign of it, then every Interval, until Count
// probes have gone unanswered, which is ETIMEDOUT. Zero fields are the defaults of Go: 15 s, 15 s, 9.
type KeepAlive struct {
	Off            bool
	Count          uint8
	Idle, Interval time.Duration
}

func (k KeepAlive) filled() KeepAlive {
	if k.Idle <= 0 {
		k.Idle = 15 * time.Second
	}
	if k.Interval <= 0 {
		k.Interval = 15 * time.Second
	}
	if k.Count == 0 {
		k.Count = 9
	}
	return k
}

// conn is a connection: both its ends, for as long as a kernel knows one of them.
type conn struct {
	ends   [2]Socket // the one that connected, the one that was connected to
	serial uint32    // generation in events
	slot   uint32
	seen   uint64        // bits of the rules that counted it
	began  time.Duration // first SYN
	synAt  time.Duration // last SYN
}

// peer is the other end.
func (s *Socket) peer() *Socket { return &s.conn.ends[s.side^1] }

// in is the direction that this end reads.
func (s *Socket) in() *flow { return &s.conn.ends[s.side^1].out }

// event makes one that happens at this end.
func (s *Socket) event(kind uint8, number uint32) Event {
	return Event{Kind: kind | s.side, ID: s.conn.slot, Arg: uint64(s.conn.serial)<<32 | uint64(number)}
}

// LocalAddr is this end's.
func (s *Socket) LocalAddr() Addr { return Addr{Host: s.stack.name, Port: int(s.port)} }

// RemoteAddr is the peer's.
func (s *Socket) RemoteAddr() Addr { return s.peer().LocalAddr() }

// Connected says whether the connection that Connect began has come about: nil, EINPROGRESS, or why not,
// which is told once, as SO_ERROR is; then ENOTCONN.
func (s *Socket) Connected() error {
	switch {
	case s.closed:
		return eBadFile
	case s.state == connecting:
		s.writeBlocked = true
		return syscall.EINPROGRESS
	case s.err != 0:
		return s.TakeError()
	case s.state == gone && s.out.written == 0 && s.in().arrived == 0 && !s.in().ended:
		return syscall.ENOTCONN
	}
	return nil
}

// TakeError returns and clears the pending error (SO_ERROR), or nil.
func (s *Socket) TakeError() error {
	if s.err == 0 {
		return nil
	}
	err := s.err
	s.err = 0
	return err
}

// Read takes up to len(p) bytes that have arrived. It returns io.EOF after the last byte before the peer's
// FIN. After a reset it first returns what had arrived before, then ECONNRESET once, then io.EOF. Other
// errors: EAGAIN, ETIMEDOUT, EHOSTUNREACH, ECONNREFUSED, EBADF.
func (s *Socket) Read(p []byte) (int, error) {
	f := s.in()
	if s.closed {
		return 0, eBadFile
	}
	if len(p) == 0 {
		return 0, nil
	}
	if f.arrived > f.read {
		return s.take(f, p), nil
	}
	switch {
	case f.ended:
		return 0, io.EOF
	case s.err != 0:
		return 0, s.TakeError()
	case s.state == gone:
		return 0, io.EOF
	}
	s.readBlocked = true
	return 0, eAgain
}

// Readable says whether Read would not return EAGAIN.
func (s *Socket) Readable() bool {
	f := s.in()
	return s.closed || f.arrived > f.read || f.ended || s.err != 0 || s.state == gone
}

// Write takes bytes to be sent, as many as the send buffer has room for; fewer than len(p) is no error. Errors:
// EAGAIN where there is no room, EPIPE after CloseWrite or once the connection is gone, ECONNRESET (once),
// ETIMEDOUT, EHOSTUNREACH, ECONNREFUSED, EBADF.
func (s *Socket) Write(p []byte) (int, error) {
	switch {
	case s.closed:
		return 0, eBadFile
	case s.err != 0:
		return 0, s.TakeError()
	case s.closing || s.state == gone:
		return 0, ePipe
	case s.state == connecting:
		s.writeBlocked = true
		return 0, eAgain
	case len(p) == 0:
		return 0, nil
	}
	now := s.stack.net.world.Now()
	f := &s.out
	f.settle(now)
	room := f.room()
	if room <= 0 {
		s.writeBlocked = true
		s.awaitAck(now)
		return 0, eAgain
	}
	n := min(len(p), room)
	s.stack.net.append(f, p[:n])
	s.writeBlocked = s.writeBlocked || n < len(p)
	s.push(now)
	return n, nil
}

// Writable says whether Write would not return EAGAIN.
func (s *Socket) Writable() bool {
	if s.closed || s.err != 0 || s.closing || s.state == gone {
		return true
	}
	s.out.settle(s.stack.net.world.Now())
	return s.state == established && s.out.room() > 0
}

// CloseWrite sends FIN after all that was written; reading goes on. Doing it again is nothing. Errors:
// ENOTCONN, EBADF.
func (s *Socket) CloseWrite() error {
	switch {
	case s.closed:
		return eBadFile
	case s.state != established:
		return syscall.ENOTCONN
	}
	s.finish()
	return nil
}

// Close gives up the descriptor. What was written is still sent, then FIN; but where bytes have arrived
// that nobody read, or SO_LINGER is 0, the connection is reset. A second Close returns EBADF.
func (s *Socket) Close() error {
	if s.closed {
		return eBadFile
	}
	s.stack.files--
	s.leave()
	return nil
}

// SetLinger sets what Close does: 0 resets the connection and discards what was not sent; any other number of
// seconds is the default, since nobody waits for a close.
func (s *Socket) SetLinger(seconds int) { s.abrupt = seconds == 0 }

// SetNoDelay turns Nagle's algorithm off (the default) or on.
func (s *Socket) SetNoDelay(on bool) {
	s.nagle = !on
	if on && s.state == established {
		s.push(s.stack.net.world.Now())
	}
}

// SetKeepAlive changes how a silent peer is probed.
func (s *Socket) SetKeepAlive(k KeepAlive) {
	s.keepAlive = k.filled()
	s.doubt(s.stack.net.world.Now())
}

// String is the end in one line, much as ss shows it.
func (s *Socket) String() string {
	state := [...]string{"gone", "connecting", "shaking", "established"}[s.state]
	return fmt.Sprintf("%v > %v %s, %d to read, %d in the send buffer", s.LocalAddr(), s.RemoteAddr(), state,
		s.in().arrived-s.in().read, s.out.written-s.out.acked)
}

// Established says whether the connection exists as far as this end's kernel knows.
func (s *Socket) Established() bool { return s.state == established }

// wakeReader wakes one whose Read returned EAGAIN.
func (s *Socket) wakeReader() {
	if s.readBlocked {
		s.readBlocked = false
		if s.ReadWaiter != nil {
			s.ReadWaiter.Wake()
		}
	}
}

// wakeWriter wakes one whose Write returned EAGAIN.
func (s *Socket) wakeWriter() {
	if s.writeBlocked {
		s.writeBlocked = false
		if s.WriteWaiter != nil {
			s.WriteWaiter.Wake()
		}
	}
}
