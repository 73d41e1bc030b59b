package linear

import "math/bits"

// pairs finds things by a key and a value: a table of their numbers with open addressing, at most half full. The things
// themselves know what they go by.
type pairs struct {
	table []int32 // number + 1; 0 is a free place
	used  int
}

// find is the number of what goes by key and value, or none; by says what a number goes by. The place is where it
// belongs, for put.
func (p *pairs) find(key, value Value, by func(n int32) (key, value Value)) (n int32, place int) {
	if 2*p.used >= len(p.table) {
		p.grow(by)
	}
	mask := len(p.table) - 1
	for place = hashOf(key, value) & mask; p.table[place] != 0; place = (place + 1) & mask {
		if k, v := by(p.table[place] - 1); k == key && v == value {
			return p.table[place] - 1, place
		}
	}
	return none, place
}

// reserve makes room for n in all, before any is in.
func (p *pairs) reserve(n int) {
	p.table = make([]int32, max(64, 1<<bits.Len(uint(2*n))))
}

// put adds a number at the place that find had for it.
func (p *pairs) put(n int32, place int) {
	p.table[place] = n + 1
	p.used++
}

func (p *pairs) grow(by func(n int32) (key, value Value)) {
	old := p.table
	p.table = make([]int32, max(64, 2*len(old)))
	mask := len(p.table) - 1
	for _, n := range old {
		if n != 0 {
			place := hashOf(by(n-1)) & mask
			for p.table[place] != 0 {
				place = (place + 1) & mask
			}
			p.table[place] = n
		}
	}
}

func hashOf(key, value Value) int {
	return int(mix(uint64(value)+mix(uint64(key)+0x9e3779b97f4a7c15)) >> 1)
}
