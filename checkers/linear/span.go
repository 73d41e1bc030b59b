// Package linear answers whether what was seen of an object could have come from one that does one thing at a
// time: each operation at one instant between its call and its return (Herlihy & Wing, TOPLAS 1990).
//
// Each data type has an algorithm of its own that takes near-linear time and shows a violation by the few operations
// that make it; each is held to a general search in tests.
package linear

import "simrun/nodes/history"

// Span is what an operation of any object has: who asked, from when to when, and how it ended.
//
// An operation that failed did not happen. One that is unknown, or pending, took effect at some time after its
// call, or never; its Return says nothing.
//
// Invariant: Call <= Return where the outcome is Ok.
type Span struct {
	ID      uint64 // names the operation in a witness
	Client  int32
	Outcome history.Outcome
	Call    history.Time
	Return  history.Time
}

// Certain says that the operation took effect, and by its Return.
func (s *Span) Certain() bool { return s.Outcome == history.Ok }

// Possible says that the operation may have taken effect.
func (s *Span) Possible() bool { return s.Outcome != history.Fail }

// End is by when the operation took effect if it did: Never for one whose answer was lost.
func (s *Span) End() history.Time {
	if s.Certain() {
		return s.Return
	}
	return history.Never
}

// Value is what an object holds, as a number: a history's own values are numbered by whoever reads it. Written
// values are unique unless an algorithm says that it does without.
type Value int64

// Nil is the value of what was never written: an empty register, nothing to dequeue.
const Nil Value = -1 << 63

// Base is the operation's own Span. It makes every struct that embeds one a Spanned.
func (s *Span) Base() *Span { return s }

// Spanned is a pointer to an operation that embeds a Span.
type Spanned[Op any] interface {
	*Op
	Base() *Span
}
