package linear

import (
	"fmt"
	"slices"

	"simrun/nodes/history"
)

// chain judges a set from which nothing is ever removed. Of two reads the one that saw less then came first, and saw
// nothing that the other did not: else there is no order. Each value comes in, by the first add that took effect, between
// the reads without it and those with it. So sort what was seen: the values that the smallest read saw, all reads
// that saw just these, the values that the next one saw besides, and so on. It is right iff nothing had to be over
// before something that comes earlier could be: one running maximum tells, as in a log.
func (s *set) chain() Result {
	if bad := s.forked(); bad != nil {
		return *bad
	}
	byFirst := make([]item, 0, len(s.values))
	for n := range s.values {
		if m := &s.values[n]; m.inside {
			byFirst = append(byFirst, item{uint64(m.first), int32(n)})
		}
	}
	byFirst = sortSome(byFirst)
	latest := event{at: dawn, op: none, value: none}
	for read := int32(0); ; {
		// The values that the next reads saw and none before, or at the end those that no read saw.
		same, first := read, unseen
		if int(read) < len(s.reads) {
			first = read
			for size := len(s.ops[s.reads[read]].Members); int(same) < len(s.reads) && len(s.ops[s.reads[same]].Members) == size; {
				same++
			}
		}
		before := latest
		for ; len(byFirst) > 0 && int32(byFirst[0].by) <= first; byFirst = byFirst[1:] {
			if bad := s.join(before, &latest, byFirst[0].i); bad != nil {
				return *bad
			}
		}
		if first == unseen {
			return holds()
		}
		for before = latest; read < same; read++ {
			i := s.reads[read]
			if op := &s.ops[i]; op.Return < before.at {
				return *s.hindsight(before, i)
			} else if op.Call > latest.at {
				latest = event{at: op.Call, op: i, value: none}
			}
		}
	}
}

// event is the latest of what comes first in the order: a read, or a value that came in.
type event struct {
	at    history.Time // before which it cannot have been
	op    int32        // of which this is the call: the read, the first add of the value, or a look that missed it
	value int32        // or none
}

// forked finds two reads neither of which saw all that the other did: a value that one saw is missing in a greater one, or
// in another of the same size. So if each value was seen by all reads from the first that saw it, there are none.
func (s *set) forked() *Result {
	for n := range s.values {
		m := &s.values[n]
		if m.first == unseen || int(m.sights) == len(s.reads)-int(m.first) {
			continue
		}
		for place := m.first + 1; ; place++ {
			if i := s.reads[place]; !slices.Contains(s.ops[i].Members, m.value) {
				return s.fork(s.reads[m.first], i)
			}
		}
	}
	return nil
}

// fork tells of two reads neither of which saw all that the other did.
func (s *set) fork(a, b int32) *Result {
	x, y := &s.ops[a], &s.ops[b]
	return s.bad("fork", fmt.Sprintf("operation %d (%s) saw %s and not %s, operation %d (%s) saw %s and not %s", x.ID, x.times(),
		s.name(lack(x, y)), s.name(lack(y, x)), y.ID, y.times(), s.name(lack(y, x)), s.name(lack(x, y))), a, b)
}

// lack is the least value that one read saw and another did not.
func lack(with, without *SetOp) Value {
	saw, missed := slices.Sorted(slices.Values(with.Members)), slices.Sorted(slices.Values(without.Members))
	for i, v := range saw {
		if i == len(missed) || missed[i] != v {
			return v
		}
	}
	panic("linear: a read that saw no more than another")
}

// join puts the coming in of a value after what came before.
func (s *set) join(before event, latest *event, n int32) *Result {
	m := &s.values[n]
	since := event{at: s.ops[m.adds[0]].Call, op: m.adds[0], value: n}
	if i := s.missed(m); i != none && s.ops[i].Call > since.at {
		since.at, since.op = s.ops[i].Call, i
	}
	by, shown := s.entered(m)
	if since.at > by {
		return s.apart(since, shown)
	}
	if before.at > by {
		return s.overdue(before, n, shown)
	}
	if since.at > latest.at {
		*latest = since
	}
	return nil
}

// apart tells of an operation that had a value in the set before another says that it was there.
func (s *set) apart(since event, shown int32) *Result {
	m, x, y := &s.values[since.value], &s.ops[since.op], &s.ops[shown]
	if x.Do == Add {
		return s.bad("seen-before-added", fmt.Sprintf("operation %d saw %s by %s, but it was added only from %s on",
			y.ID, s.name(m.value), y.Return, x.Call), append(slices.Clone(m.adds), shown)...)
	}
	return s.lost(m, since.op, shown)
}

// lost tells of an operation that missed a value which certainly was in the set before its call.
func (s *set) lost(m *membership, missed, shown int32) *Result {
	x, y := &s.ops[missed], &s.ops[shown]
	anomaly, after := "lost", "and nobody saw it after that"
	for _, i := range slices.Concat(s.reads, m.looks) {
		if z := &s.ops[i]; z.Call >= x.Call && (z.Found || slices.Contains(z.Members, m.value)) {
			anomaly, after = "stale-read", fmt.Sprintf("which operation %d (%s) saw after that", z.ID, z.times())
			break
		}
	}
	did := "saw"
	if y.Do == Add {
		did = "added"
	}
	return s.bad(anomaly, fmt.Sprintf("operation %d (%s) did not see %s, which operation %d had %s by %s, %s",
		x.ID, x.times(), s.name(m.value), y.ID, did, y.Return, after), shown, missed)
}

// overdue tells of a value that certainly was in before something that came before it.
func (s *set) overdue(before event, n, shown int32) *Result {
	m := &s.values[n]
	if before.value == none {
		return s.lost(m, before.op, shown)
	}
	// A value that came in later was seen without this one.
	v, since := &s.values[before.value], &s.ops[before.op]
	sight := s.reads[v.first]
	witness := []int32{sight, shown, before.op}
	if since.Do == Add {
		witness = append(witness, v.adds...)
	}
	x := &s.ops[sight]
	return s.bad("out-of-order",
		fmt.Sprintf("operation %d (%s) saw %s and not %s, but %s was in by %s, and %s came in only from %s on",
			x.ID, x.times(), s.name(v.value), s.name(m.value), s.name(m.value), s.ops[shown].Return, s.name(v.value), since.Call), witness...)
}

// hindsight tells of a read that had ended before something that it saw could be, or before one that saw less was called.
func (s *set) hindsight(before event, read int32) *Result {
	if before.value != none {
		return s.apart(before, read)
	}
	m := s.of(lack(&s.ops[read], &s.ops[before.op]))
	return s.lost(m, before.op, read)
}
