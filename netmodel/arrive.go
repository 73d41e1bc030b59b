package netmodel

import "time"

// segmentArrives is a segment of s's stream at the peer's machine.
func (n *Network) segmentArrives(s *Socket, ordinal uint32) {
	f, r, now := &s.out, s.peer(), n.world.Now()
	i := ordinal - f.first
	if i >= f.queue.n {
		return // a copy of what is acknowledged already
	}
	g, size := f.queue.at(i), f.sizeOf(i)
	if !r.stack.Up() {
		n.lostInTheDark(s, i, now)
		return
	}
	n.counts.Messages++
	n.counts.Bytes += uint64(size)
	if n.Observer != nil {
		n.sawSegment(s, i, "")
	}
	if r.state == shaking {
		r.shaken()
	}
	fresh := g.state != arrived
	if r.state == gone && !r.inTimeWait || fresh && r.closed && size > 0 {
		if g.state = missing; s.state != gone {
			s.setTimer(max(now, time.Duration(g.sentAt)+f.timeout())) // in case the RST does not get there
		}
		r.abort() // nobody will ever read this
		return
	}
	r.heard = max(r.heard, now)
	g.state = arrived
	before := f.next
	f.advance()
	n.acknowledge(s, i, now)
	if f.next != before {
		r.wakeReader()
		if f.ended {
			r.settleClose(now)
		}
	}
}

// sizeOf is how many bytes the segment at that place of the queue has.
func (f *flow) sizeOf(i uint32) int {
	if i == 0 {
		return int(f.queue.at(0).end - f.acked)
	}
	return int(f.queue.at(i).end - f.queue.at(i-1).end)
}

// advance takes in what is in order now.
func (f *flow) advance() {
	for f.next-f.first < f.queue.n {
		g := f.queue.at(f.next - f.first)
		if g.state != arrived {
			return
		}
		f.arrived = g.end
		f.ended = f.ended || g.fin
		f.next++
	}
}

// lostInTheDark is a packet of s's at a machine that does not answer.
func (n *Network) lostInTheDark(s *Socket, i uint32, now time.Duration) {
	g := s.out.queue.at(i)
	n.counts.Dropped++
	if n.Observer != nil {
		n.sawSegment(s, i, "dark")
	}
	s.noNeighbour()
	if g.state != arrived {
		g.state = missing
	}
	s.setTimer(max(now, time.Duration(g.sentAt)+s.out.timeout()))
}

// noNeighbour notes that the peer's machine does not answer for its address, where one would hear it.
func (s *Socket) noNeighbour() {
	if s.stack.site == s.peer().stack.site {
		s.soft = eUnreachable
	}
}

// acknowledge sends s an acknowledgement of all that has arrived in order, the segment at place i having come just
// now, in order or not.
func (n *Network) acknowledge(s *Socket, i uint32, now time.Duration) {
	f := &s.out
	if s.state == gone {
		for f.first != f.next {
			f.acked = f.queue.at(0).end
			f.queue.pop()
			f.first++
		}
		return
	}
	f.acks++
	fate := n.judge(s.peer().path, s.conn, f.key^ackSalt, f.acks, 0, now)
	if fate.verdict != arrives {
		if fate.verdict == holds {
			n.launch(fate, s.event(evHeldAck, f.next))
		}
		s.setTimer(max(now, time.Duration(f.queue.at(i).sentAt)+f.timeout()))
		return
	}
	f.acknowledged(fate.at, i)
	if f.read+uint64(f.window)-f.announced >= uint64(f.window)/2 {
		f.announce(fate.at, now)
	}
	s.heard = max(s.heard, fate.at)
	s.soft = 0
	if s.listens() {
		s.awaitAck(now)
	}
	if i >= f.next-f.first && f.queue.at(f.next-f.first).state == missing && !f.sacking {
		f.sacking = true
		n.world.Schedule(fate.at, s.event(evSack, f.first+i))
	}
}

// ackSalt sets the luck of acknowledgements apart from that of the packets that they are for.
const ackSalt = 0x9e3779b97f4a7c15

// acknowledged notes that the sender will know at that time of all that is in order.
func (f *flow) acknowledged(at time.Duration, i uint32) {
	if g := f.queue.at(i); !g.again && i < f.next-f.first {
		sample := at - time.Duration(g.sentAt)
		if f.trip == 0 {
			f.trip = sample
		}
		f.trip += (sample - f.trip) / 8
	}
	for k := f.next - f.first; k > 0; k-- {
		g := f.queue.at(k - 1)
		if g.ackAt <= int64(at) {
			return
		}
		g.ackAt = int64(at)
	}
}

// sackArrives tells the sender that a later segment came while earlier ones are lost, so that they are sent again
// without waiting for a timeout.
func (n *Network) sackArrives(s *Socket, ordinal uint32) {
	f, now := &s.out, n.world.Now()
	f.sacking = false
	if !s.stack.Up() || s.state != established {
		return
	}
	f.settle(now)
	for i := uint32(0); i < f.queue.n && int32(ordinal-(f.first+i)) > 0; i++ {
		if f.queue.at(i).state == missing {
			s.again(i, now)
		}
	}
}

// heldAckArrives is an acknowledgement that a jam held, of all segments before that ordinal.
func (n *Network) heldAckArrives(s *Socket, before uint32) {
	f, now := &s.out, n.world.Now()
	if !s.stack.Up() || s.state == gone || int32(before-f.first) <= 0 || before-f.first > f.queue.n {
		return
	}
	for k := before - f.first; k > 0; k-- {
		g := f.queue.at(k - 1)
		g.ackAt = min(g.ackAt, int64(now))
	}
	s.heard = max(s.heard, now)
	n.ackArrives(s)
}

// take gives p what has arrived, and lets the sender send more.
func (s *Socket) take(f *flow, p []byte) int {
	n := min(len(p), int(f.arrived-f.read))
	f.ring.get(f.read, p[:n])
	f.read += uint64(n)
	if f.read == f.written {
		s.stack.net.discard(f, f.read)
	}
	if f.read+uint64(f.window)-f.announced >= uint64(f.window)/2 && !f.ended {
		s.updateWindow(f)
	}
	return n
}

// updateWindow tells the sender how much room there is.
func (s *Socket) updateWindow(f *flow) {
	sender := s.peer()
	if s.state == gone || sender.state == gone {
		return
	}
	n := s.stack.net
	now := n.world.Now()
	f.acks++
	fate := n.judge(s.path, s.conn, f.key^ackSalt, f.acks, 0, now)
	if fate.verdict != arrives {
		f.owed = true
		sender.doubt(now)
		return
	}
	f.announce(fate.at, now)
	if sender.listens() {
		sender.awaitAck(now)
	}
}

// announce puts a window update on its way, to be there at that time.
func (f *flow) announce(at, now time.Duration) {
	f.announced = f.read + uint64(f.window)
	f.owed = false
	for i := range f.updates {
		u := &f.updates[i]
		if u.at != 0 && u.at <= now {
			f.edge, u.at = max(f.edge, u.edge), 0
		}
		if u.at == 0 {
			*u = update{at: at, edge: f.announced}
			return
		}
	}
	last := &f.updates[len(f.updates)-1]
	*last = update{at: max(at, last.at), edge: f.announced}
}
