package kv

// expiries are the items that expire, as a heap: the one that expires first is the first.
//
// Invariant: an item's place is where it stands.
type expiries []*item

// mostExpired is how many items one command removes at most because their time has come, so that none takes long.
const mostExpired = 16

// expire removes what has expired by now.
func (s *Store) expire() {
	for range mostExpired {
		if len(s.expiries) == 0 || !s.expiries[0].expired(s.now) {
			return
		}
		s.remove(s.expiries[0])
	}
}

// before orders items that expire together by their versions, so that all copies remove the same.
func (h expiries) before(i, j int) bool {
	a, b := h[i], h[j]
	return a.expiry < b.expiry || a.expiry == b.expiry && a.version < b.version
}

func (h expiries) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *expiries) push(it *item) {
	it.place = len(*h)
	*h = append(*h, it)
	h.up(it.place)
}

func (h *expiries) remove(it *item) {
	at, last := it.place, len(*h)-1
	h.swap(at, last)
	(*h)[last] = nil
	if *h = (*h)[:last]; at < last {
		h.up(at)
		h.down(at)
	}
}

func (h expiries) up(at int) {
	for at > 0 && h.before(at, (at-1)/2) {
		h.swap(at, (at-1)/2)
		at = (at - 1) / 2
	}
}

func (h expiries) down(at int) {
	for {
		least := at
		for child := 2*at + 1; child <= 2*at+2 && child < len(h); child++ {
			if h.before(child, least) {
				least = child
			}
		}
		if least == at {
			return
		}
		h.swap(at, least)
		at = least
	}
}
