package linear

import (
	"cmp"
	"slices"

	"simrun/nodes/history"
)

// stay is the time of one value in a queue.
//
// Invariant: put <= in, put <= out, out <= end; out and end are Never where nobody is known to have dequeued it.
type stay struct {
	value     Value
	put, in   history.Time // the call of its enqueue, and by when that took effect
	out, end  history.Time // from when on it can have been dequeued, and by when it was
	level     int64
	enqueue   int32 // its operations, by their places in the history; none where there is none
	dequeue   int32
	least     int32 // the first moment at which it can have been dequeued, once place has found it
	following int32 // the stay whose own least moment held it back, or none
}

// certain says that it is known who dequeued the value.
func (s *stay) certain() bool { return s.dequeue != none }

// empty is a dequeue that found nothing.
type empty struct {
	from, to history.Time
	dequeue  int32
}

// lineup is all the stays of a queue's history, and what was seen of its being empty.
//
// The queue is one line for each level, and dequeues take from the highest that is not empty. A value of a level that
// was dequeued, and a dequeue that found nothing, are looks at the higher levels, or at all, that saw them empty.
//
// place finds, from the highest level down, the least moment at which each value can have been dequeued: not before the
// calls of its own two operations, not before any value that was certainly enqueued before it in its level, and not
// while any higher level certainly had something in it, which is for a value from the end of its enqueue to its own
// least moment. If that is later than the end of the dequeue, there is no order. Otherwise there is one: each value is
// dequeued at its least moment, and enqueued as late as it can be, which is when it or one that is dequeued after it
// was certainly enqueued; so it is there only while that one certainly is, and no look falls into such a time.
//
// With one level and no looks this is the pattern VOrd of Henzinger, Sezgin & Vafeiadis (CONCUR 2013), and with looks
// their VWit.
//
// A dequeue of unknown outcome may have taken one of the values that nobody is known to have dequeued, at any time after
// its call. Until a moment no more of them can have gone than such dequeues were called; and a value must be gone by
// the time at which a look sees its level empty, or a value certainly enqueued after it is dequeued.
type lineup struct {
	moments
	stays   []stay // by level, the highest first, and then by put
	empties []empty
	maybes  []maybe // by call
	byIn    []item  // the stays of a level, by their in
	room    *room
}

// maybe is a dequeue whose outcome is unknown.
type maybe struct {
	call    history.Time
	dequeue int32
}

// misfit is what has no place in any order: a stay, or a look that found nothing.
type misfit struct {
	stay  int32
	empty int32
}

// sort brings the stays into their order.
func (l *lineup) sort() {
	slices.SortFunc(l.maybes, func(a, b maybe) int { return cmp.Compare(a.call, b.call) })
	if slices.IsSortedFunc(l.stays, func(a, b stay) int {
		return cmp.Or(cmp.Compare(b.level, a.level), cmp.Compare(a.put, b.put))
	}) {
		return
	}
	order := make([]item, len(l.stays))
	for i := range l.stays {
		order[i] = item{inOrder(int64(l.stays[i].put)), int32(i)}
	}
	order = sortItems(order)
	for n, x := range order {
		order[n].by = ^inOrder(l.stays[x.i].level)
	}
	stays := make([]stay, 0, len(l.stays))
	for _, x := range sortItems(order) {
		stays = append(stays, l.stays[x.i])
	}
	l.stays = stays
}

// place finds the least moment of every stay, or what has no place.
func (l *lineup) place() (misfit, bool) {
	at := make([]history.Time, 0, len(l.stays)+len(l.empties)+len(l.maybes))
	for i := range l.stays {
		if s := &l.stays[i]; s.certain() {
			at = append(at, s.out)
		}
	}
	for i := range l.empties {
		at = append(at, l.empties[i].from)
	}
	for i := range l.maybes {
		at = append(at, l.maybes[i].call)
	}
	l.moments, l.room = newMoments(at), nil
	for from := 0; from < len(l.stays); {
		to := from + 1
		for to < len(l.stays) && l.stays[to].level == l.stays[from].level {
			to++
		}
		if i := l.follow(from, to); i != none {
			return misfit{i, none}, false
		}
		if to < len(l.stays) || len(l.empties) > 0 {
			l.occupy(from, to)
		}
		from = to
	}
	for i := range l.empties {
		e := &l.empties[i]
		if l.time(l.next(l.rank(e.from))) > e.to {
			return misfit{none, int32(i)}, false
		}
	}
	return misfit{none, none}, true
}

// follow finds the least moments of a level's stays, or the first stay that has none.
func (l *lineup) follow(from, to int) int32 {
	l.byIn = slices.Grow(l.byIn[:0], to-from)
	for i := from; i < to; i++ {
		l.byIn = append(l.byIn, item{inOrder(int64(l.stays[i].in)), int32(i)})
	}
	l.byIn = sortSome(l.byIn)
	before, floor, following, left := 0, int32(0), none, 0
	for i := from; i < to; i++ {
		s := &l.stays[i]
		for put := inOrder(int64(s.put)); before < len(l.byIn) && l.byIn[before].by < put; before++ {
			if p := &l.stays[l.byIn[before].i]; !p.certain() {
				left++
			} else if p.least > floor {
				floor, following = p.least, l.byIn[before].i
			}
		}
		if !s.certain() {
			s.least = l.never()
			continue
		}
		s.least, s.following = l.rank(s.out), none
		if floor > s.least {
			s.least, s.following = floor, following
		}
		if left > len(l.maybes) {
			s.least = l.never()
		} else if left > 0 {
			s.least = max(s.least, l.rank(l.maybes[left-1].call))
		}
		s.least = l.next(s.least)
		if l.time(s.least) > s.end {
			return int32(i)
		}
	}
	return none
}

// occupy rules out the moments at which the level was certainly not empty.
func (l *lineup) occupy(from, to int) {
	// Whoever stays longest goes first, so that a chain of those who rule out a stretch is as short as can be.
	for n, x := range l.byIn {
		l.byIn[n].by = uint64(l.never() - l.stays[x.i].least)
	}
	l.byIn = sortSome(l.byIn)
	for _, x := range l.byIn {
		s := &l.stays[x.i]
		switch {
		case s.in == history.Never || l.time(s.least) <= s.in:
		case s.certain() || len(l.maybes) == 0:
			l.rule(l.after(s.in), s.least, x.i)
		default:
			l.crowd(l.after(s.in))
		}
	}
	if l.room != nil {
		for moment, found := l.room.lacking(); found; moment, found = l.room.lacking() {
			l.rule(moment, moment+1, crowd)
		}
	}
}

// crowd counts a value that is there from the moment on, unless a dequeue of unknown outcome has taken it.
func (l *lineup) crowd(moment int32) {
	if l.room == nil {
		l.room = newRoom(len(l.at))
		for i := range l.maybes {
			l.room.add(l.rank(l.maybes[i].call), 1)
		}
	}
	if moment < l.never() {
		l.room.add(moment, -1)
	}
}

// enough says that the dequeues of unknown outcome suffice if every look happens at its least moment: then the order
// that place speaks of is one. It is the only way in which an order of one level can be had; with several, a later look
// may spare others the need to have a value gone, so that there may be an order although there are not enough.
func (l *lineup) enough() bool {
	if len(l.maybes) == 0 || len(l.stays) == 0 || l.stays[0].level == l.stays[len(l.stays)-1].level || !l.short() {
		return true
	}
	looks, lines := l.looks()
	left := sortItems(slices.Concat(lines...))
	for i := range lines {
		lines[i] = sortSome(lines[i])
	}
	there := heap[int32]{less: func(a, b int32) bool { return l.stays[a].level > l.stays[b].level }} // that are certain, and left
	gone, count, called := make([]bool, len(l.stays)), 0, 0
	take := func(stay int32) {
		if !gone[stay] {
			gone[stay], count = true, count+1
		}
	}
	for i, k := range looks {
		for at := inOrder(int64(k.at)); len(left) > 0 && left[0].by < at; left = left[1:] {
			there.push(left[0].i)
		}
		for there.len() > 0 && (k.line == none || l.stays[there.least()].level > k.level) {
			take(there.pop())
		}
		if k.line != none {
			put := inOrder(int64(k.put))
			for own := &lines[k.line]; len(*own) > 0 && (*own)[0].by < put; *own = (*own)[1:] {
				take((*own)[0].i)
			}
		}
		for called < len(l.maybes) && l.maybes[called].call <= k.at {
			called++
		}
		if count > called && (i+1 == len(looks) || looks[i+1].at > k.at) {
			return false
		}
	}
	return true
}

// look is when something was seen that shows higher levels empty: a value that was dequeued, with its level and the
// line of what else is there, or a dequeue that found nothing.
type look struct {
	at, put history.Time
	level   int64
	line    int32 // or none
}

// looks are all, by their least moments; and for each level those that nobody is known to have dequeued.
func (l *lineup) looks() (looks []look, lines [][]item) {
	for i := range l.stays {
		s := &l.stays[i]
		if i == 0 || s.level != l.stays[i-1].level {
			lines = append(lines, nil)
		}
		last := len(lines) - 1
		if s.certain() {
			looks = append(looks, look{l.time(s.least), s.put, s.level, int32(last)})
		} else {
			lines[last] = append(lines[last], item{inOrder(int64(s.in)), int32(i)})
		}
	}
	for i := range l.empties {
		looks = append(looks, look{at: l.time(l.next(l.rank(l.empties[i].from))), line: none})
	}
	slices.SortFunc(looks, func(a, b look) int { return cmp.Compare(a.at, b.at) })
	return looks, lines
}

// short says that there is a value that nobody is known to have dequeued.
func (l *lineup) short() bool {
	return slices.ContainsFunc(l.stays, func(s stay) bool { return !s.certain() })
}
