package linear

import (
	"cmp"
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
	vague   int32                // operation vague+i is operation i, should nobody know how it ended
	class   func(op int32) int32 // operations of one class ask the same; none is in a class of its own
	steps   []step
	certain int32 // how many are

	next, prev []int32 // by node
	until      []int32 // by certain step: the node of the last uncertain one that is called by its end
	twins      []int32 // by uncertain step, from 0: the one before of its class, or none; nil before they are asked for

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
	s.Bytes -= n * int64(unsafe.Sizeof(step{})+unsafe.Sizeof(frame{})+7*4)
	if s.Bytes < 0 || n > 1<<29 {
		return Unknown
	}
	s.link()
	s.taken = make([]frame, 0, s.certain+8)
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
	nodes := s.uncertain() + 1
	room := make([]int32, 2*nodes+2*s.certain)
	ends := room[2*nodes+s.certain:]
	for i := range ends {
		ends[i] = int32(i)
	}
	slices.SortFunc(ends, func(a, b int32) int { return cmp.Or(cmp.Compare(s.steps[a].end, s.steps[b].end), cmp.Compare(a, b)) })

	s.next, s.prev, s.until = room[:nodes], room[nodes:2*nodes], room[2*nodes:2*nodes+s.certain]
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

// pairUp finds the twins.
func (s *search) pairUp() {
	s.twins = make([]int32, int32(len(s.steps))-s.certain)
	latest := map[int32]int32{}
	for i := s.certain; i < int32(len(s.steps)); i++ {
		s.twins[i-s.certain] = none
		class := s.class(s.steps[i].op)
		if twin, some := latest[class]; some && class != none {
			s.twins[i-s.certain] = twin
		}
		latest[class] = i
	}
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
			after, legal := s.try(i, state)
			if legal && !s.idle(i, after) && (s.steps[i].reads || s.isNew(i, after)) {
				return i, after
			}
		}
		from.late = s.stuckAt(i - s.certain)
	}
	for late := from.late; late != s.uncertain(); late = s.prev[late] {
		if i = s.stepOf(late); s.hasTwin(i) {
			continue
		}
		after, legal := s.try(i, state)
		if legal && after != state && !s.idle(i, after) && s.isNew(i, after) {
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
	if late = s.until[first]; late == s.uncertain() {
		return late
	}
	if s.twins == nil {
		s.pairUp()
	}
	for !s.listed(late) {
		late = s.prev[late]
	}
	return late
}

func (s *search) try(i, state int32) (after int32, legal bool) {
	s.States--
	return s.step(state, s.steps[i].op)
}

// idle says whether the step before, if it is uncertain, does nothing for step i: i could come in its place, or in front
// of it, and lead to the same state. Such orders need not be tried, for another has fewer steps, or has the uncertain
// one later. Of two uncertain ones that may change places, the first comes first.
func (s *search) idle(i, after int32) bool {
	if len(s.taken) == 0 {
		return false
	}
	last := s.taken[len(s.taken)-1]
	if last.step < s.certain {
		return false
	}
	without, legal := s.try(i, last.state)
	if !legal || without == after || i > last.step {
		return legal && without == after
	}
	behind, legal := s.try(last.step, without)
	return legal && behind == after
}

// isNew says whether those taken and step i, in that state, were not met before.
func (s *search) isNew(i, state int32) bool {
	isNew, grown := s.tried.add(s.at.with(i).with(^state))
	s.Bytes -= grown
	return isNew
}

// listed says whether a node is on its list.
func (s *search) listed(node int32) bool { return s.next[s.prev[node]] == node }

// hasTwin says whether an uncertain step that asks the same was called before, and is not yet in the order. It can come
// in the place of this one.
func (s *search) hasTwin(i int32) bool {
	twin := s.twins[i-s.certain]
	return twin != none && s.listed(s.nodeOf(twin))
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
