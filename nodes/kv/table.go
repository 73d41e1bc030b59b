package kv

import (
	"math/bits"
	"slices"
	"sort"
)

// table finds items by their keys, and walks through them in the order of their hashes. It is an extendible hash table
// (Fagin et al., TODS 1979): pages is a directory by the first bits of a hash, and a page that is full is split in two.
// So it grows a page at a time, and a walk that goes on from a hash later neither misses an item nor meets one twice.
//
// Invariants: len(pages) is 1<<depth; a page of depth d stands in 1<<(depth-d) places side by side; the items of a page
// are in the order of their hashes, then of their keys.
type table struct {
	pages []*page
	depth uint
	count int
}

type page struct {
	depth  uint
	hashes []uint64 // of the items
	items  []*item
}

// fullPage is how many items a page holds before it is split.
const fullPage = 64

func newTable() table { return table{pages: []*page{{}}} }

func (t *table) page(hash uint64) *page { return t.pages[t.place(hash)] }

// place is where in the directory a hash belongs.
func (t *table) place(hash uint64) int { return int(hash >> (64 - t.depth)) }

// search is where in the page an item with that hash and key is, or would be.
func search[S ~string | ~[]byte](p *page, hash uint64, key S) (at int, found bool) {
	at, _ = slices.BinarySearch(p.hashes, hash)
	for ; at < len(p.items) && p.hashes[at] == hash; at++ {
		if k := p.items[at].key; k >= string(key) {
			return at, k == string(key)
		}
	}
	return at, false
}

// get is the item of that key, or nil.
func (t *table) get(hash uint64, key []byte) *item {
	p := t.page(hash)
	if at, found := search(p, hash, key); found {
		return p.items[at]
	}
	return nil
}

// put adds an item, in place of that of the same key, which it returns.
func (t *table) put(it *item) (old *item) {
	p := t.page(it.hash)
	at, found := search(p, it.hash, it.key)
	if found {
		old, p.items[at] = p.items[at], it
		return old
	}
	p.hashes = slices.Insert(p.hashes, at, it.hash)
	p.items = slices.Insert(p.items, at, it)
	t.count++
	if len(p.items) > fullPage {
		t.split(p)
	}
	return nil
}

// remove takes an item out.
func (t *table) remove(it *item) {
	p := t.page(it.hash)
	if at, found := search(p, it.hash, it.key); found {
		p.hashes = slices.Delete(p.hashes, at, at+1)
		p.items = slices.Delete(p.items, at, at+1)
		t.count--
	}
}

// split makes two of a page. Keys that were chosen to agree in their first bits must not make the directory grow beyond
// what its items are worth; their page is left to grow instead.
func (t *table) split(p *page) {
	if p.depth == t.depth {
		if t.depth >= uint(bits.Len(uint(t.count))) {
			return
		}
		pages := make([]*page, 2*len(t.pages))
		for i, p := range t.pages {
			pages[2*i], pages[2*i+1] = p, p
		}
		t.pages, t.depth = pages, t.depth+1
	}
	p.depth++
	bit := uint64(1) << (64 - p.depth)
	cut := sort.Search(len(p.hashes), func(i int) bool { return p.hashes[i]&bit != 0 })
	width := 1 << (t.depth - p.depth)
	first := t.place(p.hashes[0]) &^ (2*width - 1)
	upper := &page{depth: p.depth, hashes: slices.Clone(p.hashes[cut:]), items: slices.Clone(p.items[cut:])}
	clear(p.items[cut:])
	p.hashes, p.items = p.hashes[:cut], p.items[:cut]
	for i := range width {
		t.pages[first+i], t.pages[first+width+i] = p, upper
	}
}

// walk calls f with each item whose hash is no less than from, in their order, until f says no.
func (t *table) walk(from uint64, f func(*item) bool) {
	var last *page
	for i := t.place(from); i < len(t.pages); i++ {
		p := t.pages[i]
		if p == last {
			continue
		}
		last = p
		at, _ := slices.BinarySearch(p.hashes, from)
		for ; at < len(p.items); at++ {
			if !f(p.items[at]) {
				return
			}
		}
	}
}

// all are the items in their order.
func (t *table) all() []*item {
	items := make([]*item, 0, t.count)
	t.walk(0, func(it *item) bool {
		items = append(items, it)
		return true
	})
	return items
}
