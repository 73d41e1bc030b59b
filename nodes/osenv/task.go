package osenv

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"simrun/nodes"
)

// task is a goroutine of a host.
//
// Invariants, under the host's lock: waiting is the condition whose list the task is in, or nil. blocked is what
// its blocking call can be woken by, nil outside of one. A token lies in wake only while the task is parked.
type task struct {
	host      *Host
	name      string
	cancelled bool
	ended     bool
	joiners   cond

	wake    chan struct{} // of capacity one
	timer   *time.Timer   // of the task's Sleep and WaitFor, made at the first
	blocked interrupter

	waiting    *cond
	prev, next *task // in waiting's list
	signalled  bool

	halt atomic.Bool // cancelled or dead, for Work, which looks without the lock
}

// interrupter is a blocking call that can be ended early. interrupt is called under the lock.
type interrupter interface{ interrupt() }

// start makes a task. The lock is held.
func (h *Host) start(name string, f func(*task)) *task {
	t := h.newTask(name)
	if !h.dead {
		h.tasks[t] = struct{}{}
		go t.run(f)
	}
	return t
}

func (h *Host) newTask(name string) *task {
	t := &task{host: h, name: name, ended: h.dead, wake: make(chan struct{}, 1)}
	t.joiners.host = h
	return t
}

// run is the whole life of the task's goroutine.
func (t *task) run(f func(*task)) {
	t.host.mu.Lock()
	defer t.end()
	if t.host.dead {
		return
	}
	t.host.current = t
	f(t)
}

// end lets go of the lock when f has returned or was unwound. A panic goes on with the lock held: nothing of the node
// runs between it and the crash.
func (t *task) end() {
	if v := recover(); v != nil {
		panic(v)
	}
	h := t.host
	t.ended = true
	delete(h.tasks, t)
	t.joiners.Broadcast()
	h.current = nil
	if h.dead && len(h.tasks) == 0 {
		close(h.gone)
	}
	h.mu.Unlock()
}

// running is the task that called, at the start of a blocking call. If the host is dead it does not
// return, and if the task was cancelled it says so.
func (h *Host) running() (*task, error) {
	if h.dead {
		runtime.Goexit()
	}
	if h.current.cancelled {
		return h.current, context.Canceled
	}
	return h.current, nil
}

// leave gives way: from here to enter the task runs beside the others and may not touch the host. What
// can be woken by a Cancel is told by what it blocks in.
func (t *task) leave(blocked interrupter) {
	t.blocked = blocked
	t.host.mu.Unlock()
}

// enter takes the lock back and says whether the host still lives. If it does not, the caller closes what
// it has got and calls runtime.Goexit.
func (t *task) enter() bool {
	t.host.mu.Lock()
	t.host.current = t
	t.blocked = nil
	return !t.host.dead
}

// park gives way until the task is woken or, if d is not negative, d has passed.
func (t *task) park(d time.Duration) {
	t.leave(wakeup{t})
	switch {
	case d < 0:
		<-t.wake
	case d == 0:
		runtime.Gosched()
	default:
		t.await(d)
	}
	alive := t.enter()
	select { // it may have been woken after its time was up
	case <-t.wake:
	default:
	}
	if !alive {
		runtime.Goexit()
	}
}

func (t *task) await(d time.Duration) {
	if t.timer == nil {
		t.timer = time.NewTimer(d)
	} else {
		t.timer.Reset(d)
	}
	select {
	case <-t.wake:
		t.timer.Stop()
	case <-t.timer.C:
	}
}

// wakeup ends a park.
type wakeup struct{ *task }

func (w wakeup) interrupt() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// interrupt ends the task's blocking call early, if it is in one that can be.
func (t *task) interrupt() {
	t.halt.Store(true)
	if t.blocked != nil {
		t.blocked.interrupt()
	}
}

// Cancel implements nodes.Task.
func (t *task) Cancel() {
	if t.cancelled || t.ended || t.host.dead {
		return
	}
	t.cancelled = true
	t.interrupt()
}

// Join implements nodes.Task.
func (t *task) Join() error {
	for !t.ended {
		if err := t.joiners.Wait(); err != nil {
			return err
		}
	}
	_, err := t.host.running()
	return err
}

// timer is a call that is to come.
type timer struct {
	host *Host
	real *time.Timer
	over bool // fired or stopped: decided under the lock
}

func (h *Host) afterFunc(d time.Duration, f func()) nodes.Timer {
	m := &timer{host: h}
	if h.dead {
		m.over = true
		return m
	}
	m.real = time.AfterFunc(max(d, 0), func() { m.fire(f) })
	h.open[m] = struct{}{}
	return m
}

// fire is the timer's goroutine, which becomes the task.
func (m *timer) fire(f func()) {
	h := m.host
	h.mu.Lock()
	if m.over || h.dead {
		h.mu.Unlock()
		return
	}
	m.over = true
	delete(h.open, m)
	t := h.newTask("timer")
	h.tasks[t] = struct{}{}
	h.mu.Unlock()
	t.run(func(*task) { f() })
}

// Stop implements nodes.Timer.
func (m *timer) Stop() bool {
	if m.over {
		return false
	}
	m.over = true
	m.real.Stop()
	delete(m.host.open, m)
	return true
}

// Close lets a dying host drop the timer.
func (m *timer) Close() error {
	m.over = true
	m.real.Stop()
	return nil
}
