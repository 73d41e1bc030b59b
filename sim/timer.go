package sim

import (
	"time"

	"simrun/nodes"
)

// expirer is what a timer is for.
type expirer interface{ expire(w *World) }

// timer is something that is due by a host's monotonic clock. Slots are numbered from 1 and used again;
// an event that names an older serial than its slot's is stale.
type timer struct {
	serial uint32
	life   *life
	due    nodes.Instant
	// absolute, if not zero, is the true time at which it is due instead: disks and cores do not ask a clock.
	absolute time.Duration
	what     expirer
}

// timerID names an armed timer; zero is none.
type timerID uint32

// arm lets what expire once d has passed on the host's monotonic clock.
func (l *life) arm(d time.Duration, what expirer) timerID {
	w := l.host.world
	id := w.freeTimer()
	t := &w.timers[id]
	t.life, t.what = l, what
	t.due = l.host.clock.Mono(w.now).Add(max(d, 0))
	w.scheduleTimer(id)
	return id
}

// armAt lets what expire at a true time, whatever the host's clock says.
func (l *life) armAt(at time.Duration, what expirer) timerID {
	w := l.host.world
	id := w.freeTimer()
	t := &w.timers[id]
	t.life, t.what, t.absolute = l, what, at
	w.scheduleTimer(id)
	return id
}

func (w *World) freeTimer() timerID {
	if n := len(w.spareTimers); n > 0 {
		id := w.spareTimers[n-1]
		w.spareTimers = w.spareTimers[:n-1]
		return id
	}
	w.timers = append(w.timers, timer{})
	return timerID(len(w.timers) - 1)
}

// disarm makes an armed timer never expire.
func (w *World) disarm(id timerID) {
	t := &w.timers[id]
	t.serial++
	t.life, t.what, t.absolute = nil, nil, 0
	w.spareTimers = append(w.spareTimers, id)
}

// scheduleTimer finds when the timer's host will read its due time. A frozen clock never does; when it
// is changed, rescheduleTimers looks again.
func (w *World) scheduleTimer(id timerID) {
	t := &w.timers[id]
	t.serial++
	if t.absolute != 0 {
		w.schedule(max(t.absolute, w.now), evTimer, uint32(id), uint64(t.serial))
		return
	}
	if at, ok := t.life.host.clock.TrueAt(w.now, t.due); ok {
		w.schedule(at, evTimer, uint32(id), uint64(t.serial))
	}
}

func (w *World) fireTimer(id timerID, serial uint64) {
	t := &w.timers[id]
	if uint64(t.serial) != serial {
		return
	}
	what := t.what
	w.disarm(id)
	what.expire(w)
}

// rescheduleTimers follows a change of a host's clock.
func (w *World) rescheduleTimers(h *Host) {
	for id := range w.timers {
		if t := &w.timers[id]; t.life != nil && t.life.host == h {
			w.scheduleTimer(timerID(id))
		}
	}
}

// dropTimers forgets the timers of a dead life.
func (w *World) dropTimers(l *life) {
	for id := range w.timers {
		if w.timers[id].life == l {
			w.disarm(timerID(id))
		}
	}
}

// afterFunc is a call that is to come, in a task of its own.
type afterFunc struct {
	life *life
	id   timerID
	f    func()
}

func (a *afterFunc) expire(*World) {
	a.id = 0
	a.life.start("after", a.f)
}

// Stop implements nodes.Timer.
func (a *afterFunc) Stop() bool {
	if a.id == 0 || a.life.dead {
		return false
	}
	a.life.host.world.disarm(a.id)
	a.id = 0
	return true
}
