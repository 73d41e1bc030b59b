package linear

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"simrun/nodes/history"
)

// mostTried bounds the search for fewer stays that show the same.
const mostTried = 256

// gather is the part of a queue's history that explains why something has no place: its own operations, those of the
// stays that held it back, and those that held these.
func (q *queues) gather(wrong misfit) *queues {
	g := &gathering{queues: q, needed: map[int32]bool{}, crowded: dawn, left: map[int32][]item{}}
	part := &queues{Options: q.Options, ops: q.ops}
	if wrong.empty != none {
		e := q.empties[wrong.empty]
		part.empties = []empty{e}
		g.climb(q.rank(e.from), q.never(), e.to, int32(len(q.stays)))
	} else {
		g.need(wrong.stay)
	}
	for ; len(g.queued) > 0; g.queued = g.queued[1:] {
		if i := g.queued[0]; q.stays[i].certain() {
			g.explain(i, i == wrong.stay)
		}
	}
	for i := range q.stays {
		if g.needed[int32(i)] {
			part.stays = append(part.stays, q.stays[i])
		}
	}
	if part.short() {
		part.maybes = q.maybes
	}
	return part
}

// gathering collects stays.
type gathering struct {
	*queues
	needed map[int32]bool
	queued []int32 // that are needed, and to be explained
	// All are needed that are left, before the stay below, and were in by the time crowded.
	crowded history.Time
	below   int32
	left    map[int32][]item // by the first stay of a level: those that nobody is known to have dequeued, by their in
}

func (g *gathering) need(i int32) {
	if !g.needed[i] {
		g.needed[i] = true
		g.queued = append(g.queued, i)
	}
}

// climb needs what rules out the moments from one on, until another or a time is passed. Only stays before one, which
// is the first of a level, can.
func (g *gathering) climb(i, until int32, end history.Time, level int32) {
	crowded := dawn // the last moment at which there was no room
	for i < until && g.time(i) <= end {
		if by := g.by[i]; by != crowd {
			g.need(by)
			i = g.stays[by].least
			continue
		}
		crowded = g.time(i)
		i++
	}
	if crowded <= g.crowded && level <= g.below {
		return
	}
	g.crowded, g.below = max(g.crowded, crowded), max(g.below, level)
	for j := range g.stays[:g.below] {
		if s := &g.stays[j]; !s.certain() && s.in < g.crowded {
			g.need(int32(j))
		}
	}
}

// explain needs what kept a value from being dequeued before its least moment; of one that has no place, until it was.
func (g *gathering) explain(i int32, misfit bool) {
	s := &g.stays[i]
	from, end := g.rank(s.out), history.Never
	if misfit {
		end = s.end
	}
	if s.following != none {
		g.need(s.following)
		from = max(from, g.stays[s.following].least)
	}
	n, _ := slices.BinarySearchFunc(g.stays, s.level, func(s stay, level int64) int { return cmp.Compare(level, s.level) })
	level := int32(n)
	left := g.leftOf(level)
	before, _ := slices.BinarySearchFunc(left, inOrder(int64(s.put)), func(x item, put uint64) int { return cmp.Compare(x.by, put) })
	if due := g.dueAfter(before); due > from {
		from = due
		if misfit { // one more than can have been taken by then shows as much as all
			called, _ := slices.BinarySearchFunc(g.maybes, end+1, func(m maybe, t history.Time) int { return cmp.Compare(m.call, t) })
			before = min(before, called+1)
		}
		for _, x := range left[:before] {
			g.need(x.i)
		}
	}
	g.climb(from, s.least, end, level)
}

// leftOf is which of a level's values nobody is known to have dequeued, by their in.
func (g *gathering) leftOf(level int32) []item {
	left, known := g.left[level]
	if known {
		return left
	}
	for i := level; int(i) < len(g.stays) && g.stays[i].level == g.stays[level].level; i++ {
		if s := &g.stays[i]; !s.certain() {
			left = append(left, item{inOrder(int64(s.in)), i})
		}
	}
	g.left[level] = sortSome(left)
	return g.left[level]
}

// dueAfter is the moment until which so many values cannot have been taken by dequeues of unknown outcome.
func (q *queues) dueAfter(values int) int32 {
	switch {
	case values == 0:
		return 0
	case values > len(q.maybes):
		return q.never()
	default:
		return q.rank(q.maybes[values-1].call)
	}
}

// minimal leaves out of a part whatever it takes not to have a place for something.
func (q *queues) minimal(part *queues) *queues {
	if len(part.stays) > mostTried {
		return part
	}
	for i := len(part.stays) - 1; i >= 0; i-- {
		without := &queues{Options: q.Options, ops: q.ops}
		without.lineup = lineup{stays: slices.Delete(slices.Clone(part.stays), i, i+1), empties: part.empties, maybes: part.maybes}
		if _, placed := without.place(); !placed {
			part = without
		}
	}
	if !part.short() {
		part.maybes = nil
	}
	return part
}

// tell says in words what a part of a history shows.
func (q *queues) tell(part *queues) Result {
	wrong, _ := part.place()
	var witness []*Span
	op := func(i int32) {
		if i != none {
			witness = append(witness, &q.ops[i].Span)
		}
	}
	for i := range part.stays {
		op(part.stays[i].enqueue)
		op(part.stays[i].dequeue)
	}
	var end history.Time
	if wrong.empty != none {
		e := part.empties[wrong.empty]
		op(e.dequeue)
		end = e.to
	} else {
		end = part.stays[wrong.stay].end
	}
	called := 0
	for _, m := range part.maybes {
		if m.call <= end {
			op(m.dequeue)
			called++
		}
	}
	anomaly, reason := part.words(wrong, called)
	return violated(anomaly, reason, witness...)
}

// words is the name and the sentence of what has no place in a part of a history.
func (q *queues) words(wrong misfit, called int) (anomaly, reason string) {
	var same, above, left []*stay
	for i := range q.stays {
		s := &q.stays[i]
		switch {
		case int32(i) == wrong.stay:
		case !s.certain() && called > 0:
			left = append(left, s)
		case wrong.stay != none && s.level == q.stays[wrong.stay].level:
			same = append(same, s)
		default:
			above = append(above, s)
		}
	}
	if wrong.empty != none {
		d := &q.ops[q.empties[wrong.empty].dequeue]
		return "wrongly-empty", fmt.Sprintf("a dequeue %s found nothing although %s", d.times(), q.presence(above, left, called))
	}
	b := &q.stays[wrong.stay]
	taken := fmt.Sprintf("%s was dequeued %s", q.name(b.value), q.ops[b.dequeue].times())
	switch {
	case len(same) == 1 && len(above)+len(left) == 0 && !same[0].certain():
		a := same[0]
		return "skipped",
			fmt.Sprintf("%s although %s was enqueued before it, by %s where it was enqueued from %s on, and nobody ever dequeued that",
				taken, q.name(a.value), a.in, b.put)
	case len(same) == 1 && len(above)+len(left) == 0:
		a := same[0]
		return "out-of-order",
			fmt.Sprintf("%s although %s was enqueued before it, by %s where it was enqueued from %s on, and dequeued only from %s on",
				taken, q.name(a.value), a.in, b.put, a.out)
	case len(same)+len(above) == 0 && left[0].level == b.level:
		return "skipped", fmt.Sprintf("%s, but of what was enqueued before it %s", taken, q.presence(nil, left, called))
	case len(same) == 0:
		return "priority-inversion", fmt.Sprintf("%s with priority %d although, above that, %s",
			taken, b.level, q.presence(above, left, called))
	default:
		held := make([]string, len(same))
		for i, a := range same {
			held[i] = fmt.Sprintf("%s, which was to go first, until %s", q.name(a.value), q.time(a.least))
		}
		if len(above)+len(left) > 0 {
			held = append(held, "above that "+q.presence(above, left, called))
		}
		return "out-of-order", fmt.Sprintf("%s although it had to wait: %s", taken, strings.Join(held, "; "))
	}
}

// presence says what was there all the time.
func (q *queues) presence(there, left []*stay, called int) string {
	var parts []string
	for _, s := range there {
		if s.certain() {
			parts = append(parts, fmt.Sprintf("%s was there from %s to %s", q.name(s.value), s.in, q.time(s.least)))
		} else {
			parts = append(parts, fmt.Sprintf("%s was there from %s on", q.name(s.value), s.in))
		}
	}
	if len(left) > 0 {
		names := make([]string, 0, 4)
		for _, s := range left[:min(len(left), 4)] {
			names = append(names, q.name(s.value))
		}
		if len(left) > 4 {
			names[3] = "…"
		}
		parts = append(parts, fmt.Sprintf("%d values were left (%s), and only %d dequeues of unknown outcome can have taken any",
			len(left), strings.Join(names, ", "), called))
	}
	if len(parts) > 4 {
		parts = append(parts[:3], fmt.Sprintf("and %d more", len(parts)-3))
	}
	return strings.Join(parts, ", ")
}
