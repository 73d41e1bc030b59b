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
	"strconv"
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

// keys says under which key what is found out about a mutant is kept: the patch, the scenario with all that it includes, and what
// the code as it is does in that scenario, which the hashes of some runs say. Source that runs do not tell apart keeps what is known.
// How runs are judged is no part of it: that each recorded seed is still caught is tried without a campaign.
type keys struct {
	sound  func(m *mutant) (command string, err error) // the command as it is, without the bug
	scenes map[string]*scene
	runs   map[string]string // hashes, by command and scenario
}

// runsOfKey are how many runs say what the code does. Something rare may hide from them.
const runsOfKey = 10

// scene is what of a scenario matters here.
type scene struct {
	digest string
	checks map[string]string // by claim
	points int               // of its matrix
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
	runs, err := k.hashes(m, s.points)
	fmt.Fprintln(sum, runs)
	return fmt.Sprintf("%x", sum.Sum(nil)), s, err
}

var hashOfRun = regexp.MustCompile(`"hash":"[0-9a-f]{32}"`)

// hashes are those of the first runs of the mutant's scenario, with the code as it is, at each point of its matrix.
func (k *keys) hashes(m *mutant, points int) (string, error) {
	name := m.program + " " + m.scenario + strings.Join(m.settings, " ")
	if known, ok := k.runs[name]; ok {
		return known, nil
	}
	command, err := k.sound(m)
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "hashes")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	cmd := exec.Command(command, append([]string{m.scenario, "--seed", "1", "--seeds", strconv.Itoa(runsOfKey), "--json", "--keep-going", "--out", dir}, m.settings...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	found := hashOfRun.FindAll(out, -1)
	if len(found) != runsOfKey*points {
		return "", errors.Join(fmt.Errorf("%s: %d hashes of %d runs of %s", m.name, len(found), runsOfKey*points, m.scenario), err)
	}
	k.runs[name] = string(bytes.Join(found, []byte("\n")))
	return k.runs[name], nil
}

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
	k.scenes[name] = s
	return s, nil
}

// checkOf is the checker behind a claim; of a finding that is nobody's claim, the kind of finding.
func (s *scene) checkOf(claim string) string { return cmp.Or(implicit[claim], s.checks[claim]) }
