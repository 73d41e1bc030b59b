package ringkv

import (
	"cmp"
	"slices"
	"strings"

	"simrun/nodes/ring"
	"simrun/nodes/ring/merkle"
	"simrun/nodes/ring/version"
)

// item is this server's copy of a key.
type item struct {
	key      string
	position uint64
	known    []byte // lore, encoded; never written to again
	epoch    uint64 // in which this server counts its writes; never sent
	digest   uint64
	deleted  bool // a tombstone
	at       version.Stamp

	unsynced int  // records of it on their way to the disk
	unsaved  bool // the disk has refused the last: it has to be written again
	waiting  []func()
}

// size is about how much memory an item takes.
func (it *item) size() int { return len(it.key) + len(it.known) + itemOverhead }

const itemOverhead = 192

// drawers is how many there are: one for each leaf of a tree, so that what differs is found without a search.
const drawers = 1 << 12

// shelf is all copies of a server, and the trees by which it compares them with others'.
//
// Invariants: every item is in the drawer of its position; tombs are those items that are tombstones; digest is the sum of the
// digests of the others, and bytes that of all sizes. In the tree for another server is what both keep by the ring, and nothing
// that this one does not.
type shelf struct {
	versions Versions
	salt     uint64
	self     ring.ID
	ring     *ring.Ring
	drawers  [drawers]map[string]*item
	tombs    map[string]*item
	strays   map[string]*item // that this server does not keep by the ring
	trees    map[ring.ID]*merkle.Tree
	count    int
	bytes    int
	digest   uint64
}

func newShelf(v Versions, salt uint64) *shelf {
	return &shelf{versions: v, salt: salt, tombs: map[string]*item{}, strays: map[string]*item{}, trees: map[ring.ID]*merkle.Tree{}}
}

func drawerOf(position uint64) int { return int(position >> 52) }

// find is the copy of a key; nil if there is none.
func (h *shelf) find(key []byte) *item {
	return h.drawers[drawerOf(ring.Position(key))][string(key)]
}

// lore is what is known of a key.
func (h *shelf) lore(key []byte) lore {
	if it := h.find(key); it != nil {
		return h.read(it)
	}
	return lore{}
}

// read decodes an item, which was encoded here, or checked when it came.
func (h *shelf) read(it *item) lore {
	l, err := h.versions.decode(it.known)
	if err != nil {
		panic("ringkv: a copy of " + it.key + " cannot be read: " + err.Error())
	}
	return l
}

// put makes lore the copy of a key.
func (h *shelf) put(key []byte, l lore, epoch uint64) *item {
	it := h.find(key)
	if it == nil {
		it = &item{key: string(key), position: ring.Position(key)}
		d := &h.drawers[drawerOf(it.position)]
		if *d == nil {
			*d = map[string]*item{}
		}
		(*d)[it.key] = it
		h.count++
	} else {
		h.bytes -= it.size()
		h.digest -= it.shown()
	}
	before := it.digest
	it.known, it.epoch = h.versions.encode(l), epoch
	it.digest = merkle.Digest(h.salt, key, it.known)
	it.deleted = h.versions.isTombstone(l)
	_, it.at, _ = h.versions.newest(l)
	h.bytes += it.size()
	h.digest += it.shown()
	delete(h.tombs, it.key)
	if it.deleted {
		h.tombs[it.key] = it
	}
	h.plant(it, before, it.digest)
	return it
}

// drop forgets a copy.
func (h *shelf) drop(it *item) {
	delete(h.drawers[drawerOf(it.position)], it.key)
	delete(h.tombs, it.key)
	h.plant(it, it.digest, 0)
	delete(h.strays, it.key)
	h.count--
	h.bytes -= it.size()
	h.digest -= it.shown()
}

// shown is what an item adds to the digest of all that there is to read: copies that differ in tombstones alone are the same
// to everybody who asks.
func (it *item) shown() uint64 {
	if it.deleted {
		return 0
	}
	return it.digest
}

// plant puts an item's digest, in the place of the one before, into the trees that it belongs in.
func (h *shelf) plant(it *item, before, after uint64) {
	if h.ring == nil {
		return
	}
	owners := h.ring.Owners(it.position)
	if !slices.Contains(owners, h.self) {
		h.strays[it.key] = it
		return
	}
	for _, id := range owners {
		if t := h.trees[id]; t != nil {
			t.Replace(it.position, before, after)
		}
	}
}

// arrange makes the trees those of another ring.
func (h *shelf) arrange(self ring.ID, r *ring.Ring) {
	h.self, h.ring = self, r
	clear(h.trees)
	clear(h.strays)
	for _, m := range r.Members() {
		if m.ID != self {
			h.trees[m.ID] = merkle.New(merkle.DefaultDepth)
		}
	}
	for _, it := range h.all() {
		h.plant(it, 0, it.digest)
	}
}

// all are the items, in an order that is the same on every machine.
func (h *shelf) all() []*item {
	all := make([]*item, 0, h.count)
	for _, drawer := range h.drawers {
		all = appendInOrder(all, drawer)
	}
	return all
}

// within are the items of a range, in that order, after a key.
func (h *shelf) within(r ring.Range, after string) (found []*item) {
	first, last := drawerOf(r.After+1), drawerOf(r.Through)
	for n := range drawers {
		i := (first + n) % drawers
		for _, it := range inOrder(h.drawers[i]) {
			if r.Contains(it.position) {
				found = append(found, it)
			}
		}
		if i == last && (first != last || r.Through-r.After <= 1<<52) {
			break
		}
	}
	if after == "" {
		return found
	}
	at := slices.IndexFunc(found, func(it *item) bool { return it.follows(after) })
	if at < 0 {
		return nil
	}
	return found[at:]
}

// follows says whether an item comes after a key in the order of inOrder.
func (it *item) follows(key string) bool {
	p := ring.Position([]byte(key))
	return cmp.Or(cmp.Compare(drawerOf(it.position), drawerOf(p)), strings.Compare(it.key, key)) > 0
}

func inOrder(items map[string]*item) []*item {
	return appendInOrder(make([]*item, 0, len(items)), items)
}

// appendInOrder costs nothing where there are no items: most drawers are empty.
func appendInOrder(all []*item, items map[string]*item) []*item {
	from := len(all)
	for _, it := range items { // in whatever order: they are sorted
		all = append(all, it)
	}
	slices.SortFunc(all[from:], func(a, b *item) int {
		return cmp.Or(cmp.Compare(drawerOf(a.position), drawerOf(b.position)), strings.Compare(a.key, b.key))
	})
	return all
}
