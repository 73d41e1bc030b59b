package netmodel

import "syscall"

// Listener accepts connections to a port.
type Listener struct {
	// Waiter is woken when Accept may succeed after it returned EAGAIN.
	Waiter Waiter

	stack   *Stack
	port    uint16
	backlog int
	queue   []*Socket // handshake done, not accepted; oldest first
	pending int       // those still shaking hands
	blocked bool      // Accept returned EAGAIN since the last wake
	closed  bool
}

// Listen opens a port for streams. Port 0 is a free one. A backlog of 0 or less is the host's limit, and
// none is longer. Errors: EADDRINUSE, EMFILE, EINVAL for a port that is none, ENETDOWN on a dark host.
func (s *Stack) Listen(port, backlog int) (*Listener, error) {
	if port < 0 || port > 65535 {
		return nil, syscall.EINVAL
	}
	if !s.Up() {
		return nil, syscall.ENETDOWN
	}
	s.ports.expire(s.net.world.Now())
	free := func(p uint16) bool { return s.listeners[p] == nil && s.ports.by[p] == 0 }
	number := uint16(port)
	if port == 0 {
		if number = s.freePort(free); number == 0 {
			return nil, syscall.EADDRINUSE
		}
	}
	if !free(number) {
		return nil, syscall.EADDRINUSE
	}
	if err := s.TakeFile(); err != nil {
		return nil, err
	}
	if backlog <= 0 || backlog > s.limits.Backlog {
		backlog = s.limits.Backlog
	}
	l := &Listener{stack: s, port: number, backlog: backlog}
	s.listeners[number] = l
	return l, nil
}

// freePort finds an ephemeral port that is free in the caller's sense; 0 means that there is none.
func (s *Stack) freePort(free func(uint16) bool) uint16 {
	if r := s.exhausted[Ports]; r != nil {
		r.touched(nil)
		return 0
	}
	for range s.limits.Ports {
		s.ports.next = (s.ports.next + 1) % s.limits.Ports
		if p := uint16(firstPort + s.ports.next); free(p) {
			return p
		}
	}
	return 0
}

// Addr is where it listens.
func (l *Listener) Addr() Addr { return Addr{Host: l.stack.name, Port: int(l.port)} }

// Accept takes the connection that has waited longest. It may be reset already, as its Read then tells.
// Errors: EAGAIN, EMFILE (even if none waits, as on Linux), EBADF once closed.
func (l *Listener) Accept() (*Socket, error) {
	if l.closed {
		return nil, eBadFile
	}
	if err := l.stack.TakeFile(); err != nil {
		return nil, err
	}
	if len(l.queue) == 0 {
		l.stack.files--
		l.blocked = true
		return nil, eAgain
	}
	s := l.queue[0]
	l.queue = l.queue[:copy(l.queue, l.queue[1:])]
	s.listener = nil
	return s, nil
}

// Readable says whether Accept would not return EAGAIN.
func (l *Listener) Readable() bool { return l.closed || len(l.queue) > 0 }

// Close stops listening. Connections that nobody accepted are reset. A second Close returns EBADF.
func (l *Listener) Close() error {
	if l.closed {
		return eBadFile
	}
	l.stack.files--
	l.end()
	return nil
}

// end closes it without regard to descriptors.
func (l *Listener) end() {
	l.closed = true
	l.Waiter = nil
	delete(l.stack.listeners, l.port)
	for _, s := range l.queue {
		s.listener = nil
		s.abrupt = true
		s.leave()
	}
	l.queue = nil
	for s := l.stack.firstEnd; s != nil; {
		after := s.after
		if s.listener == l { // still shaking hands
			s.vanish()
		}
		s = after
	}
}

// full says whether one more connection is one too many. Linux compares so that a backlog of n holds n+1.
func (l *Listener) full() bool { return len(l.queue)+l.pending > l.backlog }

// offer puts a connection whose handshake is done in the queue.
func (l *Listener) offer(s *Socket) {
	l.pending--
	l.queue = append(l.queue, s)
	if l.blocked && l.Waiter != nil {
		l.blocked = false
		l.Waiter.Wake()
	}
}
