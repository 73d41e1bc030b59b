package scenarios

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"sync"

	"simrun/sim/luck"
)

// Sweep runs many seeds of one scenario, one world per core in this process.
//
// What comes of it is a function of Base and Count, however many cores there were: results are told in the
// order of their seeds, and a sweep that stops at the first violation stops at the first by that order.
type Sweep struct {
	Base luck.Seed
	// Count is how many seeds to run; zero runs seeds until More says no.
	Count int
	// More, if not nil, is asked before each seed is begun. Seeds under way are still finished.
	More func() bool
	// Jobs is how many worlds run at once; zero is one per core.
	Jobs int
	// KeepGoing goes on after a violation.
	KeepGoing bool
	// Run runs one seed: a result for each value of the matrix, or one. It is called from many goroutines.
	Run func(luck.Seed) ([]*Result, error)
	// Each, if not nil, is told of each seed's results, in the order of seeds and never twice at once.
	Each func(*Batch, []*Result)
}

// Do runs the sweep. An error is a seed that could not be run; the batch holds what came before it.
func (s Sweep) Do() (*Batch, error) {
	t := &tour{Sweep: s, limit: s.Count, done: map[int]outcome{}, batch: NewBatch(s.Base)}
	if s.Count == 0 {
		t.limit = math.MaxInt
	}
	jobs := s.Jobs
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	var all sync.WaitGroup
	for range min(jobs, t.limit) {
		all.Go(t.work)
	}
	all.Wait()
	t.batch.conclude()
	return t.batch, t.err
}

// tour is a sweep under way.
//
// Invariant: turn <= next, and turn <= limit; done holds only indexes from turn on.
type tour struct {
	Sweep
	mu    sync.Mutex
	next  int // the next index to begin
	turn  int // the next index to tell of
	limit int // no index from here on is begun or told of
	done  map[int]outcome
	batch *Batch
	err   error
}

type outcome struct {
	results []*Result
	err     error
}

func (t *tour) work() {
	for i, ok := t.begin(); ok; i, ok = t.begin() {
		results, err := t.run(SeedAt(t.Base, i))
		t.finish(i, outcome{results, err})
	}
}

func (t *tour) begin() (int, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next < t.limit && t.More != nil && !t.More() {
		t.limit = t.next
	}
	if t.next >= t.limit {
		return 0, false
	}
	t.next++
	return t.next - 1, true
}

// run names the seed where the simulator itself breaks: nobody could find it again otherwise.
func (t *tour) run(seed luck.Seed) ([]*Result, error) {
	defer func() {
		if broken := recover(); broken != nil {
			panic(fmt.Sprintf("seed %s: %v\n%s", FormatSeed(seed), broken, debug.Stack()))
		}
	}()
	return t.Run(seed)
}

func (t *tour) finish(i int, o outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done[i] = o
	if o.err != nil || !t.KeepGoing && failed(o.results) {
		t.limit = min(t.limit, i+1)
	}
	for t.turn < t.limit {
		o, ok := t.done[t.turn]
		if !ok {
			return
		}
		delete(t.done, t.turn)
		t.turn++
		if o.err != nil {
			t.err = o.err
			return
		}
		t.batch.Add(o.results)
		if t.Each != nil {
			t.Each(t.batch, o.results)
		}
	}
}

func failed(results []*Result) bool {
	for _, r := range results {
		if v := r.Judge(); v == Violated || v == Diverged {
			return true
		}
	}
	return false
}
