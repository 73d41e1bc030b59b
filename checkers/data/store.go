package data

import (
	"cmp"
	"log/slog"
	"math"
	"slices"
	"sort"

	"simrun/checkers/evidence"
	"simrun/checkers/objects"
	"simrun/checkers/wording"
	"simrun/nodes/history"
)

// store is a history as a key-value store's: what was written under each key, and what was read. It is read from
// operations of these kinds:
//
//	write   key, value -> version, if the store tells one; any word for it will do: put, append, add
//	cas     key, new   -> version; one that says swapped=false is none
//	delete  key        -> version
//	read    key        -> value (nil where there is nothing; a list, of a set or a list), version
//
// Written values are unique within a key. Where a history has one object, there may be no key.
type store struct {
	shelves []*shelf // in the order of their first operations
	byKey   map[string]*shelf
}

// shelf is one key.
//
// Invariant: writes and reads are in the order of their calls.
type shelf struct {
	key    string
	writes []*stored          // and deletes, without those that failed
	writer map[string]*stored // by value
	reads  []*stored          // that were answered
	// versions says that every acknowledged write was told its version.
	versions bool
	acks     []ack // by the time of the acknowledgement
}

// ack is what had been acknowledged by a time: the latest call of a write, and the greatest version.
type ack struct {
	by, call history.Time
	version  int64
}

// stored is an operation on one key.
type stored struct {
	*history.Operation
	value   string
	nothing bool            // it deleted, or found nothing
	list    map[string]bool // what was in the list that it read; nil if it was none
	version int64
	told    bool // the version
}

// end is by when a write took effect if it did: never, if nobody was told.
func (o *stored) end() history.Time {
	if o.Outcome == history.Ok {
		return o.Return
	}
	return history.Never
}

// storeOf reads the history as a store's, with one kind of operation as its writes and one as its reads.
func storeOf(e *evidence.Evidence, write, read string) *store {
	s := &store{byKey: map[string]*shelf{}}
	for _, o := range e.Operations {
		switch {
		case objects.Unswapped(o):
		case o.Kind == read && o.Outcome == history.Ok:
			k := s.shelf(o)
			k.reads = append(k.reads, readOf(o))
		case (o.Kind == write || o.Kind == "cas" || o.Kind == "delete") && o.Outcome != history.Fail:
			k := s.shelf(o)
			w := &stored{Operation: o, nothing: o.Kind == "delete", value: evidence.Text(o.Input("value"))}
			if o.Kind == "cas" {
				w.value = evidence.Text(o.Input("new"))
			}
			w.version, w.told = versionOf(o)
			k.writes = append(k.writes, w)
			if !w.nothing {
				k.writer[w.value] = w
			}
		}
	}
	for _, k := range s.shelves {
		k.sum()
	}
	return s
}

func (s *store) shelf(o *history.Operation) *shelf {
	key := evidence.Text(o.Input("key"))
	k := s.byKey[key]
	if k == nil {
		k = &shelf{key: key, writer: map[string]*stored{}}
		s.byKey[key] = k
		s.shelves = append(s.shelves, k)
	}
	return k
}

// sum adds up what had been acknowledged by when.
func (k *shelf) sum() {
	k.versions = true
	for _, w := range k.writes {
		if w.Outcome == history.Ok {
			k.versions = k.versions && w.told
			k.acks = append(k.acks, ack{w.Return, w.Call, w.version})
		}
	}
	slices.SortFunc(k.acks, func(a, b ack) int { return cmp.Compare(a.by, b.by) })
	for i := 1; i < len(k.acks); i++ {
		k.acks[i].call = max(k.acks[i].call, k.acks[i-1].call)
		k.acks[i].version = max(k.acks[i].version, k.acks[i-1].version)
	}
}

// newest is the latest call, and the greatest version, of all writes that had been acknowledged by a time.
func (k *shelf) newest(by history.Time) (call history.Time, version int64) {
	i := sort.Search(len(k.acks), func(i int) bool { return k.acks[i].by > by })
	if i == 0 {
		return -1, math.MinInt64
	}
	return k.acks[i-1].call, k.acks[i-1].version
}

// name is what a write is called in a sentence: "x = 3".
func (o *stored) name(key string) string {
	value := wording.Short(o.value)
	if o.nothing {
		value = "nothing"
	}
	if key == "" {
		return value
	}
	return wording.Short(key) + " = " + value
}

// readOf is what a read saw.
func readOf(o *history.Operation) *stored {
	r := &stored{Operation: o}
	v := o.Output("value").Resolve()
	r.version, r.told = versionOf(o)
	if v.Kind() != slog.KindAny {
		r.value = evidence.Text(v)
		return r
	}
	switch a := v.Any().(type) {
	case nil:
		r.nothing = true
	case []any:
		r.list = make(map[string]bool, len(a))
		for _, element := range a {
			r.list[evidence.Text(slog.AnyValue(element))] = true
		}
	case []string:
		r.list = make(map[string]bool, len(a))
		for _, element := range a {
			r.list[element] = true
		}
	default:
		r.value = evidence.Text(v)
	}
	return r
}

// versionOf is the version that the operation was told.
func versionOf(o *history.Operation) (int64, bool) {
	for _, name := range []string{"version", "revision", "offset"} {
		switch v := o.Output(name).Resolve(); v.Kind() {
		case slog.KindInt64:
			return v.Int64(), true
		case slog.KindUint64:
			return int64(v.Uint64()), true
		}
	}
	return 0, false
}

// saw is the write whose value a read saw, nil if nobody wrote it: of a key that was never written, or whose value was
// there before. Where the read found nothing it is the delete that may have come last.
func (k *shelf) saw(r *stored) *stored {
	if !r.nothing {
		return k.writer[r.value]
	}
	var last *stored
	for _, w := range k.writes {
		if w.nothing && w.Call <= r.Return && (last == nil || w.end() > last.end()) {
			last = w
		}
	}
	return last
}
