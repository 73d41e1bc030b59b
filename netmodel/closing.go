package netmodel

import (
	"syscall"
	"time"
)

// finish ends this end's direction: FIN follows the last byte.
func (s *Socket) finish() {
	if s.closing {
		return
	}
	s.closing = true
	s.active = !s.in().ended
	s.push(s.stack.net.world.Now())
	s.wakeWriter()
}

// leave is the process giving up its descriptor, by Close or by its death.
func (s *Socket) leave() {
	s.closed = true
	s.ReadWaiter, s.WriteWaiter = nil, nil
	in := s.in()
	switch s.state {
	case gone:
		if s.peer().state == gone { // else its kernel still counts on what it sent
			s.stack.net.discard(in, in.read)
		}
		s.stack.unlink(s)
	case connecting, shaking:
		s.vanish()
	case established:
		if s.abrupt || in.arrived > in.read {
			s.abort()
			return
		}
		s.finish()
		s.settleClose(s.stack.net.world.Now())
	}
}

// settleClose looks whether both directions are done, after a FIN has arrived or been acknowledged.
func (s *Socket) settleClose(now time.Duration) {
	switch {
	case !s.out.finDone || s.state != established:
	case s.in().ended:
		s.inTimeWait = s.active
		s.vanish()
	case s.closed && !s.waitsForFIN:
		s.waitsForFIN = true
		s.stack.net.world.Schedule(now+finWaitTimeout, s.event(evFinWait, 0))
	}
}

// finWaitEnds gives up waiting for the FIN of a peer that has our own.
func (n *Network) finWaitEnds(s *Socket) {
	if s.state == established && s.closed {
		s.vanish()
		s.peer().doubt(n.world.Now())
	}
}

// abort sends RST and forgets the connection; an end that knows nothing of it answers so too.
func (s *Socket) abort() {
	n := s.stack.net
	n.sendReset(s, n.world.Now())
	s.vanish()
}

// sendReset sends RST to the peer. It does not overtake what was sent before.
func (n *Network) sendReset(s *Socket, now time.Duration) {
	p := s.peer()
	s.out.draws++
	fate := n.judge(s.path, s.conn, s.out.key, s.out.draws, 0, now)
	fate.at, fate.again = max(fate.at, s.out.lastAt+1), 0
	n.launch(fate, p.event(evReset, 0))
	if fate.verdict != arrives {
		if n.Observer != nil {
			n.saw(s, RST, fate.reason())
		}
		p.doubt(now)
	}
}

// resetArrives is a RST at this end.
func (n *Network) resetArrives(s *Socket) {
	r := s.peer()
	if n.came(r, s, RST, "") {
		n.reset(s)
	} else if s.state == connecting {
		n.awaitSYN(s, n.world.Now())
	}
}

// reset ends a connection at one end, as a RST does.
func (n *Network) reset(s *Socket) {
	switch s.state {
	case connecting:
		s.fail(eRefused)
	case shaking:
		s.vanish()
	case established:
		s.fail(s.resetError())
	}
}

// resetError is how a RST is told: EPIPE to one who has heard the peer's FIN and not yet answered it.
func (s *Socket) resetError() syscall.Errno {
	if s.in().ended && !s.closing {
		return ePipe
	}
	return eReset
}

// timeOut gives the connection up after too long a silence. The peer is not told.
func (s *Socket) timeOut(now time.Duration) {
	err := eTimedOut
	if s.soft != 0 {
		err = s.soft
	}
	s.fail(err)
	s.peer().doubt(now)
}

// fail ends the connection at this end with an error to be told.
func (s *Socket) fail(err syscall.Errno) {
	s.err = err
	s.vanish()
	s.wakeReader()
	s.wakeWriter()
}

// vanish makes this end's kernel forget the connection, without a word to the peer. What has been received stays
// readable, for as long as the process holds its descriptor; what was under way still arrives.
func (s *Socket) vanish() {
	if s.state == gone {
		return
	}
	if s.state == shaking {
		s.listener.pending--
		s.listener, s.closed = nil, true
	}
	n, c := s.stack.net, s.conn
	s.state = gone
	if s.closed {
		s.stack.unlink(s)
	}
	if s.ephemeral {
		s.stack.ports.release(s.tuple(), n.world.Now(), s.inTimeWait)
	}
	s.out.timerAt, s.probeAt = 0, 0
	n.discard(&s.out, s.out.sent)
	if s.peer().state == gone {
		n.release(c)
	}
}

// tuple names this end's connection among its host's ports.
func (s *Socket) tuple() tuple {
	return tuple{peer: peerKey(s.peer().stack.id, s.peer().port), local: s.port}
}

// release frees what is left of a connection that both kernels have forgotten, but for what a process may still
// read.
func (n *Network) release(c *conn) {
	n.conns[c.slot] = nil
	n.free = append(n.free, c.slot)
	n.counts.Connections--
	for i := range c.ends {
		f, reader := &c.ends[i].out, &c.ends[i^1]
		n.queues.give(f.queue.buf)
		f.queue = segments{}
		if reader.closed {
			n.discard(f, f.read)
		} else {
			n.discard(f, f.arrived)
		}
	}
}
