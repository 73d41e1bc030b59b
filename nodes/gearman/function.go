package gearman

import (
	"slices"
	"time"
)

// longestFunction is the longest name of a function, as in gearmand.
const longestFunction = 512

// function is what a job asks for and a worker can do.
type function struct {
	name    string
	queues  [priorities]jobQueue
	waiting int // jobs that wait for their epoch
	running int // jobs that a worker has, or has ended and nobody was told yet
	pending int // jobs that are not counted in total, since nobody was told of them yet
	total   int
	limits  [priorities]int // most jobs when one of that priority is submitted; 0 is no limit
	workers int
	// sleepers are the abilities of sleeping workers, in the order in which they fell asleep.
	sleepers abilityList
	// woken is how many workers were woken for this function and have not asked for a job yet.
	woken int
	// kept says that an administrator made it, so that it stays when nobody uses it.
	kept bool
}

// queued is how many jobs a worker could have now.
func (f *function) queued() int {
	return f.queues[high].length + f.queues[normal].length + f.queues[low].length
}

// unused says that nothing would be lost with the function.
func (f *function) unused() bool {
	return f.total+f.pending+f.workers+f.woken == 0 && !f.kept
}

// functions are those that a server knows.
type functions struct {
	byName map[string]*function
	most   int // 0 is no limit
	limit  int // of jobs, for new functions
}

// find returns the function of that name, and makes it where it is missing; nil if there are too many. Where
// the table is full, those that nobody uses make room.
func (t *functions) find(name []byte) *function {
	if f := t.byName[string(name)]; f != nil {
		return f
	}
	if t.most > 0 && len(t.byName) >= t.most {
		for _, f := range t.byName {
			if f.unused() {
				delete(t.byName, f.name)
			}
		}
		if len(t.byName) >= t.most {
			return nil
		}
	}
	return t.known(name)
}

// known returns the function of that name, whatever the limit.
func (t *functions) known(name []byte) *function {
	f := t.byName[string(name)]
	if f == nil {
		f = &function{name: string(name), limits: [priorities]int{t.limit, t.limit, t.limit}}
		t.byName[f.name] = f
	}
	return f
}

// sorted are the functions in the order of their names.
func (t *functions) sorted() []*function {
	all := make([]*function, 0, len(t.byName))
	for _, f := range t.byName {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *function) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return all
}

// ability says that a worker can do a function.
type ability struct {
	worker   *session
	function *function
	timeout  time.Duration // for one job; 0 is without end
	asleep   bool          // it is in the function's sleepers
	next     *ability
	prev     *ability
}

// abilityList is a queue from which any member can leave.
type abilityList struct{ first, last *ability }

func (l *abilityList) push(a *ability) {
	a.asleep, a.prev, a.next = true, l.last, nil
	if l.last == nil {
		l.first = a
	} else {
		l.last.next = a
	}
	l.last = a
}

func (l *abilityList) remove(a *ability) {
	if !a.asleep {
		return
	}
	if a.prev == nil {
		l.first = a.next
	} else {
		a.prev.next = a.next
	}
	if a.next == nil {
		l.last = a.prev
	} else {
		a.next.prev = a.prev
	}
	a.asleep, a.next, a.prev = false, nil, nil
}
