package osenv

import (
	"context"
	"time"
)

// cond is a condition: a list of waiting tasks in the order in which they came.
type cond struct {
	host        *Host
	first, last *task
}

// Wait implements nodes.Cond.
func (c *cond) Wait() error {
	t, err := c.host.running()
	if err != nil {
		return err
	}
	c.wait(t, -1)
	if t.cancelled {
		return context.Canceled
	}
	return nil
}

// WaitFor implements nodes.Cond.
func (c *cond) WaitFor(d time.Duration) bool {
	t, err := c.host.running()
	if err != nil {
		return false
	}
	return c.wait(t, max(d, 0)) && !t.cancelled
}

// wait parks t until a signal, a Cancel, or d. It says whether there was a signal. One that comes to a
// cancelled task goes on to the next, so that none is lost.
func (c *cond) wait(t *task, d time.Duration) bool {
	c.push(t)
	defer c.remove(t)
	t.park(d)
	if t.signalled && t.cancelled {
		c.Signal()
	}
	return t.signalled
}

// Signal implements nodes.Cond.
func (c *cond) Signal() {
	if t := c.first; t != nil {
		c.remove(t)
		t.signalled = true
		wakeup{t}.interrupt()
	}
}

// Broadcast implements nodes.Cond.
func (c *cond) Broadcast() {
	for c.first != nil {
		c.Signal()
	}
}

func (c *cond) push(t *task) {
	t.waiting, t.signalled = c, false
	t.prev, t.next = c.last, nil
	if c.last == nil {
		c.first = t
	} else {
		c.last.next = t
	}
	c.last = t
}

func (c *cond) remove(t *task) {
	if t.waiting != c {
		return
	}
	if t.prev == nil {
		c.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		c.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.waiting, t.prev, t.next = nil, nil, nil
}
