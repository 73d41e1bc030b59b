package sim

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// task is a running piece of a node: a coroutine while it lives.
//
// Invariant: a task is in exactly one of these places: not yet started, running (w.running), ready
// (w.ready, or its host's frozen list), parked (something will wake it), done.
type task struct {
	life      *life
	id        uint32
	name      string
	f         func()
	co        *coroutine
	index     int // in life.tasks
	ready     bool
	done      bool
	cancelled bool
	expired   bool          // its timer fired
	resumed   time.Duration // when it last went on
	joiners   []*task
}

// start makes a task of the life. It runs when the world comes to it.
func (l *life) start(name string, f func()) *task {
	w := l.host.world
	w.lastTask++
	t := &task{life: l, id: w.lastTask, name: name, f: f, index: len(l.tasks)}
	l.tasks = append(l.tasks, t)
	w.wake(t)
	return t
}

// wake makes a parked task ready to look again at what it waits for. Waking a ready one changes nothing.
func (w *World) wake(t *task) {
	if t.ready || t.done {
		return
	}
	t.ready = true
	if h := t.life.host; h.paused() {
		h.frozen = append(h.frozen, t)
		h.delayed++
		return
	}
	w.ready = append(w.ready, t)
}

// drain runs what is ready at this instant, in an order that the seed decides, until nothing is.
func (w *World) drain() {
	for {
		if len(w.doomed) > 0 {
			w.bury()
			continue
		}
		n := len(w.ready)
		if n == 0 {
			return
		}
		i := 0
		if n > 1 {
			i = w.pick.Below(n)
		}
		t := w.ready[i]
		w.ready[i] = w.ready[n-1]
		w.ready = w.ready[:n-1]
		if h := t.life.host; h.paused() {
			h.frozen = append(h.frozen, t)
			h.delayed++
			continue
		}
		if t.done { // woken by its own last doing, such as the Close of what it had waited for
			continue
		}
		w.resume(t)
		if w.burst++; w.burst > w.livelock {
			w.findLivelock(t)
			return
		}
	}
}

// resume lets a task run until it gives way or ends.
func (w *World) resume(t *task) {
	w.trace.step(w.now, stepResume, uint64(t.id))
	if w.trace.close() {
		w.record(t.life.host.Name, "task", "", t.name+" goes on", 0)
	}
	t.ready = false
	if t.co == nil {
		t.co = w.coroutine()
		t.co.task = t
	}
	t.resumed = w.now
	w.running = t
	w.progress.running.Store(t)
	t.co.next()
	w.running = nil
	if t.done {
		w.retire(t)
	}
}

// run is the task's whole life on its coroutine.
func (t *task) run() {
	returned := false
	defer func() {
		t.done = true
		if returned {
			return
		}
		if reason := recover(); reason != nil {
			t.life.host.world.findPanic(t, fmt.Sprint(reason), string(debug.Stack()))
		}
	}()
	t.f()
	returned = true
}

// retire takes a task that ended by itself off its life's list and frees its coroutine.
func (w *World) retire(t *task) {
	w.forget(t)
	co := t.co
	t.co, t.f, co.task = nil, nil, nil
	w.idle = append(w.idle, co)
}

func (w *World) forget(t *task) {
	l := t.life
	last := len(l.tasks) - 1
	l.tasks[t.index] = l.tasks[last]
	l.tasks[t.index].index = t.index
	l.tasks[last] = nil
	l.tasks = l.tasks[:last]
	for _, j := range t.joiners {
		w.wake(j)
	}
	t.joiners = nil
}

// unwind ends a task of a life that is dead: its blocking call does not return, and its deferred
// functions run against a dead host, where nothing that they do has an effect.
func (w *World) unwind(t *task) {
	before := w.running
	w.running = t
	if t.co != nil {
		t.co.unwind()
	}
	w.running = before
	t.done, t.co, t.f = true, nil, nil
}

// park gives way until the task is woken. Callers look again at what they wait for: a wake is a hint.
func (t *task) park() {
	if t.life.dead {
		runtime.Goexit()
	}
	t.co.giveWay()
}

// await parks until the task's timer expires or the task is cancelled.
func (t *task) await(id timerID) {
	t.expired = false
	for !t.expired && !t.cancelled {
		t.park()
	}
	if !t.expired {
		t.life.host.world.disarm(id)
	}
}

// until parks until a true time, whatever the host's clock says; cancelled tasks come back sooner.
func (t *task) until(at time.Duration) {
	w := t.life.host.world
	if at <= w.now {
		return
	}
	t.await(t.life.armAt(at, t))
}

// interrupted is context.Canceled once the task is cancelled.
func (t *task) interrupted() error {
	if t.cancelled {
		return context.Canceled
	}
	return nil
}

// expire is the task's timer: it marks that the time has come.
func (t *task) expire(w *World) {
	t.expired = true
	w.wake(t)
}

// Cancel implements nodes.Task.
func (t *task) Cancel() {
	if t.life.dead || t.done {
		return
	}
	t.cancelled = true
	t.life.host.world.wake(t)
}

// Join implements nodes.Task.
func (t *task) Join() error {
	self := t.life.current()
	for !t.done {
		if err := self.interrupted(); err != nil {
			return err
		}
		if !slices.Contains(t.joiners, self) {
			t.joiners = append(t.joiners, self)
		}
		self.park()
	}
	return self.interrupted()
}

// current is the running task, which must be one of this life's. It does not return on a dead host.
func (l *life) current() *task {
	t := l.host.world.running
	if l.dead {
		runtime.Goexit()
	}
	if t == nil || t.life != l {
		panic("sim: a blocking call of Env from outside its host's tasks")
	}
	return t
}
