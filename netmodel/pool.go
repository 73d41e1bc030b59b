package netmodel

import "math/bits"

// pool keeps slices whose lengths are powers of two, to be used again. The newest goes out first.
type pool[T any] struct {
	classes [48][][]T
	used    int // elements that are out
}

// keep is how many elements of one length a pool keeps; what comes back beyond goes to the collector.
const keep = 1 << 20

// take gives a slice of at least n elements, with anything in it.
func (p *pool[T]) take(n int) []T {
	class := bits.Len(uint(n - 1))
	p.used += 1 << class
	free := &p.classes[class]
	if last := len(*free) - 1; last >= 0 {
		s := (*free)[last]
		(*free)[last] = nil
		*free = (*free)[:last]
		return s
	}
	return make([]T, 1<<class)
}

// give takes a slice of take back. Nil is nothing.
func (p *pool[T]) give(s []T) {
	if len(s) == 0 {
		return
	}
	p.used -= len(s)
	free := &p.classes[bits.Len(uint(len(s)-1))]
	if len(*free)*len(s) <= keep {
		*free = append(*free, s)
	}
}
