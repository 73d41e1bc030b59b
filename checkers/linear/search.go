package linear

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"

	"simrun/nodes/history"
)

// Model is an object as a sequential program, for Search.
type Model[State comparable, Op any] struct {
	Init State
	// Step says whether the operation may take effect in that state, with the output that it had, and the state
	// after it. The output of an operation that is not Certain is not known: any is legal.
	Step func(s State, op *Op) (after State, legal bool)
	// Reads, if not nil, says that an operation leaves every state as it is. To know it spares the search most of its
	// work.
	Reads func(op *Op) bool
}

// Search looks for an order of the operations that the model allows. The algorithm is that of Wing & Gong (JPDC 1993)
// with Lowe's memory of what was tried (CCPE 2017), and three changes:
//
//   - What was tried is remembered as a fingerprint of 128 bits, kept up to date in constant time, in place of a set of
//     n bits. That any two among a billion sets have one fingerprint is less likely than 1 in 10²⁰.
//   - An operation that may never have taken effect need not be ordered at all. It is tried last, the latest first, only
//     where it changes the state, and only right before one for which that makes a difference.
//   - An operation that only reads is put in order as soon as it fits, and nothing else is tried in its place.
//
// It takes exponential time at worst, and is Unknown when a budget has run out.
func Search[State comparable, Op any, P Spanned[Op]](m Model[State, Op], ops []Op, o Options) Result {
	states := numbered[State]{all: []State{m.Init}}
	s := search{Options: o.filled(), vague: int32(len(ops))}
	var vague []Op // the same operations, should nobody know how they ended
	at := func(i int32) *Op {
		if i < s.vague {
			return &ops[i]
		}
		if vague == nil {
			vague = slices.Clone(ops)
			for i := range vague {
				P(&vague[i]).Base().Outcome = history.Unknown
			}
		}
		return &vague[i-s.vague]
	}
	s.step = func(state, op int32) (int32, bool) {
		before := states.all[state]
		after, legal := m.Step(before, at(op))
		if !legal || after == before {
			return state, legal
		}
		n, isNew := states.number(after)
		if isNew {
			s.Bytes -= stateBytes(after)
		}
		return n, true
	}
	s.steps = make([]step, 0, len(ops))
	s.class = classes[Op, P](at)
	for i := range ops {
		span := P(&ops[i]).Base()
		reads := m.Reads != nil && m.Reads(&ops[i])
		if span.Possible() && (span.Certain() || !reads) {
			s.steps = append(s.steps, step{op: int32(i), certain: span.Certain(), reads: reads, call: span.Call, end: span.End()})
		}
	}
	switch s.run() {
	case Holds:
		return holds()
	case Unknown:
		return Result{Verdict: Unknown, Reason: fmt.Sprintf("the budget ran out in the search for an order of %d operations", len(s.steps))}
	default:
		return s.stuck(func(i int32) *Span { return P(&ops[i]).Base() })
	}
}

// numbered are states with their numbers. While there are few, to look through them is faster than a map.
type numbered[State comparable] struct {
	all   []State
	index map[State]int32
}

const fewStates = 8

func (n *numbered[State]) number(s State) (number int32, isNew bool) {
	if n.index == nil {
		if i := slices.Index(n.all, s); i >= 0 {
			return int32(i), false
		}
		if len(n.all) == fewStates {
			n.index = make(map[State]int32, 2*fewStates)
			for i, s := range n.all {
				n.index[s] = int32(i)
			}
		}
	} else if i, known := n.index[s]; known {
		return i, false
	}
	number = int32(len(n.all))
	n.all = append(n.all, s)
	if n.index != nil {
		n.index[s] = number
	}
	return number, true
}

// classes tells operations that ask the same by their number. Those that cannot be compared are in no class.
func classes[Op any, P Spanned[Op]](at func(i int32) *Op) func(i int32) int32 {
	number := map[any]int32{}
	return func(i int32) int32 {
		op := *at(i)
		*P(&op).Base() = Span{}
		if !reflect.ValueOf(&op).Elem().Comparable() {
			return none
		}
		n, known := number[op]
		if !known {
			n = int32(len(number))
			number[op] = n
		}
		return n
	}
}

// stateBytes is about what it takes to remember a state.
func stateBytes[State any](s State) int64 {
	n := 2*int64(unsafe.Sizeof(s)) + 16
	if text, is := any(s).(string); is {
		n += int64(len(text))
	}
	return n
}
