package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// mutant is a known bug, planted as a patch: the header says what it is and who must see it, the rest is a
// unified diff against the project's own source.
type mutant struct {
	name     string // the file's base name
	bug      string // what is wrong, in one sentence
	source   string // where a real system had it
	scenario string // the shipped scenario that must find it
	claim    string // the claim that must see it
	without  string // the verbs that expose it, separated by spaces: with these off, nothing is to be seen
	seeds    int    // within how many seeds
	seed     string // one that finds it, for a quick replay
	files    []*gitdiff.File
}

// readMutant reads a patch file: header lines "key: value" up to the first "diff " or "---" line.
func readMutant(path string) (*mutant, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := &mutant{name: strings.TrimSuffix(filepath.Base(path), ".patch"), seeds: 50}
	keys := map[string]*string{"bug": &m.bug, "source": &m.source, "scenario": &m.scenario, "claim": &m.claim,
		"without": &m.without, "seed": &m.seed}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "diff ") || strings.HasPrefix(line, "--- ") {
			break
		}
		key, value, ok := strings.Cut(line, ":")
		switch value = strings.TrimSpace(value); {
		case line == "":
		case key == "seeds" && ok:
			if m.seeds, err = strconv.Atoi(value); err != nil {
				return nil, fmt.Errorf("%s: seeds: %w", path, err)
			}
		case ok && keys[key] != nil:
			*keys[key] = value
		default:
			return nil, fmt.Errorf("%s: %q is no line of a mutant's header", path, line)
		}
	}
	if m.bug == "" || m.scenario == "" || m.claim == "" || m.without == "" {
		return nil, fmt.Errorf("%s: a mutant says its bug, scenario, claim, and what to leave out (without)", path)
	}
	if m.files, _, err = gitdiff.Parse(bytes.NewReader(text)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(m.files) == 0 {
		return nil, fmt.Errorf("%s: changes nothing", path)
	}
	return m, nil
}

// overlay writes the changed sources to dir and returns the file for go build -overlay. The tree is not
// touched. A patch that does not apply is an error.
func (m *mutant) overlay(root, dir string) (string, error) {
	replace := map[string]string{}
	for i, f := range m.files {
		path := filepath.Join(root, filepath.FromSlash(f.NewName))
		source, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		var changed bytes.Buffer
		if err := gitdiff.Apply(&changed, bytes.NewReader(source), f); err != nil {
			return "", fmt.Errorf("%s no longer applies to %s: %w", m.name, f.NewName, err)
		}
		to := filepath.Join(dir, fmt.Sprintf("%d-%s", i, filepath.Base(path)))
		if err := os.WriteFile(to, changed.Bytes(), 0o644); err != nil {
			return "", err
		}
		replace[path] = to
	}
	content, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, content, 0o644)
}
