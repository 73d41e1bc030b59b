// Package explore answers what many runs of a scenario say that one cannot: how often each claim holds, which faults
// struck, and the first seed that fails (Sweep, Batch); by which kinds of fault it does (Kinds), and by which least plan (Shrink);
// and whether what was mended is back (Regression).
package explore

import (
	"errors"
	"fmt"
	"iter"
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
	// Scenario and Commit are what the batch is called by.
	Scenario, Commit string
	Base             luck.Seed
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
	// Shard is the part of the seeds that is run; zero is all of them.
	Shard Shard
	// Verbs are those of the scenario's faults: of each some fault ought to touch something.
	Verbs []scenarios.Verb
	// Probes are those in the code of the scenario's nodes: of each one hopes that some run reaches it.
	Probes []string
	// Guided, if not nil, is the scenario, which has no matrix: turns vary the plans of earlier ones that came to something
	// that few came to, and Turn says how. Seeds are not told apart into shards then: each turn hangs on those before it.
	Guided *scenarios.Spec
	// Past, if not nil, are the first runs, which were run before: it goes on after them.
	Past iter.Seq2[*Entry, error]
	// Run runs one world. It is called from many goroutines.
	Run func(Turn) (*scenarios.Result, error)
	// Each, if not nil, is told of each run, of Past as well, in the order of turns and never twice at once.
	Each func(*Batch, *Entry)
	// Look, if not nil, looks into failures once all runs are told of: into the first MostCauses, one after the
	// other. A nil ends it.
	Look func(*Failure) *Cause
}

// Turn is one world of a sweep: a seed at a point of the matrix.
type Turn struct {
	Index int // of the seed, from 0
	Seed  luck.Seed
	Value int // of the matrix, from 0
	// Variation is how the plan comes to be; nil if it is the seed's own.
	Variation *scenarios.Variation
}

// Plan is the turn's, of the scenario at that point of its matrix.
func (t *Turn) Plan(spec *scenarios.Spec) *scenarios.Plan {
	if t.Variation == nil {
		return scenarios.Draw(spec, t.Seed)
	}
	plan, _ := scenarios.Vary(spec, t.Seed, t.Variation)
	return plan
}

// Do runs the sweep. An error is a world that could not be run, or a Past that is not of this sweep; the batch
// holds what came before it.
func (s Sweep) Do() (*Batch, error) {
	t := s.tour()
	if s.Guided != nil && (t.Values > 1 || s.Shard.Of > 0) {
		return t.batch, errors.New("a guided sweep is of one piece and of one point: it has no shards and no matrix")
	}
	if t.err = t.recall(); t.err != nil {
		return t.batch, t.err
	}
	jobs := s.Jobs
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	var all sync.WaitGroup
	for range min(jobs, t.limit-t.next) {
		all.Go(t.work)
	}
	all.Wait()
	if t.Look != nil && t.err == nil {
		t.batch.causes(t.Look)
	}
	t.batch.conclude()
	return t.batch, t.err
}

// batch makes the sweep's batch, with nothing in it.
func (s *Sweep) batch() *Batch {
	b := NewBatch(s.Base, s.Claims)
	b.Scenario, b.Commit = s.Scenario, s.Commit
	if b.Shard = s.Shard.String(); b.Shard != "" {
		b.whole = nil // to be judged over all runs
	}
	for _, verb := range s.Verbs {
		b.verbs = append(b.verbs, string(verb))
	}
	for _, name := range s.Probes {
		b.probe(name)
	}
	return b
}

// turn is the n-th turn that the shard has, and its number in the whole sweep.
func (s *Sweep) turn(n int) (turn Turn, number int) {
	index := s.Shard.seed(n / s.Values)
	return Turn{Index: index, Seed: scenarios.SeedAt(s.Base, index), Value: n % s.Values}, index*s.Values + n%s.Values
}

// tour is a sweep under way. Its turns are those of its shard, numbered through: seed by seed, and by value
// within a seed.
//
// Invariant: told <= next, and told <= limit; done holds only turns from told on.
type tour struct {
	Sweep
	guide *guide
	mu    sync.Mutex
	more  *sync.Cond // there may be a turn to begin, or none any more
	next  int        // the next turn to begin
	told  int        // the next turn to tell of
	limit int        // no turn from here on is begun or told of
	done  map[int]outcome
	batch *Batch
	err   error
}

type outcome struct {
	entry *Entry
	err   error
}

func (s Sweep) tour() *tour {
	s.Values = max(s.Values, 1)
	t := &tour{Sweep: s, limit: math.MaxInt, done: map[int]outcome{}, batch: s.batch()}
	t.more = sync.NewCond(&t.mu)
	if s.Guided != nil {
		t.guide = newGuide(s.Base)
		t.batch.Guidance = &t.guide.sum
	}
	if s.Count > 0 {
		t.limit = s.Shard.share(s.Count) * s.Values
	}
	return t
}

// recall tells of the runs that were run before.
func (t *tour) recall() error {
	if t.Past == nil {
		return nil
	}
	for e, err := range t.Past {
		if err != nil {
			return err
		}
		turn, number := t.turn(t.told)
		if t.told >= t.limit || e.Turn != number || e.Seed != scenarios.FormatSeed(turn.Seed) {
			return fmt.Errorf("turn %d, of seed %s, is not the one that follows", e.Turn, e.Seed)
		}
		if varied := t.guide != nil && t.guide.asked[number] != nil; varied != (e.Variation != nil) {
			return fmt.Errorf("turn %d, of seed %s, has not the plan that follows", e.Turn, e.Seed)
		}
		t.tell(e)
		t.next = t.told
		if !t.KeepGoing && e.failed() {
			t.limit = t.told
		}
	}
	return nil
}

func (t *tour) work() {
	for n, asked, ok := t.begin(); ok; n, asked, ok = t.begin() {
		turn, number := t.turn(n)
		if asked != nil {
			turn.Variation = asked.vary(t.Guided, turn.Seed)
		}
		result, err := t.run(turn)
		o := outcome{err: err}
		if err == nil {
			o.entry = EntryOf(result)
			o.entry.Turn, o.entry.Variation = number, turn.Variation
			if t.guide != nil {
				o.entry.Reach = reachOf(result)
			}
		}
		t.finish(n, o)
	}
}

// begin gives the next turn and, where it is varied, how. Of a guided sweep it waits until that is decided.
func (t *tour) begin() (n int, asked *proposal, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.guide != nil && t.next >= t.guide.decided && t.next < t.limit {
		t.more.Wait()
	}
	if t.next < t.limit && t.next%t.Values == 0 && t.More != nil && !t.More() {
		t.limit = t.next
		t.more.Broadcast()
	}
	if t.next >= t.limit {
		return 0, nil, false
	}
	if t.guide != nil {
		asked = t.guide.asked[t.next]
	}
	t.next++
	return t.next - 1, asked, true
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
	defer t.more.Broadcast()
	t.done[n] = o
	if o.err != nil || !t.KeepGoing && o.entry.failed() {
		t.limit = min(t.limit, n+1)
	}
	for t.told < t.limit {
		o, ok := t.done[t.told]
		if !ok {
			return
		}
		delete(t.done, t.told)
		if o.err != nil {
			t.told++
			t.err = o.err
			return
		}
		t.tell(o.entry)
	}
}

// tell tells of the next run.
func (t *tour) tell(e *Entry) {
	t.told++
	t.batch.add(e)
	if t.guide != nil {
		t.guide.tell(t.told-1, e)
	}
	if t.Each != nil {
		t.Each(t.batch, e)
	}
}

// Seeds runs that many seeds of the scenario, from base on, at each value of its matrix, and stops at the first
// violation. It is what a test needs; who wants more of a say fills in a Sweep.
func Seeds(sc *scenarios.Scenario, base luck.Seed, count int) (*Batch, error) {
	return Sweep{Scenario: sc.Name, Base: base, Count: count, Values: len(sc.Specs), Claims: sc.Specs[0].Claims, Run: func(t Turn) (*scenarios.Result, error) {
		return scenarios.Draw(sc.Specs[t.Value], t.Seed).Run(scenarios.RunOptions{}).Result, nil
	}}.Do()
}
