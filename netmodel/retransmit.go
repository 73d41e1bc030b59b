package netmodel

import "time"

// timeout is how long the oldest segment's acknowledgement is waited for.
func (f *flow) timeout() time.Duration { return f.backoff(f.retries) }

// backoff is the timeout after so many that came to nothing.
func (f *flow) backoff(n uint8) time.Duration {
	return min(min(minRTO+f.trip, maxRTO)<<min(n, 16), maxRTO)
}

// setTimer starts the retransmission timer if it does not run.
func (s *Socket) setTimer(at time.Duration) {
	if f := &s.out; f.timerAt == 0 && s.state != gone {
		f.timerAt, f.news = at, false
		s.stack.net.world.Schedule(at, s.event(evTimer, 0))
	}
}

// recover restarts the timer after an acknowledgement, or ends it if nothing is missing. What was known
// to be lost at the last timeout is sent again.
func (s *Socket) recover(now time.Duration) {
	f := &s.out
	f.timerAt = 0
	for i := uint32(0); i < f.queue.n && int32(f.known-(f.first+i)) > 0; i++ {
		if f.queue.at(i).state == missing {
			s.again(i, now)
		}
	}
	if f.troubled() {
		s.setTimer(now + f.timeout())
	}
}

// again sends a segment once more.
func (s *Socket) again(i uint32, now time.Duration) {
	s.out.queue.at(i).again = true
	s.stack.net.counts.Retransmitted++
	s.transmit(i, now)
}

// troubled says whether some segment will not be acknowledged by itself.
func (f *flow) troubled() bool {
	for i := range f.queue.n {
		if g := f.queue.at(i); g.state == missing || g.state == jammed || g.state == arrived && i < f.next-f.first && g.ackAt == int64(never) {
			return true
		}
	}
	return false
}

// timerFires sends the oldest segment again, after what was lost was not made good in time.
func (n *Network) timerFires(s *Socket) {
	f, now := &s.out, n.world.Now()
	if f.timerAt != now || !s.stack.Up() {
		return // moved on, or frozen: then it fires at the thaw
	}
	f.timerAt = 0
	switch s.state {
	case connecting:
		n.retrySYN(s, now)
		return
	case shaking:
		n.retrySYNACK(s, now)
		return
	case gone:
		return
	}
	f.settle(now)
	if !f.troubled() {
		return
	}
	limit := uint8(maxRetries)
	if s.closed {
		limit = orphanRetries
	}
	if f.retries >= limit {
		s.timeOut(now)
		return
	}
	if g := f.queue.at(0); g.state != underway && g.ackAt == int64(never) {
		f.retries++
		f.known = f.first + f.queue.n
		s.again(0, now)
	}
	s.setTimer(now + f.timeout())
}
