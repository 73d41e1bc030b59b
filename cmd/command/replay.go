package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"simrun/reports"
	"simrun/scenarios"
)

// past is a run that somebody names: its plan and, if it was kept, what came of it then.
type past struct {
	scenario *scenario
	plan     *scenarios.Plan
	result   *scenarios.Result
	dir      string // where it is kept; empty if it is not
}

func (c *call) replayCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "replay RUN",
		Short: "Run the same run again, with its full event log",
		Long: `Replay runs the same run again, keeps its full event log (events.jsonl), and compares its hash with the
one that was recorded; of a run that was not kept it compares two runs.

A RUN is SCENARIO@SEED, a plan.yaml, the directory of a run, or last.`,
		Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := c.prepareShelf(); err != nil {
				return err
			}
			pasts, err := c.find(args[0])
			if err != nil {
				return err
			}
			for _, p := range pasts {
				if err := c.replay(p); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.setFlag(cmd.Flags())
	c.outputFlags(cmd.Flags())
	return cmd
}

func (c *call) replay(p past) error {
	c.trace = true
	run := p.plan.Run(c.recorded())
	run.Result.Commit = commit()
	note := ""
	if p.result != nil {
		run.CompareHash(p.result)
		note = "as recorded"
		if was := p.result.Commit; run.Result.Verdict == scenarios.Diverged && was != run.Result.Commit {
			c.warn("it was recorded at commit %s, and this is %s: changed code takes another course", known(was), known(run.Result.Commit))
		}
	} else if again := run.Again(c.recorded()); again.Result.Verdict == scenarios.Diverged {
		run.Result.Verdict, run.Result.Divergence = scenarios.Diverged, again.Result.Divergence
	} else {
		note = "twice the same"
	}
	return c.tell(p.scenario, run, note)
}

func known(commit string) string {
	if commit == "" {
		return "unknown"
	}
	return commit
}

// find looks up a RUN. The directory of a whole matrix is all of its points.
func (c *call) find(name string) ([]past, error) {
	if name == "last" {
		dir, err := c.shelf().Last()
		if err != nil {
			return nil, err
		}
		return c.inDirectory(dir)
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return c.inDirectory(name)
	}
	scenario, seed, found := cutLast(name, "@")
	if !found {
		return c.inPlan(name)
	}
	n, err := scenarios.ParseSeed(seed)
	if err != nil {
		return nil, err
	}
	base := strings.TrimSuffix(filepath.Base(scenario), ".yaml")
	kept := c.shelf().Path(base, scenarios.FormatSeed(n), "")
	if _, err := os.Stat(kept); err == nil && len(c.set) == 0 {
		return c.inDirectory(kept)
	}
	return c.drawn(scenario, n)
}

func cutLast(text, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(text, sep); i >= 0 {
		return text[:i], text[i+len(sep):], true
	}
	return text, "", false
}

// inDirectory is the run of a directory, or the runs of the directories in it.
func (c *call) inDirectory(dir string) ([]past, error) {
	if _, err := os.Stat(filepath.Join(dir, reports.PlanFile)); err == nil {
		return c.inPlan(filepath.Join(dir, reports.PlanFile))
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []past
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(dir, e.Name(), reports.PlanFile)); err != nil {
			continue
		}
		some, err := c.inPlan(filepath.Join(dir, e.Name(), reports.PlanFile))
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s is not the directory of a run: it has no %s", dir, reports.PlanFile)
	}
	return all, nil
}

// inPlan is the run of a plan's file, with the result that lies beside it.
func (c *call) inPlan(file string) ([]past, error) {
	s, err := c.loadOne(file)
	if err != nil {
		return nil, err
	}
	if !s.Specs[0].Seeded {
		return nil, fmt.Errorf("%s is a scenario and not a run: say %s@SEED", file, file)
	}
	p := past{scenario: s, plan: s.plan(s.Specs[0].Seed, 0)}
	if filepath.Base(file) == reports.PlanFile && len(c.set) == 0 {
		p.result, err = reports.Load(filepath.Dir(file))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err == nil {
			p.dir = filepath.Dir(file)
		}
	}
	return []past{p}, nil
}
