package command

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"simrun/reports"
	"simrun/reports/page"
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
	terms       reports.Terms
	log         *reports.Logbook // nil if it is not written down
	progress    *reports.Progress
	crew        *crew // with --verify
	interrupted atomic.Bool
	elsewhere   atomic.Int64                     // runs that were run in a second process too
	past        bool                             // it is being told of runs that were run before
	causes      map[failure]*explore.Cause       // that are known from before
	varied      map[failure]*scenarios.Variation // how plans of runs that did not come out as they should came to be
	triggers    *explore.Triggers                // of a regression; else nil
	looked      int                              // failures so far
	ran         time.Duration                    // how long it took until it looked into the first

	mu       sync.Mutex
	runs     map[string]*scenarios.Run // of a single seed, by value: they are kept as their turn comes
	replayed map[int]bool              // turns that were run twice, and are not told of yet
	twice    int                       // how many were
	kept     string                    // the directory that holds all runs of a single seed
	cells    []page.Cell               // the runs, for the page; no more than it draws
	all      int                       // how many there were
	wrong    []*scenarios.Result       // those that did not come out as they should, the first of them
	err      error                     // of printing
}

// failure names a run of a sweep.
type failure struct{ seed, value string }

func (c *call) newSweep(s *scenario, terms reports.Terms) *sweep {
	return &sweep{call: c, scenario: s, terms: terms, runs: map[string]*scenarios.Run{}, replayed: map[int]bool{}, causes: map[failure]*explore.Cause{},
		varied:   map[failure]*scenarios.Variation{},
		progress: reports.NewProgress(c.Err, s.Name, terms.Seeds, c.quiet || c.json)}
}

// terms are what a sweep of the scenario is.
func (c *call) terms(s *scenario, seed luck.Seed) reports.Terms {
	t := reports.Terms{Version: 1, Scenario: s.given, Set: append([]string{}, c.set...), Digest: s.Digest, Commit: commit(),
		Base: scenarios.FormatSeed(seed), Seeds: c.seeds, Shard: c.shard.String(), Keep: c.keepGoing, Guided: c.guided}
	if c.lasts > 0 {
		t.For = c.lasts.String()
		if c.seeds == 1 {
			t.Seeds = 0 // time decides
		}
	}
	return t
}

// single says that there is one seed only, at several values of a matrix: each run is kept.
func (w *sweep) single() bool { return w.terms.Seeds == 1 && w.terms.Shard == "" }

// sweep runs many seeds and keeps a directory of them, from which the sweep can be gone on with.
func (c *call) sweep(s *scenario, seed luck.Seed) error {
	w := c.newSweep(s, c.terms(s, seed))
	switch {
	case c.lucks > 0: // it is over in a moment, and nobody goes on with it
		w.triggers = explore.TriggersOf(s.plan(seed, 0))
	case !w.single():
		w.log = c.shelf().Logbook(s.Name, w.terms)
		if err := w.log.Begin(); err != nil {
			if c.out != defaultOut {
				return fmt.Errorf("the sweep cannot be kept: %w", err)
			}
			w.unkept(err)
		}
	}
	return w.do(nil)
}

// unkept warns that the sweep is not written down any more.
func (w *sweep) unkept(err error) {
	w.log = nil
	w.warn("the sweep is not kept: %v (--out DIR keeps it elsewhere)", err)
}

// do runs what past has not. More than one interrupt is not caught.
func (w *sweep) do(past iter.Seq2[*explore.Entry, error]) error {
	defer w.listen()()
	w.crew = w.scenario.crew(w.call)
	defer w.crew.dismiss()
	sweep, err := w.explored()
	if err != nil {
		return err
	}
	sweep.Jobs, sweep.Past, sweep.More, sweep.Run, sweep.Each, sweep.Look = w.jobs, past, w.more, w.run, w.each, w.look
	batch, err := sweep.Do()
	w.progress.Clear()
	if err == nil {
		err = w.err
	}
	if err != nil {
		return err
	}
	w.measure(batch)
	if w.log != nil {
		if err := w.shut(batch); err != nil {
			w.unkept(err)
		}
	}
	return w.conclude(batch)
}

// explored is the sweep by its terms.
func (w *sweep) explored() (explore.Sweep, error) {
	base, err := scenarios.ParseSeed(w.terms.Base)
	s := explore.Sweep{Scenario: w.scenario.Name, Commit: w.terms.Commit, Base: base, Count: w.terms.Seeds, Values: len(w.scenario.Specs),
		Claims: w.scenario.Specs[0].Claims, KeepGoing: w.terms.Keep}
	if err == nil && w.terms.Shard != "" {
		s.Shard, err = explore.ParseShard(w.terms.Shard)
	}
	if w.terms.Guided {
		s.Guided = w.scenario.Specs[0]
	}
	for _, spec := range w.scenario.Specs {
		s.Verbs = append(s.Verbs, spec.Verbs()...)
		s.Probes = append(s.Probes, spec.Probes()...)
	}
	return s, err
}

// shut ends what is written down: it is over unless it was interrupted.
func (w *sweep) shut(batch *explore.Batch) error {
	if w.interrupted.Load() {
		return w.log.Close()
	}
	return w.log.Conclude(batch)
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
	run := turn.Plan(w.scenario.Specs[turn.Value]).Run(w.seen())
	again := run.Result.Judge() != scenarios.Holds || replays(turn.Index)
	if again {
		run = run.Verify()
	}
	if again && w.verify && run.Result.Verdict != scenarios.Diverged {
		var err error
		if run, err = w.crew.verify(run, turn.Variation); err != nil {
			return nil, err
		}
		w.elsewhere.Add(1)
	}
	run.Result.Commit = commit()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.single() {
		w.runs[run.Result.Value] = run
	}
	if again {
		w.replayed[turn.Index*len(w.scenario.Specs)+turn.Value] = true
	}
	return run.Result, nil
}

// seen says how a run of the sweep is recorded: not at all, unless each is kept.
func (w *sweep) seen() scenarios.RunOptions {
	if w.single() {
		return w.recorded()
	}
	return scenarios.RunOptions{}
}

// replays says whether a seed is run again although nothing is wrong with it: one of so many in a row, and not
// always the same of them, or one shard would do it all.
func replays(seed int) bool { return (seed+seed/replayOneIn)%replayOneIn == replayOneIn-1 }

// each is told of each run, in the order of turns.
func (w *sweep) each(batch *explore.Batch, e *explore.Entry) {
	w.progress.Show(batch)
	if w.all++; len(w.cells) < page.MostCells {
		w.cells = append(w.cells, page.Cell{Seed: e.Seed, Value: e.Value, Verdict: e.Verdict})
	}
	if e.Variation != nil && e.Verdict != scenarios.Holds && len(batch.Failures) > len(w.varied) {
		w.varied[failure{e.Seed, e.Value}] = e.Variation
	}
	whole := e.Verdict != scenarios.Holds && len(w.wrong) < mostKept && e.Run != nil
	if whole {
		w.wrong = append(w.wrong, e.Run)
	}
	if w.past {
		if e.Measured != nil && e.Measured.Replayed {
			w.twice++
		}
		return
	}
	if w.triggers != nil {
		w.triggers.Note(e.Run)
	}
	w.note(e)
	if w.json && w.err == nil {
		w.err = w.encode(e.Run)
	}
	if w.log != nil {
		if err := w.log.Add(e, whole); err != nil {
			w.unkept(err)
		}
	}
	if w.single() && e.Verdict == scenarios.Holds {
		if kept := w.keep(w.scenario, w.take(e.Value), ""); kept.Dir != "" {
			w.kept = filepath.Dir(kept.Dir)
		}
	}
}

// note adds to a run what the clock on the wall says.
func (w *sweep) note(e *explore.Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Measured != nil {
		e.Measured.SweepSeconds = w.progress.Elapsed().Seconds()
		e.Measured.Replayed = w.replayed[e.Turn]
	}
	if w.replayed[e.Turn] {
		w.twice++
		delete(w.replayed, e.Turn)
	}
}

// look looks into a failure.
func (w *sweep) look(f *explore.Failure) *explore.Cause {
	if w.interrupted.Load() {
		return nil
	}
	if known := w.causes[failure{f.Seed, f.Value}]; known != nil {
		return known
	}
	if w.looked++; w.looked == 1 {
		w.ran = w.progress.Elapsed()
	}
	w.progress.Look(w.looked)
	run, err := w.rerun(f.Seed, f.Value, w.varied[failure{f.Seed, f.Value}], scenarios.RunOptions{})
	if err != nil {
		return &explore.Cause{Faults: []string{}, Unclear: err.Error()}
	}
	return explore.CauseOf(run, w.jobs, func() bool { return !w.interrupted.Load() })
}

// rerun runs one of the sweep's runs once more.
func (w *sweep) rerun(seed, value string, varied *scenarios.Variation, o scenarios.RunOptions) (*scenarios.Run, error) {
	n, err := scenarios.ParseSeed(seed)
	if err != nil {
		return nil, err
	}
	point := slices.IndexFunc(w.scenario.Specs, func(s *scenarios.Spec) bool { return s.Value == value })
	if point < 0 {
		return nil, fmt.Errorf("%s has no value %q", w.scenario.Name, value)
	}
	turn := explore.Turn{Seed: n, Variation: varied}
	return turn.Plan(w.scenario.Specs[point]).Run(o), nil
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
	batch.Measure(cmp.Or(w.ran, w.progress.Elapsed()).Seconds(), w.twice)
	batch.Measured.Elsewhere = int(w.elsewhere.Load())
}

// conclude keeps the runs that somebody will want to see, tells of the first that went wrong, and of the whole.
func (w *sweep) conclude(batch *explore.Batch) error {
	if w.triggers != nil {
		w.idle(batch)
	}
	w.verdict(batch.Verdict)
	if w.interrupted.Load() {
		w.verdict(scenarios.Unknown)
		w.warn("interrupted after %s%s", reports.Counted(batch.Seeds, "seed"), w.howToGoOn())
	}
	w.suites = append(w.suites, reports.BatchSuite(batch))
	names := map[failure]string{}
	for i, r := range w.wrong {
		kept, err := w.keepAgain(r)
		if err != nil {
			return err
		}
		names[failure{r.Seed, r.Value}] = kept.Run
		w.link(r, kept.Report)
		if i == 0 && !w.json {
			if err := w.terminal().Violation(r, kept); err != nil {
				return err
			}
		}
	}
	w.report(batch, names)
	return w.tally(batch, names)
}

// link has the square of a run lead to its page.
func (w *sweep) link(r *scenarios.Result, report string) {
	if w.log == nil || report == "" {
		return
	}
	to, err := filepath.Rel(w.log.Dir, report)
	for i := range w.cells {
		if c := &w.cells[i]; err == nil && c.Seed == r.Seed && c.Value == r.Value {
			c.Report = filepath.ToSlash(to)
		}
	}
}

// report writes the page of the sweep. Names are what to call its runs that went wrong.
func (w *sweep) report(batch *explore.Batch, names map[failure]string) {
	if w.log == nil {
		return
	}
	o := page.Options{Command: plain(w.Name), Files: []string{reports.ResultsFile, reports.TermsFile}}
	if !w.interrupted.Load() {
		o.Files = append(o.Files, reports.BatchFile)
	}
	if len(batch.Failures) > 0 {
		f := batch.Failures[0]
		o.Run = names[failure{f.Seed, f.Value}]
	}
	err := reports.WriteFile(filepath.Join(w.log.Dir, reports.ReportFile), func(out io.Writer) error {
		return page.WriteBatch(out, batch, w.cells, w.all, o)
	})
	if err != nil {
		w.warn("the page of the sweep is not kept: %v", err)
	}
}

// idle says which faults of a regression never struck, so that it proves nothing.
func (w *sweep) idle(batch *explore.Batch) {
	w.triggers.Judge(batch)
	if batch.Verdict != scenarios.Unknown {
		return
	}
	for _, f := range w.triggers.Idle() {
		w.warn("%s: no effect under any of %s: %s", w.scenario.given, reports.Counted(batch.Seeds, "luck"), f.String())
	}
}

func (w *sweep) howToGoOn() string {
	if w.log == nil {
		return ""
	}
	return fmt.Sprintf("; %s resume %s goes on", w.Name, quote(w.log.Dir))
}

// tally tells of the batch. Names are what to call its runs that went wrong, by seed and value.
func (w *sweep) tally(batch *explore.Batch, names map[failure]string) error {
	switch {
	case w.json:
		return w.encode(batch)
	case w.quiet && batch.Verdict == scenarios.Holds:
		return nil
	}
	dir := w.kept
	if w.log != nil {
		dir = filepath.Join(w.log.Dir, reports.ReportFile)
	}
	return w.terminal().Batch(batch, dir, func(f explore.Failure) string {
		if name, kept := names[failure{f.Seed, f.Value}]; kept {
			return name
		}
		return w.call.again(w.scenario, f.Seed)
	})
}

// keepAgain keeps a run of the sweep that went wrong. What a sweep does not record, its full event log, is had
// by running it once more.
func (w *sweep) keepAgain(r *scenarios.Result) (reports.Kept, error) {
	varied := w.varied[failure{r.Seed, r.Value}]
	run, err := w.rerun(r.Seed, r.Value, varied, scenarios.RunOptions{Record: true, Lines: linesToKeep})
	if err != nil {
		return reports.Kept{}, err
	}
	run.Result = r
	w.annotate(run.Plan, r)
	kept := w.keep(w.scenario, run, "twice the same")
	if varied != nil && kept.Dir == "" {
		w.warn("seed %s ran a variation, which its seed alone does not say", r.Seed)
	}
	return kept, nil
}
