package linear

import (
	"cmp"
	"fmt"
	"slices"
	"unsafe"

	"simrun/nodes/history"
)

// search is a search for an order. Its steps are sorted: the certain ones by their call, then the others by theirs; they
// are named by their place.
//
// What is not yet in the order is in two lists of nodes. One has the calls and ends of the certain steps by time, a call
// before an end at the same time: any that is called before the first end may be next. The other has the uncertain by
// their call.
//
// Invariant: what was taken can be given back in reverse, for a node that is off its list still knows its neighbours.
type search struct {
	Options
	step    func(state, op int32) (after int32, legal bool)
	steps   []step
	certain int32 // how many are

	next, prev []int32 // by node
	until      []int32 // by certain step: the node of the last uncertain one that is called by its end

	taken []frame
	tried prints
	at    print // of those taken
	far   int32 // the step with the latest end that an order could not get past
}

// step is an operation that an order may have in it.
type step struct {
	op      int32
	certain bool
	reads   bool
	call    history.Time
	end     history.Time
}

// frame is a step that was taken, and the state before it.
type frame struct{ step, state int32 }

// none is no step.
const none int32 = -1

// Nodes: the call of certain step i is i and its end certain+i; then the first list's own; then the uncertain, and the
// second list's own.
func (s *search) callsAndEnds() int32 { return 2 * s.certain }
func (s *search) uncertain() int32    { return s.certain + 1 + int32(len(s.steps)) }
func (s *search) nodeOf(i int32) int32 {
	if i < s.certain {
		return i
	}
	return s.certain + 1 + i
}
func (s *search) stepOf(late int32) int32 { return late - s.certain - 1 }

func (s *search) run() Verdict {
	n := int64(len(s.steps))
	s.Bytes -= n * int64(unsafe.Sizeof(step{})+unsafe.Sizeof(frame{})+6*4)
	if s.Bytes < 0 || n > 1<<30 {
		return Unknown
	}
	s.link()
	state, left, from := int32(0), s.certain, s.first()
	for left > 0 {
		i, after := s.choose(state, from)
		if s.States < 0 || s.Bytes < 0 {
			return Unknown
		}
		if i != none {
			s.take(i, state)
			state, from = after, s.first()
			if i < s.certain {
				left--
			}
			continue
		}
		for reads := true; reads; { // one that reads has no alternative
			if len(s.taken) == 0 {
				return Violated
			}
			i, state = s.giveBack()
			if i < s.certain {
				left++
			}
			reads = s.steps[i].reads
		}
		from = s.behind(i)
	}
	return Holds
}

// link sorts the steps and makes the lists.
func (s *search) link() {
	slices.SortStableFunc(s.steps, func(a, b step) int {
		if a.certain != b.certain {
			if a.certain {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.call, b.call)
	})
	for s.certain < int32(len(s.steps)) && s.steps[s.certain].certain {
		s.certain++
	}
	ends := make([]int32, s.certain)
	for i := range ends {
		ends[i] = int32(i)
	}
	slices.SortFunc(ends, func(a, b int32) int { return cmp.Or(cmp.Compare(s.steps[a].end, s.steps[b].end), cmp.Compare(a, b)) })

	s.next, s.prev = make([]int32, s.uncertain()+1), make([]int32, s.uncertain()+1)
	last := s.callsAndEnds()
	after := func(node int32) { s.next[last], s.prev[node], last = node, last, node }
	call := int32(0)
	for _, e := range ends {
		for ; call < s.certain && s.steps[call].call <= s.steps[e].end; call++ {
			after(call)
		}
		after(s.certain + e)
	}
	after(s.callsAndEnds())

	last = s.uncertain()
	s.until = make([]int32, s.certain)
	late := s.certain
	for _, e := range ends {
		for ; late < int32(len(s.steps)) && s.steps[late].call <= s.steps[e].end; late++ {
			after(s.nodeOf(late))
		}
		s.until[e] = last
	}
	after(s.uncertain()) // those that are called after all ends explain nothing
	s.far = none
}

// cursor is how far the choice of the next step has come: to a node of the first list, or, where that is none, of the second.
type cursor struct{ node, late int32 }

func (s *search) first() cursor { return cursor{node: s.next[s.callsAndEnds()]} }

// behind is the cursor behind a step that was given back.
func (s *search) behind(i int32) cursor {
	if i < s.certain {
		return cursor{node: s.next[i]}
	}
	return cursor{none, s.prev[s.nodeOf(i)]}
}

// choose finds the next step, from the cursor on, that is legal and leads to what was not tried.
func (s *search) choose(state int32, from cursor) (i, after int32) {
	if from.node != none {
		for i = from.node; i < s.certain; i = s.next[i] {
			if after, legal := s.try(i, state); legal && (s.steps[i].reads || s.isNew(i, after)) {
				return i, after
			}
		}
		from.late = s.stuckAt(i - s.certain)
	}
	for late := from.late; late != s.uncertain(); late = s.prev[late] {
		i = s.stepOf(late)
		if after, legal := s.try(i, state); legal && after != state && s.isNew(i, after) {
			return i, after
		}
	}
	return none, 0
}

// stuckAt notes that no certain step can be next before the end of one, and is the last of the uncertain that might.
func (s *search) stuckAt(first int32) (late int32) {
	if s.far == none || s.steps[first].end > s.steps[s.far].end {
		s.far = first
	}
	late = s.until[first]
	for s.next[s.prev[late]] != late { // it is off its list
		late = s.prev[late]
	}
	return late
}

func (s *search) try(i, state int32) (after int32, legal bool) {
	s.States--
	return s.step(state, s.steps[i].op)
}

// isNew says whether those taken and step i, in that state, were not met before.
func (s *search) isNew(i, state int32) bool {
	isNew, grown := s.tried.add(s.at.with(i).with(^state))
	s.Bytes -= grown
	return isNew
}

// take puts a step into the order.
func (s *search) take(i, state int32) {
	s.taken = append(s.taken, frame{i, state})
	s.at = s.at.with(i)
	s.unlink(s.nodeOf(i))
	if i < s.certain {
		s.unlink(s.certain + i)
	}
}

// giveBack takes the last step out of the order again, and says what the state was before it.
func (s *search) giveBack() (i, state int32) {
	last := len(s.taken) - 1
	i, state = s.taken[last].step, s.taken[last].state
	s.taken = s.taken[:last]
	s.at = s.at.with(i)
	if i < s.certain {
		s.relink(s.certain + i)
	}
	s.relink(s.nodeOf(i))
	return i, state
}

func (s *search) unlink(node int32) {
	s.next[s.prev[node]], s.prev[s.next[node]] = s.next[node], s.prev[node]
}
func (s *search) relink(node int32) { s.next[s.prev[node]], s.prev[s.next[node]] = node, node }

// stuck is the Result of a search that went through all orders: none gets past the end of one operation.
func (s *search) stuck(span func(op int32) *Span) Result {
	last := s.steps[s.far]
	witness := []*Span{span(last.op)}
	for _, x := range s.steps {
		if x.certain && x.op != last.op && x.call <= last.end && x.end >= last.call {
			witness = append(witness, span(x.op))
		}
	}
	return violated("no-order", fmt.Sprintf("no order of what was seen goes past %s, when operation %d had ended", last.end, witness[0].ID), witness...)
}
