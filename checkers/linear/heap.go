package linear

// heap gives what was put in by its order, the least first.
type heap[T any] struct {
	items []T
	less  func(a, b T) bool
}

func (h *heap[T]) len() int { return len(h.items) }

// least is what comes next, if there is anything.
func (h *heap[T]) least() T { return h.items[0] }

func (h *heap[T]) push(x T) {
	h.items = append(h.items, x)
	for i := len(h.items) - 1; i > 0; {
		up := (i - 1) / 2
		if !h.less(h.items[i], h.items[up]) {
			return
		}
		h.items[i], h.items[up] = h.items[up], h.items[i]
		i = up
	}
}

func (h *heap[T]) pop() T {
	least, last := h.items[0], len(h.items)-1
	h.items[0] = h.items[last]
	h.items = h.items[:last]
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			return least
		}
		if down+1 < last && h.less(h.items[down+1], h.items[down]) {
			down++
		}
		if !h.less(h.items[down], h.items[i]) {
			return least
		}
		h.items[i], h.items[down] = h.items[down], h.items[i]
		i = down
	}
}
