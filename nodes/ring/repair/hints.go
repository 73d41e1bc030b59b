package repair

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"simrun/nodes/ring"
)

// Hint is what a node missed of a key while it could not be reached ("Dynamo", §4.6).
type Hint struct {
	Number uint64  // given by Hints.Hold; of the hints that a node holds, a later one has the higher number
	For    ring.ID // who missed it
	// Since is when the oldest of it was written; it is not made younger by what is added.
	Since time.Time
	Key   []byte
	// Known is all that the holder knows of the key, as package version writes it. It is never a part: who had only the
	// newest write would take for replaced what it has not got.
	Known []byte
}

func (h *Hint) size() int { return len(h.Key) + len(h.Known) + hintOverhead }

// hintOverhead is about what a hint takes beside its bytes.
const hintOverhead = 96

// ErrFull is why a hint was not taken. The write then lacks that copy, and must not count it as acknowledged.
var ErrFull = errors.New("repair: too much is kept for nodes that are away")

// ErrHint is wrapped by what is said of records that do not follow those before them.
var ErrHint = errors.New("repair: not a record of these hints")

// HintOptions bound Hints. The zero is the defaults named here.
type HintOptions struct {
	Bytes   int // of all hints. Default 64 MiB
	PerNode int // of those for one node, so that one that is away does not take all room. Default a quarter of Bytes
}

func (o HintOptions) withDefaults() HintOptions {
	if o.Bytes <= 0 {
		o.Bytes = 64 << 20
	}
	if o.PerNode <= 0 {
		o.PerNode = max(o.Bytes/4, 1)
	}
	return o
}

// Hints is what a node holds for others. It is the fold of its records: a node that lost its memory gets it back by
// Replay of those that it wrote to its disk.
//
// A hint that is not durable is not held: a write may count a hint as a copy only once its record is synced.
//
// Invariants: there is one hint at most for each key of a node; those of a node are sorted by number; bytes is the sum
// of the sizes.
type Hints struct {
	opts  HintOptions
	nodes []*waiting // by ID; none is empty
	bytes int
	last  uint64 // the highest number that was given
}

// waiting is what is held for one node. Dropped hints leave holes, with a number and nothing else, that are closed once
// there are more of them than hints: or each write of a key that is held would cost as much as there are hints.
type waiting struct {
	node  ring.ID
	hints []Hint
	keys  map[string]uint64 // number by key, of those that are no holes
	bytes int
}

// NewHints holds nothing.
func NewHints(o HintOptions) *Hints { return &Hints{opts: o.withDefaults()} }

// Len is the number of hints, and Bytes about how much memory they take.
func (h *Hints) Len() (n int) {
	for _, w := range h.nodes {
		n += len(w.keys)
	}
	return n
}

// Bytes is about how much memory the hints take.
func (h *Hints) Bytes() int { return h.bytes }

// Nodes are those for whom something is held, by ID.
func (h *Hints) Nodes() (ids []ring.ID) {
	for _, w := range h.nodes {
		ids = append(ids, w.node)
	}
	return ids
}

// Held is what is held of a key for a node. Whoever holds more of it merges both.
func (h *Hints) Held(node ring.ID, key []byte) (Hint, bool) {
	w := h.of(node)
	if w == nil {
		return Hint{}, false
	}
	number, found := w.keys[string(key)]
	if !found {
		return Hint{}, false
	}
	at, _ := w.at(number)
	return w.hints[at], true
}

// Hold takes a hint, in the place of one that is held of the same key, whose time it keeps; what is known must cover what
// that one had. The record is to be made durable. The error is ErrFull, and then nothing has changed.
func (h *Hints) Hold(hint Hint) (Record, error) {
	if old, held := h.Held(hint.For, hint.Key); held && old.Since.Before(hint.Since) {
		hint.Since = old.Since
	}
	hint.Number = h.last + 1
	if !h.fits(&hint) {
		return Record{}, ErrFull
	}
	r := Record{Hint: hint}
	h.put(hint)
	return r, nil
}

func (h *Hints) fits(hint *Hint) bool {
	size, all, of := hint.size(), h.bytes, 0
	if w := h.of(hint.For); w != nil {
		of = w.bytes
	}
	if old, held := h.Held(hint.For, hint.Key); held {
		all, of = all-old.size(), of-old.size()
	}
	return all+size <= h.opts.Bytes && of+size <= h.opts.PerNode
}

// Next are the oldest hints for a node, of up to so many bytes, but at least one if there is any. They stay until Drop.
func (h *Hints) Next(node ring.ID, bytes int) (next []Hint) {
	w := h.of(node)
	if w == nil {
		return nil
	}
	for hint := range w.all() {
		if bytes -= hint.size(); bytes < 0 && len(next) > 0 {
			break
		}
		next = append(next, hint)
	}
	return next
}

// Drop forgets hints that were delivered, by their numbers: one that has taken the place of one of them meanwhile
// stays. The record is to be written; if it gets lost they are delivered again, which does no harm.
func (h *Hints) Drop(node ring.ID, numbers []uint64) Record {
	r := Record{Hint: Hint{For: node}, Dropped: append([]uint64{}, numbers...)}
	slices.Sort(r.Dropped)
	r.Dropped = slices.Compact(r.Dropped)
	at, found := h.find(node)
	if !found {
		return r
	}
	for _, number := range r.Dropped {
		h.bytes -= h.nodes[at].drop(number)
	}
	if len(h.nodes[at].keys) == 0 {
		h.nodes = slices.Delete(h.nodes, at, at+1)
	}
	return r
}

// Expire forgets what may not be delivered any more, and says by which records. What a node misses thereby it gets by
// comparing copies.
func (h *Hints) Expire(rules Rules, now time.Time) (records []Record) {
	for _, node := range h.Nodes() {
		var old []uint64
		for hint := range h.of(node).all() {
			if !rules.MayDeliver(hint, now) {
				old = append(old, hint.Number)
			}
		}
		if len(old) > 0 {
			records = append(records, h.Drop(node, old))
		}
	}
	return records
}

// Release forgets what is held for a node that will not come back, and returns it: it is owed to those who keep the keys
// in its place, and the record is to be written once they have it.
func (h *Hints) Release(node ring.ID) ([]Hint, Record) {
	var owed []Hint
	var numbers []uint64
	if w := h.of(node); w != nil {
		for hint := range w.all() {
			owed, numbers = append(owed, hint), append(numbers, hint.Number)
		}
	}
	return owed, h.Drop(node, numbers)
}

// Replay takes over a record that was made durable. Errors: ErrHint, and then nothing has changed. What a disk holds is
// taken even if it is more than the options allow now.
func (h *Hints) Replay(r Record) error {
	if r.Dropped != nil {
		h.Drop(r.Hint.For, r.Dropped)
		return nil
	}
	if r.Hint.Number <= h.last || r.Hint.For == 0 {
		return fmt.Errorf("%w: hint %d for %d after %d", ErrHint, r.Hint.Number, r.Hint.For, h.last)
	}
	h.put(r.Hint)
	return nil
}

// Records are as few as bring all this back, in their order: what a snapshot of the log is made of.
func (h *Hints) Records() (records []Record) {
	for _, w := range h.nodes {
		for hint := range w.all() {
			records = append(records, Record{Hint: hint})
		}
	}
	slices.SortFunc(records, func(a, b Record) int { return cmp.Compare(a.Hint.Number, b.Hint.Number) })
	return records
}

// String is what is held, on one line.
func (h *Hints) String() string {
	return fmt.Sprintf("%d hints for %d nodes, %d bytes", h.Len(), len(h.nodes), h.bytes)
}

func (h *Hints) put(hint Hint) {
	at, found := h.find(hint.For)
	if !found {
		h.nodes = slices.Insert(h.nodes, at, &waiting{node: hint.For, keys: map[string]uint64{}})
	}
	w := h.nodes[at]
	if number, held := w.keys[string(hint.Key)]; held {
		h.bytes -= w.drop(number)
	}
	w.hints = append(w.hints, hint)
	w.keys[string(hint.Key)] = hint.Number
	w.bytes += hint.size()
	h.bytes += hint.size()
	h.last = hint.Number
}

func (h *Hints) find(node ring.ID) (int, bool) {
	return slices.BinarySearchFunc(h.nodes, node, func(w *waiting, id ring.ID) int { return cmp.Compare(w.node, id) })
}

func (h *Hints) of(node ring.ID) *waiting {
	if at, found := h.find(node); found {
		return h.nodes[at]
	}
	return nil
}

// all are the hints, the oldest first.
func (w *waiting) all() iter.Seq[Hint] {
	return func(yield func(Hint) bool) {
		for i := range w.hints {
			if w.hints[i].For != 0 && !yield(w.hints[i]) {
				return
			}
		}
	}
}

func (w *waiting) at(number uint64) (int, bool) {
	return slices.BinarySearchFunc(w.hints, number, func(h Hint, n uint64) int { return cmp.Compare(h.Number, n) })
}

// drop makes a hole of a hint, if it is there, and says how many bytes that sets free.
func (w *waiting) drop(number uint64) int {
	i, found := w.at(number)
	if !found || w.hints[i].For == 0 {
		return 0
	}
	size := w.hints[i].size()
	delete(w.keys, string(w.hints[i].Key))
	w.hints[i] = Hint{Number: number}
	w.bytes -= size
	if len(w.hints) > 2*len(w.keys)+16 {
		w.hints = slices.DeleteFunc(w.hints, func(h Hint) bool { return h.For == 0 })
	}
	return size
}
