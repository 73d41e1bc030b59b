package version

import (
	"cmp"

	"simrun/nodes/ring"
)

// Cell is the value of a key where the last write wins.
type Cell struct {
	At      Stamp
	By      ring.ID // who stamped it; of one moment's writes the higher ID's wins
	Deleted bool
	Value   []byte
}

// Compare is negative, zero or positive as c loses to o, is the same, or wins. It is a total order, so that copies come
// to the same in whatever order they hear of writes.
func (c Cell) Compare(o Cell) int {
	return cmp.Or(c.At.Compare(o.At), cmp.Compare(c.By, o.By), compareValues(c.Deleted, o.Deleted, c.Value, o.Value))
}

// Last is the one of two cells that wins.
func Last(a, b Cell) Cell {
	if a.Compare(b) < 0 {
		return b
	}
	return a
}
