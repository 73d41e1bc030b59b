package osenv

import (
	"context"
	"runtime"
	"time"
)

// half is one direction of a socket, or the accepting side of a listener. One task at a time is inside the
// kernel with it; others queue here, where a Cancel can reach them, and not inside package net, where none can.
//
// Invariants: owner is the task in the kernel. While broken is true, the socket's own deadline lies in the
// past to get the owner out, and deadline is what the node asked for.
type half struct {
	host     *Host
	owner    *task
	queue    cond
	deadline time.Time
	broken   bool
	closed   bool
	// set is the socket's own SetReadDeadline or SetWriteDeadline.
	set func(time.Time) error
}

var past = time.Unix(1, 0)

func (d *half) init(h *Host, set func(time.Time) error) {
	d.host, d.queue.host, d.set = h, h, set
}

// begin gives way, as the half's owner. Between begin and finish comes the system call.
func (d *half) begin() (*task, error) {
	t, err := d.host.running()
	if err != nil {
		return nil, err
	}
	for d.owner != nil && !d.closed {
		if err := d.queue.Wait(); err != nil {
			return nil, err
		}
	}
	d.owner = t
	t.leave(d)
	return t, nil
}

// finish takes the lock back after a system call that ended with err, and gives the error that the node is
// to see.
func (d *half) finish(t *task, err error) error {
	if !t.enter() {
		runtime.Goexit()
	}
	return d.release(t, err)
}

// release lets the next task in. What a call did before a Cancel counts: its error is nil.
func (d *half) release(t *task, err error) error {
	d.owner = nil
	if d.queue.first != nil {
		d.queue.Signal()
	}
	if d.broken {
		d.broken = false
		d.set(d.deadline)
	}
	if err != nil && t.cancelled {
		return context.Canceled
	}
	return err
}

// interrupt gets the owner out of the kernel.
func (d *half) interrupt() {
	d.broken = true
	d.set(past)
}

func (d *half) setDeadline(at time.Time) error {
	d.deadline = at
	if d.broken {
		return nil
	}
	return d.set(at)
}

// close lets those who queue meet the closed socket.
func (d *half) close() {
	d.closed = true
	d.queue.Broadcast()
}
