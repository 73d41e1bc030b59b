// Package explore answers what many runs of a scenario say that one cannot: how often each claim holds, which faults
// struck, and the first seed that fails (Sweep, Batch); and what is the least plan by which it still does (Shrink).
package explore

import (
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"sync"

	"simrun/scenarios"
	"simrun/sim/luck"
)

// Sweep runs many seeds of one scenario, one world per core in this process. Where the scenario has a matrix,
// each seed is run once per value.
//
// What comes of it is a function of Base and Count, however many cores there were: results are told in the
// order of their turns, and a sweep that stops at the first violation stops at the first by that order.
type Sweep struct {
	Base luck.Seed
	// Count is how many seeds to run; zero runs seeds until More says no.
	Count int
	// Values is how many points the matrix has; zero is one.
	Values int
	// Claims are the scenario's: a check that says more about many runs than about each has its say at the end.
	Claims []scenarios.Claim
	// More, if not nil, is asked before each seed is begun. Seeds under way are still finished.
	More func() bool
	// Jobs is how many worlds run at once; zero is one per core.
	Jobs int
	// KeepGoing goes on after a violation.
	KeepGoing bool
	// Run runs one world. It is called from many goroutines.
	Run func(Turn) (*scenarios.Result, error)
	// Each, if not nil, is told of each result, in the order of turns and never twice at once.
	Each func(*Batch, *scenarios.Result)
}

// Turn is one world of a sweep: a seed at a point of the matrix.
type Turn struct {
	Index int // of the seed, from 0
	Seed  luck.Seed
	Value int // of the matrix, from 0
}

// Do runs the sweep. An error is a world that could not be run; the batch holds what came before it.
func (s Sweep) Do() (*Batch, error) {
	s.Values = max(s.Values, 1)
	t := &tour{Sweep: s, limit: s.Count * s.Values, done: map[int]outcome{}, batch: NewBatch(s.Base, s.Claims)}
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

// tour is a sweep under way. Its turns are numbered through: seed by seed, and by value within a seed.
//
// Invariant: told <= next, and told <= limit; done holds only turns from told on.
type tour struct {
	Sweep
	mu    sync.Mutex
	next  int // the next turn to begin
	told  int // the next turn to tell of
	limit int // no turn from here on is begun or told of
	done  map[int]outcome
	batch *Batch
	err   error
}

type outcome struct {
	result *scenarios.Result
	err    error
}

func (t *tour) work() {
	for n, ok := t.begin(); ok; n, ok = t.begin() {
		seed := n / t.Values
		result, err := t.run(Turn{seed, scenarios.SeedAt(t.Base, seed), n % t.Values})
		t.finish(n, outcome{result, err})
	}
}

func (t *tour) begin() (int, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next < t.limit && t.next%t.Values == 0 && t.More != nil && !t.More() {
		t.limit = t.next
	}
	if t.next >= t.limit {
		return 0, false
	}
	t.next++
	return t.next - 1, true
}

// run names the seed where the simulator itself breaks: nobody could find it again otherwise.
func (t *tour) run(turn Turn) (*scenarios.Result, error) {
	defer func() {
		if broken := recover(); broken != nil {
			panic(fmt.Sprintf("seed %s: %v\n%s", scenarios.FormatSeed(turn.Seed), broken, debug.Stack()))
		}
	}()
	return t.Run(turn)
}

func (t *tour) finish(n int, o outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done[n] = o
	if o.err != nil || !t.KeepGoing && failed(o.result) {
		t.limit = min(t.limit, n+1)
	}
	for t.told < t.limit {
		o, ok := t.done[t.told]
		if !ok {
			return
		}
		delete(t.done, t.told)
		t.told++
		if o.err != nil {
			t.err = o.err
			return
		}
		t.batch.Add(o.result)
		if t.Each != nil {
			t.Each(t.batch, o.result)
		}
	}
}

func failed(r *scenarios.Result) bool {
	v := r.Judge()
	return v == scenarios.Violated || v == scenarios.Diverged
}

// Seeds runs that many seeds of the scenario, from base on, at each value of its matrix, and stops at the first
// violation. It is what a test needs; who wants more of a say fills in a Sweep.
func Seeds(sc *scenarios.Scenario, base luck.Seed, count int) (*Batch, error) {
	return Sweep{Base: base, Count: count, Values: len(sc.Specs), Claims: sc.Specs[0].Claims, Run: func(t Turn) (*scenarios.Result, error) {
		return scenarios.Draw(sc.Specs[t.Value], t.Seed).Run(scenarios.RunOptions{}).Result, nil
	}}.Do()
}
