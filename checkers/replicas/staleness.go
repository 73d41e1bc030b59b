package replicas

import (
	"cmp"
	"slices"
	"time"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// Lag is how old what a read saw was, at the least. A read that saw the newest value that it had to see lags by nothing.
//
// In versions it is how many newer ones there certainly were before the read was called, so that a store is k-atomic for no k
// below Versions + 1 (Aiyer, Alvisi & Bazzi, DISC 2005); in time it is how long the first of them had been there by then
// (Δ-atomicity: Golab, Li & Shah, PODC 2011).
type Lag struct {
	Read     uint64
	Client   int32
	Key      linear.Value
	Call     history.Time
	Versions int
	Age      time.Duration
	Missed   uint64 // the first write that it should have seen, or 0
}

// Staleness measures the reads whose lag can be told, in the order of their calls within each key, and counts the others.
//
// One write is newer than another by their versions, if those of all answered writes of the key are known; else if it
// was called after the other had been answered. Then a read that saw a write whose answer was lost lags by nothing, for this
// one may have been the last; and one that found nothing says nothing where keys are deleted.
// Nor do reads of a key of which one version was told with two values, or one value with two versions.
func Staleness(accesses []Access) (lags []Lag, unknown int) {
	reads := 0
	for i := range accesses {
		if accesses[i].known() {
			reads++
		}
	}
	lags = make([]Lag, 0, reads)
	for _, b := range books(accesses) {
		if one, _ := b.fork(); one == nil {
			lags = b.measure(lags)
		}
	}
	return lags, reads - len(lags)
}

// ranked is a write that was answered, with its place in the order of versions or of calls.
type ranked struct {
	*Access
	place int64
}

// measure adds the lags of the reads of a key: the writes are counted one after another as they are answered, and each read asks for
// those counted by its call that are newer than what it saw.
func (b *book) measure(lags []Lag) []Lag {
	writes, byVersion := b.ranking()
	places := make([]int64, len(writes))
	for i, w := range writes {
		places[i] = w.place
	}
	slices.Sort(places)
	first := firstAnswers(writes)
	answered := slices.Clone(writes)
	slices.SortStableFunc(answered, func(a, c ranked) int { return cmp.Compare(a.Return, c.Return) })
	seen := make(tally, len(writes)+1)
	next := 0
	for _, a := range b.accesses {
		if a.Kind != Read {
			continue
		}
		for ; next < len(answered) && answered[next].Return < a.Call; next++ {
			from, _ := slices.BinarySearch(places, answered[next].place)
			seen.add(from)
		}
		saw, known := b.saw(a, byVersion)
		if !known {
			continue
		}
		l := Lag{Read: a.ID, Client: a.Client, Key: a.Key, Call: a.Call}
		newer, _ := slices.BinarySearchFunc(places, saw, func(place, saw int64) int {
			if place > saw {
				return 1
			}
			return -1
		})
		if l.Versions = next - seen.below(newer); l.Versions > 0 {
			l.Missed = first[newer].ID
			l.Age = a.Call - first[newer].Return
		}
		lags = append(lags, l)
	}
	return lags
}

// ranking is the answered writes of the key, by their versions if all are known, else by their calls.
func (b *book) ranking() (writes []ranked, byVersion bool) {
	byVersion = true
	for _, a := range b.accesses {
		if !a.writes() || !a.Certain() {
			continue
		}
		version, _, known := b.place(a)
		byVersion = byVersion && known
		writes = append(writes, ranked{a, version})
	}
	for i := range writes {
		if !byVersion {
			writes[i].place = int64(writes[i].Call)
		}
	}
	slices.SortStableFunc(writes, func(a, c ranked) int { return cmp.Compare(a.place, c.place) })
	return writes, byVersion
}

// saw is the place of what a read saw: newer is what has a greater one. It is the version, or when its write was answered.
func (b *book) saw(a *Access, byVersion bool) (int64, bool) {
	if byVersion {
		version, _, known := b.place(a)
		return version, known
	}
	switch w := b.writer[a.Value]; {
	case a.Value == linear.Nil:
		return oldest, !b.deletes
	case w == nil || b.repeated[a.Value]:
		return 0, false
	default:
		return int64(w.End()), true
	}
}

// firstAnswers is, for each place, the write from there on that was answered first.
func firstAnswers(writes []ranked) []*Access {
	first := make([]*Access, len(writes))
	for i := len(writes) - 1; i >= 0; i-- {
		first[i] = writes[i].Access
		if i+1 < len(writes) && first[i+1].Return < first[i].Return {
			first[i] = first[i+1]
		}
	}
	return first
}

// tally counts places, and how many lie below one (Fenwick, 1994).
type tally []int32

func (t tally) add(place int) {
	for i := place + 1; i < len(t); i += i & -i {
		t[i]++
	}
}

func (t tally) below(place int) (sum int) {
	for i := place; i > 0; i -= i & -i {
		sum += int(t[i])
	}
	return sum
}
