package replicas

import (
	"cmp"
	"fmt"
	"slices"

	"simrun/checkers/linear"
	"simrun/nodes/history"
)

// Resurrected looks for values that were read although they are gone: whose write certainly failed, at any time; and, by reads that
// were called at after or later, those that a delete of the key had taken away which was called when the write had been answered, or
// was told a newer version, and itself answered before the read. A strong store keeps that from the start; a weak one once its
// replicas agree.
//
// The elements of a set are judged as keys of their own: to add one is a write, to remove one is a delete, and each read of the
// set reads every element.
func Resurrected(accesses []Access, after history.Time, name func(linear.Value) string) []linear.Result {
	if name == nil {
		name = number
	}
	type value struct{ key, value linear.Value }
	failed := map[value]*Access{}
	for i := range accesses {
		if a := &accesses[i]; a.Kind == Write && a.Value != linear.Nil && !a.Possible() {
			failed[value{a.Key, a.Value}] = a
		}
	}
	var undone, gone *linear.Result
	for _, b := range books(accesses) {
		deletes := b.buried()
		forked, _ := b.fork()
		for _, a := range b.accesses {
			if a.Kind != Read || a.Value == linear.Nil {
				continue
			}
			w := b.writer[a.Value]
			if f := failed[value{a.Key, a.Value}]; undone == nil && f != nil && w == nil {
				r := shown("failed-value-read", fmt.Sprintf("operation %d read of %s the value of operation %d, which failed", a.ID, name(a.Key), f.ID), f, a)
				undone = &r
				undone.Object = name(a.Key)
			}
			if gone != nil || w == nil || forked != nil || b.repeated[a.Value] || a.Call < after {
				continue
			}
			if d := deletes.of(b, w); d != nil && d.Return < a.Call {
				r := shown("deleted-value-read", fmt.Sprintf("operation %d read of %s the value of operation %d, which operation %d had deleted", a.ID, name(a.Key), w.ID, d.ID), w, d, a)
				gone = &r
				gone.Object = name(a.Key)
			}
		}
	}
	var all []linear.Result
	for _, r := range []*linear.Result{undone, gone} {
		if r != nil {
			all = append(all, *r)
		}
	}
	return all
}

// burials is the answered deletes of a key: all and those that were told no version, in the order of their calls, and those
// that were told one, in the order of these.
type burials struct{ all, untold, told row }

// row is deletes in the order of their places, and for each the one from there on that was answered first.
type row struct {
	deletes []ranked
	first   []*Access
}

func newRow(deletes []ranked) row {
	slices.SortStableFunc(deletes, func(a, b ranked) int { return cmp.Compare(a.place, b.place) })
	return row{deletes, firstAnswers(deletes)}
}

// past is the delete that was answered first of those beyond a place, or nil.
func (r *row) past(place int64) *Access {
	i, _ := slices.BinarySearchFunc(r.deletes, place, func(r ranked, place int64) int {
		if r.place > place {
			return 1
		}
		return -1
	})
	if i == len(r.deletes) {
		return nil
	}
	return r.first[i]
}

func (b *book) buried() burials {
	var all, untold, told []ranked
	for _, a := range b.accesses {
		switch {
		case !a.deletes() || !a.Certain():
			continue
		case a.Told:
			told = append(told, ranked{a, a.Version})
		default:
			untold = append(untold, ranked{a, int64(a.Call)})
		}
		all = append(all, ranked{a, int64(a.Call)})
	}
	return burials{newRow(all), newRow(untold), newRow(told)}
}

// of is the delete that certainly took away what was written and was answered first, or nil. Where both were told versions,
// these say which was later, and not time.
func (d *burials) of(b *book, w *Access) *Access {
	version, _, known := b.place(w)
	if !known {
		return d.all.past(int64(w.End()))
	}
	found := d.untold.past(int64(w.End()))
	if newer := d.told.past(version); newer != nil && (found == nil || newer.Return < found.Return) {
		return newer
	}
	return found
}
