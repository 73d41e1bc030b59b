package command

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"simrun/checkers/objects"
	"simrun/nodes/history/jepsen"
	"simrun/reports"
	"simrun/reports/export"
	"simrun/reports/page"
	"simrun/reports/recording"
	"simrun/scenarios"
	"simrun/sim"
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

// The bounds of event logs: of a run that is only told of, and of one that is looked into. Of more the beginning is kept, and
// how much is missing is said.
const (
	linesToTell = 250_000
	linesToKeep = 4_000_000
)

// recorded says how a run is recorded that a person will look at.
func (c *call) recorded() scenarios.RunOptions {
	if c.trace {
		return scenarios.RunOptions{Record: true, Lines: linesToKeep}
	}
	return scenarios.RunOptions{Record: true, Lines: linesToTell}
}

// keep writes the directory of a run and says how to come back to it. Note is what comparing its hash came to.
func (c *call) keep(s *scenario, run *scenarios.Run, note string) reports.Kept {
	dir := c.shelf().Dir(run.Result)
	files := []reports.File{
		reports.Text(reports.PlanFile, string(run.Plan.YAML())),
		{Name: reports.HistoryFile, Write: func(w io.Writer) error { return jepsen.Write(w, run.History) }},
	}
	var told *recording.Recording
	if run.Lines != nil {
		told = recording.Read(run)
		if c.trace || run.Result.Alarming() {
			files = append(files, c.exports(run, told)...)
		}
		files = append(files, reports.File{Name: reports.ReportFile, Write: func(w io.Writer) error {
			return page.Write(w, told, page.Options{Command: plain(c.Name), Run: c.nameOf(run.Result, dir), Note: note, Least: reports.LoadLeast(dir), Files: reports.Present(dir)})
		}})
	}
	if _, err := c.shelf().Keep(run.Result, files...); err != nil {
		c.warn("the run is not kept: %v (--out DIR keeps it elsewhere)", err)
		return reports.Kept{Run: c.again(s, run.Result.Seed), Note: note}
	}
	kept := reports.Kept{Dir: dir, Run: c.nameOf(run.Result, dir), Note: note}
	if kept.Told = told; told != nil {
		kept.Report = filepath.Join(dir, reports.ReportFile)
	}
	return kept
}

// exports are a run for other people's tools. The large ones are made where somebody asks for everything.
func (c *call) exports(run *scenarios.Run, told *recording.Recording) []reports.File {
	files := []reports.File{
		{Name: reports.EventsFile, Write: func(w io.Writer) error { return writeEvents(w, run) }},
		{Name: reports.JUnitFile, Write: reports.JUnit([]reports.Suite{reports.SuiteOf(run.Result)})},
	}
	if c.trace {
		files = append(files, reports.File{Name: reports.TraceFile, Write: func(w io.Writer) error { return export.Trace(w, told) }},
			reports.File{Name: reports.ShiVizFile, Write: func(w io.Writer) error { return export.ShiViz(w, told, told.Slice()) }})
	}
	for i := range run.Result.Claims {
		claim := &run.Result.Claims[i]
		arguer, can := run.Plan.Claims[i].Config.(objects.Arguer)
		if !can || claim.Verdict != scenarios.Violated || len(claim.Witness) == 0 {
			continue
		}
		var text bytes.Buffer
		if err := arguer.Argue(&text, run.History, claim.Witness[0]); err == nil {
			return append(files, reports.Text(reports.ArgumentFile, text.String()))
		}
	}
	return files
}

// plain is how a program is called that is on the path: a page says the same wherever it was written.
func plain(name string) string {
	if strings.Contains(name, " ") {
		return name
	}
	return filepath.Base(name)
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
	if run.LeftOut > 0 {
		if err := e.Encode(sim.Line{At: run.History.End, Kind: "end", What: fmt.Sprintf("%d more events were left out", run.LeftOut)}); err != nil {
			return err
		}
	}
	return out.Flush()
}
