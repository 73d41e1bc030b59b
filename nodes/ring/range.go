package ring

import (
	"fmt"
	"slices"

	"simrun/nodes"
)

// Range is the positions after one place on the circle, up to another and with it. Where both are the same it is the
// whole circle.
type Range struct{ After, Through uint64 }

// Contains says whether a position is in the range.
func (r Range) Contains(position uint64) bool {
	return position-r.After-1 <= r.Through-r.After-1
}

// String is the range as two places in hexadecimal.
func (r Range) String() string { return fmt.Sprintf("(%016x,%016x]", r.After, r.Through) }

// Ranges are what a node keeps a copy of: in order along the circle, and none touches another.
func (r *Ring) Ranges(node ID) []Range {
	var all []Range
	for t := range r.tokens {
		if slices.Contains(r.ownersOf(t), node) {
			all = extend(all, r.rangeOf(t))
		}
	}
	return joined(all)
}

// Share is of how much of the circle a node keeps a copy.
func (r *Ring) Share(node ID) nodes.Percent {
	const unit, whole = 24, 40 // bits of what is not counted, and of what is
	sum := uint64(0)
	for _, held := range r.Ranges(node) {
		if held.After == held.Through {
			return nodes.PerMillion
		}
		sum += (held.Through - held.After) >> unit
	}
	return nodes.Percent(sum * uint64(nodes.PerMillion) >> whole)
}

// rangeOf is the range that a token ends.
func (r *Ring) rangeOf(t int) Range {
	return Range{r.tokens[(t+len(r.tokens)-1)%len(r.tokens)].at, r.tokens[t].at}
}

// extend adds a range that follows.
func extend(all []Range, next Range) []Range {
	if n := len(all); n > 0 && all[n-1].Through == next.After {
		all[n-1].Through = next.Through
		return all
	}
	return append(all, next)
}

// joined makes one of the last range and the first where they touch, across the place at which counting begins.
func joined(all []Range) []Range {
	if n := len(all); n > 1 && all[n-1].Through == all[0].After {
		all[0].After = all[n-1].After
		return all[:n-1]
	}
	return all
}
