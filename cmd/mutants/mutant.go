package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// mutant is a known bug, planted as a patch: the header says what it is and who must see it, the rest is a
// unified diff against the project's own source, or that of a module that it uses.
type mutant struct {
	path     string
	name     string   // the file's base name
	bug      string   // what is wrong, in one sentence
	source   string   // where a real system had it
	known    []int    // which of the first bugs it is, by their numbers: see firstBugs
	scenario string   // the shipped scenario that must find it
	settings []string // what to change in it: the arguments of --set
	claims   []string // the claims that must see it, each by itself; see implicit for those that no scenario says
	without  string   // the verbs that expose it, separated by spaces: with these off, nothing is to be seen. "-": it is seen without any
	seeds    int      // within how many seeds
	recorded []string // for each claim, a seed that finds it
	module   string   // whose source is patched, such as go.etcd.io/raft/v3: the project's own if empty
	program  string   // the package of the command in which it is planted
	patience string   // how long a search for it may take, where that is more than for others: "10m"
	diff     string   // all below the header
	files    []*gitdiff.File
}

// firstBugs is how many bugs were on the list that was made before anything here was built, of what any such toolkit should
// find. A mutant that is one of them says so: "known: 9".
const firstBugs = 26

// implicit are the claims of every scenario, by the kind of finding that violates each: nobody writes them down, and a
// mutant that a node's own assertions see names one of them.
var implicit = map[string]string{"no-node-panics": "node panic", "invariants-hold": "broken invariant", "nothing-spins": "livelock"}

// readMutant reads a patch file: header lines "key: value" up to the first "diff " or "---" line. The key set may come
// more than once.
func readMutant(path string) (*mutant, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := &mutant{path: path, name: strings.TrimSuffix(filepath.Base(path), ".patch"), seeds: 50, program: ownProgram}
	at := 0
	for line := range strings.Lines(string(text)) {
		if beginsDiff(line) {
			break
		}
		at += len(line)
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if err := m.header(line); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if m.bug == "" || m.source == "" || m.scenario == "" || len(m.claims) == 0 || m.without == "" {
		return nil, fmt.Errorf("%s: a mutant says its bug, source, scenario, claim, and what to leave out (without)", path)
	}
	m.diff = string(text[at:])
	if m.files, _, err = gitdiff.Parse(bytes.NewReader(text)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(m.files) == 0 {
		return nil, fmt.Errorf("%s: changes nothing", path)
	}
	return m, nil
}

func beginsDiff(line string) bool {
	return strings.HasPrefix(line, "diff ") || strings.HasPrefix(line, "--- ")
}

func (m *mutant) header(line string) (err error) {
	key, value, _ := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	switch key {
	case "bug":
		m.bug = value
	case "source":
		m.source = value
	case "known":
		for _, word := range strings.Fields(value) {
			n, err := strconv.Atoi(word)
			if err != nil || n < 1 || n > firstBugs {
				return fmt.Errorf("known: %q is none of the first %d bugs", word, firstBugs)
			}
			m.known = append(m.known, n)
		}
	case "patience":
		m.patience = value
		_, err = time.ParseDuration(value)
	case "module":
		m.module = value
	case "program":
		m.program = value
	case "scenario":
		m.scenario = value
	case "set":
		m.settings = append(m.settings, "--set", value)
	case "claim":
		m.claims = strings.Fields(value)
	case "without":
		m.without = value
	case "seeds":
		m.seeds, err = strconv.Atoi(value)
	case "seed":
		m.recorded = strings.Fields(value)
	default:
		return fmt.Errorf("%q is no line of a mutant's header", line)
	}
	return err
}

// changes are what its settings set.
func (m *mutant) changes() (all []string) {
	for i := 1; i < len(m.settings); i += 2 {
		all = append(all, m.settings[i])
	}
	return all
}

// among says whether it has one of those names.
func (m *mutant) among(names []string) bool { return slices.Contains(names, m.name) }

// needsNone says that the bug is seen without any fault.
func (m *mutant) needsNone() bool { return m.without == "-" }

// exposes says whether a line of a plan is a fault that the bug needs, or waits for one; any fault, if it needs none.
func (m *mutant) exposes(line string) bool {
	if m.needsNone() {
		return isFault(line)
	}
	return isFault(line) && slices.ContainsFunc(strings.Fields(m.without), func(verb string) bool {
		return strings.Contains(line, " "+verb+": ") || strings.Contains(line, "{"+verb+": ") ||
			strings.Contains(line, "after: "+verb+" ") || strings.Contains(line, "after: restore-"+verb+" ")
	})
}

// isFault says whether a line of a plan or a scenario is a fault: it says when.
func isFault(line string) bool {
	line = strings.TrimSpace(line)
	return strings.HasPrefix(line, "- {") && slices.ContainsFunc([]string{"at: ", "every: ", "after: ", "on: "}, func(key string) bool {
		return strings.HasPrefix(line, "- {"+key) || key == "every: " && strings.Contains(line, ", "+key)
	})
}

// overlay writes the changed sources to dir and returns the file for go build -overlay. The tree is not
// touched. A patch that does not apply is an error.
func (m *mutant) overlay(root, dir string) (string, error) {
	replace, folder := map[string]string{}, root
	if m.module != "" {
		var err error
		if folder, err = copyModule(root, m.module, dir, replace); err != nil {
			return "", err
		}
	}
	for i, f := range m.files {
		path := filepath.Join(folder, filepath.FromSlash(f.NewName))
		source, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		for _, fragment := range f.TextFragments {
			if err := locate(fragment, string(source)); err != nil {
				return "", fmt.Errorf("%s no longer applies to %s: %w", m.name, f.NewName, err)
			}
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

// locate moves a fragment to where its lines now stand, so that a patch outlives changes elsewhere in the file. They
// must stand there once.
func locate(fragment *gitdiff.TextFragment, source string) error {
	var old strings.Builder
	old.WriteString("\n")
	for _, line := range fragment.Lines {
		if line.Old() {
			old.WriteString(line.Line)
		}
	}
	source = "\n" + source
	at := strings.Index(source, old.String())
	switch {
	case at < 0:
		return fmt.Errorf("the lines at %d are not there", fragment.OldPosition)
	case strings.Contains(source[at+1:], old.String()):
		return fmt.Errorf("the lines at %d are there more than once", fragment.OldPosition)
	}
	fragment.OldPosition = int64(strings.Count(source[:at+1], "\n"))
	return nil
}

// record writes the seeds that caught the mutant into its header.
func (m *mutant) record(trials []*trial) error {
	var seeds []string
	for _, t := range trials {
		if !t.ok() {
			return nil
		}
		seeds = append(seeds, t.caught.seed)
	}
	text, err := os.ReadFile(m.path)
	if err != nil {
		return err
	}
	var b strings.Builder
	written := false
	for line := range strings.Lines(string(text)) {
		if !written && (strings.HasPrefix(line, "seed:") || strings.TrimSpace(line) == "" || beginsDiff(line)) {
			fmt.Fprintf(&b, "seed: %s\n", strings.Join(seeds, " "))
			written = true
			if strings.HasPrefix(line, "seed:") {
				continue
			}
		}
		b.WriteString(line)
	}
	return os.WriteFile(m.path, []byte(b.String()), 0o644)
}
