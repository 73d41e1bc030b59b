package netmodel

import "time"

// Probes go out to a silent peer: of keepalive, and to a closed window. While all is well they would be
// answered, so none are made then; an end begins to doubt its peer when a rule, a dark machine or a lost
// packet gives a reason, at the time when its next probe would have been due.

// doubt starts the probe timer if it does not run, or not soon enough for a closed window.
func (s *Socket) doubt(now time.Duration) {
	switch {
	case s.state != established:
	case s.stalled():
		if at := now + s.out.timeout(); s.probeAt == 0 || s.probeAt > at {
			s.setProbe(at)
		}
	case s.probeAt == 0 && !s.keepAlive.Off:
		if idle := s.keepAlive.Idle; now > s.heard {
			s.heard += (now - s.heard) / idle * idle // probes up to now have been answered
		}
		s.setProbe(s.heard + s.keepAlive.Idle)
	}
}

func (s *Socket) setProbe(at time.Duration) {
	s.probeAt = at
	s.stack.net.world.Schedule(at, s.event(evProbe, 0))
}

// doubtIfSuspicious is doubt with a reason.
func (s *Socket) doubtIfSuspicious(now time.Duration) {
	if s.suspicious() {
		s.doubt(now)
	}
}

// suspicious says whether a probe might go unanswered.
func (s *Socket) suspicious() bool {
	p, n := s.peer(), s.stack.net
	for _, way := range [2]*path{s.path, p.path} {
		if way.version != n.version {
			n.compile(way)
		}
		if way.blocked {
			return true
		}
	}
	return !p.stack.Up() || p.state == gone
}

// stalled says whether a closed window is all that keeps bytes from going out.
func (s *Socket) stalled() bool {
	return s.out.sent < s.out.written && s.out.queue.n == 0
}

// probeFires sends a probe if there is still a reason to.
func (n *Network) probeFires(s *Socket) {
	f, now := &s.out, n.world.Now()
	if s.probeAt != now || !s.stack.Up() {
		return // frozen: it fires at the thaw
	}
	s.probeAt = 0
	if s.state != established {
		return
	}
	f.settle(now)
	suspicious := s.suspicious()
	switch {
	case !suspicious && !(s.stalled() && f.owed):
		s.probes, s.heard = 0, max(s.heard, now)
	case s.stalled():
		if s.probes >= maxRetries {
			s.timeOut(now)
			return
		}
		s.probes++
		n.sendProbe(s, now)
		s.setProbe(now + f.backoff(s.probes))
	case s.keepAlive.Off:
	case f.queue.n > 0: // the retransmission timer sees to it
		s.setProbe(now + s.keepAlive.Interval)
	case now-s.heard < s.keepAlive.Idle:
		s.probes = 0
		s.setProbe(s.heard + s.keepAlive.Idle)
	case s.probes >= s.keepAlive.Count:
		n.sendReset(s, now)
		s.timeOut(now)
	default:
		s.probes++
		n.sendProbe(s, now)
		s.setProbe(now + s.keepAlive.Interval)
	}
}

// sendProbe asks the peer for a sign of life.
func (n *Network) sendProbe(s *Socket, now time.Duration) {
	n.handshake(s, Probe, s.event(evProbed, 0), now)
}

// probeArrives is a probe of s's at the peer's machine.
func (n *Network) probeArrives(s *Socket) {
	r, now := s.peer(), n.world.Now()
	if !n.came(s, r, Probe, "") {
		s.noNeighbour()
		return
	}
	if r.state == gone && !r.inTimeWait {
		n.sendReset(r, now)
		return
	}
	if s.state == gone {
		return
	}
	f := &s.out
	f.acks++
	fate := n.judge(r.path, s.conn, f.key^ackSalt, f.acks, 0, now)
	n.launch(fate, s.event(evProbeAck, 0))
	if fate.verdict == arrives {
		f.announce(fate.at, now)
	}
}

// probeAckArrives is the sign of life, and how much room the peer has.
func (n *Network) probeAckArrives(s *Socket) {
	if !s.stack.Up() || s.state != established {
		return
	}
	now := n.world.Now()
	s.probes, s.soft = 0, 0
	s.heard = max(s.heard, now)
	n.ackArrives(s)
}

// doubtAll gives every end whose path a new rule may block its reason.
func (n *Network) doubtAll() {
	now := n.world.Now()
	for _, stack := range n.stacks {
		for s := stack.firstEnd; s != nil; s = s.after {
			if s.state == established && s.probeAt == 0 {
				s.doubtIfSuspicious(now)
			}
		}
	}
}
