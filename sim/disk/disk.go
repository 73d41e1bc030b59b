// Package disk answers what a crash leaves of a disk, and what a disk in trouble does to those who use it.
//
// The medium holds what is durable. Above it lies the page cache, which is what processes see: every
// sector of 512 bytes remembers each version it has had since it was last durable, every file each of
// its sizes, and the file system each change of an entry. A file's bytes and size become durable by Sync,
// a directory's entries by SyncDir.
//
// When the cache is lost (LoseCache), each of these lands in a state of its own:
//
//   - a sector in any of its versions, the durable one included;
//   - a file in any of its sizes. Bytes beyond it are gone, a hole within it reads as zeros. A shrink is a
//     barrier: if it landed, nothing from before it shows through, if not, nothing written after it does;
//   - the changes of entries in any set that holds, with a change, those it stands on: earlier changes of
//     the same names, and what keeps a moved file reachable. A rename lands on both sides or on neither.
//
// Nothing is ever written back for mere age, unlike on Linux: no program may count on that. Only when
// more is dirty than DirtyLimit, the writer has to wait for it to be written.
//
// A disk knows no task and no clock. An operation is begun, is due at some moment of true time, and is
// finished by the caller; Process.FS puts these together for tasks that can wait. Errors of
// operations are syscall.Errno, wrapped by FS in *fs.PathError.
//
// Sources: T. Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014), for what a crash may
// leave; A. Rebello et al., "Can Applications Recover from fsync Failures?" (ATC 2020), and the kernel's
// Documentation/filesystems/vfs.rst, for failed syncs.
package disk

import (
	"math"
	"time"

	"simrun/nodes"
	"simrun/sim/luck"
)

// The grains of a disk, in bytes. A sector lands whole; the cache is written back in pages.
const (
	SectorSize = 512
	PageSize   = 4096

	sectorsPerPage = PageSize / SectorSize
)

// Never is a moment of true time that does not come.
const Never time.Duration = math.MaxInt64

// Options say what sort of disk it is. The zero value is a small solid-state disk.
type Options struct {
	// Capacity is how many bytes of files it holds, in whole pages. Zero means 1 GiB.
	Capacity nodes.Bytes
	// Inodes is how many files and directories it holds. Zero means one for every 16 KiB.
	Inodes int
	// DirtyLimit is how much memory may hold what is not durable before writers must wait for the
	// medium. Zero means 64 MiB.
	DirtyLimit nodes.Bytes
	// Timing is how long things take.
	Timing Timing
	// Wall tells the host's wall clock at a moment of true time, for the times of files. Nil means that
	// the host's epoch is 1970.
	Wall func(now time.Duration) time.Time
}

// Disk is a host's disk with the page cache above it.
//
// Invariant: what is not durable is listed, files in touched and changes of entries in changes; all else
// is the same in the cache and on the medium.
type Disk struct {
	// Changed, if not nil, is told of each operation under way whose Due has changed.
	Changed func(*Op)

	o     Options
	luck  draws
	root  *inode
	seq   uint64 // counts changes; orders them
	last  uint64 // the last inode number
	boot  uint32 // how many times the cache was lost; pages cached in an earlier life are not cached
	alive int    // inodes linked or open
	used  int64  // bytes of pages in files linked or open

	touched   []*inode  // files that the cache and the medium disagree on, in the order of becoming so
	changes   []*change // of entries, not durable yet, in order
	unsynced  int64     // bytes written and not durable
	dirty     int64     // memory that holds what is not durable
	processes []*Process
	inflight  []*Op // in the order of beginning
	faults    []*Fault
	speed     speed

	spareOps    []*Op
	spareBlocks []*block
	spareOlds   []*sectorData
	shared      bool // blocks of the medium are shared with another Disk: never reuse them
}

// draws are the disk's streams of luck: one for each sort of thing that draws.
type draws struct {
	times, pages luck.Stream
	faults       luck.Stream // each fault has a sub-stream
}

// New makes an empty disk. The stream decides how long things take and, where faults leave a choice, what
// they strike; not what a crash leaves.
func New(stream luck.Stream, o Options) *Disk {
	if o.Capacity <= 0 {
		o.Capacity = 1 << 30
	}
	if o.Inodes <= 0 {
		o.Inodes = int(o.Capacity/(16<<10)) + 16
	}
	if o.DirtyLimit <= 0 {
		o.DirtyLimit = 64 << 20
	}
	o.Timing = o.Timing.filled()
	d := &Disk{o: o, speed: full, luck: draws{
		times: stream.Numbered(0), pages: stream.Numbered(1), faults: stream.Numbered(2)}}
	d.root = d.newInode(true)
	return d
}

// Pending is what a loss of the cache would put at risk.
type Pending struct {
	Bytes   int64 // written and not durable; a byte written twice counts twice
	Files   int   // files with such bytes, or with a size that is not durable
	Entries int   // changes of directory entries that are not durable
}

// Any says whether anything is at risk.
func (p Pending) Any() bool { return p != Pending{} }

// Pending is what a loss of the cache would put at risk now.
func (d *Disk) Pending() Pending {
	p := Pending{Bytes: d.unsynced, Entries: len(d.changes)}
	for _, n := range d.touched {
		if n.pending() {
			p.Files++
		}
	}
	return p
}

// Used is how many bytes the files take, in whole pages.
func (d *Disk) Used() nodes.Bytes { return nodes.Bytes(d.used) }

// Capacity is how many bytes the files may take, as the faults have it now.
func (d *Disk) Capacity() nodes.Bytes {
	capacity := d.o.Capacity
	for _, f := range d.faults {
		if f.verb == fillDisk {
			capacity = min(capacity, f.capacity)
		}
	}
	return capacity
}

// next numbers a change.
func (d *Disk) next() uint64 {
	d.seq++
	return d.seq
}

// wall is what the host's clock shows, for the times of files.
func (d *Disk) wall(now time.Duration) time.Time {
	if d.o.Wall != nil {
		return d.o.Wall(now)
	}
	return time.Unix(0, int64(now)).UTC()
}

// Invariant: newBlock's content is arbitrary; a block in the pool is referred to by nobody else.
func (d *Disk) newBlock() *block {
	if last := len(d.spareBlocks) - 1; last >= 0 {
		b := d.spareBlocks[last]
		d.spareBlocks = d.spareBlocks[:last]
		return b
	}
	return new(block)
}

func (d *Disk) freeBlock(b *block) {
	if b != &zeros && !d.shared && len(d.spareBlocks) < 64 {
		d.spareBlocks = append(d.spareBlocks, b)
	}
}

func (d *Disk) newOld() *sectorData {
	if last := len(d.spareOlds) - 1; last >= 0 {
		s := d.spareOlds[last]
		d.spareOlds = d.spareOlds[:last]
		return s
	}
	return new(sectorData)
}

func (d *Disk) freeOld(s *sectorData) {
	if !d.shared && len(d.spareOlds) < 256 {
		d.spareOlds = append(d.spareOlds, s)
	}
}
