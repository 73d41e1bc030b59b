package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// least is what a shrink of the seed that caught a mutant came to.
type least struct {
	From   int      // how many faults the seed's plan has
	Faults []string // those that are left
	Runs   int      `json:"-"`
	Again  bool     // the least plan shows the bug when it is run, and the code as it is holds

	plan []byte
	took time.Duration
}

var (
	faultsLeft = regexp.MustCompile(`(?m)^(\d+) faults? to \d+, `)
	runsTaken  = regexp.MustCompile(`(?m)^([\d,]+) runs?\b`)
)

// shrinking are the arguments by which the seed that shows the bug is shrunk.
func (t *trial) shrinking() []string {
	return append([]string{"shrink", t.scenario + "@" + t.caught.seed, "--claim", cmp.Or(implicit[t.claim], t.claim),
		"--for", t.shrinkFor.String(), "--out", filepath.Join(t.work, "least")}, t.settings...)
}

// shrink looks for the least plan of the seed that shows the bug, and runs what it finds. There is none if the time was too short
// to see the bug even once.
func (t *trial) shrink() error {
	out := filepath.Join(t.work, "least")
	begun := time.Now()
	said, err := exec.Command(t.sick, t.shrinking()...).CombinedOutput()
	if exitCode(err) > 1 {
		return fmt.Errorf("shrink: %w\n%s", err, said)
	}
	t.least = &least{took: time.Since(begun), From: figure(faultsLeft, said), Runs: figure(runsTaken, said)}
	file := filepath.Join(out, t.scenario, t.caught.seed, "minimal.yaml")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		t.least = nil
		return nil
	}
	return errors.Join(t.tryLeast(file), os.RemoveAll(out))
}

// tryLeast reads the least plan, and runs it with the bug and without.
func (t *trial) tryLeast(file string) error {
	plan, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	t.least.plan, t.least.Faults = plan, nil
	for line := range strings.Lines(string(plan)) {
		if fault, ok := strings.CutPrefix(strings.TrimSpace(line), "- "); ok && isFault(line) {
			t.least.Faults = append(t.least.Faults, fault)
		}
	}
	sick, err := t.look(t.sick, file)
	if err != nil {
		return err
	}
	well, err := t.look(t.sound, file)
	t.least.Again = sick.seeds > 0 && well.seeds == 0
	return err
}

// ofFaults begins a least plan that is kept: how many faults the plan had that it was made from.
const ofFaults = "# of %d faults\n"

// recall takes a least plan that was kept for the trial's, if it still shows the bug.
func (t *trial) recall(plan []byte) error {
	known := &least{}
	if _, err := fmt.Sscanf(string(plan), ofFaults, &known.From); err != nil {
		return nil // not one of ours
	}
	file := filepath.Join(t.work, "least.yaml")
	if err := os.WriteFile(file, plan, 0o666); err != nil {
		return err
	}
	t.least = known
	if err := t.tryLeast(file); err != nil || !t.least.Again {
		t.least = nil // the language or the code has changed: look anew
	}
	return nil
}

// kept is the least plan as recall reads it.
func (l *least) kept() []byte { return append(fmt.Appendf(nil, ofFaults, l.From), l.plan...) }

// figure is the number that a line of a shrink's report says.
func figure(line *regexp.Regexp, said []byte) int {
	m := line.FindSubmatch(said)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.ReplaceAll(string(m[1]), ",", ""))
	return n
}
