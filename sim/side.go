package sim

import (
	"net"
	"os"
	"slices"
	"time"
)

// side is one direction of a socket: which tasks wait for it, and until when. It is a netmodel.Waiter.
type side struct {
	life     *life
	closed   *bool
	waiting  []*task
	deadline time.Duration // true time; 0 is none
	passed   bool
	timer    timerID
}

// Wake implements netmodel.Waiter: trying again may help.
func (s *side) Wake() {
	for _, t := range s.waiting {
		s.life.host.world.wake(t)
	}
	s.waiting = s.waiting[:0]
}

// alive is why the task may not use the socket at all.
func (s *side) alive(t *task) error {
	if t.cancelled {
		return t.interrupted()
	}
	if *s.closed {
		return net.ErrClosed
	}
	return nil
}

// fit is why the task may not read or write now.
func (s *side) fit(t *task) error {
	if s.passed && !t.cancelled && !*s.closed {
		return os.ErrDeadlineExceeded
	}
	return s.alive(t)
}

// wait parks the task until something has changed.
func (s *side) wait(t *task) {
	if !slices.Contains(s.waiting, t) {
		s.waiting = append(s.waiting, t)
	}
	t.park()
}

// set sets the deadline. A passed one may be set anew.
func (s *side) set(at time.Duration, none bool) {
	w := s.life.host.world
	s.passed = false
	if none {
		s.deadline = 0
		return
	}
	if at <= w.now {
		s.deadline, s.passed = 0, true
		s.Wake()
		return
	}
	if s.timer != 0 && w.timers[s.timer].absolute > at {
		w.disarm(s.timer)
		s.timer = 0
	}
	s.deadline = at
	if s.timer == 0 {
		s.timer = s.life.armAt(at, s)
	}
}

// expire is the side's timer. A deadline that was moved on meanwhile is only looked at now, so that
// setting one anew for every message costs no event.
func (s *side) expire(w *World) {
	s.timer = 0
	switch {
	case s.deadline == 0:
	case s.deadline > w.now:
		s.timer = s.life.armAt(s.deadline, s)
	default:
		s.passed = true
		s.Wake()
	}
}

// end lets whoever waits see that the socket is closed.
func (s *side) end() {
	s.Wake()
	if s.timer != 0 {
		s.life.host.world.disarm(s.timer)
		s.timer = 0
	}
}
