package gearman

import (
	"slices"

	"simrun/nodes"
)

// turns lets no more than so many posts of a worker work at a time, in the order in which they asked.
//
// Invariant: somebody waits only while free is zero.
type turns struct {
	env  nodes.Env
	free int
	line []*turn
}

// turn is one post's right to work.
type turn struct {
	of     *turns
	held   bool
	called nodes.Cond
}

// take waits until the turn is held.
func (t *turn) take() error {
	if t.held {
		return nil
	}
	if t.of.free > 0 {
		t.of.free--
		t.held = true
		return nil
	}
	if t.called == nil {
		t.called = t.of.env.NewCond()
	}
	t.of.line = append(t.of.line, t)
	for !t.held {
		if err := t.called.Wait(); err != nil {
			t.leave()
			return err
		}
	}
	return nil
}

// leave ends a wait that was given up.
func (t *turn) leave() {
	if at := slices.Index(t.of.line, t); at >= 0 {
		t.of.line = slices.Delete(t.of.line, at, at+1)
	}
	t.give()
}

// give hands the turn, if it is held, to whoever waits longest.
func (t *turn) give() {
	if !t.held {
		return
	}
	t.held = false
	if len(t.of.line) == 0 {
		t.of.free++
		return
	}
	next := t.of.line[0]
	t.of.line = slices.Delete(t.of.line, 0, 1)
	next.held = true
	next.called.Signal()
}
