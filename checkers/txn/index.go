package txn

import (
	"cmp"
	"fmt"
	"slices"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// index is what the transactions say of each list.
type index struct {
	name      func(linear.Value) string
	txns      []Txn
	committed []bool // certainly: it was answered, or one of its appends was read
	place     map[linear.Value]int32
	lists     []list
	by        map[element]access
	cleaned   map[access][]linear.Value
}

// element is an element of a list, by the list's place.
type element struct {
	list  int32
	value linear.Value
}

// access is a step of a transaction.
type access struct{ txn, step int32 }

// list is one list.
//
// Invariant: readers and appends are in the order of transactions and their steps. Unless the list is broken, what each
// reader saw is a prefix of order, and at is the place of each of its elements. len(makers) == len(order).
type list struct {
	key     linear.Value
	readers []access // reads of it, by transactions that were answered
	appends []access // appends to it, whatever became of them
	soiled  bool     // somebody read what was undone, or what nobody appended
	broken  bool     // what was read of it are not versions of one list
	order   []linear.Value
	makers  []access // who appended each element of the order
	from    int32    // the place in readers of who read the order
	at      map[linear.Value]int32
	unseen  []int32 // committed transactions that appended what nobody read, each once
}

func newIndex(txns []Txn, name func(linear.Value) string) (*index, error) {
	appends := 0
	for i := range txns {
		for j := range txns[i].Steps {
			if !txns[i].Steps[j].Read {
				appends++
			}
		}
	}
	x := &index{name: name, txns: txns, committed: make([]bool, len(txns)), place: map[linear.Value]int32{},
		by: make(map[element]access, appends), cleaned: map[access][]linear.Value{}}
	for i := range txns {
		x.committed[i] = txns[i].Outcome == history.Ok
		for j := range txns[i].Steps {
			if err := x.add(access{int32(i), int32(j)}); err != nil {
				return nil, err
			}
		}
	}
	for k := range x.lists {
		x.order(int32(k))
	}
	for k := range x.lists {
		x.leftovers(int32(k))
	}
	return x, nil
}

func (x *index) step(a access) *Step { return &x.txns[a.txn].Steps[a.step] }

// add takes a step into the index.
func (x *index) add(a access) error {
	s := x.step(a)
	k, known := x.place[s.Key]
	if !known {
		k = int32(len(x.lists))
		x.place[s.Key] = k
		x.lists = append(x.lists, list{key: s.Key})
	}
	l := &x.lists[k]
	switch {
	case !s.Read:
		e := element{k, s.Value}
		if before, twice := x.by[e]; twice {
			return fmt.Errorf("operations %d and %d both append %s to list %s: what is appended must be unique",
				x.txns[before.txn].ID, x.txns[a.txn].ID, x.name(s.Value), x.name(s.Key))
		}
		x.by[e] = a
		l.appends = append(l.appends, a)
	case x.txns[a.txn].Outcome == history.Ok:
		l.readers = append(l.readers, a)
	}
	return nil
}

// order finds the order of a list's versions, and who committed because a part of it was read.
func (x *index) order(k int32) {
	l := &x.lists[k]
	l.longest(x)
	if l.soiled = !l.fits(x) || !x.clean(k, l.order); l.soiled {
		for _, a := range l.readers {
			x.cleaned[a] = slices.DeleteFunc(slices.Clone(x.step(a).List), func(v linear.Value) bool { return !x.stands(k, v) })
		}
		l.longest(x)
		l.broken = !l.fits(x)
	}
	l.at = make(map[linear.Value]int32, len(l.order))
	l.makers = make([]access, len(l.order))
	for i, v := range l.order {
		l.at[v] = int32(i)
		l.makers[i] = x.by[element{k, v}]
		x.committed[l.makers[i].txn] = true
	}
	l.broken = l.broken || len(l.at) < len(l.order)
}

// stands says whether the element is one that somebody appended who did not certainly fail.
func (x *index) stands(k int32, v linear.Value) bool {
	a, known := x.by[element{k, v}]
	return known && x.txns[a.txn].Possible()
}

func (x *index) clean(k int32, read []linear.Value) bool {
	return !slices.ContainsFunc(read, func(v linear.Value) bool { return !x.stands(k, v) })
}

// saw is what a reader of the list saw of it, without what does not stand.
func (l *list) saw(x *index, a access) []linear.Value {
	if l.soiled {
		return x.cleaned[a]
	}
	return x.step(a).List
}

// last is who appended the last of what a reader of the list saw.
func (l *list) last(x *index, saw []linear.Value) access {
	if n := len(saw); !l.broken {
		return l.makers[n-1]
	}
	return x.by[element{x.place[l.key], saw[len(saw)-1]}]
}

func (l *list) longest(x *index) {
	l.order, l.from = nil, 0
	for i, a := range l.readers {
		if read := l.saw(x, a); len(read) > len(l.order) {
			l.order, l.from = read, int32(i)
		}
	}
}

// fits says whether all that was read are prefixes of the order.
func (l *list) fits(x *index) bool {
	return !slices.ContainsFunc(l.readers, func(a access) bool { return !l.before(l.saw(x, a)) })
}

// before says whether what was read is a version that the order went through.
func (l *list) before(read []linear.Value) bool {
	return len(read) <= len(l.order) && slices.Equal(read, l.order[:len(read)])
}

// leftovers finds who appended what nobody read. It all comes after the order, which is a prefix of every later version.
func (x *index) leftovers(k int32) {
	l := &x.lists[k]
	for _, a := range l.appends {
		if _, seen := l.at[x.step(a).Value]; seen || !x.committed[a.txn] {
			continue
		}
		if n := len(l.unseen); n == 0 || l.unseen[n-1] != a.txn {
			l.unseen = append(l.unseen, a.txn)
		}
	}
}

// views gives each read of the list, with the place in appends of the first own append that may come with it: own is
// how many of them came before the read.
func (l *list) views(yield func(read access, first, own int) bool) {
	first := 0
	for _, r := range l.readers {
		for first < len(l.appends) && l.appends[first].txn < r.txn {
			first++
		}
		own := 0
		for n := first; n < len(l.appends) && l.appends[n].txn == r.txn && l.appends[n].step < r.step; n++ {
			own++
		}
		if !yield(r, first, own) {
			return
		}
	}
}

// inOrder sorts IDs by the calls of their transactions, each once.
func (x *index) inOrder(ids []uint64) []uint64 {
	called := make(map[uint64]history.Time, len(ids))
	for _, id := range ids {
		called[id] = 0
	}
	for i := range x.txns {
		if _, among := called[x.txns[i].ID]; among {
			called[x.txns[i].ID] = x.txns[i].Call
		}
	}
	slices.SortFunc(ids, func(a, b uint64) int { return cmp.Or(cmp.Compare(called[a], called[b]), cmp.Compare(a, b)) })
	return slices.Compact(ids)
}
