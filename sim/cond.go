package sim

import (
	"slices"
	"time"
)

// cond implements nodes.Cond. Waiting tasks stand in the order in which they came.
type cond struct {
	life    *life
	waiting []*task
}

func (c *cond) Wait() error {
	t := c.life.current()
	if err := t.interrupted(); err != nil {
		return err
	}
	c.waiting = append(c.waiting, t)
	for !t.cancelled && slices.Contains(c.waiting, t) {
		t.park()
	}
	c.passOn(t, !c.leave(t))
	return t.interrupted()
}

func (c *cond) WaitFor(d time.Duration) bool {
	t := c.life.current()
	if t.cancelled {
		return false
	}
	c.waiting = append(c.waiting, t)
	t.expired = false
	id := c.life.arm(d, t)
	for !t.cancelled && !t.expired && slices.Contains(c.waiting, t) {
		t.park()
	}
	if !t.expired {
		c.life.host.world.disarm(id)
	}
	signalled := !c.leave(t)
	c.passOn(t, signalled)
	return signalled && !t.cancelled
}

// passOn gives a signal that reached a cancelled task to the next one, so that none is lost.
func (c *cond) passOn(t *task, signalled bool) {
	if signalled && t.cancelled {
		c.Signal()
	}
}

// leave takes a task off the list that was not signalled, and says whether it was still there.
func (c *cond) leave(t *task) bool {
	i := slices.Index(c.waiting, t)
	if i < 0 {
		return false
	}
	c.waiting = slices.Delete(c.waiting, i, i+1)
	return true
}

func (c *cond) Signal() {
	if len(c.waiting) == 0 || c.life.dead {
		return
	}
	t := c.waiting[0]
	c.waiting = slices.Delete(c.waiting, 0, 1)
	c.life.host.world.wake(t)
}

func (c *cond) Broadcast() {
	if c.life.dead {
		return
	}
	for _, t := range c.waiting {
		c.life.host.world.wake(t)
	}
	clear(c.waiting)
	c.waiting = c.waiting[:0]
}
