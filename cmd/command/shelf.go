package command

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"simrun/nodes/history/jepsen"
	"simrun/reports"
	"simrun/scenarios"
)

const defaultOut = "runs"

func (c *call) shelf() reports.Shelf { return reports.Shelf{Root: c.out} }

// prepareShelf makes the directory for runs. If it was asked for by name, then not having it is an error; else a
// folder that nobody may write to is no reason not to run.
func (c *call) prepareShelf() error {
	if c.out == defaultOut {
		return nil
	}
	if err := os.MkdirAll(c.out, 0o777); err != nil {
		return fmt.Errorf("runs cannot be kept in %s: %w", c.out, err)
	}
	return nil
}

// keep writes the directory of a run and says how to come back to it.
func (c *call) keep(s *scenario, run *scenarios.Run) reports.Kept {
	files := []reports.File{
		reports.Text(reports.PlanFile, string(run.Plan.YAML())),
		{Name: reports.HistoryFile, Write: func(w io.Writer) error { return jepsen.Write(w, run.History) }},
	}
	if run.Lines != nil {
		files = append(files, reports.File{Name: reports.EventsFile, Write: func(w io.Writer) error { return writeEvents(w, run) }})
	}
	dir, err := c.shelf().Keep(run.Result, files...)
	if err != nil {
		c.warn("the run is not kept: %v (--out DIR keeps it elsewhere)", err)
		return reports.Kept{Run: c.again(s, run.Result.Seed)}
	}
	return reports.Kept{Dir: dir, Run: c.nameOf(run.Result, dir)}
}

// nameOf is the shortest name of a kept run that finds it again.
func (c *call) nameOf(r *scenarios.Result, dir string) string {
	if c.out == defaultOut && r.Value == "" {
		return r.Scenario + "@" + r.Seed
	}
	return quote(dir)
}

// again is how a run that was not kept is named: by its scenario as it was given, its seed and what was set.
func (c *call) again(s *scenario, seed string) string {
	name := quote(s.given + "@" + seed)
	for _, set := range c.set {
		name += " --set " + quote(set)
	}
	return name
}

// quote makes a word that a shell takes as one.
func quote(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// writeEvents writes the full event log, one JSON object a line.
func writeEvents(w io.Writer, run *scenarios.Run) error {
	out := bufio.NewWriterSize(w, 1<<16)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for i := range run.Lines {
		if err := e.Encode(&run.Lines[i]); err != nil {
			return err
		}
	}
	return out.Flush()
}
