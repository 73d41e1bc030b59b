package coordinator

import (
	"container/heap"

	"simrun/nodes"
)

// Alarmed is what has to be looked at at some time.
type Alarmed interface {
	// Alarm is when, or Never. Of two at one time the lesser name comes first.
	Alarm() (at nodes.Instant, name string)
	// Place is for Alarms alone. It begins as 0.
	Place() *int
}

// Alarms are those that have something due.
//
// Invariant: each is there once if its Alarm is not Never, and knows its place, counted from one.
type Alarms[T Alarmed] struct{ heap alarms[T] }

// Next is when the first is due, or Never.
func (a *Alarms[T]) Next() nodes.Instant {
	if len(a.heap) == 0 {
		return Never
	}
	at, _ := a.heap[0].Alarm()
	return at
}

// First is the one that is due first; there must be one.
func (a *Alarms[T]) First() T { return a.heap[0] }

// Set says that an Alarm may have become another.
func (a *Alarms[T]) Set(x T) {
	at, _ := x.Alarm()
	switch place := *x.Place() - 1; {
	case at == Never && place >= 0:
		heap.Remove(&a.heap, place)
	case at == Never:
	case place >= 0:
		heap.Fix(&a.heap, place)
	default:
		heap.Push(&a.heap, x)
	}
}

type alarms[T Alarmed] []T

func (a alarms[T]) Len() int { return len(a) }

func (a alarms[T]) Less(i, j int) bool {
	at, name := a[i].Alarm()
	other, another := a[j].Alarm()
	if at != other {
		return at < other
	}
	return name < another
}

func (a alarms[T]) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	*a[i].Place(), *a[j].Place() = i+1, j+1
}

func (a *alarms[T]) Push(x any) {
	*a = append(*a, x.(T))
	*x.(T).Place() = len(*a)
}

func (a *alarms[T]) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	*a, *x.Place() = (*a)[:last], 0
	return x
}
