package reports

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"simrun/scenarios/explore"
)

// The files of a sweep's directory.
const (
	TermsFile   = "sweep.json"    // what is swept
	ResultsFile = "results.jsonl" // an explore.Entry a line, in the order of turns
	BatchFile   = "batch.json"    // what it came to; there once the sweep is over
)

// Terms are what a sweep is: with the same terms it comes to the same batch.
type Terms struct {
	Version  int      `json:"version"`
	Scenario string   `json:"scenario"` // as it was given: a name or a path
	Set      []string `json:"set"`
	Digest   string   `json:"digest"` // of the scenario with what was set
	Commit   string   `json:"commit"`
	Base     string   `json:"base"`
	Seeds    int      `json:"seeds,omitempty"` // 0 where time decides
	For      string   `json:"for,omitempty"`   // a time such as 10m0s
	Shard    string   `json:"shard,omitempty"` // 3/16
	Keep     bool     `json:"keep_going,omitempty"`
	Guided   bool     `json:"guided,omitempty"`
}

// Differs says in what two sweeps, or two shards of what should be one, are not the same; "" if they are.
// The shard is not compared, and of digests the beginning.
func (t Terms) Differs(o Terms) string {
	for _, field := range []struct{ what, is, was string }{
		{"scenario", t.Scenario, o.Scenario}, {"--set", strings.Join(t.Set, " "), strings.Join(o.Set, " ")},
		{"commit", t.Commit, o.Commit}, {"--seed", t.Base, o.Base}, {"--seeds", fmt.Sprint(t.Seeds), fmt.Sprint(o.Seeds)},
		{"--for", t.For, o.For}, {"--keep-going", fmt.Sprint(t.Keep), fmt.Sprint(o.Keep)},
		{"--guided", fmt.Sprint(t.Guided), fmt.Sprint(o.Guided)},
		{"the text of " + t.Scenario, clip(t.Digest, 13), clip(o.Digest, 13)},
	} {
		if field.is != field.was {
			return fmt.Sprintf("%s differs: %s and %s", field.what, orNone(field.was), orNone(field.is))
		}
	}
	return ""
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// Logbook is a sweep's directory, and what has been written into it. Each run is written down as soon as it is
// told of, so that a process that is killed loses none of them.
type Logbook struct {
	Dir   string
	Terms Terms
	file  *os.File
}

// Logbook is where the shelf keeps the sweep of a scenario.
func (s Shelf) Logbook(scenario string, t Terms) *Logbook {
	name := "sweep-" + t.Base
	if t.Shard != "" {
		name += "-" + strings.Replace(t.Shard, "/", "-of-", 1)
	}
	if t.Guided {
		name += "-guided"
	}
	return &Logbook{Dir: filepath.Join(s.Root, scenario, name), Terms: t}
}

// Begin makes the directory, and clears it of an earlier sweep. A process that still writes there goes on
// writing into a file that nobody sees.
func (l *Logbook) Begin() error {
	if err := os.MkdirAll(l.Dir, 0o777); err != nil {
		return err
	}
	for _, name := range []string{BatchFile, TermsFile, ResultsFile, ReportFile} {
		if err := os.Remove(filepath.Join(l.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := l.writeJSON(TermsFile, l.Terms); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(l.Dir, ResultsFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	l.file = f
	return err
}

// OpenLogbook reads what a directory's sweep is.
func OpenLogbook(dir string) (*Logbook, error) {
	l := &Logbook{Dir: dir}
	if err := l.readJSON(TermsFile, &l.Terms); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is not the directory of a sweep: it has no %s", dir, TermsFile)
		}
		return nil, err
	}
	if l.Terms.Version != 1 {
		return nil, fmt.Errorf("%s: version %d, but this program reads version 1", filepath.Join(dir, TermsFile), l.Terms.Version)
	}
	return l, nil
}

// Entries are the runs that were written down. A last line that is torn, as by a machine that lost its power, is
// left out; any other that cannot be read is an error.
func (l *Logbook) Entries() iter.Seq2[*explore.Entry, error] {
	return func(yield func(*explore.Entry, error) bool) { l.read(yield) }
}

// Continue reads the runs that were written down and, after the last of them, makes ready for more.
func (l *Logbook) Continue() iter.Seq2[*explore.Entry, error] {
	return func(yield func(*explore.Entry, error) bool) {
		end, ok := l.read(yield)
		if !ok {
			return
		}
		if err := l.reopen(end); err != nil {
			yield(nil, err)
		}
	}
}

func (l *Logbook) reopen(end int64) error {
	f, err := os.OpenFile(filepath.Join(l.Dir, ResultsFile), os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	l.file = f
	if err := f.Truncate(end); err != nil {
		return err
	}
	_, err = f.Seek(end, io.SeekStart)
	return err
}

// mostLine bounds a line of results.jsonl, and each of the other files.
const mostLine = 64 << 20

// read yields the runs and says where the last good line ends; ok is false where yield or an error ended it.
func (l *Logbook) read(yield func(*explore.Entry, error) bool) (end int64, ok bool) {
	path := filepath.Join(l.Dir, ResultsFile)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, true // killed before it had come to anything
	}
	if err != nil {
		yield(nil, err)
		return 0, false
	}
	defer f.Close()
	end, err = readEntries(f, func(e *explore.Entry) bool { return yield(e, nil) })
	if err != nil && !errors.Is(err, errEnough) {
		yield(nil, fmt.Errorf("%s: %w", path, err))
	}
	return end, err == nil
}

// errEnough is the error of who wants no more.
var errEnough = errors.New("enough")

// readEntries reads runs and says where the last good line ends. An error names the line that it is about.
func readEntries(r io.Reader, tell func(*explore.Entry) bool) (end int64, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, mostLine)
	lines.Split(wholeLines)
	for n := 1; lines.Scan(); n++ {
		e := &explore.Entry{}
		if err := json.Unmarshal(lines.Bytes(), e); err != nil {
			if !lines.Scan() && lines.Err() == nil {
				return end, nil
			}
			return end, fmt.Errorf("line %d: %w", n, err)
		}
		end += int64(len(lines.Bytes())) + 1
		if !tell(e) {
			return end, errEnough
		}
	}
	return end, lines.Err()
}

// wholeLines gives only lines that were written to their end.
func wholeLines(data []byte, atEOF bool) (advance int, line []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF {
		return len(data), nil, nil
	}
	return 0, nil, nil
}

// Add writes a run down, in full if whole says so.
func (l *Logbook) Add(e *explore.Entry, whole bool) error {
	line := *e
	if !whole {
		line.Run = nil
	}
	var text bytes.Buffer
	c := json.NewEncoder(&text)
	c.SetEscapeHTML(false)
	if err := c.Encode(&line); err != nil {
		return err
	}
	_, err := l.file.Write(text.Bytes())
	return err
}

// Conclude writes what the sweep came to: from then on it is over.
func (l *Logbook) Conclude(b *explore.Batch) error {
	return errors.Join(l.Close(), l.writeJSON(BatchFile, b))
}

// Close leaves the sweep as it is.
func (l *Logbook) Close() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// Batch is what the sweep came to; nil if it is not over.
func (l *Logbook) Batch() (*explore.Batch, error) {
	b := &explore.Batch{}
	switch err := l.readJSON(BatchFile, b); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case b.Version != 1:
		return nil, fmt.Errorf("%s: version %d, but this program reads version 1", filepath.Join(l.Dir, BatchFile), b.Version)
	}
	return b, nil
}

func (l *Logbook) writeJSON(name string, v any) error {
	return WriteFile(filepath.Join(l.Dir, name), func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	})
}

func (l *Logbook) readJSON(name string, v any) error {
	f, err := os.Open(filepath.Join(l.Dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, mostLine)).Decode(v); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(l.Dir, name), err)
	}
	return nil
}
