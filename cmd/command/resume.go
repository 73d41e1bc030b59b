package command

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"simrun/reports"
	"simrun/scenarios"
	"simrun/scenarios/explore"
)

func (c *call) resumeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume DIR",
		Short: "Go on with a sweep that was interrupted",
		Long: `Resume goes on where a sweep stopped that was interrupted or killed; DIR is the directory that it keeps.
What comes of it is what would have come of the sweep without the interruption. It refuses to go on with
another scenario or another program than those that began: half of the runs would say nothing about the
other half.`,
		Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if c.jobs < 1 {
				return errors.New("--jobs is at least 1")
			}
			if err := c.resume(args[0]); err != nil {
				return err
			}
			return c.writeJUnit()
		},
	}
	f := cmd.Flags()
	f.IntVar(&c.jobs, "jobs", runtime.GOMAXPROCS(0), "run `N` worlds at once")
	c.verifyFlag(f)
	c.formFlags(f)
	c.junitFlag(f)
	return cmd
}

func (c *call) resume(dir string) error {
	log, err := reports.OpenLogbook(dir)
	if err != nil {
		return err
	}
	c.out = filepath.Dir(filepath.Dir(filepath.Clean(dir)))
	w, err := c.recalled(log)
	if err != nil {
		return fmt.Errorf("%s cannot be gone on with: %w", dir, err)
	}
	before, err := log.Batch()
	if err != nil {
		return err
	}
	if before != nil {
		for _, f := range before.Failures {
			w.causes[failure{f.Seed, f.Value}] = f.Cause
		}
	}
	w.log = log
	return w.do(w.recall())
}

// recalled is the sweep of those terms, if it is still the same.
func (c *call) recalled(log *reports.Logbook) (*sweep, error) {
	t := log.Terms
	c.set = t.Set
	s, err := c.loadOne(t.Scenario)
	if err != nil {
		return nil, err
	}
	now := t
	now.Digest, now.Commit = s.Digest, commit()
	if what := now.Differs(t); what != "" {
		return nil, fmt.Errorf("%s\nto start anew: %s", what, c.anew(t))
	}
	if t.For != "" {
		if c.lasts, err = time.ParseDuration(t.For); err != nil {
			return nil, err
		}
	}
	return c.newSweep(s, t), nil
}

// anew is the command by which a sweep was begun.
func (c *call) anew(t reports.Terms) string {
	line := c.Name + " " + quote(t.Scenario) + " --seed " + t.Base
	if t.Seeds > 0 {
		line += fmt.Sprintf(" --seeds %d", t.Seeds)
	}
	if t.For != "" {
		line += " --for " + t.For
	}
	if t.Shard != "" {
		line += " --shard " + t.Shard
	}
	if t.Keep {
		line += " --keep-going"
	}
	if t.Guided {
		line += " --guided"
	}
	for _, set := range t.Set {
		line += " --set " + quote(set)
	}
	if c.out != defaultOut {
		line += " --out " + quote(c.out)
	}
	return line
}

// recall gives the runs that were run before, and makes sure that this program takes the course of that one: it
// runs the last of them again.
func (w *sweep) recall() iter.Seq2[*explore.Entry, error] {
	return func(yield func(*explore.Entry, error) bool) {
		w.past = true
		var last *explore.Entry
		took := 0.0
		for e, err := range w.log.Continue() {
			if err == nil && e.Measured != nil {
				took = e.Measured.SweepSeconds
			}
			if err == nil && e.Hash != "" && e.Verdict != scenarios.Diverged {
				last = e
			}
			if !yield(e, err) {
				return
			}
		}
		w.past = false
		w.progress.Before(time.Duration(took * float64(time.Second)))
		if last == nil {
			return
		}
		run, err := w.rerun(last.Seed, last.Value, last.Variation, scenarios.RunOptions{})
		if err == nil && run.Result.Hash != last.Hash {
			err = fmt.Errorf("seed %s takes another course than it did: the program has changed\nto start anew: %s", last.Seed, w.anew(w.terms))
		}
		if err != nil {
			yield(nil, err)
		}
	}
}
