package linear

// print is a fingerprint of a set of numbers: the exclusive or of two hashes of each.
type print [2]uint64

// with is the fingerprint of the set with i, or without it if it was in.
func (p print) with(i int32) print {
	x := uint64(uint32(i))
	return print{p[0] ^ mix(x+0x9e3779b97f4a7c15), p[1] ^ mix(x*0xd1342543de82ef95+0x2545f4914f6cdd1d)}
}

// mix is the finalizer of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// prints is a set of fingerprints: a table with open addressing, at most three quarters full. A zero is a free place.
type prints struct {
	table []print
	used  int
}

const printBytes = 16

// add puts a fingerprint in, and says whether it was new and by how many bytes the set has grown.
func (t *prints) add(p print) (isNew bool, grown int64) {
	if p == (print{}) {
		p[1] = 1
	}
	if 4*t.used >= 3*len(t.table) {
		grown = t.grow()
	}
	place := t.place(p)
	if t.table[place] == p {
		return false, grown
	}
	t.table[place] = p
	t.used++
	return true, grown
}

// place is where the fingerprint is, or else where it belongs.
func (t *prints) place(p print) uint64 {
	mask := uint64(len(t.table) - 1)
	place := p[0] & mask
	for t.table[place] != p && t.table[place] != (print{}) {
		place = (place + 1) & mask
	}
	return place
}

func (t *prints) grow() int64 {
	old := t.table
	t.table = make([]print, max(16, 2*len(old)))
	for _, p := range old {
		if p != (print{}) {
			t.table[t.place(p)] = p
		}
	}
	return printBytes * int64(len(t.table)-len(old))
}
