package netmodel

import "time"

// flow is one direction of a connection: what its sender wrote, how far that has got, and how far each side
// knows of it. Offsets count bytes from the start of the stream.
//
// Invariants: acked <= arrived <= sent <= written; read <= arrived; sent <= edge. The ring holds the bytes from
// read to written. The queue holds the segments that the sender does not know to have arrived, the oldest
// first; their ordinals run from first on, and all before next have arrived in order.
//
// No event tells the sender of an acknowledgement that it does not wait for. Each segment knows when its
// acknowledgement will have come, and settle takes in what has come by now.
type flow struct {
	ring  ring
	queue segments

	written, sent, acked uint64 // the sender's view
	arrived, read        uint64 // the receiver's
	edge                 uint64 // how far the sender may send, as it knows
	announced            uint64 // how far the receiver last let it
	updates              [2]update

	first, next uint32 // ordinals of segments
	sendBuffer  uint32
	window      uint32 // the receiver's buffer

	key         uint64 // luck of this direction's packets
	draws, acks uint64 // packets and acknowledgements judged so far

	timerAt time.Duration // when evTimer is due; 0 is never
	awaited time.Duration // when evAck is due; 0 is not
	lastAt  time.Duration // the latest arrival so far: a RST does not overtake
	trip    time.Duration // smoothed round trip
	retries uint8         // of the oldest segment, so far
	known   uint32        // lost segments before this ordinal are known to be, since a timeout
	news    bool          // something was acknowledged since the timer was set
	sacking bool          // evSack is under way
	owed    bool          // the latest window update was lost
	finSent bool
	finDone bool // FIN is known to have arrived
	ended   bool // FIN has arrived, in order
}

// update is a window update under way to the sender.
type update struct {
	at   time.Duration // 0 is none
	edge uint64
}

// room is how many bytes more the send buffer takes.
func (f *flow) room() int { return int(f.sendBuffer) - int(f.written-f.acked) }

// settle takes in the acknowledgements and window updates that have come by now.
func (f *flow) settle(now time.Duration) {
	for f.queue.n > 0 {
		s := f.queue.at(0)
		if s.ackAt > int64(now) {
			break
		}
		f.acked = s.end
		f.finDone = f.finDone || s.fin
		f.retries, f.news = 0, true
		f.queue.pop()
		f.first++
	}
	for i := range f.updates {
		if u := &f.updates[i]; u.at != 0 && u.at <= now {
			f.edge = max(f.edge, u.edge)
			u.at = 0
		}
	}
}

// append puts written bytes in the ring.
func (n *Network) append(f *flow, p []byte) {
	if need := int(f.written-f.read) + len(p); need > len(f.ring) {
		bigger := ring(n.bytes.take(max(need, 256)))
		if held := int(f.written - f.read); held > 0 {
			at := int(f.read) & (len(f.ring) - 1)
			k := min(held, len(f.ring)-at)
			bigger.put(f.read, f.ring[at:at+k])
			bigger.put(f.read+uint64(k), f.ring[:held-k])
		}
		n.bytes.give(f.ring)
		f.ring = bigger
	}
	f.ring.put(f.written, p)
	f.written += uint64(len(p))
}

// discard forgets what was written beyond an offset, and returns the ring once it holds nothing.
func (n *Network) discard(f *flow, beyond uint64) {
	f.written = min(f.written, max(beyond, f.read))
	if f.written == f.read && f.ring != nil {
		n.bytes.give(f.ring)
		f.ring = nil
	}
}

// push sends what the window and the queue allow, and FIN after the last byte.
func (s *Socket) push(now time.Duration) {
	f := &s.out
	for f.sent < f.written && f.queue.n < maxSegments {
		size := min(f.written-f.sent, f.edge-f.sent, maxSegment)
		if size == 0 || s.nagle && size < mss && f.queue.n > 0 && !s.closing {
			break
		}
		f.sent += size
		s.send(segment{end: f.sent}, now)
	}
	if s.closing && !f.finSent && f.sent == f.written && f.queue.n < maxSegments {
		f.finSent = true
		s.send(segment{end: f.sent, fin: true}, now)
	}
	if f.owed && s.stalled() {
		s.doubt(now)
	}
	if s.listens() {
		s.awaitAck(now)
	}
}

// send sends a new segment.
func (s *Socket) send(g segment, now time.Duration) {
	f := &s.out
	g.sentAt, g.ackAt = int64(now), int64(never)
	f.queue.push(&s.stack.net.queues, g)
	s.transmit(f.queue.n-1, now)
}

// transmit sends the segment at that place of the queue, for the first time or again.
func (s *Socket) transmit(i uint32, now time.Duration) {
	n, f := s.stack.net, &s.out
	g := f.queue.at(i)
	size := int(g.end - f.acked)
	if i > 0 {
		size = int(g.end - f.queue.at(i-1).end)
	}
	g.sentAt = int64(now)
	f.draws++
	fate := n.judge(s.path, s.conn, f.key, f.draws, size, now)
	was := g.state
	switch fate.verdict {
	case arrives:
		f.lastAt = max(f.lastAt, fate.at)
		n.launch(fate, s.event(evSegment, f.first+i))
		if was != arrived {
			g.state = underway
		}
		return
	case holds:
		if was == missing || was == underway {
			g.state = jammed
			n.launch(fate, s.event(evSegment, f.first+i))
		}
	case drops:
		if was == underway {
			g.state = missing
		}
	}
	if n.Observer != nil {
		n.sawSegment(s, i, fate.reason())
	}
	s.setTimer(now + f.timeout())
}

// kind is what a segment is to an observer.
func (g *segment) kind() PacketKind {
	if g.fin {
		return FIN
	}
	return Data
}

// listens says whether an acknowledgement would change anything now: then it comes as an event.
func (s *Socket) listens() bool {
	f := &s.out
	return s.writeBlocked || f.sent < f.written || f.timerAt != 0 || s.closing
}

// awaitAck has the next acknowledgement or window update come as an event, if one is under way. If none is,
// the arrival of a segment sees to it.
func (s *Socket) awaitAck(now time.Duration) {
	f := &s.out
	at := never
	if f.queue.n > 0 {
		at = time.Duration(f.queue.at(0).ackAt)
	}
	for _, u := range f.updates {
		if u.at != 0 {
			at = min(at, u.at)
		}
	}
	if at != never && (f.awaited == 0 || at < f.awaited) && s.state != gone {
		f.awaited = max(at, now)
		s.stack.net.world.Schedule(f.awaited, s.event(evAck, 0))
	}
}

// ackArrives is an acknowledgement that this end waits for.
func (n *Network) ackArrives(s *Socket) {
	f, now := &s.out, n.world.Now()
	if f.awaited == now {
		f.awaited = 0
	}
	if !s.stack.Up() || s.state == gone || s.state == connecting {
		return
	}
	f.settle(now)
	if f.timerAt != 0 && f.news {
		s.recover(now)
	}
	s.push(now)
	if f.room() > int(f.sendBuffer)/3 {
		s.wakeWriter()
	}
	if s.closing {
		s.settleClose(now)
	}
}

// flowKey is the luck of one direction of a connection.
func (p *path) flowKey(ordinal uint64, side uint64) uint64 {
	s := p.luck.Numbered(ordinal<<1 | side)
	return s.Uint64()
}
