package disk

import (
	"errors"
	"io"
	"io/fs"
	"syscall"
	"time"

	"simrun/nodes"
)

// Waiter lets the task that calls wait for the disk.
type Waiter interface {
	// Now is true time.
	Now() time.Duration
	// Wait returns nil once the operation is due; it looks at Due again whenever Disk.Changed has told
	// of the operation. It returns an error if the task is not to wait for it any longer.
	Wait(*Op) error
}

// FS is the disk as the process's tasks see it.
func (p *Process) FS(w Waiter) nodes.FS { return view{p, w, nil} }

// FS is the disk as a new process sees it that waits for nothing: each operation is finished as soon as
// it is begun, while a clock of its own runs on by the time it takes. For tests.
func FS(d *Disk) nodes.FS {
	p, err := d.Process(".")
	if err != nil {
		panic("disk: a disk without a root: " + err.Error())
	}
	return p.FS(&instant{})
}

// instant is a Waiter whose time is moved by waiting.
type instant struct{ now time.Duration }

func (w *instant) Now() time.Duration { return w.now }

func (w *instant) Wait(o *Op) error {
	if o.Due() == Never {
		return errStalled
	}
	w.now = max(w.now, o.Due())
	return nil
}

var errStalled = errors.New("the disk is stalled, and nobody is there to wait")

type view struct {
	p     *Process
	w     Waiter
	after func(*Op) // if not nil, is told of each operation that has been finished
}

// do waits for an operation and finishes it.
func (v view) do(o *Op) error {
	if err := v.w.Wait(o); err != nil {
		o.Abandon()
		return err
	}
	if o.over {
		return fs.ErrClosed // the process ended meanwhile
	}
	err := o.Finish(v.w.Now())
	if v.after != nil {
		v.after(o)
	}
	return err
}

// dead says whether the process is gone; what its deferred functions still ask for has no effect.
func (v view) dead() bool { return v.p.exited }

func wrap(op, name string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// run carries out an operation that has no result.
func (v view) run(op, name string, begin func(now time.Duration) *Op) error {
	if v.dead() {
		return wrap(op, name, fs.ErrClosed)
	}
	o := begin(v.w.Now())
	err := v.do(o)
	v.p.disk.reuse(o)
	return wrap(op, name, err)
}

func (v view) OpenFile(name string, flag int, perm fs.FileMode) (nodes.File, error) {
	if v.dead() {
		return nil, wrap("open", name, fs.ErrClosed)
	}
	return v.opened("open", v.p.BeginOpen(v.w.Now(), name, flag, perm))
}

func (v view) opened(op string, o *Op) (*handle, error) {
	name := o.Name
	err := v.do(o)
	f := o.opened
	v.p.disk.reuse(o)
	if err != nil {
		return nil, wrap(op, name, err)
	}
	return &handle{v, f}, nil
}

func (v view) Rename(from, to string) error {
	return v.run("rename", from, func(now time.Duration) *Op { return v.p.BeginRename(now, from, to) })
}

func (v view) Remove(name string) error {
	return v.run("remove", name, func(now time.Duration) *Op { return v.p.BeginRemove(now, name) })
}

func (v view) MkdirAll(name string, perm fs.FileMode) error {
	return v.run("mkdir", name, func(now time.Duration) *Op { return v.p.BeginMkdirAll(now, name, perm) })
}

func (v view) SyncDir(name string) error {
	return v.run("sync", name, func(now time.Duration) *Op { return v.p.BeginSyncDir(now, name) })
}

func (v view) ReadDir(name string) (list []fs.DirEntry, err error) {
	if v.dead() {
		return nil, wrap("readdir", name, fs.ErrClosed)
	}
	o := v.p.BeginReadDir(v.w.Now(), name)
	err = v.do(o)
	list = o.list
	v.p.disk.reuse(o)
	return list, wrap("readdir", name, err)
}

func (v view) Stat(name string) (fs.FileInfo, error) {
	if v.dead() {
		return nil, wrap("stat", name, fs.ErrClosed)
	}
	o := v.p.BeginStat(v.w.Now(), name)
	err := v.do(o)
	info := o.info
	v.p.disk.reuse(o)
	if err != nil {
		return nil, wrap("stat", name, err)
	}
	return info, nil
}

func (v view) Lock(name string) (io.Closer, error) {
	if v.dead() {
		return nil, wrap("lock", name, fs.ErrClosed)
	}
	f, err := v.opened("lock", v.p.BeginLock(v.w.Now(), name))
	if err != nil {
		return nil, err
	}
	return f, nil
}

// handle is an open file as a task sees it.
type handle struct {
	v view
	f *File
}

func (h *handle) Name() string { return h.f.name }

func (h *handle) closed() bool { return h.f.closed }

func (h *handle) ReadAt(data []byte, off int64) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	if h.closed() {
		return 0, wrap("read", h.f.name, fs.ErrClosed)
	}
	o := h.f.BeginRead(h.v.w.Now(), data, off)
	err := h.v.do(o)
	n := o.n
	h.v.p.disk.reuse(o)
	if err == nil && n < len(data) {
		err = io.EOF
	}
	return n, wrap("read", h.f.name, err)
}

func (h *handle) WriteAt(data []byte, off int64) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	if h.closed() {
		return 0, wrap("write", h.f.name, fs.ErrClosed)
	}
	o := h.f.BeginWrite(h.v.w.Now(), data, off)
	err := h.v.do(o)
	n := o.n
	h.v.p.disk.reuse(o)
	return n, wrap("write", h.f.name, err)
}

func (h *handle) Truncate(size int64) error {
	return h.run("truncate", func(now time.Duration) *Op { return h.f.BeginTruncate(now, size) })
}

func (h *handle) Sync() error {
	return h.run("sync", func(now time.Duration) *Op { return h.f.BeginSync(now) })
}

func (h *handle) run(op string, begin func(now time.Duration) *Op) error {
	if h.closed() {
		return wrap(op, h.f.name, fs.ErrClosed)
	}
	return h.v.run(op, h.f.name, begin)
}

// Size never gives way and never fails on an open file.
func (h *handle) Size() (int64, error) {
	if h.closed() {
		return 0, wrap("stat", h.f.name, fs.ErrClosed)
	}
	if h.f.inode.gone {
		return 0, wrap("stat", h.f.name, syscall.EIO)
	}
	return h.f.Size(), nil
}

func (h *handle) Close() error { return wrap("close", h.f.name, h.f.Close()) }
