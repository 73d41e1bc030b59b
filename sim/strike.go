package sim

import (
	"slices"
	"time"
)

// Strike is a fault under way. Ending it undoes what it holds; it keeps count of what it did.
type Strike struct {
	effects func() int64
	end     func()
	ended   bool
	final   int64
}

// Effects is how much the strike did so far: processes it ended, wakes it delayed, readings it bent.
func (s *Strike) Effects() int64 {
	if s.ended {
		return s.final
	}
	return s.effects()
}

// End ends the strike. Ending it again changes nothing.
func (s *Strike) End() {
	if s.ended {
		return
	}
	s.final, s.ended = s.effects(), true
	if s.end != nil {
		s.end()
	}
}

// outsideTasks holds that strikes come between two steps, as lightning does: never from a node's own call.
func (w *World) outsideTasks() {
	if w.running != nil {
		panic("sim: a strike from inside a task")
	}
}

func happened(yes bool) func() int64 {
	if yes {
		return func() int64 { return 1 }
	}
	return func() int64 { return 0 }
}

// since counts what is added to a counter from now on.
func since(counter *int64) func() int64 {
	before := *counter
	return func() int64 { return *counter - before }
}

// Crash ends the process as kill -9 does; the kernel lives. Ending the strike starts it again.
func (h *Host) Crash() *Strike {
	h.world.outsideTasks()
	alive := h.life != nil
	down := h.goDown("crash")
	h.processHolds++
	if alive {
		h.noteUnsynced()
		h.endProcess()
	}
	return &Strike{effects: happened(alive), end: func() {
		h.processHolds--
		h.comeUp(down)
		h.settle("restart")
	}}
}

// noteUnsynced says that a process died between a write and its sync, although the page cache is kept.
func (h *Host) noteUnsynced() {
	if h.disk.Pending().Bytes > 0 {
		h.world.log.Occurred("died with write unsynced")
	}
}

// CrashMachine stops the machine as a kernel panic or a reset does. Ending the strike boots it.
func (h *Host) CrashMachine() *Strike {
	h.world.outsideTasks()
	up := h.machineUp
	down := h.goDown("crash-machine")
	h.machineHolds++
	h.settle("crash-machine")
	return &Strike{effects: happened(up), end: func() {
		h.machineHolds--
		h.comeUp(down)
		h.settle("boot")
	}}
}

// Pause stops the process as SIGSTOP does; the kernel goes on acknowledging and buffering.
func (h *Host) Pause() *Strike {
	h.world.outsideTasks()
	down := h.goDown("pause")
	h.pauseHolds++
	return &Strike{effects: since(&h.delayed), end: func() {
		h.pauseHolds--
		h.comeUp(down)
		h.thaw()
	}}
}

// PauseMachine stops the whole machine, as the migration of a virtual one does: silence while it lasts.
func (h *Host) PauseMachine() *Strike {
	h.world.outsideTasks()
	down := h.goDown("pause-machine")
	h.machinePauseHolds++
	if h.machinePauseHolds == 1 {
		h.stack.FreezeMachine()
	}
	return &Strike{effects: since(&h.delayed), end: func() {
		h.machinePauseHolds--
		h.comeUp(down)
		if h.machinePauseHolds == 0 {
			h.stack.ThawMachine()
		}
		h.thaw()
	}}
}

// thaw lets the tasks of a paused process run whose wakes came meanwhile.
func (h *Host) thaw() {
	if h.paused() {
		return
	}
	h.world.ready = append(h.world.ready, h.frozen...)
	clear(h.frozen)
	h.frozen = h.frozen[:0]
}

// stopGrace is how long a process that is asked to stop may take before it is killed.
const stopGrace = 10 * time.Second

// Stop asks the process to end (SIGTERM), and kills it after 10 s. Ending the strike starts it again.
func (h *Host) Stop() *Strike {
	h.world.outsideTasks()
	w := h.world
	l := h.life
	down := h.goDown("stop")
	h.processHolds++
	if l != nil {
		l.stopping = true
		l.stopped.Broadcast()
		h.wakeInbox()
		w.At(w.now+stopGrace, func() {
			if !l.dead {
				h.endProcess()
			}
		})
	}
	return &Strike{effects: happened(l != nil), end: func() {
		h.processHolds--
		h.comeUp(down)
		if l != nil && !l.dead {
			h.endProcess()
		}
		h.settle("start")
	}}
}

// SlowCPU makes every computation take as long as slowed says.
func (h *Host) SlowCPU(slowed func(time.Duration) time.Duration) *Strike {
	h.world.outsideTasks()
	d := &drag{slowed}
	h.drags = append(h.drags, d)
	return &Strike{effects: since(&h.worked), end: func() {
		h.drags = slices.DeleteFunc(h.drags, func(o *drag) bool { return o == d })
	}}
}

// drag is one thing that slows a host's cores down.
type drag struct {
	slowed func(time.Duration) time.Duration
}

// StepClock moves the wall clock at once. Ending the strike leaves it where it is; see CorrectClock.
func (h *Host) StepClock(by time.Duration) *Strike {
	h.world.outsideTasks()
	h.clock.Step(h.world.now, by)
	return &Strike{effects: since(&h.readings)}
}

// DriftClock makes the clocks fast by ppm parts per million, or slow, until the strike is ended.
func (h *Host) DriftClock(ppm int64) *Strike {
	return h.bend(func(now time.Duration) { h.clock.Drift(now, ppm) }, func(now time.Duration) { h.clock.Drift(now, 0) })
}

// SlewClock corrects the clocks by that much, at rate parts per million; 0 is the usual 500.
func (h *Host) SlewClock(by time.Duration, rate int64) *Strike {
	return h.bend(func(now time.Duration) { h.clock.Slew(now, by, rate) }, func(now time.Duration) { h.clock.Slew(now, 0, 0) })
}

// FreezeClock makes the clocks stand still until the strike is ended; then they run on from there.
func (h *Host) FreezeClock() *Strike {
	return h.bend(h.clock.Freeze, h.clock.Thaw)
}

func (h *Host) bend(start, end func(now time.Duration)) *Strike {
	h.world.outsideTasks()
	change := func(how func(now time.Duration)) {
		how(h.world.now)
		h.world.log.Strays(h.Name, h.clock.Astray())
		h.world.rescheduleTimers(h)
	}
	change(start)
	return &Strike{effects: since(&h.readings), end: func() {
		change(end)
	}}
}

// CorrectClock sets the wall clock right, as a time daemon does at its start.
func (h *Host) CorrectClock() { h.clock.Correct(h.world.now) }

// Feed gives the host power of its own while its site is dark, until the site's power is back.
func (h *Host) Feed() {
	if !h.Site.dark || h.fed {
		return
	}
	h.fed = true
	h.comeUp(h.darkness)
	h.settle("fed")
}
