package disk

import (
	"cmp"
	"slices"
	"syscall"
	"time"

	"simrun/nodes"
)

// atSync fixes, at the beginning of a sync, what it will have made durable at its end, and whether it
// fails. It returns how many bytes are to be written, and whether anything is to be done at all.
func (d *Disk) atSync(o *Op) (bytes int64, any bool) {
	o.mark = d.seq
	if o.Kind == Sync {
		o.target = o.file.inode
	} else if e, err := d.find(o.process.root, o.Name); err == nil {
		o.target = e.to
	}
	n := o.target
	if n == nil {
		return 0, false
	}
	if n.dir != nil {
		for _, c := range d.changes {
			if c.in(n) {
				bytes += PageSize
			}
		}
	} else {
		bytes = int64(len(n.dirty)) * PageSize
	}
	if bytes > 0 {
		o.fails = d.strike(failSync)
	}
	return bytes, bytes > 0 || len(n.sizes) > 1
}

// finishSync makes durable what a file was when the sync began, and tells of errors since the last time
// this description was told.
func (d *Disk) finishSync(now time.Duration, o *Op) error {
	n := o.target
	if n.dir != nil {
		return d.finishSyncDir(now, o)
	}
	d.writeBack(now, n, o.mark, o.fails)
	if f := o.file; f.told != n.failure.seq {
		f.told, n.failure.seen = n.failure.seq, true
		return syscall.EIO
	}
	return nil
}

// writeBack writes to the medium what was dirty of a file at the change mark. If it fails, some pages are
// written and the others are marked clean all the same, as on Linux; the size stays pending.
func (d *Disk) writeBack(now time.Duration, n *inode, mark uint64, fails *Fault) {
	astray := d.beginAstray(n, mark, fails)
	victim := -1
	if fails != nil && len(n.dirty) > 0 {
		victim = fails.luck.Below(len(n.dirty))
	}
	kept := n.dirty[:0]
	for i, p := range n.dirty {
		lose := false
		if fails != nil {
			lose = fails.luck.Uint64()&1 == 0 || i == victim
		}
		switch {
		case lose && p.written(mark):
			d.giveUp(n, p, now)
		case lose, !d.land(p, mark):
			kept = append(kept, p)
			continue
		}
		p.dirty = false
		d.dirty -= PageSize
		d.trim(n, p)
	}
	clear(n.dirty[len(kept):])
	n.dirty = kept
	if fails != nil {
		n.failure.seq++
		n.failure.seen = false
		fails.effects++
	} else {
		d.landSizes(n, mark)
	}
	d.endAstray(now, astray)
	d.unlist(n)
}

// written says whether all of a page's pending sectors were written to before the change mark, so that
// writing it back takes it for clean.
func (p *page) written(mark uint64) bool {
	for i := range p.sectors {
		if p.sectors[i].seq > mark {
			return false
		}
	}
	return true
}

// giveUp takes a page for clean although it has not been written. It shows in the cache until it is
// evicted.
func (d *Disk) giveUp(n *inode, p *page, now time.Duration) {
	d.forget(p, d.seq)
	d.stray(n, p, now)
}

// The time that a page which a sync left out stays in the cache, log-uniform.
const (
	evictSoonest = 10 * time.Millisecond
	evictLatest  = 5 * time.Minute
)

// stray notes that a page shows something else than the medium holds, until it is evicted.
func (d *Disk) stray(n *inode, p *page, now time.Duration) {
	u := d.luck.pages.Uint64()
	p.evict = now + time.Duration(nodes.LogUniform(uint64(evictSoonest), uint64(evictLatest), u))
	if p.now != p.medium && !p.lost {
		p.lost = true
		n.lost = append(n.lost, p)
		d.list(n)
	}
}

// finishSyncDir makes durable what a directory's entries were when the sync began. If it fails, the
// oldest of the changes may have landed, the others stay pending and a later sync tries them again.
func (d *Disk) finishSyncDir(now time.Duration, o *Op) error {
	switch n := o.target; {
	case n == nil:
		_, err := d.find(o.process.root, o.Name)
		return cmp.Or(err, error(syscall.ENOENT))
	case n.dir == nil:
		return syscall.ENOTDIR
	case o.fails == nil:
		d.commit(o.mark, n)
		return nil
	}
	o.fails.effects++
	var pending []*change
	for _, c := range d.changes {
		if c.in(o.target) && c.seq <= o.mark {
			pending = append(pending, c)
		}
	}
	if len(pending) > 0 {
		if lands := o.fails.luck.Below(len(pending)); lands > 0 {
			d.commit(pending[lands-1].seq, o.target)
		}
	}
	return syscall.EIO
}

// throttle makes a writer pay for the memory that is dirty, once it is more than the limit: all of it is
// written back. What fails then, the next sync of the file tells.
func (d *Disk) throttle(now time.Duration) {
	if d.dirty <= int64(d.o.DirtyLimit) {
		return
	}
	for _, n := range slices.Clone(d.touched) {
		var fails *Fault
		if len(n.dirty) > 0 {
			fails = d.strike(failSync)
		}
		d.writeBack(now, n, d.seq, fails)
	}
}

// Flush makes everything durable at once, as sync(8) does, whatever the faults.
func (d *Disk) Flush() {
	for len(d.touched) > 0 {
		n := d.touched[0]
		for _, p := range n.lost {
			d.drop(p)
		}
		n.lost = n.lost[:0]
		d.writeBack(0, n, d.seq, nil)
	}
	d.commit(d.seq, nil)
}

// uncached is how many bytes between two offsets are to be read from the medium.
func (d *Disk) uncached(n *inode, now time.Duration, off, length int64) (bytes int64) {
	end := min(off+length, n.size())
	for number := max(off, 0) / PageSize; number*PageSize < end; number++ {
		bytes += d.missing(n, now, number)
	}
	return bytes
}

// halfCached is how many bytes are to be read from the medium before a write that covers pages in part.
func (d *Disk) halfCached(n *inode, now time.Duration, off, length int64) (bytes int64) {
	if off < 0 || off > maxFileSize-length {
		return 0
	}
	first, last := off/PageSize, (off+length)/PageSize
	if off%PageSize != 0 {
		bytes = d.missing(n, now, first)
	}
	if (off+length)%PageSize != 0 && (last != first || bytes == 0) {
		bytes += d.missing(n, now, last)
	}
	return bytes
}

// missing is PageSize if that page is to be read from the medium, else 0.
func (d *Disk) missing(n *inode, now time.Duration, number int64) int64 {
	p := n.pages[number]
	if p == nil || p.medium == &zeros || p.dirty || p.boot == d.boot && !(p.lost && now >= p.evict) {
		return 0
	}
	return PageSize
}
