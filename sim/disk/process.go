package disk

import (
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"
)

// Process is one life of a process that uses the disk: its root directory and its open files. Once it has
// exited, whether by kill -9 or with the machine, every operation of it fails with fs.ErrClosed.
type Process struct {
	// Acquire and Release, if not nil, count its descriptors against a limit: Acquire returns EMFILE
	// once there are too many.
	Acquire func() error
	Release func()

	disk   *Disk
	root   *inode
	files  []*File
	exited bool
}

// File is an open file description.
type File struct {
	inode   *inode
	process *Process
	name    string
	flag    int
	told    uint32 // the last error of writing back that it was told of
	closed  bool
}

// Info describes a file or a directory.
type Info struct {
	name     string
	size     int64
	mode     fs.FileMode
	modified time.Time
}

// Name is the last part of the name. Size is in bytes. ModTime is by the host's wall clock.
func (i Info) Name() string               { return i.name }
func (i Info) Size() int64                { return i.size }
func (i Info) Mode() fs.FileMode          { return i.mode }
func (i Info) Type() fs.FileMode          { return i.mode.Type() }
func (i Info) ModTime() time.Time         { return i.modified }
func (i Info) IsDir() bool                { return i.mode.IsDir() }
func (i Info) Sys() any                   { return nil }
func (i Info) Info() (fs.FileInfo, error) { return i, nil }

// Process starts a process whose names are relative to the directory root, "." for the whole disk.
// What of that directory is missing is made, durably.
func (d *Disk) Process(root string) (*Process, error) {
	if err := d.mkdirAll(d.root, 0, root, 0o755); err != nil {
		return nil, err
	}
	e, err := d.find(d.root, root)
	if err != nil {
		return nil, err
	}
	for n := e.dir; n != nil; n = n.dir.parent {
		d.commit(d.seq, n)
	}
	p := &Process{disk: d, root: e.to}
	d.processes = append(d.processes, p)
	return p, nil
}

// Exit ends the process: its descriptors are closed, its locks free, its operations abandoned. The
// page cache keeps what it wrote. Exiting twice is exiting once.
func (p *Process) Exit() {
	if p.exited {
		return
	}
	p.exited = true
	d := p.disk
	for _, o := range slices.Clone(d.inflight) {
		if o.process == p {
			o.Abandon()
		}
	}
	for len(p.files) > 0 {
		p.files[len(p.files)-1].Close()
	}
	d.processes = slices.DeleteFunc(d.processes, func(q *Process) bool { return q == p })
}

// OpenFiles is how many descriptors the process has.
func (p *Process) OpenFiles() int { return len(p.files) }

// BeginOpen opens a file with flags of package os; O_RDONLY, O_WRONLY, O_RDWR, O_CREATE, O_EXCL and
// O_TRUNC are known. A directory can be opened for reading, to sync it. The result is Op.File.
func (p *Process) BeginOpen(now time.Duration, name string, flag int, perm fs.FileMode) *Op {
	return p.begin(now, Op{Kind: Open, Name: name, flag: flag, perm: perm})
}

// BeginLock opens a file, created where it is missing, and locks it for itself alone: EWOULDBLOCK if
// another description has it. Closing Op.File frees it.
func (p *Process) BeginLock(now time.Duration, name string) *Op {
	return p.begin(now, Op{Kind: Lock, Name: name, flag: os.O_RDWR | os.O_CREATE, perm: 0o644})
}

// BeginRename gives what one name refers to another name, in place of what that referred to.
func (p *Process) BeginRename(now time.Duration, from, to string) *Op {
	return p.begin(now, Op{Kind: Rename, Name: from, to: to})
}

// BeginRemove takes away a file or an empty directory.
func (p *Process) BeginRemove(now time.Duration, name string) *Op {
	return p.begin(now, Op{Kind: Remove, Name: name})
}

// BeginMkdirAll makes a directory and those above it, where they are missing.
func (p *Process) BeginMkdirAll(now time.Duration, name string, perm fs.FileMode) *Op {
	return p.begin(now, Op{Kind: MkdirAll, Name: name, perm: perm})
}

// BeginReadDir lists a directory in the order of names. The result is Op.Entries.
func (p *Process) BeginReadDir(now time.Duration, name string) *Op {
	return p.begin(now, Op{Kind: ReadDir, Name: name})
}

// BeginStat describes what a name refers to. The result is Op.Info.
func (p *Process) BeginStat(now time.Duration, name string) *Op {
	return p.begin(now, Op{Kind: Stat, Name: name})
}

// BeginSyncDir makes the entries of a directory durable, as they are now.
func (p *Process) BeginSyncDir(now time.Duration, name string) *Op {
	return p.begin(now, Op{Kind: SyncDir, Name: name})
}

// BeginRead reads into data. Op.N is how many bytes were read, fewer than asked for at the file's end.
func (f *File) BeginRead(now time.Duration, data []byte, off int64) *Op {
	return f.process.begin(now, Op{Kind: Read, Name: f.name, file: f, data: data, off: off})
}

// BeginWrite writes data, which must stay as it is until the operation is finished. Op.N is how many
// bytes were written, fewer only with an error.
func (f *File) BeginWrite(now time.Duration, data []byte, off int64) *Op {
	return f.process.begin(now, Op{Kind: Write, Name: f.name, file: f, data: data, off: off})
}

// BeginTruncate gives the file another size.
func (f *File) BeginTruncate(now time.Duration, size int64) *Op {
	return f.process.begin(now, Op{Kind: Truncate, Name: f.name, file: f, off: size})
}

// BeginSync makes the file's bytes and size durable, as they are now.
func (f *File) BeginSync(now time.Duration) *Op {
	return f.process.begin(now, Op{Kind: Sync, Name: f.name, file: f})
}

// N is how many bytes were read or written.
func (o *Op) N() int { return o.n }

// File is what was opened, or nil.
func (o *Op) File() *File { return o.opened }

// Info is what Stat found.
func (o *Op) Info() Info { return o.info }

// Entries is what ReadDir found.
func (o *Op) Entries() []fs.DirEntry { return o.list }

// Size is the file's size in bytes.
func (f *File) Size() int64 { return f.inode.size() }

// Name is the name it was opened by.
func (f *File) Name() string { return f.name }

// Close closes the description. It returns fs.ErrClosed if it is closed.
func (f *File) Close() error {
	if f.closed {
		return fs.ErrClosed
	}
	f.closed = true
	p := f.process
	i := slices.Index(p.files, f)
	p.files = slices.Delete(p.files, i, i+1)
	if p.Release != nil {
		p.Release()
	}
	if f.inode.lock == f {
		f.inode.lock = nil
	}
	f.inode.opens--
	p.disk.release(f.inode)
	return nil
}

// finish does what an operation is to do.
func (p *Process) finish(now time.Duration, o *Op) (err error) {
	d := p.disk
	switch {
	case p.exited, o.file != nil && o.file.closed:
		return fs.ErrClosed
	case p.root.gone, o.file != nil && o.file.inode.gone:
		return syscall.EIO
	}
	switch o.Kind {
	case Open, Lock:
		o.opened, err = p.open(now, o)
	case Read:
		o.n, err = o.file.read(now, o.data, o.off)
	case Write:
		o.n, err = o.file.write(now, o.data, o.off)
	case Truncate:
		if !o.file.writable() || o.file.inode.dir != nil {
			return syscall.EINVAL
		}
		err = d.truncate(o.file.inode, now, o.off)
	case Sync:
		err = d.finishSync(now, o)
	case SyncDir:
		err = d.finishSyncDir(now, o)
	case Rename:
		err = d.rename(p.root, now, o.Name, o.to)
	case Remove:
		err = d.remove(p.root, now, o.Name)
	case MkdirAll:
		err = d.mkdirAll(p.root, now, o.Name, o.perm)
	case ReadDir:
		o.list, err = p.readDir(o.Name)
	case Stat:
		o.info, err = p.stat(o.Name)
	}
	return err
}

const knownFlags = os.O_RDONLY | os.O_WRONLY | os.O_RDWR | os.O_CREATE | os.O_EXCL | os.O_TRUNC

func (p *Process) open(now time.Duration, o *Op) (*File, error) {
	d := p.disk
	if o.flag&^knownFlags != 0 {
		return nil, syscall.EINVAL
	}
	if p.Acquire != nil {
		if err := p.Acquire(); err != nil {
			return nil, err
		}
	}
	n, err := p.lookup(now, o)
	if err == nil && o.Kind == Lock && n.lock != nil {
		err = syscall.EWOULDBLOCK
	}
	if err == nil && o.flag&os.O_TRUNC != 0 {
		err = d.truncate(n, now, 0)
	}
	if err != nil {
		if p.Release != nil {
			p.Release()
		}
		return nil, err
	}
	f := &File{inode: n, process: p, name: o.Name, flag: o.flag, told: n.failure.seq}
	if !n.failure.seen && f.told > 0 {
		f.told-- // nobody has been told yet: it will be
	}
	if o.Kind == Lock {
		n.lock = f
	}
	n.opens++
	p.files = append(p.files, f)
	return f, nil
}

// lookup finds the inode that a name to be opened refers to, creating it where that is asked for.
func (p *Process) lookup(now time.Duration, o *Op) (*inode, error) {
	e, err := p.disk.find(p.root, o.Name)
	switch {
	case err != nil:
		return nil, err
	case e.to == nil && o.flag&os.O_CREATE == 0:
		return nil, syscall.ENOENT
	case e.to == nil:
		return p.disk.create(now, e, false, o.perm)
	case o.flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return nil, syscall.EEXIST
	case e.to.dir != nil && o.flag != os.O_RDONLY:
		return nil, syscall.EISDIR
	}
	return e.to, nil
}

func (f *File) readable() bool { return f.flag&(os.O_WRONLY|os.O_RDWR) != os.O_WRONLY }
func (f *File) writable() bool { return f.flag&(os.O_WRONLY|os.O_RDWR) != 0 }

func (f *File) read(now time.Duration, data []byte, off int64) (int, error) {
	switch {
	case !f.readable():
		return 0, syscall.EBADF
	case f.inode.dir != nil:
		return 0, syscall.EISDIR
	}
	return f.process.disk.readAt(f.inode, now, data, off)
}

func (f *File) write(now time.Duration, data []byte, off int64) (int, error) {
	if !f.writable() {
		return 0, syscall.EBADF
	}
	f.process.disk.throttle(now)
	return f.process.disk.writeAt(f.inode, now, data, off)
}

func (p *Process) readDir(name string) ([]fs.DirEntry, error) {
	e, err := p.disk.find(p.root, name)
	switch {
	case err != nil:
		return nil, err
	case e.to == nil:
		return nil, syscall.ENOENT
	case e.to.dir == nil:
		return nil, syscall.ENOTDIR
	}
	names := e.to.list()
	entries := make([]fs.DirEntry, len(names))
	for i, name := range names {
		entries[i] = e.to.dir.now[name].info(name)
	}
	return entries, nil
}

func (p *Process) stat(name string) (Info, error) {
	e, err := p.disk.find(p.root, name)
	switch {
	case err != nil:
		return Info{}, err
	case e.to == nil:
		return Info{}, syscall.ENOENT
	case e.dir == nil:
		return e.to.info("."), nil
	}
	return e.to.info(e.name), nil
}

func (n *inode) info(name string) Info {
	return Info{name: name, size: n.size(), mode: n.mode, modified: n.modified}
}
