package disk

import (
	"bytes"
	"cmp"
	"fmt"
	"math/bits"
	"slices"

	"simrun/nodes"
	"simrun/sim/luck"
)

// Loss is what a loss of the cache took.
type Loss struct {
	Unsynced int64 // bytes that had been written and were not durable
	Bytes    int64 // of these, those that read otherwise now, or are gone
	Entries  int   // changes of directory entries that were undone
	Torn     int   // files of which some of what was not durable landed and some did not
}

// Any says whether anything was lost.
func (l Loss) Any() bool { return l.Bytes > 0 || l.Entries > 0 }

func (l Loss) String() string {
	return fmt.Sprintf("lost %d of %d unsynced bytes and %d entries, tore %d files", l.Bytes, l.Unsynced, l.Entries, l.Torn)
}

// LoseCache is what a crash of the machine, or a power cut, does: all processes are gone, and what was
// not durable has landed or not, as the stream decides.
func (d *Disk) LoseCache(stream luck.Stream) Loss {
	f := d.draw(&stream)
	for _, p := range slices.Clone(d.processes) {
		p.Exit()
	}
	for _, o := range slices.Clone(d.inflight) {
		o.Abandon()
	}
	root, loss := d.leave(f)
	d.forgetAll()
	d.settle(root)
	return loss
}

// forgetAll forgets the cache and what is pending.
func (d *Disk) forgetAll() {
	d.boot++
	d.touched, d.changes = nil, nil
	d.unsynced, d.dirty, d.used, d.alive = 0, 0, 0, 0
}

// settle makes a tree, of which cache and medium agree, the disk's.
func (d *Disk) settle(root *inode) {
	d.root = root
	d.walk(root, "", func(_ string, n *inode) {
		d.alive++
		n.cached = d.boot - 1
		for _, p := range n.pages {
			p.boot = d.boot - 1
			d.used += PageSize
		}
	})
}

// fate is what becomes of all that is pending.
type fate struct {
	landed map[*change]bool
	files  map[*inode]fileFate
}

// fileFate is what becomes of a file: which of its sizes stands, and which version of each pending
// sector, in the order of pendingSectors.
type fileFate struct {
	size  int
	picks []int
}

// place is a pending sector.
type place struct {
	p      *page
	sector int
}

// pendingSectors lists a file's pending sectors by their offsets.
func (n *inode) pendingSectors() []place {
	pages := slices.Clone(n.dirty)
	slices.SortFunc(pages, func(a, b *page) int { return cmp.Compare(a.number, b.number) })
	var places []place
	for _, p := range pages {
		for i := range p.sectors {
			if p.sectors[i].seq != 0 {
				places = append(places, place{p, i})
			}
		}
	}
	return places
}

// mood is how a crash treats what is pending. Without moods, a crash that loses much or
// little would hardly ever be drawn once there is much to lose.
type mood struct {
	lands nodes.Percent // the share of what is pending that lands, each on its own
	cut   uint64        // if not zero: what is older lands, what is younger does not, and that change lands in part
}

func (d *Disk) mood(stream *luck.Stream) mood {
	u, v := stream.Uint64(), stream.Uint64()
	switch pick(u, 6) {
	case 0:
		return mood{}
	case 1:
		return mood{lands: nodes.PerMillion}
	case 2:
		return mood{lands: nodes.PerMillion / 8}
	case 3:
		return mood{lands: nodes.PerMillion / 8 * 7}
	case 4:
		if at := d.pendingChanges(); len(at) > 0 {
			return mood{lands: nodes.PerMillion / 2, cut: at[pick(v, len(at))]}
		}
	}
	return mood{lands: nodes.PerMillion / 2}
}

// pendingChanges lists the numbers of the changes that are pending.
func (d *Disk) pendingChanges() []uint64 {
	var seqs []uint64
	for _, n := range d.touched {
		for _, s := range n.sizes[1:] {
			seqs = append(seqs, s.seq)
		}
		for _, at := range n.pendingSectors() {
			at.p.versions(at.sector, func(v sector, _ []byte) {
				if v.seq != 0 {
					seqs = append(seqs, v.seq)
				}
			})
		}
	}
	for _, c := range d.changes {
		seqs = append(seqs, c.seq)
	}
	slices.Sort(seqs)
	return slices.Compact(seqs)
}

// landed says whether a change lands, by the variate u.
func (m mood) landed(seq, u uint64) bool {
	switch {
	case seq < m.cut:
		return true
	case m.cut != 0 && seq > m.cut:
		return false
	}
	return m.lands.Hit(u)
}

// version picks one of a chain of versions, of which those up to high are allowed. It takes one draw.
func (m mood) version(seqs []uint64, high int, stream *luck.Stream) int {
	u := stream.Uint64()
	if m.cut == 0 {
		if high == 0 || !m.lands.Hit(u) {
			return 0
		}
		if m.lands == nodes.PerMillion {
			return high
		}
		return 1 + pick(luck.Mix(u, 1), high)
	}
	at := 0
	for at < high && m.landed(seqs[at+1], u) {
		at++
	}
	return at
}

// draw decides what becomes of all that is pending. How many draws it takes depends on nothing but
// what is pending.
func (d *Disk) draw(stream *luck.Stream) fate {
	m := d.mood(stream)
	f := fate{map[*change]bool{}, map[*inode]fileFate{}}
	for _, c := range d.changes {
		u := stream.Uint64()
		f.landed[c] = m.landed(c.seq, u) && c.may(f.landed)
	}
	var seqs []uint64
	for _, n := range d.touched {
		seqs = seqs[:0]
		for _, s := range n.sizes {
			seqs = append(seqs, s.seq)
		}
		ff := fileFate{size: m.version(seqs, len(seqs)-1, stream)}
		for _, at := range n.pendingSectors() {
			seqs = seqs[:0]
			at.p.versions(at.sector, func(v sector, _ []byte) { seqs = append(seqs, v.seq) })
			high := at.p.newest(at.sector, n.sizes[ff.size].seq)
			ff.picks = append(ff.picks, m.version(seqs, high, stream))
		}
		f.files[n] = ff
	}
	return f
}

// may says whether all that a change stands on has landed.
func (c *change) may(landed map[*change]bool) bool {
	for _, on := range c.stands {
		if !on.landed && !landed[on] {
			return false
		}
	}
	return true
}

// leave makes the tree of files that a fate leaves. It changes nothing of the disk's own.
func (d *Disk) leave(f fate) (root *inode, loss Loss) {
	loss.Unsynced = d.unsynced
	for _, c := range d.changes {
		if !f.landed[c] {
			loss.Entries++
		}
	}
	for _, n := range d.touched {
		if n.linked {
			lost, torn := d.loses(n, f.files[n])
			loss.Bytes += lost
			if torn {
				loss.Torn++
			}
		}
	}
	return d.copied(d.root, nil, d.durableEntries(f), f), loss
}

// durableEntries gives the entries of directories that a fate's changes have landed in.
func (d *Disk) durableEntries(f fate) map[*inode]map[string]*inode {
	changed := map[*inode]map[string]*inode{}
	for _, c := range d.changes {
		if !f.landed[c] {
			continue
		}
		for _, e := range c.sets[:c.n] {
			entries := changed[e.dir]
			if entries == nil {
				entries = map[string]*inode{}
				for name, n := range e.dir.dir.durable {
					entries[name] = n
				}
				changed[e.dir] = entries
			}
			if e.to == nil {
				delete(entries, e.name)
			} else {
				entries[e.name] = e.to
			}
		}
	}
	return changed
}

// copied copies a directory or a file as a fate leaves it.
func (d *Disk) copied(n, parent *inode, changed map[*inode]map[string]*inode, f fate) *inode {
	own := &inode{number: n.number, mode: n.mode, modified: n.modified, linked: true}
	if n.dir == nil {
		own.sizes = []sized{{size: n.sizes[f.files[n].size].size}}
		own.pages = d.left(n, f.files[n])
		return own
	}
	entries, was := changed[n]
	if !was {
		entries = n.dir.durable
	}
	own.dir = &directory{parent: parent}
	if len(entries) > 0 {
		own.dir.now = make(map[string]*inode, len(entries))
		own.dir.durable = make(map[string]*inode, len(entries))
	}
	for name, child := range entries {
		c := d.copied(child, own, changed, f)
		own.dir.now[name], own.dir.durable[name] = c, c
	}
	return own
}

// left gives the pages of a file as a fate leaves them.
func (d *Disk) left(n *inode, f fileFate) map[int64]*page {
	size := n.sizes[f.size].size
	blocks := n.landedBlocks(f)
	pages := make(map[int64]*page, len(n.pages))
	for number, p := range n.pages {
		b, pending := blocks[p]
		if !pending {
			b = p.medium
		}
		start := number * PageSize
		if start >= size || b == &zeros {
			continue
		}
		if keep := size - start; keep < PageSize && !allZero(b[keep:]) {
			own := *b
			clear(own[keep:])
			b = &own
		}
		own := &page{number: number, medium: b, now: b, counted: true, stored: p.stored}
		if p.rot != nil && p.rot.sectors != 0 {
			own.rot = &rot{p.rot.sectors, p.rot.by}
		}
		pages[number] = own
	}
	return pages
}

// landedBlocks gives what a fate makes of the pages that are dirty.
func (n *inode) landedBlocks(f fileFate) map[*page]*block {
	blocks := make(map[*page]*block, len(n.dirty))
	for i, at := range n.pendingSectors() {
		b := blocks[at.p]
		if b == nil {
			b = new(block)
			*b = *at.p.medium
			blocks[at.p] = b
		}
		data := at.p.version(at.sector, f.picks[i], n.sizes[f.size].seq)
		copy(b.sector(at.sector), data[:])
	}
	return blocks
}

// loses counts the bytes of a file that will read otherwise than they do, or be gone, and says whether
// some of what was pending landed and some did not.
func (d *Disk) loses(n *inode, f fileFate) (lost int64, torn bool) {
	size, was := n.sizes[f.size].size, n.size()
	count := func(p *page, left *block) {
		start := p.number * PageSize
		for i := range int(min(max(was-start, 0), PageSize)) {
			if start+int64(i) >= size || p.now[i] != left[i] {
				lost++
			}
		}
	}
	blocks := n.landedBlocks(f)
	for _, p := range n.dirty {
		if left := blocks[p]; left != nil {
			count(p, left)
		}
	}
	for _, p := range n.lost {
		count(p, p.medium)
	}
	newest, older := f.size == len(n.sizes)-1 && f.size > 0, f.size < len(n.sizes)-1
	for i, at := range n.pendingSectors() {
		last := -1
		at.p.versions(at.sector, func(sector, []byte) { last++ })
		newest = newest || f.picks[i] == last
		older = older || f.picks[i] < last
	}
	return lost, newest && older
}

func allZero(b []byte) bool { return bytes.Equal(b, zeros[:len(b)]) }

// pick is a number below n, by the variate u.
func pick(u uint64, n int) int {
	hi, _ := bits.Mul64(u, uint64(n))
	return int(hi)
}
