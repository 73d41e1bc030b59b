package disk

import (
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Kind is what an operation does. Its String is the moment's name: "sync", "rename".
type Kind uint8

// The kinds of operations.
const (
	Open Kind = iota
	Read
	Write
	Truncate
	Sync
	SyncDir
	Rename
	Remove
	MkdirAll
	ReadDir
	Stat
	Lock
)

var kindNames = [...]string{"open", "read", "write", "truncate", "sync", "sync-dir", "rename", "remove",
	"mkdir", "readdir", "stat", "lock"}

func (k Kind) String() string { return kindNames[k] }

// Changes says whether operations of the kind change the disk.
func (k Kind) Changes() bool { return k != Read && k != ReadDir && k != Stat }

// Op is an operation under way. What it does, it does when it is finished: a process that dies before
// has not done it; a machine that dies before finds what it would have made durable in any state.
//
// Invariant: it is in its disk's list exactly from its beginning until it is finished or abandoned.
type Op struct {
	Kind Kind
	// Name is the name it was given, of a file or a directory; of a rename, the old one.
	Name string

	process *Process
	file    *File  // of Read, Write, Truncate, Sync
	target  *inode // of Sync and SyncDir
	over    bool
	to      string
	data    []byte
	off     int64
	flag    int
	perm    fs.FileMode
	mark    uint64    // of Sync and SyncDir: the last change that they make durable
	fails   *Fault    // of Sync and SyncDir: what makes them fail
	luck    [2]uint64 // drawn at the beginning, one for the time, one for a fault

	call  time.Duration // when the call's own part is over
	work  time.Duration // what the medium had to do at since, at full speed
	since time.Duration
	due   time.Duration

	// What came of it.
	n      int
	opened *File
	info   Info
	list   []fs.DirEntry
}

// Due is the moment of true time at which the operation can be finished; Never while the disk is
// stalled. Disk.Changed tells when it changes.
func (o *Op) Due() time.Duration { return o.due }

// String is the operation as a trace shows it.
func (o *Op) String() string {
	switch o.Kind {
	case Read, Write:
		return fmt.Sprintf("%s %s %d+%d", o.Kind, o.Name, o.off, len(o.data))
	case Rename:
		return fmt.Sprintf("rename %s to %s", o.Name, o.to)
	case Truncate:
		return fmt.Sprintf("truncate %s to %d", o.Name, o.off)
	}
	return o.Kind.String() + " " + o.Name
}

// begin starts an operation. Each takes two draws, whatever it is and whatever becomes of it.
func (p *Process) begin(now time.Duration, o Op) *Op {
	d := p.disk
	op := d.newOp()
	*op = o
	op.process = p
	op.luck = [2]uint64{d.luck.times.Uint64(), d.luck.times.Uint64()}
	op.call = now + d.o.Timing.Call.At(op.luck[0])
	op.since = op.call
	if op.work = d.work(op, now); op.work > 0 {
		op.work += min(d.lag(), Never-op.work)
	}
	d.schedule(op)
	if op.work > 0 {
		d.delayed()
	}
	d.inflight = append(d.inflight, op)
	return op
}

// work is what the medium has to do for an operation, at full speed.
func (d *Disk) work(o *Op, now time.Duration) time.Duration {
	t := d.o.Timing
	switch o.Kind {
	case Sync, SyncDir:
		if bytes, any := d.atSync(o); any {
			return t.Sync.At(o.luck[1]) + t.transfer(bytes)
		}
	case Read:
		if bytes := d.uncached(o.file.inode, now, o.off, int64(len(o.data))); bytes > 0 {
			return t.Read.At(o.luck[1]) + t.transfer(bytes)
		}
	case Write:
		var work time.Duration
		if bytes := d.halfCached(o.file.inode, now, o.off, int64(len(o.data))); bytes > 0 {
			work = t.Read.At(o.luck[1]) + t.transfer(bytes)
		}
		if d.dirty > int64(d.o.DirtyLimit) {
			work += t.Sync.At(o.luck[1]) + t.transfer(d.dirty)
		}
		return work
	case Truncate:
		if bytes := d.halfCached(o.file.inode, now, o.off, 0); bytes > 0 {
			return t.Read.At(o.luck[1]) + t.transfer(bytes)
		}
	default:
		if e, err := d.find(o.process.root, o.Name); err == nil && e.to != nil && e.to.cached != d.boot {
			e.to.cached = d.boot
			return t.Read.At(o.luck[1])
		}
	}
	return 0
}

// schedule reckons when an operation is due, at the medium's present speed.
func (d *Disk) schedule(o *Op) {
	o.due = o.since + min(d.speed.needs(o.work), Never-o.since)
}

// pace makes the medium work at another speed from now on.
func (d *Disk) pace(now time.Duration, to speed) {
	if to == d.speed {
		return
	}
	was := d.speed
	d.speed = to
	for _, o := range slices.Clone(d.inflight) {
		if o.work == 0 || o.due <= now {
			continue
		}
		if now > o.since {
			o.work -= min(was.does(now-o.since), o.work)
			o.since = now
		}
		before := o.due
		d.schedule(o)
		if o.due != before && d.Changed != nil {
			d.Changed(o)
		}
	}
}

// Finish does what the operation is to do, at a moment that is not before Due. It panics if it is over.
func (o *Op) Finish(now time.Duration) error {
	if now < o.due {
		panic("disk: finished an operation before it was due: " + o.String())
	}
	o.end()
	return o.process.finish(now, o)
}

// Abandon ends an operation that nobody waits for any more. It is as if it had not begun.
func (o *Op) Abandon() {
	if !o.over {
		o.end()
	}
}

func (o *Op) end() {
	if o.over {
		panic("disk: ended an operation that is over: " + o.String())
	}
	o.over = true
	d := o.process.disk
	i := slices.Index(d.inflight, o)
	d.inflight = slices.Delete(d.inflight, i, i+1)
}

func (d *Disk) newOp() *Op {
	if last := len(d.spareOps) - 1; last >= 0 {
		o := d.spareOps[last]
		d.spareOps = d.spareOps[:last]
		return o
	}
	return new(Op)
}

// reuse takes back an operation that nobody refers to any more.
func (d *Disk) reuse(o *Op) {
	if len(d.spareOps) < 16 {
		*o = Op{over: true}
		d.spareOps = append(d.spareOps, o)
	}
}
