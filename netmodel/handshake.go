package netmodel

import (
	"syscall"
	"time"
)

// Connect begins a connection to a port of a host. Where it succeeds, the connection is under way
// (Linux says EINPROGRESS): Connected tells how it ended, and WriteWaiter is woken then. Errors:
// ErrUnknownHost, EADDRNOTAVAIL when no local port is free, EMFILE, EINVAL for a port that is none, ENETDOWN on
// a dark host. What Connected may tell: ECONNREFUSED; ETIMEDOUT after 127 s of silence; EHOSTUNREACH after 3 s
// if the host stands dark on the same site.
func (s *Stack) Connect(host string, port int) (*Socket, error) {
	n := s.net
	to := n.names[host]
	switch {
	case to == nil:
		return nil, ErrUnknownHost
	case port < 0 || port > 65535:
		return nil, syscall.EINVAL
	case !s.Up():
		return nil, syscall.ENETDOWN
	}
	if err := s.TakeFile(); err != nil {
		return nil, err
	}
	now := n.world.Now()
	local := s.takePort(peerKey(to.id, uint16(port)), now)
	if local == 0 {
		s.files--
		return nil, syscall.EADDRNOTAVAIL
	}
	c := n.newConn(s, to, now)
	e := &c.ends[0]
	e.port, e.ephemeral, e.state = local, true, connecting
	c.ends[1].port = uint16(port)
	c.ends[1].closed = true // until it is somebody's
	s.link(e)
	n.sendSYN(e, now)
	return e, nil
}

// takePort finds a local port for a connection; 0 is none.
func (s *Stack) takePort(peer uint64, now time.Duration) uint16 {
	if r := s.exhausted[Ports]; r != nil {
		r.touched(nil)
		return 0
	}
	return s.ports.take(peer, s.limits.Ports, now, s.listeners)
}

// newConn makes a connection of which no kernel knows anything yet.
func (n *Network) newConn(from, to *Stack, now time.Duration) *conn {
	n.serial++
	c := &conn{serial: n.serial, began: now}
	if last := len(n.free) - 1; last >= 0 {
		c.slot, n.free = n.free[last], n.free[:last]
		n.conns[c.slot] = c
	} else {
		c.slot = uint32(len(n.conns))
		n.conns = append(n.conns, c)
	}
	n.counts.Connections++
	way := from.path(to)
	way.opened++
	for side, stacks := range [2][2]*Stack{{from, to}, {to, from}} {
		e := &c.ends[side]
		*e = Socket{conn: c, side: uint8(side), stack: stacks[0], path: stacks[0].path(stacks[1]), keepAlive: KeepAlive{}.filled(), heard: now}
		f := &e.out
		f.key = way.flowKey(way.opened, uint64(side))
		f.sendBuffer = uint32(stacks[0].limits.SendBuffer)
		f.window = uint32(stacks[1].limits.ReceiveBuffer)
		f.edge = uint64(f.window)
		f.announced = f.edge
	}
	return c
}

// handshake sends a packet of the handshake from an end and says whether it is on its way.
func (n *Network) handshake(s *Socket, kind PacketKind, e Event, now time.Duration) bool {
	s.out.draws++
	fate := n.judge(s.path, s.conn, s.out.key, s.out.draws, 0, now)
	n.launch(fate, e)
	if fate.verdict != arrives && n.Observer != nil {
		n.saw(s, kind, fate.reason())
	}
	return fate.verdict == arrives
}

// came tells the observer of a packet of the handshake at r; it says whether r's machine takes it.
func (n *Network) came(s, r *Socket, kind PacketKind, dropped string) bool {
	if !r.stack.Up() {
		dropped = "dark"
	}
	if dropped != "" {
		n.counts.Dropped++
	}
	if n.Observer != nil {
		n.saw(s, kind, dropped)
	}
	return dropped == ""
}

// sendSYN asks for the connection. The timer runs only if nothing can come of it.
func (n *Network) sendSYN(s *Socket, now time.Duration) {
	s.conn.synAt = now
	if !n.handshake(s, SYN, s.event(evSYN, 0), now) {
		n.awaitSYN(s, now)
	}
}

// awaitSYN has the SYN sent again when its time is over.
func (n *Network) awaitSYN(s *Socket, now time.Duration) {
	s.setTimer(max(now, s.conn.synAt+synTimeout<<s.out.retries))
}

// retrySYN sends the SYN again, or gives up.
func (n *Network) retrySYN(s *Socket, now time.Duration) {
	if s.out.retries >= synRetries {
		s.fail(eTimedOut)
		return
	}
	s.out.retries++
	n.counts.Retransmitted++
	n.sendSYN(s, now)
}

// synArrives is the SYN at the machine asked.
func (n *Network) synArrives(s *Socket) {
	r, now := s.peer(), n.world.Now()
	if !r.stack.Up() {
		n.came(s, r, SYN, "dark")
		if s.stack.site == r.stack.site && !s.darkPeer && s.state == connecting {
			s.darkPeer = true
			n.world.Schedule(now+neighbourFail, s.event(evUnreachable, 0))
		}
		n.awaitSYN(s, now)
		return
	}
	l := r.stack.listeners[r.port]
	switch {
	case r.state == shaking:
		n.came(s, r, SYN, "")
		n.sendSYNACK(r, now)
	case r.state == established || r.listener != nil || s.state != connecting:
		n.came(s, r, SYN, "") // a copy that comes late
	case l == nil:
		n.came(s, r, SYN, "")
		if !n.handshake(r, RST, s.event(evReset, 0), now) {
			n.awaitSYN(s, now)
		}
	case n.ignores(l):
		n.came(s, r, SYN, "backlog")
		n.awaitSYN(s, now)
	default:
		n.came(s, r, SYN, "")
		r.state, r.listener = shaking, l
		r.closed = false
		r.out.retries, r.heard = 0, now
		r.stack.link(r)
		l.pending++
		n.sendSYNACK(r, now)
	}
}

// ignores says whether the accept queue is full, by itself or by a rule.
func (n *Network) ignores(l *Listener) bool {
	if r := l.stack.exhausted[Backlog]; r != nil {
		r.touched(nil)
		return true
	}
	return l.full()
}

// sendSYNACK answers a SYN. If it is lost, both ends may repeat theirs.
func (n *Network) sendSYNACK(r *Socket, now time.Duration) {
	if !n.handshake(r, SYNACK, r.peer().event(evSYNACK, 0), now) {
		n.awaitSYN(r.peer(), now)
		r.setTimer(now + synTimeout<<r.out.retries)
	}
}

// retrySYNACK repeats it, or forgets the half-open connection.
func (n *Network) retrySYNACK(r *Socket, now time.Duration) {
	if r.out.retries >= synAckRetries {
		r.vanish()
		r.peer().doubt(now)
		return
	}
	r.out.retries++
	n.counts.Retransmitted++
	n.sendSYNACK(r, now)
}

// synAckArrives opens the connection at the end that asked for it.
func (n *Network) synAckArrives(s *Socket) {
	r, now := s.peer(), n.world.Now()
	if !n.came(r, s, SYNACK, "") {
		if s.state == connecting {
			n.awaitSYN(s, now)
		}
		r.setTimer(now + synTimeout<<r.out.retries)
		return
	}
	switch s.state {
	case gone:
		n.sendReset(s, now)
		return
	case connecting:
		s.state = established
		f := &s.out
		f.retries, f.timerAt, s.soft = 0, 0, 0
		s.heard = now
		f.trip = now - s.conn.synAt
		r.out.trip = f.trip
		s.wakeWriter()
		s.doubtIfSuspicious(now)
	}
	if r.state == established {
		return
	}
	if !n.handshake(s, ACK, s.event(evHandshook, 0), now) {
		r.setTimer(now + synTimeout<<r.out.retries)
	}
}

// handshakeEnds is the last packet of the handshake, at the end that was asked.
func (n *Network) handshakeEnds(s *Socket) {
	r := s.peer()
	if !n.came(s, r, ACK, "") {
		return
	}
	switch r.state {
	case shaking:
		r.shaken()
	case gone:
		if s.state == established {
			n.sendReset(r, n.world.Now())
		}
	}
}

// shaken opens the connection at the end that was asked, and offers it to Accept.
func (s *Socket) shaken() {
	s.state = established
	s.out.retries, s.out.timerAt = 0, 0
	s.heard = s.stack.net.world.Now()
	s.listener.offer(s)
	s.doubtIfSuspicious(s.heard)
}

// neighbourFails ends a connection attempt to a machine of the own site that has not answered for its address.
func (n *Network) neighbourFails(s *Socket) {
	s.darkPeer = false
	if s.state == connecting && s.stack.Up() && !s.peer().stack.Up() {
		s.fail(eUnreachable)
	}
}
