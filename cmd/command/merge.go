package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"simrun/reports"
	"simrun/scenarios/explore"
)

func (c *call) mergeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "merge DIR…",
		Short: "Put the shards of a sweep together",
		Long: `Merge puts together what the shards of one sweep came to: each DIR is the directory of one of them, and
all have to be there. It runs nothing, and comes to what the sweep would have come to in one piece, down
to its exit code. The whole is kept as a sweep of its own.`,
		Args: takes(1, many),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := c.prepareShelf(); err != nil {
				return err
			}
			if err := c.merge(args); err != nil {
				return err
			}
			return c.writeJUnit()
		},
	}
	c.outputFlags(cmd.Flags())
	c.junitFlag(cmd.Flags())
	return cmd
}

func (c *call) merge(dirs []string) error {
	var parts []explore.Part
	var first *reports.Logbook
	longest := 0.0
	for _, dir := range dirs {
		log, err := reports.OpenLogbook(dir)
		if err != nil {
			return err
		}
		if first == nil {
			first = log
		}
		if what := log.Terms.Differs(first.Terms); what != "" {
			return fmt.Errorf("%s and %s are not of one sweep: %s", first.Dir, dir, what)
		}
		part, err := c.part(log)
		if err != nil {
			return err
		}
		if m := part.Batch.Measured; m != nil { // they may have run side by side
			longest = max(longest, m.WallSeconds)
		}
		parts = append(parts, part)
	}
	w, err := c.recalled(first)
	if err != nil {
		return fmt.Errorf("%s cannot be merged here: %w", first.Dir, err)
	}
	return w.merge(parts, longest)
}

// part is a shard that is over.
func (c *call) part(log *reports.Logbook) (explore.Part, error) {
	part := explore.Part{Name: log.Dir, Entries: log.Entries()}
	batch, err := log.Batch()
	if err == nil && batch == nil {
		err = fmt.Errorf("%s was interrupted; %s resume %s goes on", log.Dir, c.Name, quote(log.Dir))
	}
	switch {
	case err != nil:
	case log.Terms.Shard == "":
		err = fmt.Errorf("%s is a whole sweep, and no shard of one", log.Dir)
	default:
		part.Shard, err = explore.ParseShard(log.Terms.Shard)
	}
	part.Batch = batch
	return part, err
}

// merge adds the shards up, keeps the whole, and tells of it. The runs that went wrong are kept where their
// shards were run.
func (w *sweep) merge(parts []explore.Part, wall float64) error {
	w.terms.Shard = ""
	w.log = w.shelf().Logbook(w.scenario.Name, w.terms)
	if err := w.log.Begin(); err != nil {
		w.unkept(err)
	}
	sweep, err := w.explored()
	if err != nil {
		return err
	}
	w.past = true
	sweep.Each = func(b *explore.Batch, e *explore.Entry) {
		wrong := len(w.wrong)
		w.each(b, e)
		if w.log != nil {
			if err := w.log.Add(e, len(w.wrong) > wrong); err != nil {
				w.unkept(err)
			}
		}
	}
	batch, err := sweep.Merge(parts)
	w.progress.Clear()
	if err != nil {
		return err
	}
	batch.Measure(wall, w.twice)
	if w.log != nil {
		if err := w.log.Conclude(batch); err != nil {
			w.unkept(err)
		}
	}
	w.verdict(batch.Verdict)
	w.suites = append(w.suites, reports.BatchSuite(batch))
	if len(w.wrong) > 0 && !w.json {
		if err := w.terminal().Violation(w.wrong[0], reports.Kept{}); err != nil {
			return err
		}
	}
	w.report(batch, nil)
	return w.tally(batch, nil)
}
