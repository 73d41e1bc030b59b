package reports

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"simrun/scenarios"
)

// Listed is a run or a sweep that a shelf keeps.
type Listed struct {
	Name    string // "thunderstorm@51c09be2770a4d13"; of a sweep, "thunderstorm, 1,000 seeds from 0000000000000007"
	Path    string // from the shelf, with slashes
	Verdict string // "" if it was interrupted
	Sign    string
	Bad     bool
	HasPage bool
	at      time.Time
}

// mostEntries bounds how much of a folder is looked at.
const mostEntries = 100_000

// List is what the shelf keeps, the newest first.
func (s Shelf) List() (all []Listed, err error) {
	looked := 0
	err = filepath.WalkDir(s.Root, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == s.Root {
			return filepath.SkipAll // nothing was kept yet
		}
		if err != nil || !d.IsDir() {
			return err
		}
		if looked++; looked > mostEntries || strings.Count(filepath.ToSlash(path), "/") > strings.Count(filepath.ToSlash(s.Root), "/")+5 {
			return filepath.SkipDir
		}
		l, found := s.listed(path)
		if found {
			all = append(all, l)
		}
		return nil
	})
	slices.SortStableFunc(all, func(a, b Listed) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.Path, b.Path)) })
	return all, err
}

// listed is what a folder keeps, if it is a run's or a sweep's.
func (s Shelf) listed(dir string) (l Listed, found bool) {
	to, err := filepath.Rel(s.Root, dir)
	if err != nil {
		return l, false
	}
	l.Path = filepath.ToSlash(to)
	_, err = os.Stat(filepath.Join(dir, ReportFile))
	l.HasPage = err == nil
	if info, err := os.Stat(filepath.Join(dir, ResultFile)); err == nil {
		r, err := Load(dir)
		if err != nil {
			return l, false
		}
		l.at, l.Name, l.Verdict = info.ModTime(), r.Scenario+"@"+r.Seed, string(r.Judge())
		if r.Value != "" {
			l.Name += " " + r.Value
		}
	} else if info, err := os.Stat(filepath.Join(dir, TermsFile)); err == nil {
		log, err := OpenLogbook(dir)
		if err != nil {
			return l, false
		}
		l.at, l.Name = info.ModTime(), filepath.Base(filepath.Dir(dir))+", a sweep from "+log.Terms.Base
		if b, err := log.Batch(); err == nil && b != nil {
			l.Name, l.Verdict = b.Scenario+", "+SeedsFrom(b), string(b.Verdict)
		} else {
			l.Name += ", interrupted"
		}
	} else {
		return l, false
	}
	l.Sign = map[string]string{"holds": "✓", "violated": "✗", "unknown": "?", "diverged": "≠"}[l.Verdict]
	l.Bad = l.Verdict == string(scenarios.Violated) || l.Verdict == string(scenarios.Diverged)
	return l, true
}

// mostListed bounds what a terminal lists.
const mostListed = 40

// Listing tells what is kept in a folder.
func (t *Terminal) Listing(runs []Listed, folder string) error {
	p := t.page()
	if len(runs) == 0 {
		p.line("nothing is kept in %s", folder)
	}
	column := 0
	for i := range runs[:min(len(runs), mostListed)] {
		column = max(column, runes(runs[i].Name))
	}
	for i := range runs {
		if i == mostListed {
			p.line("%s", p.Ink.soft("… and "+Counted(len(runs)-i, "older one")))
			break
		}
		l := &runs[i]
		sign := cmp.Or(l.Sign, "-")
		switch {
		case l.Bad:
			sign = p.Ink.bad(sign)
		case l.Sign == "✓":
			sign = p.Ink.good(sign)
		}
		where := filepath.Join(folder, filepath.FromSlash(l.Path))
		if l.HasPage {
			where = filepath.Join(where, ReportFile)
		}
		p.line("%s %s  %s", sign, left(l.Name, column), where)
	}
	return p.flush()
}
