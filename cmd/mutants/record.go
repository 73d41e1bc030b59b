package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"simrun/nodes/kinds"
	"simrun/scenarios"
)

// record is what is known of one mutant. It is kept in a file, so that a campaign which was cut short, or of which a part is
// stale, does only what is missing.
type record struct {
	Key      string    `json:"key"`      // of all that it hangs on: see keys
	Searched string    `json:"searched"` // how its searches were made; empty before there were any
	Findings []finding `json:"findings"`
}

// lacks says whether a least plan is missing.
func (r *record) lacks() bool {
	return slices.ContainsFunc(r.Findings, func(f finding) bool { return f.Shrinks && f.Least == nil })
}

// finding is what is known of one claim that must see the mutant.
type finding struct {
	Claim   string `json:"claim"`
	Check   string `json:"check"` // the checker that judges the claim
	Seed    string `json:"seed"`
	Batch   bool   `json:"batch"`   // all seeds are judged at once
	Verdict string `json:"verdict"` // caught, or why it does not count
	Shrinks bool   `json:"shrinks"` // there is something to be taken away
	Least   *least `json:"least"`
	Search  search `json:"search"`
}

// caught is the verdict of a trial with which all is well.
const caught = "caught"

// cellar is where records are kept: a file for each mutant, and one for each least plan.
type cellar struct{ dir string }

func (c cellar) file(m *mutant) string { return filepath.Join(c.dir, m.name+".json") }

// plan is the file of a least plan. It is kept under its claim whatever becomes of the record: whether it still shows the bug is
// seen by running it, which takes a moment.
func (c cellar) plan(m *mutant, claim string) string {
	return filepath.Join(c.dir, m.name+"-"+claim+".yaml")
}

// get is the record of a mutant, if there is one under that key.
func (c cellar) get(m *mutant, key string) (*record, error) {
	text, err := os.ReadFile(c.file(m))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := &record{}
	if err := json.Unmarshal(text, r); err != nil || r.Key != key {
		return nil, nil // cut short, or stale: it is made anew
	}
	return r, nil
}

func (c cellar) put(m *mutant, r *record) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return writeWhole(c.file(m), append(text, '\n'))
}

// writeWhole writes a file that is there as a whole or not at all.
func writeWhole(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	part := path + ".part"
	if err := os.WriteFile(part, text, 0o666); err != nil {
		return err
	}
	return os.Rename(part, path)
}

// keys says under which key what is found out about a mutant is kept: whatever could change it changes the key. A record
// hangs on the patch, the scenario with all that it includes, and the source of the simulator, the
// checkers and the nodes of the scenario's systems; not on other systems' nodes, nor on what tells of runs.
type keys struct {
	root    string
	sources map[string]string // digests, by packages
	scenes  map[string]*scene
}

// scene is what of a scenario matters here.
type scene struct {
	digest  string
	systems []string          // the first words of its nodes' kinds
	checks  map[string]string // by claim
	points  int               // of its matrix
}

// of is the mutant's key, and its scenario.
func (k *keys) of(m *mutant) (string, *scene, error) {
	s, err := k.scene(m)
	if err != nil {
		return "", nil, err
	}
	sum := sha256.New()
	fmt.Fprintln(sum, s.digest, m.settings, m.claims, m.without, m.seeds)
	fmt.Fprintln(sum, m.diff)
	var parts []string
	for _, system := range s.systems {
		parts = append(parts, "./nodes/"+system+"/...")
	}
	if m.program != ownProgram {
		parts = append(parts, m.program)
	}
	for _, part := range parts {
		if k.sources[part] == "" {
			if k.sources[part], err = sourcesOf(k.root, part); err != nil {
				return "", nil, err
			}
		}
		fmt.Fprintln(sum, k.sources[part])
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), s, nil
}

var kindOfNode = regexp.MustCompile(`\brun: ([a-z]+)\.`)

func (k *keys) scene(m *mutant) (*scene, error) {
	name := m.scenario + strings.Join(m.settings, " ")
	if s := k.scenes[name]; s != nil {
		return s, nil
	}
	sc, err := scenarios.Read(m.scenario, scenarios.ReadOptions{Catalog: scenarios.Catalog{Kinds: kinds.All()}, Set: m.changes()})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	s := &scene{digest: sc.Digest, checks: map[string]string{}, points: len(sc.Specs)}
	for _, c := range sc.Specs[0].Claims {
		s.checks[c.Name] = c.Check
	}
	text, err := os.ReadFile(filepath.Join(k.root, "scenarios", m.scenario+".yaml"))
	if err != nil {
		return nil, err
	}
	for _, found := range kindOfNode.FindAllSubmatch(text, -1) {
		s.systems = append(s.systems, string(found[1]))
	}
	slices.Sort(s.systems)
	s.systems = slices.Compact(s.systems)
	k.scenes[name] = s
	return s, nil
}

// sourcesOf is a digest of all source that a run of such packages hangs on. Other people's modules stand there by their versions.
func sourcesOf(root, packages string) (string, error) {
	const each = `{{if not .Standard}}{{$dir := .Dir}}{{.ImportPath}}@{{with .Module}}{{.Version}}{{end}}{{range .GoFiles}}{{"\t"}}{{$dir}}/{{.}}{{end}}{{end}}`
	cmd := exec.Command("go", "list", "-deps", "-f", each, "./scenarios/explore", packages)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	version, err := exec.Command("go", "version").Output()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	sum.Write(version)
	for line := range bytes.Lines(out) {
		words := strings.Split(strings.TrimSpace(string(line)), "\t")
		fmt.Fprintln(sum, words[0])
		if !strings.HasSuffix(words[0], "@") {
			continue // its version says it
		}
		for _, file := range words[1:] {
			text, err := os.ReadFile(file)
			if err != nil {
				return "", err
			}
			fmt.Fprintln(sum, len(text))
			sum.Write(text)
		}
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}

// checkOf is the checker behind a claim; of a finding that is nobody's claim, the kind of finding.
func (s *scene) checkOf(claim string) string { return cmp.Or(implicit[claim], s.checks[claim]) }
