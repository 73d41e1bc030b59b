package ring

import "slices"

// move is a range whose owners are others in one ring than in another. What Gains has to get, any of From has.
type move struct {
	Range
	From         []ID // who keeps it in the ring before, in the order of preference
	Gains, Loses []ID // who keeps it only after, and who only before
}

// moves are all ranges whose owners change from one ring to the next, in order along the circle. A change of
// preference among the same owners is none.
func moves(before, after *Ring) (all []move) {
	for _, r := range pieces(before, after) {
		from, to := before.Owners(r.Through), after.Owners(r.Through)
		gains, loses := without(to, from), without(from, to)
		if len(gains)+len(loses) == 0 {
			continue
		}
		if n := len(all); n > 0 {
			last := &all[n-1]
			if last.Through == r.After && slices.Equal(last.From, from) && slices.Equal(last.Gains, gains) && slices.Equal(last.Loses, loses) {
				last.Through = r.Through
				continue
			}
		}
		all = append(all, move{r, from, gains, loses})
	}
	return all
}

// pieces cuts the circle wherever one of the rings has a token.
func pieces(rings ...*Ring) (all []Range) {
	var cuts []uint64
	for _, r := range rings {
		for _, t := range r.tokens {
			cuts = append(cuts, t.at)
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	for i, c := range cuts {
		all = append(all, Range{cuts[(i+len(cuts)-1)%len(cuts)], c})
	}
	return all
}

// without is what is in a and not in b, in the order of IDs, so that moves compare.
func without(a, b []ID) (only []ID) {
	for _, id := range a {
		if !slices.Contains(b, id) {
			only = append(only, id)
		}
	}
	slices.Sort(only)
	return only
}
