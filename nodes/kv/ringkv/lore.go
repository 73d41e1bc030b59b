package ringkv

import (
	"encoding/base64"
	"fmt"

	"simrun/nodes/ring/version"
)

// Versions says how of two values of a key the newer is told.
type Versions string

// The ways.
const (
	// Vector keeps values that were written without knowing of each other beside each other (siblings).
	Vector Versions = "vector"
	// Hybrid keeps one, the last by hybrid logical clocks.
	Hybrid Versions = "hybrid"
	// LastWriteWins keeps one, the last by the wall clocks of the servers that wrote.
	LastWriteWins Versions = "last-write-wins"
)

// Values are the ways.
func (Versions) Values() []string {
	return []string{string(Vector), string(Hybrid), string(LastWriteWins)}
}

// lore is all that is known of a key: a set where versions are vectors, else a cell. The zero is that nothing is.
//
// Invariant: it is passed on whole, never in parts.
type lore struct {
	set  version.Set
	cell version.Cell // By is zero where there is nothing
}

// decode reads lore. Its values are memory of b, of which nothing at all is no lore.
func (v Versions) decode(b []byte) (l lore, err error) {
	switch {
	case len(b) == 0:
	case v == Vector:
		l.set, err = version.DecodeSet(b)
	default:
		l.cell, err = version.DecodeCell(b)
		if err == nil && l.cell.By == 0 {
			err = fmt.Errorf("%w: a cell that nobody wrote", errFrame)
		}
	}
	return l, err
}

// encode is lore as decode reads it.
func (v Versions) encode(l lore) []byte {
	switch {
	case v.isNothing(l):
		return nil
	case v == Vector:
		return version.AppendSet(nil, l.set)
	}
	return version.AppendCell(nil, l.cell)
}

func (v Versions) isNothing(l lore) bool {
	if v == Vector {
		return len(l.set.Seen) == 0
	}
	return l.cell.By == 0
}

// merge is what both know together.
func (v Versions) merge(a, b lore) lore {
	switch {
	case v == Vector:
		return lore{set: version.Merge(a.set, b.set)}
	case a.cell.By == 0:
		return b
	case b.cell.By == 0:
		return a
	}
	return lore{cell: version.Last(a.cell, b.cell)}
}

// covers says whether b knows nothing that a does not.
func (v Versions) covers(a, b lore) bool {
	if v == Vector {
		return a.set.Covers(b.set)
	}
	return b.cell.By == 0 || a.cell.By != 0 && a.cell.Compare(b.cell) >= 0
}

// concurrent says that neither knows all that the other does.
func (v Versions) concurrent(a, b lore) bool { return !v.covers(a, b) && !v.covers(b, a) }

// newest is what was written last, and by what stamp; live says whether it is a value and not a deletion. It is the stamp
// alone that decides between siblings: every write is stamped later than all that it replaces, so what all servers take
// for the newest is an order of all writes that has each after those it knew of.
func (v Versions) newest(l lore) (value []byte, at version.Stamp, live bool) {
	if v != Vector {
		return l.cell.Value, l.cell.At, l.cell.By != 0 && !l.cell.Deleted
	}
	last, any := l.set.Newest()
	return last.Value, last.At, any && !last.Deleted
}

// siblings are all values, that which newest gives first.
func (v Versions) siblings(l lore) (values [][]byte) {
	value, _, live := v.newest(l)
	if live {
		values = append(values, value)
	}
	if v != Vector {
		return values
	}
	last, _ := l.set.Newest()
	for _, one := range l.set.Siblings {
		if !one.Deleted && one.Dot != last.Dot {
			values = append(values, one.Value)
		}
	}
	return values
}

// isTombstone says that a key was deleted, and not written since.
func (v Versions) isTombstone(l lore) bool {
	if v == Vector {
		return l.set.IsTombstone()
	}
	return l.cell.By != 0 && l.cell.Deleted
}

// token is what a client gives back with what it writes: what it has seen of a key.
func (v Versions) token(l lore) string {
	if v != Vector {
		seen := l.cell
		seen.Deleted, seen.Value = false, nil
		return base64.RawURLEncoding.EncodeToString(version.AppendCell(nil, seen))
	}
	return base64.RawURLEncoding.EncodeToString(version.AppendVector(nil, l.set.Seen))
}

// mostToken bounds what a client may give back.
const mostToken = 64 << 10

// readToken is what a client had seen, by what it gives back.
func (v Versions) readToken(token []byte) (seen lore, err error) {
	if len(token) > mostToken {
		return seen, fmt.Errorf("%w: a context of %d bytes", errFrame, len(token))
	}
	b := make([]byte, base64.RawURLEncoding.DecodedLen(len(token)))
	n, err := base64.RawURLEncoding.Strict().Decode(b, token)
	switch {
	case err != nil:
		return seen, fmt.Errorf("%w: a context: %w", errFrame, err)
	case v == Vector:
		seen.set.Seen, err = version.DecodeVector(b[:n])
	default:
		seen.cell, err = version.DecodeCell(b[:n])
	}
	return seen, err
}
