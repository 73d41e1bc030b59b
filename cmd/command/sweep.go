package command

import (
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"simrun/reports"
	"simrun/scenarios"
	"simrun/scenarios/explore"
	"simrun/sim/luck"
)

const (
	replayOneIn = 20 // seeds of a sweep that are run again although nothing is wrong with them
	mostKept    = 20 // runs of a sweep that get a directory because something is wrong with them
)

// sweep is many worlds of one scenario under way: many seeds, or the values of its matrix, or both.
type sweep struct {
	*call
	scenario    *scenario
	progress    *reports.Progress
	replayed    atomic.Int64
	interrupted atomic.Bool

	mu    sync.Mutex
	runs  map[string]*scenarios.Run // of a single seed, by value: they are kept as their turn comes
	kept  string                    // the directory that holds all runs of a single seed
	wrong []*scenarios.Result       // those that did not come out as they should, the first of them
	err   error                     // of printing
}

// goal is how many seeds to run; 0 where time decides.
func (c *call) goal() int {
	if c.lasts > 0 && c.seeds == 1 {
		return 0
	}
	return c.seeds
}

func (c *call) sweep(s *scenario, seed luck.Seed) error {
	w := &sweep{call: c, scenario: s, runs: map[string]*scenarios.Run{},
		progress: reports.NewProgress(c.Err, s.Name, c.goal(), c.quiet || c.json)}
	defer w.listen()()
	batch, err := explore.Sweep{Base: seed, Count: c.goal(), Values: len(s.Specs), Claims: s.plan(seed, 0).Claims, Jobs: c.jobs,
		KeepGoing: c.keepGoing, More: w.more, Run: w.run, Each: w.each}.Do()
	w.progress.Clear()
	if err == nil {
		err = w.err
	}
	if err != nil {
		return err
	}
	w.measure(batch)
	return w.conclude(batch)
}

// listen makes an interrupt end the sweep after the worlds that are under way; a second one is not caught.
func (w *sweep) listen() (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	done := make(chan struct{})
	go func() {
		select {
		case <-signals:
			w.interrupted.Store(true)
		case <-done:
		}
		signal.Stop(signals)
	}()
	return func() { close(done) }
}

func (w *sweep) more() bool {
	return !w.interrupted.Load() && (w.lasts == 0 || w.progress.Elapsed() < w.lasts)
}

// run runs one world; again, if something is wrong with it, or to see whether it would be the same.
func (w *sweep) run(turn explore.Turn) (*scenarios.Result, error) {
	run := w.scenario.plan(turn.Seed, turn.Value).Run(scenarios.RunOptions{Record: w.trace && w.goal() == 1})
	if run.Result.Judge() != scenarios.Holds || turn.Index%replayOneIn == replayOneIn-1 {
		run = run.Verify()
		w.replayed.Add(1)
	}
	run.Result.Commit = commit()
	if w.goal() == 1 {
		w.mu.Lock()
		w.runs[run.Result.Value] = run
		w.mu.Unlock()
	}
	return run.Result, nil
}

func (w *sweep) each(batch *explore.Batch, e *explore.Entry) {
	r := e.Run
	w.progress.Show(batch)
	if w.json && w.err == nil {
		w.err = w.encode(r)
	}
	if r.Judge() != scenarios.Holds {
		if len(w.wrong) < mostKept {
			w.wrong = append(w.wrong, r)
		}
	} else if w.goal() == 1 {
		if kept := w.keep(w.scenario, w.take(r.Value)); kept.Dir != "" {
			w.kept = filepath.Dir(kept.Dir)
		}
	}
}

// take is the run of a single seed at that value, once.
func (w *sweep) take(value string) *scenarios.Run {
	w.mu.Lock()
	defer w.mu.Unlock()
	run := w.runs[value]
	delete(w.runs, value)
	return run
}

func (w *sweep) measure(batch *explore.Batch) {
	batch.Measure(w.progress.Elapsed().Seconds(), int(w.replayed.Load()))
}

// conclude keeps the runs that somebody will want to see, tells of the first that went wrong, and of the whole.
func (w *sweep) conclude(batch *explore.Batch) error {
	w.verdict(batch.Verdict)
	if w.interrupted.Load() {
		w.verdict(scenarios.Unknown)
		w.warn("interrupted after %s", reports.Counted(batch.Seeds, "seed"))
	}
	w.suites = append(w.suites, reports.BatchSuite(batch))
	names := map[[2]string]string{}
	for i, r := range w.wrong {
		kept, err := w.keepAgain(r)
		if err != nil {
			return err
		}
		names[[2]string{r.Seed, r.Value}] = kept.Run
		if i == 0 && !w.json {
			if err := w.terminal().Violation(r, kept); err != nil {
				return err
			}
		}
	}
	switch {
	case w.json:
		return w.encode(batch)
	case w.quiet && batch.Verdict == scenarios.Holds:
		return nil
	}
	return w.terminal().Batch(batch, w.kept, func(f explore.Failure) string {
		if name, kept := names[[2]string{f.Seed, f.Value}]; kept {
			return name
		}
		return w.again(w.scenario, f.Seed)
	})
}

// keepAgain keeps a run of the sweep that went wrong. What a sweep does not record, its full event log, is had
// by running it once more.
func (w *sweep) keepAgain(r *scenarios.Result) (reports.Kept, error) {
	seed, err := scenarios.ParseSeed(r.Seed)
	if err != nil {
		return reports.Kept{}, err
	}
	point := slices.IndexFunc(w.scenario.Specs, func(s *scenarios.Spec) bool { return s.Value == r.Value })
	run := w.scenario.plan(seed, point).Run(scenarios.RunOptions{Record: true})
	run.Result = r
	w.annotate(run.Plan, r)
	return w.keep(w.scenario, run), nil
}
