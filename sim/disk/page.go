package disk

import (
	"bytes"
	"slices"
	"time"
)

type (
	block      [PageSize]byte
	sectorData [SectorSize]byte
)

// zeros is what a hole holds. It is never written to.
var zeros block

// page is a page of a file: what the medium holds, what processes see, and the versions in between.
//
// Invariants: a page that is neither dirty nor lost has now == medium. A block is written to in place
// only where one pointer alone refers to it. Sectors of a dirty page that are not pending are equal in
// now and in medium.
type page struct {
	number  int64
	medium  *block // &zeros for a hole
	now     *block
	sectors [sectorsPerPage]sector
	older   []version // between medium and now, oldest first, of all sectors
	dirty   bool      // some sector is pending
	lost    bool      // now differs from medium, but the next sync will not write it: a sync failed
	counted bool      // takes space
	boot    uint32    // cached in that life of the machine
	evict   time.Duration
	stored  uint64 // the last change that the medium has
	rot     *rot
}

// sector is the newest version of a pending sector, whose data are in the page's now; the zero sector is
// not pending.
type sector struct {
	seq     uint64
	bytes   uint16 // how many were written to make it
	cut     uint16 // where in the sector that shrink cut
	barrier uint64 // the pending shrink between it and the version before it, or 0
}

// version is one that a pending sector had in between.
type version struct {
	sector
	at   uint8
	data *sectorData
}

func (b *block) sector(i int) []byte { return b[i*SectorSize : (i+1)*SectorSize] }

// touch makes a page ready for a change in the cache: its now may be written to in place.
func (d *Disk) touch(n *inode, p *page) {
	if p.now == p.medium || p.now == &zeros {
		own := d.newBlock()
		*own = *p.now
		p.now = own
	}
	d.soil(n, p)
}

// soil marks a page dirty. What a failed sync left out of a page is written with the whole page.
func (d *Disk) soil(n *inode, p *page) {
	if p.dirty {
		return
	}
	if p.lost {
		p.lost = false
		n.lost = slices.DeleteFunc(n.lost, func(l *page) bool { return l == p })
		for i := range p.sectors {
			if !bytes.Equal(p.now.sector(i), p.medium.sector(i)) {
				p.sectors[i] = sector{seq: d.seq}
			}
		}
	}
	p.dirty = true
	n.dirty = append(n.dirty, p)
	d.dirty += PageSize
	d.list(n)
}

// supersede makes way for a new version of a sector, of that many written bytes. The change's number is
// d.seq.
func (d *Disk) supersede(n *inode, p *page, i int, bytes int) {
	s := &p.sectors[i]
	before := max(s.seq, p.stored)
	if s.seq != 0 && s.seq != d.seq {
		old := d.newOld()
		copy(old[:], p.now.sector(i))
		p.older = append(p.older, version{*s, uint8(i), old})
		d.dirty += SectorSize
		s.bytes, s.barrier, s.cut = 0, 0, 0
	}
	s.seq = d.seq
	start := p.number*PageSize + int64(i*SectorSize)
	for _, shrink := range n.shrinks {
		if shrink.seq > before && shrink.size < start+SectorSize {
			s.barrier, s.cut = shrink.seq, uint16(max(shrink.size-start, 0))
		}
	}
	s.bytes += uint16(bytes)
	d.unsynced += int64(bytes)
}

// clear sets the bytes of a page from a point on to zero, as a shrink does.
func (d *Disk) clear(n *inode, p *page, from int) {
	if from == 0 {
		d.soil(n, p)
	} else {
		d.touch(n, p)
	}
	for i := from / SectorSize; i < sectorsPerPage; i++ {
		d.supersede(n, p, i, 0)
	}
	if from > 0 {
		clear(p.now[from:])
		return
	}
	if p.now != p.medium {
		d.freeBlock(p.now)
	}
	p.now = &zeros
}

// write puts bytes at an offset within a page.
func (d *Disk) write(n *inode, p *page, off int, data []byte) {
	d.touch(n, p)
	for at := off; at < off+len(data); {
		i := at / SectorSize
		end := min((i+1)*SectorSize, off+len(data))
		d.supersede(n, p, i, end-at)
		at = end
	}
	copy(p.now[off:], data)
}

// versions calls f with each version of a sector, the durable one first, the newest last.
func (p *page) versions(i int, f func(v sector, data []byte)) {
	f(sector{}, p.medium.sector(i))
	for _, v := range p.older {
		if int(v.at) == i {
			f(v.sector, v.data[:])
		}
	}
	if p.sectors[i].seq != 0 {
		f(p.sectors[i], p.now.sector(i))
	}
}

// newest is which of a sector's versions is the newest that goes with the size that the file had after
// the change seq: none that was written after a later shrink.
func (p *page) newest(i int, seq uint64) int {
	at, barred := -1, false
	p.versions(i, func(v sector, _ []byte) {
		if barred = barred || v.barrier > seq; !barred {
			at++
		}
	})
	return at
}

// version is what a version of a sector, the durable one being number 0, is together with the size that
// the file had after the change seq: shrinks between the two have cut it.
func (p *page) version(i, number int, seq uint64) (data sectorData) {
	at, keep := 0, SectorSize
	p.versions(i, func(v sector, held []byte) {
		switch {
		case at == number:
			copy(data[:], held)
		case at > number && v.barrier != 0 && v.barrier <= seq:
			keep = min(keep, int(v.cut))
		}
		at++
	})
	clear(data[keep:])
	return data
}

// land writes to the medium what the page held after the change mark, and forgets the versions until
// then. It says whether the page is clean now.
func (d *Disk) land(p *page, mark uint64) (clean bool) {
	clean = true
	for i := range p.sectors {
		clean = clean && p.sectors[i].seq <= mark
	}
	p.stored = mark
	if clean {
		if p.now != p.medium {
			d.freeBlock(p.medium)
		}
		p.medium = p.now
		p.rot = nil
	} else {
		d.landOlder(p, mark)
	}
	d.forget(p, mark)
	return clean
}

// landOlder writes the newest version of each sector that is not younger than mark.
func (d *Disk) landOlder(p *page, mark uint64) {
	own := d.newBlock()
	*own = *p.medium
	for _, v := range p.older {
		if v.seq <= mark {
			copy(own.sector(int(v.at)), v.data[:])
			p.rot.heal(int(v.at))
		}
	}
	for i := range p.sectors {
		if s := &p.sectors[i]; s.seq != 0 && s.seq <= mark {
			copy(own.sector(i), p.now.sector(i))
			p.rot.heal(i)
		}
	}
	d.freeBlock(p.medium)
	p.medium = own
}

// forget drops the versions until mark, which are on the medium or given up.
func (d *Disk) forget(p *page, mark uint64) {
	kept := p.older[:0]
	for _, v := range p.older {
		if v.seq > mark {
			kept = append(kept, v)
			continue
		}
		d.unsynced -= int64(v.bytes)
		d.dirty -= SectorSize
		d.freeOld(v.data)
	}
	clear(p.older[len(kept):])
	p.older = kept
	for i := range p.sectors {
		if s := &p.sectors[i]; s.seq != 0 && s.seq <= mark {
			d.unsynced -= int64(s.bytes)
			*s = sector{}
		}
	}
}
