package disk

import (
	"io/fs"
	"slices"
	"syscall"
	"time"
)

// maxFileSize is ext4's, in bytes.
const maxFileSize = 16 << 40

// inode is a file or a directory, whatever its names.
//
// Invariant of a file: sizes is not empty; its first is durable, its last is what processes see. In the
// cache, bytes beyond the size are zero.
type inode struct {
	number   uint64
	mode     fs.FileMode
	modified time.Time
	cached   uint32 // the life of the machine it was last looked up in
	linked   bool   // has a name in the cache
	opens    int
	gone     bool // the disk under it was wiped

	// A file has these.
	pages   map[int64]*page
	dirty   []*page
	lost    []*page
	sizes   []sized
	shrinks []sized // of the pending sizes, those that made it shorter
	listed  bool    // in Disk.touched
	failure failure
	lock    *File

	dir *directory // a directory has this
}

// sized is a size that a file had from a change on.
type sized struct {
	seq  uint64
	size int64
}

// failure is a file's errseq_t: each open file description is told once of the last error of writing back.
type failure struct {
	seq  uint32
	seen bool
}

func (d *Disk) newInode(dir bool) *inode {
	d.last++
	d.alive++
	n := &inode{number: d.last, cached: d.boot, linked: true}
	if dir {
		n.mode = fs.ModeDir | 0o755
		n.dir = &directory{}
	} else {
		n.sizes = []sized{{}}
	}
	return n
}

func (n *inode) size() int64 {
	if n.dir != nil {
		return PageSize
	}
	return n.sizes[len(n.sizes)-1].size
}

// pending says whether a loss of the cache could cost it something that Sync would save.
func (n *inode) pending() bool { return len(n.dirty) > 0 || len(n.sizes) > 1 }

// list puts a file on the list of those that cache and medium disagree on.
func (d *Disk) list(n *inode) {
	if !n.listed {
		n.listed = true
		d.touched = append(d.touched, n)
	}
}

// unlist takes a file off that list once they agree.
func (d *Disk) unlist(n *inode) {
	if n.listed && !n.pending() && len(n.lost) == 0 {
		n.listed = false
		i := slices.Index(d.touched, n)
		d.touched = slices.Delete(d.touched, i, i+1)
	}
}

// resize gives a file a new size. The change's number is d.seq.
func (d *Disk) resize(n *inode, size int64) {
	n.sizes = append(n.sizes, sized{d.seq, size})
	d.dirty += sizedMemory
	d.list(n)
}

// sizedMemory is what one pending size counts against the limit of what may be dirty.
const sizedMemory = 16

// landSizes makes durable the size that a file had after the change mark.
func (d *Disk) landSizes(n *inode, mark uint64) {
	durable := 0
	for i := range n.sizes {
		if n.sizes[i].seq <= mark {
			durable = i
		}
	}
	n.sizes = n.sizes[:copy(n.sizes, n.sizes[durable:])]
	n.shrinks = slices.DeleteFunc(n.shrinks, func(s sized) bool { return s.seq <= mark })
	d.dirty -= int64(durable) * sizedMemory
}

// page gives the page of that number, made where it is missing; nil if there is no space for it.
func (d *Disk) page(n *inode, number int64) *page {
	p := n.pages[number]
	if p != nil && p.counted {
		return p
	}
	if d.used+PageSize > int64(d.Capacity()) {
		d.refuse()
		return nil
	}
	if p == nil {
		p = &page{number: number, medium: &zeros, now: &zeros, boot: d.boot}
		if n.pages == nil {
			n.pages = map[int64]*page{}
		}
		n.pages[number] = p
	}
	p.counted = true
	d.used += PageSize
	return p
}

// uncount gives back the space of a page.
func (d *Disk) uncount(p *page) {
	if p.counted {
		p.counted = false
		d.used -= PageSize
	}
}

// refresh takes a page out of the cache if its time has come, so that what the medium holds shows.
func (d *Disk) refresh(n *inode, p *page, now time.Duration) {
	if p.lost && now >= p.evict {
		d.drop(p)
		n.lost = slices.DeleteFunc(n.lost, func(l *page) bool { return l == p })
		p.boot = d.boot - 1
		d.unlist(n)
	}
}

// drop forgets what the cache holds of a page.
func (d *Disk) drop(p *page) {
	if p.now != p.medium {
		d.freeBlock(p.now)
	}
	p.now, p.lost = p.medium, false
}

// writeAt changes a file in the cache. Where space ends in the middle, what fits is written.
func (d *Disk) writeAt(n *inode, now time.Duration, data []byte, off int64) (int, error) {
	if off < 0 {
		return 0, syscall.EINVAL
	}
	if len(data) == 0 {
		return 0, nil
	}
	if off >= maxFileSize || int64(len(data)) > maxFileSize-off {
		return 0, syscall.EFBIG
	}
	d.next()
	done := 0
	var failed error
	for done < len(data) && failed == nil {
		at := off + int64(done)
		in := int(at % PageSize)
		piece := data[done:min(len(data), done+PageSize-in)]
		p := d.page(n, at/PageSize)
		if p == nil {
			failed = syscall.ENOSPC
			break
		}
		d.refresh(n, p, now)
		if len(piece) < PageSize {
			if failed = d.fetch(n, p); failed != nil {
				break
			}
		}
		p.boot = d.boot
		d.write(n, p, in, piece)
		done += len(piece)
	}
	if end := off + int64(done); done > 0 && end > n.size() {
		d.resize(n, end)
	}
	if done > 0 {
		n.modified = d.wall(now)
	}
	return done, failed
}

// readAt reads from the cache, and what is not in it from the medium. It returns fewer bytes than asked
// for without an error at the end of the file.
func (d *Disk) readAt(n *inode, now time.Duration, data []byte, off int64) (int, error) {
	if off < 0 {
		return 0, syscall.EINVAL
	}
	data = data[:min(int64(len(data)), max(n.size()-off, 0))]
	done := 0
	for done < len(data) {
		at := off + int64(done)
		in := int(at % PageSize)
		piece := data[done:min(len(data), done+PageSize-in)]
		if p := n.pages[at/PageSize]; p == nil {
			clear(piece)
		} else {
			d.refresh(n, p, now)
			if err := d.fetch(n, p); err != nil {
				return done, err
			}
			copy(piece, p.now[in:])
			p.noticeRot(in, len(piece))
		}
		done += len(piece)
	}
	return done, nil
}

// fetch brings a page into the cache, if the medium can read it.
func (d *Disk) fetch(n *inode, p *page) error {
	if p.boot == d.boot || p.dirty || p.lost {
		return nil
	}
	if p.medium != &zeros && d.unreadable(n, p) {
		return syscall.EIO
	}
	p.boot = d.boot
	return nil
}

// truncate cuts a file or makes it longer, with zeros.
func (d *Disk) truncate(n *inode, now time.Duration, size int64) error {
	switch {
	case size < 0:
		return syscall.EINVAL
	case size > maxFileSize:
		return syscall.EFBIG
	case size == n.size():
		return nil
	}
	if in := int(size % PageSize); in != 0 && size < n.size() {
		if p := n.pages[size/PageSize]; p != nil {
			d.refresh(n, p, now)
			if err := d.fetch(n, p); err != nil {
				return err
			}
		}
	}
	d.next()
	if size < n.size() {
		n.shrinks = append(n.shrinks, sized{d.seq, size})
		d.cut(n, size)
	}
	d.resize(n, size)
	n.modified = d.wall(now)
	return nil
}

// cut clears what lies beyond a size.
func (d *Disk) cut(n *inode, size int64) {
	for _, number := range n.numbers() {
		p := n.pages[number]
		switch start := number * PageSize; {
		case start >= size:
			d.clear(n, p, 0)
			d.uncount(p)
		case start+PageSize > size:
			d.clear(n, p, int(size-start))
		}
	}
}

// trim forgets clean pages that hold nothing and lie beyond the end.
func (d *Disk) trim(n *inode, p *page) {
	if !p.counted && !p.dirty && !p.lost && p.medium == &zeros {
		delete(n.pages, p.number)
	}
}

// numbers lists a file's pages in order.
func (n *inode) numbers() []int64 {
	numbers := make([]int64, 0, len(n.pages))
	for number := range n.pages {
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	return numbers
}

// release gives back the space of a file that has neither a name nor a user.
func (d *Disk) release(n *inode) {
	if n.linked || n.opens > 0 || n.gone {
		return
	}
	d.alive--
	for _, p := range n.pages {
		d.uncount(p)
	}
}
