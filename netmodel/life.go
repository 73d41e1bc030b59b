package netmodel

import (
	"maps"
	"slices"
	"time"
)

// KillProcess ends the host's process as kill -9 does: its descriptors are closed by a kernel that lives on. What
// was written is still sent, then FIN; RST goes to those whose bytes were not read, to those not yet
// accepted, and in answer to what comes later. Sockets of the process must not be used any more.
func (s *Stack) KillProcess() {
	for _, port := range slices.Sorted(maps.Keys(s.listeners)) {
		s.listeners[port].end()
	}
	for _, port := range slices.Sorted(maps.Keys(s.packets)) {
		s.packets[port].end()
	}
	var open []*Socket
	for e := s.firstEnd; e != nil; e = e.after {
		if !e.closed {
			open = append(open, e)
		}
	}
	for _, e := range open {
		e.leave()
	}
	s.files = 0
}

// PowerOff is darkness: the machine says nothing more and everything its kernel knew is gone. What it had sent is
// still under way. Doing it to a dark machine is nothing.
func (s *Stack) PowerOff() {
	if !s.up {
		return
	}
	s.up, s.frozen = false, false
	now := s.net.world.Now()
	for _, l := range s.listeners {
		l.closed, l.Waiter, l.queue = true, nil, nil
	}
	clear(s.listeners)
	for _, port := range slices.Sorted(maps.Keys(s.packets)) {
		s.packets[port].end()
	}
	for e := s.firstEnd; e != nil; e = s.firstEnd {
		if e.state == gone {
			e.leave()
			continue
		}
		e.closed = true
		e.ReadWaiter, e.WriteWaiter = nil, nil
		peer := e.peer()
		e.vanish()
		peer.doubt(now)
	}
	s.ports.forget()
	s.files = 0
}

// Boot gives a dark machine power again. It knows of no connection and answers RST to old ones.
func (s *Stack) Boot() { s.up = true }

// FreezeMachine stops the whole machine, kernel included, as the migration of a virtual machine does: it is
// silent, and acknowledges nothing, until ThawMachine.
func (s *Stack) FreezeMachine() {
	if !s.Up() {
		return
	}
	now := s.net.world.Now()
	s.frozen, s.since = true, now
	for e := s.firstEnd; e != nil; e = e.after {
		e.peer().doubt(now)
	}
}

// ThawMachine lets a frozen machine go on. Its timers that are overdue fire at once; what came meanwhile is
// lost.
func (s *Stack) ThawMachine() {
	if !s.frozen {
		return
	}
	s.frozen = false
	now := s.net.world.Now()
	for e := s.firstEnd; e != nil; {
		after := e.after // thawing may end it
		if e.state != gone {
			e.thaw(s.since, now)
		}
		e = after
	}
}

// thaw sorts out what an end missed from one time to another.
func (s *Socket) thaw(from, now time.Duration) {
	f, world := &s.out, s.stack.net.world
	f.settle(from)
	missed := false
	for i := range f.queue.n {
		if g := f.queue.at(i); g.ackAt <= int64(now) {
			g.ackAt, missed = int64(never), true
		}
	}
	for i := range f.updates {
		if u := &f.updates[i]; u.at != 0 && u.at <= now {
			u.at, f.owed = 0, true
			f.announced = f.edge
		}
	}
	if f.timerAt != 0 && f.timerAt <= now {
		f.timerAt = 0
		s.setTimer(now)
	} else if missed {
		s.setTimer(now)
	}
	if f.awaited != 0 && f.awaited <= now {
		f.awaited = 0
	}
	if s.probeAt != 0 && s.probeAt <= now {
		s.probeAt = now
		world.Schedule(now, s.event(evProbe, 0))
	}
	if s.state == established {
		s.stack.net.ackArrives(s)
		s.doubtIfSuspicious(now)
	}
}

// resetConnections resets every connection over the rule's links.
func (n *Network) resetConnections(in *Installed) {
	for _, c := range n.conns {
		if c == nil {
			continue
		}
		a, b := c.ends[0].stack, c.ends[1].stack
		if a == b || !in.links(a, b) && !in.links(b, a) {
			continue
		}
		hit := false
		for i := range c.ends {
			if s := &c.ends[i]; s.stack.Up() && s.state != gone {
				hit = true
				n.reset(s)
			}
		}
		if hit {
			in.touched(c)
		}
	}
}
