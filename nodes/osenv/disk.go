package osenv

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"simrun/nodes"
)

// ErrNoDataDir is the end of every call on the disk of a host without one.
var ErrNoDataDir = errors.New("the host has no data directory")

// disk is the host's data directory. Its calls give way; each is one or a few system calls that nothing can
// interrupt, so that a Cancel takes hold at the next one.
type disk Host

var _ nodes.FS = (*disk)(nil)

// do runs a file call beside the other tasks. Its result is the truth even if the task was cancelled meanwhile.
func (h *Host) do(call func() error) error {
	t, err := h.running()
	if err != nil {
		return err
	}
	t.leave(nil)
	err = call()
	if !t.enter() {
		runtime.Goexit()
	}
	return err
}

// at runs a call on the data directory. Its errors are *fs.PathError.
func (d *disk) at(op, name string, call func(*os.Root) error) error {
	if d.root == nil {
		return &fs.PathError{Op: op, Path: name, Err: d.rootErr}
	}
	if name == "" {
		return &fs.PathError{Op: op, Path: name, Err: syscall.ENOENT} // package os has a text of its own for it
	}
	err := (*Host)(d).do(func() error { return call(d.root) })
	var link *os.LinkError
	if errors.As(err, &link) {
		return &fs.PathError{Op: op, Path: name, Err: link.Err}
	}
	return err
}

func (d *disk) OpenFile(name string, flag int, perm fs.FileMode) (nodes.File, error) {
	f, err := d.openFile(name, flag, perm, nil)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// openFile opens a file, readies it, and makes it die with the host.
func (d *disk) openFile(name string, flag int, perm fs.FileMode, ready func(*os.File) error) (*file, error) {
	h := (*Host)(d)
	var opened *file
	err := d.at("open", name, func(root *os.Root) error {
		real, err := root.OpenFile(name, flag, perm)
		if err != nil {
			return err
		}
		if ready != nil {
			if err := ready(real); err != nil {
				real.Close()
				return err
			}
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.adopt(real)
		opened = &file{host: h, name: name, real: real}
		return nil
	})
	return opened, err
}

func (d *disk) Rename(from, to string) error {
	return d.at("rename", from, func(root *os.Root) error { return rename(root, from, to) })
}

func (d *disk) Remove(name string) error {
	return d.at("remove", name, func(root *os.Root) error { return root.Remove(name) })
}

func (d *disk) MkdirAll(name string, perm fs.FileMode) error {
	err := d.at("mkdir", name, func(root *os.Root) error { return root.MkdirAll(name, perm) })
	if errors.Is(err, fs.ErrExist) { // a file is in the way, and nobody should take that for well
		return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
	}
	return err
}

func (d *disk) ReadDir(name string) (entries []fs.DirEntry, err error) {
	err = d.at("readdir", name, func(root *os.Root) error {
		dir, err := root.Open(name)
		if err != nil {
			return err
		}
		defer dir.Close()
		entries, err = dir.ReadDir(-1)
		return err
	})
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

func (d *disk) Stat(name string) (info fs.FileInfo, err error) {
	err = d.at("stat", name, func(root *os.Root) error {
		info, err = root.Stat(name)
		return err
	})
	return info, err
}

func (d *disk) SyncDir(name string) error {
	return d.at("sync", name, func(root *os.Root) error {
		dir, err := root.Open(name)
		if err != nil {
			return err
		}
		defer dir.Close()
		return dir.Sync()
	})
}

func (d *disk) Lock(name string) (io.Closer, error) {
	f, err := d.openFile(name, os.O_RDWR|os.O_CREATE, 0o644, func(real *os.File) error {
		if err := flock(real); err != nil {
			return &fs.PathError{Op: "lock", Path: name, Err: err}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// file is an open file description.
type file struct {
	host *Host
	name string
	real *os.File
}

func (f *file) Name() string { return f.name }

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	return f.transfer("read", p, off, f.real.ReadAt)
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	return f.transfer("write", p, off, f.real.WriteAt)
}

func (f *file) transfer(op string, p []byte, off int64, call func([]byte, int64) (int, error)) (int, error) {
	t, err := f.host.running()
	if err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, f.named(&fs.PathError{Op: op, Err: syscall.EINVAL})
	}
	t.leave(nil)
	n, err := call(p, off)
	if !t.enter() {
		runtime.Goexit()
	}
	return n, f.named(err)
}

// named puts the name in an error that the node knows the file by.
func (f *file) named(err error) error {
	if path, ok := err.(*fs.PathError); ok {
		path.Path = f.name
	}
	return err
}

func (f *file) Size() (size int64, err error) {
	err = f.host.do(func() error {
		info, err := f.real.Stat()
		if err == nil {
			size = info.Size()
		}
		return err
	})
	return size, f.named(err)
}

func (f *file) Truncate(size int64) error {
	return f.named(f.host.do(func() error {
		info, err := f.real.Stat()
		if err != nil {
			return err
		}
		grown := size - info.Size()
		if grown <= 0 || grown > mostPlaced {
			return f.real.Truncate(size)
		}
		if _, err = f.real.WriteAt(zeros[:grown], info.Size()); err != nil {
			_ = f.real.Truncate(info.Size()) // the disk is full: what was asked for is told, this is a courtesy
		}
		return err
	}))
}

// mostPlaced is the most that Truncate adds to a file by writing zeros. What is written there later has its place on
// the disk, so that its sync need not record a new one: that takes a fraction of the time. To the node it is the same.
const mostPlaced = 1 << 20

var zeros [mostPlaced]byte

// Sync makes the file's bytes and its size durable.
func (f *file) Sync() error {
	return f.named(f.host.do(func() error { return datasync(f.real) }))
}

func (f *file) Close() error {
	delete(f.host.open, f.real)
	return f.named(f.real.Close())
}
