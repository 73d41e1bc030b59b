package sim

import (
	"iter"
	"runtime"
	"strings"
)

// coroutine runs one task after another on a stack of its own. Switching to it and back is the runtime's
// direct switch: no scheduler, no lock, nothing that the Go scheduler could decide.
type coroutine struct {
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	task  *task
	// goroutine is how stack dumps name it: "goroutine 23".
	goroutine string
}

func newCoroutine() *coroutine {
	c := &coroutine{}
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		c.goroutine = ownName()
		for {
			c.task.run()
			if !yield(struct{}{}) {
				return
			}
		}
	})
	return c
}

// ownName is how stack dumps name the goroutine that calls it.
func ownName() string {
	var buf [40]byte
	text := string(buf[:runtime.Stack(buf[:], false)])
	name, _, _ := strings.Cut(text, " [")
	return name
}

// giveWay returns when the coroutine is resumed. If it is stopped instead, it does not return: Goexit
// runs the deferred functions and cannot be recovered from, as a panic could.
func (c *coroutine) giveWay() {
	if !c.yield(struct{}{}) {
		runtime.Goexit()
	}
}

// unwind ends a coroutine in the middle of its task. It is done from a throwaway goroutine, because
// iter.Pull passes the Goexit on to whoever called stop.
func (c *coroutine) unwind() {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.stop()
	}()
	<-ended
}

// coroutine gives one that waits for a task.
func (w *World) coroutine() *coroutine {
	n := len(w.idle)
	if n == 0 {
		return newCoroutine()
	}
	c := w.idle[n-1]
	w.idle = w.idle[:n-1]
	return c
}
