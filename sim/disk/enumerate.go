package disk

import (
	"iter"
	"math"
	"math/bits"

	"simrun/sim/luck"
)

// Crashes gives every disk that a loss of the cache could leave now, each as it is after the boot, and
// leaves this one alone. Ways that end in the same contents may be given more than once. If there are
// more ways than limit, it gives limit of them: the one that loses all, the one that loses
// nothing, and others as the stream decides.
func (d *Disk) Crashes(limit int, stream luck.Stream) iter.Seq[*Disk] {
	return func(yield func(*Disk) bool) {
		trees, all := d.trees(limit)
		ways := countWays(trees)
		if all && ways <= uint64(max(limit, 0)) {
			for _, t := range trees {
				for i := range t.ways {
					if !yield(d.crashed(t.fate(i))) {
						return
					}
				}
			}
			return
		}
		for i := range limit {
			var f fate
			switch i {
			case 0:
				f = d.wholly(false)
			case 1:
				f = d.wholly(true)
			default:
				f = d.draw(&stream)
			}
			if !yield(d.crashed(f)) {
				return
			}
		}
	}
}

// CrashWays is how many ways there are in which a loss of the cache could end now. Beyond limit it may
// be too low, but is above limit.
func (d *Disk) CrashWays(limit int) uint64 {
	trees, _ := d.trees(limit)
	return countWays(trees)
}

func countWays(trees []tree) (ways uint64) {
	for _, t := range trees {
		sum, carry := bits.Add64(ways, t.ways, 0)
		if carry > 0 {
			return math.MaxUint64
		}
		ways = sum
	}
	return ways
}

// crashed is another disk, as a fate leaves this one.
func (d *Disk) crashed(f fate) *Disk {
	c := New(luck.Stream{}, d.o)
	c.luck, c.last, c.seq = d.luck, d.last, d.seq
	c.shared, d.shared = true, true
	root, _ := d.leave(f)
	c.forgetAll()
	c.settle(root)
	c.walk(root, "", func(_ string, n *inode) {
		for _, p := range n.pages {
			p.rot = nil // who reads the copy is not struck by the fault
		}
	})
	return c
}

// wholly is the fate in which everything that is pending lands, or nothing.
func (d *Disk) wholly(lands bool) fate {
	f := fate{map[*change]bool{}, map[*inode]fileFate{}}
	for _, c := range d.changes {
		f.landed[c] = lands
	}
	for _, n := range d.touched {
		ff := fileFate{}
		if lands {
			ff.size = len(n.sizes) - 1
		}
		for _, at := range n.pendingSectors() {
			pick := 0
			if lands {
				pick = at.p.newest(at.sector, n.sizes[ff.size].seq)
			}
			ff.picks = append(ff.picks, pick)
		}
		f.files[n] = ff
	}
	return f
}

// tree is one outcome for the changes of entries, with all the ways for the files that are in it then.
type tree struct {
	landed map[*change]bool
	files  []fileWays
	ways   uint64
}

// fileWays are the ways in which a file can end, those of each of its sizes.
type fileWays struct {
	n     *inode
	sizes []sizeWays
	ways  uint64
}

// sizeWays are the ways in which a file can end with one of its sizes: for each pending sector, the
// versions that go with it.
type sizeWays struct {
	size  int
	picks [][]int
	ways  uint64
}

// trees lists the outcomes for the changes of entries. It stops, and says so, beyond limit.
func (d *Disk) trees(limit int) (trees []tree, all bool) {
	ways := map[*inode]fileWays{}
	for _, n := range d.touched {
		ways[n] = n.fileWays()
	}
	landed := map[*change]bool{}
	var choose func(i int) bool
	choose = func(i int) bool {
		if i == len(d.changes) {
			if len(trees) > limit {
				return false
			}
			trees = append(trees, d.tree(landed, ways))
			return true
		}
		c := d.changes[i]
		landed[c] = false
		if !choose(i + 1) {
			return false
		}
		if c.may(landed) {
			landed[c] = true
			if !choose(i + 1) {
				return false
			}
		}
		delete(landed, c)
		return true
	}
	all = choose(0)
	return trees, all
}

// tree makes one outcome. Files that nothing leads to in it have nothing to choose.
func (d *Disk) tree(landed map[*change]bool, ways map[*inode]fileWays) tree {
	t := tree{landed: map[*change]bool{}, ways: 1}
	for _, c := range d.changes {
		t.landed[c] = landed[c]
	}
	reached := map[*inode]bool{}
	reach(d.root, d.durableEntries(fate{landed: t.landed}), reached)
	for _, n := range d.touched {
		w := ways[n]
		if !reached[n] {
			w.sizes = []sizeWays{{picks: w.sizes[0].picks, ways: 1}}
			w.ways = 1
		}
		t.files = append(t.files, w)
		t.ways = times(t.ways, w.ways)
	}
	return t
}

func reach(n *inode, changed map[*inode]map[string]*inode, reached map[*inode]bool) {
	reached[n] = true
	if n.dir == nil {
		return
	}
	entries, was := changed[n]
	if !was {
		entries = n.dir.durable
	}
	for _, child := range entries {
		reach(child, changed, reached)
	}
}

func (n *inode) fileWays() fileWays {
	w := fileWays{n: n}
	places := n.pendingSectors()
	for k, s := range n.sizes {
		ways := sizeWays{size: k, ways: 1}
		for _, at := range places {
			picks := at.different(s)
			if at.p.number*PageSize+int64(at.sector*SectorSize) >= s.size {
				picks = picks[:1] // beyond the end, whatever it is
			}
			ways.picks = append(ways.picks, picks)
			ways.ways = times(ways.ways, uint64(len(picks)))
		}
		w.sizes = append(w.sizes, ways)
		if sum, carry := bits.Add64(w.ways, ways.ways, 0); carry == 0 {
			w.ways = sum
		} else {
			w.ways = math.MaxUint64
		}
	}
	return w
}

// different lists the versions of a sector that go with a size of the file, of those with equal contents
// the first.
func (at place) different(size sized) (picks []int) {
	seen := map[sectorData]bool{}
	for number := range at.p.newest(at.sector, size.seq) + 1 {
		if data := at.p.version(at.sector, number, size.seq); !seen[data] {
			seen[data] = true
			picks = append(picks, number)
		}
	}
	return picks
}

// fate is the outcome's way number i.
func (t tree) fate(i uint64) fate {
	f := fate{t.landed, make(map[*inode]fileFate, len(t.files))}
	for _, w := range t.files {
		f.files[w.n] = w.fate(i % w.ways)
		i /= w.ways
	}
	return f
}

func (w fileWays) fate(i uint64) fileFate {
	for _, s := range w.sizes {
		if i >= s.ways {
			i -= s.ways
			continue
		}
		f := fileFate{size: s.size, picks: make([]int, len(s.picks))}
		for at, picks := range s.picks {
			f.picks[at] = picks[i%uint64(len(picks))]
			i /= uint64(len(picks))
		}
		return f
	}
	panic("disk: a file cannot end in that many ways")
}

// times is a*b, or the greatest number if that is too much.
func times(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	if hi > 0 {
		return math.MaxUint64
	}
	return lo
}
