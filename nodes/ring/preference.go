package ring

// prefer finds out for each token who keeps the range that it ends.
//
// Sites are filled evenly, like glasses from one jug: with three copies and two sites one has two of them, and a site
// with a single node has one at most. How many that is for each site follows from the members alone; which nodes they
// are, and which sites have one more than others where it does not come out even, is for those that come first on
// the circle. Without that, all copies of a key could stand at one site by chance, and go dark together.
func (r *Ring) prefer() {
	if r.copies == 0 {
		return
	}
	site, sizes := r.sites()
	level, extra := fill(sizes, r.copies)
	r.owners = make([]ID, 0, len(r.tokens)*r.copies)
	used := make([]int, len(sizes))         // nodes chosen of each site, for the token at hand
	chosen := make([]int32, 0, r.copies)    // and which, by their index in members
	taken := make([]uint32, len(r.members)) // the number of the last token that chose a member
	for t := range r.tokens {
		clear(used)
		chosen = chosen[:0]
		left := extra
		for i := t; len(chosen) < r.copies; i++ {
			if i >= 2*len(r.tokens) {
				panic("ring: a walk along the whole circle did not find the owners")
			}
			o := r.tokens[i%len(r.tokens)].owner
			s := site[o]
			switch {
			case taken[o] == uint32(t)+1 || used[s] > level || used[s] == level && left == 0:
				continue
			case used[s] == level:
				left--
			}
			used[s]++
			taken[o] = uint32(t) + 1
			chosen = append(chosen, o)
			r.owners = append(r.owners, r.members[o].ID)
		}
	}
}

// sites numbers the sites in the order in which the members name them: which site each member is of, and how many
// members each has.
func (r *Ring) sites() (of []int, sizes []int) {
	number := map[string]int{}
	for _, m := range r.members {
		n, known := number[m.Site]
		if !known {
			n = len(sizes)
			number[m.Site] = n
			sizes = append(sizes, 0)
		}
		sizes[n]++
		of = append(of, n)
	}
	return of, sizes
}

// fill says up to which level all sites are filled, as far as they have nodes, and how many sites get one more.
func fill(sizes []int, copies int) (level, extra int) {
	for {
		below, grow := 0, 0
		for _, n := range sizes {
			below += min(n, level)
			if n > level {
				grow++
			}
		}
		if extra = copies - below; extra < grow || grow == 0 {
			return level, extra
		}
		level++
	}
}
