package reports

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"simrun/scenarios"
)

// The files of a run directory.
const (
	ResultFile  = "result.json"
	PlanFile    = "plan.yaml"
	HistoryFile = "history.jsonl"
	EventsFile  = "events.jsonl"
	MinimalFile = "minimal.yaml" // the least plan that does the same
	ReportFile  = "report.html"

	// What other people's tools read.
	TraceFile    = "trace.json"
	ShiVizFile   = "shiviz.log"
	ArgumentFile = "linearization.html"
	JUnitFile    = "junit.xml"
)

// extra are the files beside result.json.
var extra = []string{PlanFile, HistoryFile, EventsFile, TraceFile, ShiVizFile, ArgumentFile, JUnitFile, MinimalFile, LeastFile, ReportFile}

// Shelf keeps runs: each in SCENARIO/SEED, or in SCENARIO/SEED/VALUE where it is a point of a matrix. Its
// entry `last` points at the newest.
type Shelf struct{ Root string }

// Path is where the shelf keeps that run.
func (s Shelf) Path(scenario, seed, value string) string {
	return filepath.Join(s.Root, scenario, seed, fileName(value))
}

// fileName makes a value of a matrix ("nodes.worker.count=3") the name of a directory.
func fileName(value string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("._=-+,", r):
			return r
		}
		return '_'
	}, value)
}

// File is one file of a run directory, to be written by Write.
type File struct {
	Name  string
	Write func(io.Writer) error
}

// Text is a file of that content.
func Text(name, content string) File {
	return File{name, func(w io.Writer) error { _, err := io.WriteString(w, content); return err }}
}

// DivergedDir is where, inside of a run's directory, another course of the same run is kept.
const DivergedDir = "diverged"

// Dir is where Keep keeps a run.
func (s Shelf) Dir(r *scenarios.Result) string {
	dir := s.Path(r.Scenario, r.Seed, r.Value)
	if r.Verdict == scenarios.Diverged {
		dir = filepath.Join(dir, DivergedDir)
	}
	return dir
}

// Present are the files of a run that a directory has, besides its report.
func Present(dir string) (names []string) {
	for _, name := range append([]string{ResultFile}, extra...) {
		if _, err := os.Stat(filepath.Join(dir, name)); name != ReportFile && (err == nil || name == ResultFile) {
			names = append(names, name)
		}
	}
	return names
}

// Keep writes the run's directory, with result.json and those files, and points `last` at it. Each file is
// there as a whole or not at all. A file that the directory has from the same run stays, unless it is written
// anew; one from another course of it goes. A run that took another course than one that was recorded
// does not take its place: it is kept in the directory's DivergedDir. Files are written in their order, so that one can tell of
// those before it. The path is returned also with an error.
func (s Shelf) Keep(r *scenarios.Result, files ...File) (string, error) {
	dir := s.Dir(r)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return dir, err
	}
	if before, err := Load(dir); err != nil || before.Hash != r.Hash {
		for _, name := range extra {
			if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return dir, err
			}
		}
	}
	kept := *r
	kept.Files = map[string]string{}
	for _, f := range files {
		if err := WriteFile(filepath.Join(dir, f.Name), f.Write); err != nil {
			return dir, err
		}
	}
	for _, name := range extra {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			kept.Files[strings.TrimSuffix(name, filepath.Ext(name))] = name // "report": "report.html"
		}
	}
	err := WriteFile(filepath.Join(dir, ResultFile), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(&kept)
	})
	if err != nil {
		return dir, err
	}
	return dir, s.point(dir)
}

// WriteFile writes a file beside its place and moves it there, so that it is there as a whole or not at all. What is no
// file (/dev/stdout, a pipe) is written to as it stands.
func WriteFile(path string, write func(io.Writer) error) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // of no effect once it is moved
	w := bufio.NewWriterSize(f, 1<<16)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// point makes `last` name the directory: as a symbolic link or, where there is no such thing, as a file
// that holds the path.
func (s Shelf) point(dir string) error {
	target, err := filepath.Rel(s.Root, dir)
	if err != nil {
		return err
	}
	last := filepath.Join(s.Root, "last")
	fresh := fmt.Sprintf("%s.%d", last, os.Getpid())
	if err := os.Symlink(target, fresh); err == nil {
		defer os.Remove(fresh)
		return os.Rename(fresh, last)
	}
	return WriteFile(last, func(w io.Writer) error { _, err := io.WriteString(w, target+"\n"); return err })
}

// Last is the directory of the newest run.
func (s Shelf) Last() (string, error) {
	last := filepath.Join(s.Root, "last")
	target, err := os.Readlink(last)
	if err != nil {
		text, ferr := os.ReadFile(last)
		if errors.Is(ferr, fs.ErrNotExist) {
			return "", fmt.Errorf("there is no last run in %s", s.Root)
		}
		if ferr != nil {
			return "", ferr
		}
		target = strings.TrimSpace(string(text))
	}
	if filepath.IsAbs(target) {
		return target, nil
	}
	return filepath.Join(s.Root, target), nil
}

// Load reads the result that a directory holds.
func Load(dir string) (*scenarios.Result, error) {
	text, err := os.ReadFile(filepath.Join(dir, ResultFile))
	if err != nil {
		return nil, err
	}
	r := &scenarios.Result{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ResultFile), err)
	}
	if r.Version != 1 {
		return nil, fmt.Errorf("%s: version %d, but this program reads version 1", filepath.Join(dir, ResultFile), r.Version)
	}
	return r, nil
}
