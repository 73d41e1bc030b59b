package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"simrun/reports"
	"simrun/scenarios"
	"simrun/scenarios/explore"
)

func (c *call) shrinkCommand() *cobra.Command {
	claim, save := "", ""
	cmd := &cobra.Command{
		Use:   "shrink RUN",
		Short: "Find the least plan that still violates the same claim",
		Long: `Shrink takes away what a violation does not need: faults, nodes, workload, time. It keeps a smaller plan
if it violates the same claim by the same kind of anomaly under any of a few lucks, and if without its
faults the claim holds under all of them. The least plan is kept as minimal.yaml in the directory of the
run; it is a scenario, to be committed. With --save it is kept in ` + reports.Regressions + ` too.

A RUN is SCENARIO@SEED, a plan.yaml, the directory of a run, or last.`,
		Args: takes(1, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if c.jobs < 1 || c.lasts < 0 {
				return errors.New("--jobs is at least 1, and --for is no less than nothing")
			}
			if err := savable(save); err != nil {
				return err
			}
			if err := c.prepareShelf(); err != nil {
				return err
			}
			pasts, err := c.find(args[0])
			if err != nil {
				return err
			}
			if save != "" && len(pasts) > 1 {
				return fmt.Errorf("%s is %d runs: one name is not enough", args[0], len(pasts))
			}
			for _, p := range pasts {
				if err := c.shrink(p, claim, save); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&claim, "claim", "", "go after this `CLAIM`; the first that should hold and does not, if it is not said")
	f.StringVar(&save, "save", "", "keep the least plan as a regression of that `NAME`")
	f.DurationVar(&c.lasts, "for", 0, "take no longer than a `TIME` such as 10m")
	f.IntVar(&c.jobs, "jobs", runtime.GOMAXPROCS(0), "run `N` worlds at once")
	c.setFlag(f)
	c.outFlag(f)
	return cmd
}

// shrink looks for the least plan of a run. An interrupt ends the search, and what it has come to is told; a
// second one is not caught.
func (c *call) shrink(p past, claim, save string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop)
	progress := reports.NewProgress(c.Err, p.plan.Scenario, 0, false)
	run := p.plan.Run(scenarios.RunOptions{})
	run.Result.Commit = commit()
	m, err := explore.Shrink{Run: run, Catalog: c.Catalog, Claim: claim, Jobs: c.jobs, Each: progress.Shrink,
		More: func() bool { return ctx.Err() == nil && (c.lasts == 0 || progress.Elapsed() < c.lasts) }}.Do()
	progress.Clear()
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		c.warn("interrupted after %s", progress.Elapsed().Round(time.Second))
	}
	dir := p.dir
	if dir == "" {
		dir = c.keep(p.scenario, run, "").Dir
	}
	file, saved := "", ""
	if dir != "" {
		file = filepath.Join(dir, reports.MinimalFile)
		if err := reports.WriteFile(file, reports.Text("", string(m.File())).Write); err != nil {
			return fmt.Errorf("the least plan is not kept: %w", err)
		}
		if err := reports.WriteFile(filepath.Join(dir, reports.LeastFile), reports.LeastOf(m).Write); err != nil {
			return fmt.Errorf("what the shrink came to is not kept: %w", err)
		}
		c.trace = true
		again := run.Again(c.recorded())
		again.Result.Commit = commit()
		c.keep(p.scenario, again, "twice the same")
	}
	if save != "" {
		m.Plan.Scenario, saved = save, regressionFile(save)
		err := os.MkdirAll(filepath.Dir(saved), 0o777)
		if err == nil {
			err = reports.WriteFile(saved, reports.Text("", string(m.File())).Write)
		}
		if err != nil {
			return fmt.Errorf("the regression is not kept: %w", err)
		}
	}
	return c.terminal().Minimum(m, run, quoted(file), quoted(saved))
}

func regressionFile(name string) string {
	return filepath.Join(filepath.FromSlash(reports.Regressions), name+".yaml")
}

var regressionName = regexp.MustCompile(`^[a-z0-9-]+$`)

// savable says what is wrong with the name of a regression to be, before much work is done for it.
func savable(name string) error {
	if name == "" {
		return nil
	}
	if !regressionName.MatchString(name) {
		return fmt.Errorf("--save %q: use a-z, 0-9 and -", name)
	}
	if _, err := os.Stat(regressionFile(name)); err == nil {
		return fmt.Errorf("--save %s: there is a %s already", name, regressionFile(name))
	}
	return nil
}

// quoted is the path for a line to paste, if there is one.
func quoted(path string) string {
	if path == "" {
		return ""
	}
	return quote(path)
}
