package sim

import (
	"context"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/sim/disk"
)

// diskWaiter lets the tasks of a life wait for the host's disk. It is a disk.Waiter.
type diskWaiter struct{ life *life }

// diskWait is a task that waits for an operation.
type diskWait struct {
	op   *disk.Op
	task *task
}

// FS is the host's disk as this life's process sees it.
func (e *env) FS() nodes.FS { return e.fs }

// openDisk starts the life's process on the disk.
func (l *life) openDisk() {
	h := l.host
	p, err := h.disk.Process(".")
	if err != nil {
		panic("sim: a disk without a root: " + err.Error())
	}
	p.Acquire, p.Release = h.stack.TakeFile, h.stack.DropFile
	l.process = p
	l.env.fs = p.FS(diskWaiter{l})
}

func (d diskWaiter) Now() time.Duration { return d.life.host.world.now }

// Wait parks the task until the operation is due, whatever the disk's troubles make of that meanwhile.
func (d diskWaiter) Wait(o *disk.Op) error {
	t := d.life.current()
	h := d.life.host
	if err := t.interrupted(); err != nil {
		return err
	}
	begin, end := moments(o.Kind)
	if begin != "" {
		h.world.reach(h, begin, o)
	}
	h.diskWaits = append(h.diskWaits, diskWait{o, t})
	for h.world.now < o.Due() && !t.cancelled {
		if o.Due() == disk.Never {
			t.park()
			continue
		}
		t.expired = false
		id := d.life.armAt(o.Due(), t)
		t.park()
		if !t.expired {
			h.world.disarm(id)
		}
	}
	h.diskWaits = slices.DeleteFunc(h.diskWaits, func(w diskWait) bool { return w.op == o })
	if t.cancelled {
		return context.Canceled
	}
	if end != "" {
		h.world.reach(h, end, o)
	}
	if (o.Kind == disk.Write || o.Kind == disk.Truncate || o.Kind == disk.Remove) && h.world.trace.wants() {
		h.world.record(h.Name, "disk", "", o.String(), 0)
	}
	return nil
}

// moments are the names of an operation's beginning and end, for faults that wait for them.
func moments(k disk.Kind) (begin, end string) {
	switch k {
	case disk.Sync, disk.SyncDir:
		return "sync-begin", "sync-end"
	case disk.Rename:
		return "rename", ""
	}
	return "", ""
}

// diskChanged wakes the task whose operation is due at another time now.
func (h *Host) diskChanged(o *disk.Op) {
	for _, w := range h.diskWaits {
		if w.op == o {
			h.world.wake(w.task)
		}
	}
}
