package linear

import (
	"cmp"
	"slices"
)

// item is a number to be sorted by another.
type item struct {
	by uint64
	i  int32
}

// inOrder is a whole number as one that keeps its order without a sign.
func inOrder(n int64) uint64 { return uint64(n) ^ 1<<63 }

// few are items for which it does not pay to count digits.
const few = 512

// sortSome sorts many items or few.
func sortSome(items []item) []item {
	if len(items) > few {
		return sortItems(items)
	}
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(a.by, b.by) })
	return items
}

const (
	digitBits = 11
	digits    = (64 + digitBits - 1) / digitBits
)

// sortItems sorts, and keeps the order of equals: by each digit, from the last, in which any two differ.
func sortItems(items []item) []item {
	var counts [digits][1 << digitBits]int32
	sorted := true
	for n := range items {
		by := items[n].by
		sorted = sorted && (n == 0 || items[n-1].by <= by)
		for d := range digits {
			counts[d][by>>(d*digitBits)&(1<<digitBits-1)]++
		}
	}
	if sorted {
		return items
	}
	spare := make([]item, len(items))
	for d := range digits {
		shift, count := d*digitBits, &counts[d]
		if count[items[0].by>>shift&(1<<digitBits-1)] == int32(len(items)) {
			continue
		}
		place := int32(0)
		for v, n := range count {
			count[v] = place
			place += n
		}
		for _, x := range items {
			v := x.by >> shift & (1<<digitBits - 1)
			spare[count[v]] = x
			count[v]++
		}
		items, spare = spare, items
	}
	return items
}
