package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// catches begins the line of a regression that names the mutant it has to catch.
const catches = "# catches: "

// regression is a least plan that was kept: with the bug in the source that it was found with it is violated, and with the
// source as it is it holds.
type regression struct {
	path   string // below the root
	mutant string // the patch, below the root
	root   string

	caught bool // violated with the bug
	holds  bool // by the code as it is, with every fault striking
}

// readRegressions reads which mutant each regression is to catch. One that names none, or one that is not there, is
// an error.
func readRegressions(root string) (all []*regression, err error) {
	paths, err := filepath.Glob(filepath.Join(root, "scenarios", "regressions", "*.yaml"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		r := &regression{root: root, path: filepath.Join("scenarios", "regressions", filepath.Base(path))}
		for line := range strings.Lines(string(text)) {
			if mutant, ok := strings.CutPrefix(line, catches); ok {
				r.mutant = filepath.FromSlash(strings.TrimSpace(mutant))
			}
		}
		if r.mutant == "" {
			return nil, fmt.Errorf("%s says no bug that it catches", r.path)
		}
		if _, err := os.Stat(filepath.Join(root, r.mutant)); err != nil {
			return nil, fmt.Errorf("%s: %w", r.path, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// of are the regressions that are to catch the mutant.
func (m *mutant) of(all []*regression) []*regression {
	return slices.DeleteFunc(slices.Clone(all), func(r *regression) bool { return filepath.Join(r.root, r.mutant) != m.path })
}

// run runs the regression with the bug and without, under as many lucks as a regression is run under.
func (r *regression) run(sick, sound, work string) error {
	for _, with := range []struct {
		binary string
		want   int
		so     *bool
	}{{sick, 1, &r.caught}, {sound, 0, &r.holds}} {
		cmd := exec.Command(with.binary, filepath.Join(r.root, r.path), "--lucks", "64", "--quiet", "--out", filepath.Join(work, "regressions"))
		said, err := cmd.CombinedOutput()
		code := exitCode(err)
		if code == 2 || code > 4 {
			return fmt.Errorf("%s: %w\n%s", r.path, err, said)
		}
		*with.so = code == with.want
	}
	return nil
}

func (r *regression) ok() bool { return r.caught && r.holds }

func (r *regression) String() string {
	verdict := "catches it"
	switch {
	case !r.holds:
		verdict = "DOES NOT HOLD with the code as it is"
	case !r.caught:
		verdict = "DOES NOT CATCH it any more"
	}
	return fmt.Sprintf("%-30s %s", strings.TrimSuffix(filepath.Base(r.mutant), ".patch"), r.path+" "+verdict)
}

// keep makes the least plan that shows a claim's trial a regression that is to catch its mutant, unless there is one of that
// name already.
func (t *trial) keep() error {
	name := t.name
	if len(t.claims) > 1 {
		name += "-" + t.claim
	}
	file := filepath.Join(t.root, "scenarios", "regressions", name+".yaml")
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	cmd := exec.Command(t.sick, append(t.shrinking(), "--save", name)...)
	cmd.Dir = t.root
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("shrink: %w\n%s", err, said)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	patch, err := filepath.Rel(t.root, t.path)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append([]byte(catches+filepath.ToSlash(patch)+"\n#\n"), text...), 0o644)
}
