package disk

import (
	"strings"
	"time"
)

// rot says which sectors of a page hold something else than was written there, and by which fault.
type rot struct {
	sectors uint8
	by      *Fault
}

// heal notes that a sector was written anew.
func (r *rot) heal(i int) {
	if r != nil {
		r.sectors &^= 1 << i
	}
}

// damage notes that a sector of a page is not what was written there.
func (p *page) damage(i int, by *Fault) {
	if p.rot == nil || p.rot.by != by {
		p.rot = &rot{by: by}
	}
	p.rot.sectors |= 1 << i
}

// noticeRot counts a read of what is damaged.
func (p *page) noticeRot(in, length int) {
	if p.rot == nil || p.lost || length == 0 {
		return
	}
	for i := in / SectorSize; i <= (in+length-1)/SectorSize; i++ {
		if p.rot.sectors&(1<<i) != 0 && p.sectors[i].seq == 0 {
			p.rot.by.effects++
			return
		}
	}
}

// Corruption says what rots.
type Corruption struct {
	// Sectors is in how many sectors a bit flips. Zero means one.
	Sectors int
	// Prefix bounds it to files whose names, from the disk's root, begin so.
	Prefix string
}

// Corrupt flips a bit in each of some sectors of the files, on the medium and, where the sector is clean,
// in the cache. It is done at once; lifting the fault mends nothing.
func (d *Disk) Corrupt(now time.Duration, c Corruption) *Fault {
	f := d.install(now, corruptDisk)
	for range max(c.Sectors, 1) {
		u, v := f.luck.Uint64(), f.luck.Uint64()
		n, p, i := d.someSector(c.Prefix, u, nil, 0)
		if p == nil {
			break
		}
		inside := min(n.sizes[0].size-p.number*PageSize-int64(i*SectorSize), SectorSize)
		bit := pick(v, int(inside)*8)
		d.alter(n, p, i, func(sector []byte) { sector[bit/8] ^= 1 << (bit % 8) }, true)
		p.damage(i, f)
		f.fired++
	}
	f.Lift(now)
	return f
}

// alter changes a sector on the medium behind the file system's back; and what a clean one shows
// in the cache, if shown is set.
func (d *Disk) alter(n *inode, p *page, i int, change func(sector []byte), shown bool) {
	own := new(block)
	*own = *p.medium
	change(own.sector(i))
	clean := !p.dirty && !p.lost
	switch {
	case clean && (shown || p.boot != d.boot):
		p.now = own
	case shown && p.sectors[i].seq == 0:
		if p.now == p.medium || p.now == &zeros {
			cached := new(block)
			*cached = *p.now
			p.now = cached
		}
		change(p.now.sector(i))
	}
	p.medium = own
}

// someSector picks, by the variate u, a sector of a page that holds something, in a file with a name; not
// that sector of that page.
func (d *Disk) someSector(prefix string, u uint64, not *page, notSector int) (*inode, *page, int) {
	type place struct {
		n      *inode
		p      *page
		sector int
	}
	var places []place
	d.walk(d.root, "", func(name string, n *inode) {
		if n.dir != nil || !strings.HasPrefix(name, prefix) {
			return
		}
		for _, number := range n.numbers() {
			p := n.pages[number]
			for i := range p.sectors {
				inside := number*PageSize+int64(i*SectorSize) < n.sizes[0].size
				if inside && p.medium != &zeros && !(p == not && i == notSector) {
					places = append(places, place{n, p, i})
				}
			}
		}
	})
	if len(places) == 0 {
		return nil, nil, 0
	}
	at := places[pick(u, len(places))]
	return at.n, at.p, at.sector
}

// astray is a sector that is about to land at another place.
type astray struct {
	n      *inode
	p      *page
	sector int
	before sectorData
	by     *Fault
}

// beginAstray chooses, if a fault wants it, a sector of those that are about to land.
func (d *Disk) beginAstray(n *inode, mark uint64, fails *Fault) *astray {
	if fails != nil || len(d.faults) == 0 {
		return nil
	}
	var pages []*page
	for _, p := range n.dirty {
		if p.counted && p.written(mark) {
			pages = append(pages, p)
		}
	}
	if len(pages) == 0 {
		return nil
	}
	f := d.strike(misdirectWrite)
	if f == nil {
		return nil
	}
	a := &astray{n: n, p: pages[f.luck.Below(len(pages))], by: f}
	pending := make([]int, 0, sectorsPerPage)
	for i := range a.p.sectors {
		if a.p.sectors[i].seq != 0 {
			pending = append(pending, i)
		}
	}
	a.sector = pending[f.luck.Below(len(pending))]
	copy(a.before[:], a.p.medium.sector(a.sector))
	return a
}

// endAstray lets it land there.
func (d *Disk) endAstray(now time.Duration, a *astray) {
	if a == nil {
		return
	}
	data := sectorData(a.p.medium.sector(a.sector))
	n, p, i := d.someSector("", a.by.luck.Uint64(), a.p, a.sector)
	d.alter(a.n, a.p, a.sector, func(sector []byte) { copy(sector, a.before[:]) }, false)
	a.p.damage(a.sector, a.by)
	d.stray(a.n, a.p, now)
	if p == nil {
		return // it went where no file is
	}
	d.alter(n, p, i, func(sector []byte) { copy(sector, data[:]) }, false)
	p.damage(i, a.by)
	if !p.dirty {
		d.stray(n, p, now)
	}
}
