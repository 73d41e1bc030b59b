package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// trial is what was found out about one mutant and one of the claims that must see it.
type trial struct {
	*mutant
	options
	claim                   string
	recorded                string
	root, work, sick, sound string

	caught  sighting
	took    time.Duration
	masked  bool   // without the faults that expose it the claim held; or, if it needs none, did not
	unfazed bool   // the code as it is held on the same seeds
	least   *least // the least plan that shows it, if it was asked for
}

// least is what a shrink of the seed that caught a mutant came to.
type least struct {
	from   int      // how many faults the seed's plan has
	faults []string // those that are left
	runs   int
	took   time.Duration
	again  bool // the least plan shows the bug when it is run, and the code as it is holds
}

// sighting is when a claim was first seen to be wrong.
type sighting struct {
	seeds  int // how many it took; 0 is never
	seed   string
	figure string
	batch  bool // it is a claim about all the seeds at once
}

// errNoSubject says that a claim is about a fault that was left out, so that there is nothing to be seen.
var errNoSubject = errors.New("the claim is about a fault that is not there")

// errNoClaim says that a scenario does not claim that at all.
var errNoClaim = errors.New("it claims no")

func (t *trial) run() (err error) {
	fresh := append([]string{t.scenario, "--seeds", strconv.Itoa(t.seeds)}, t.settings...)
	args := fresh
	if t.recorded != "" && !t.search {
		args = append(args, "--seed", t.recorded)
	}
	start := time.Now()
	if t.caught, err = t.look(t.sick, args...); err != nil {
		return err
	}
	t.took = time.Since(start)
	if t.caught.seeds == 0 {
		return nil
	}
	same := append([]string{t.scenario, "--seed", t.caught.seed}, t.settings...)
	calm := []string{}
	switch {
	case t.caught.batch:
		same = append(fresh, "--seed", t.caught.seed)
		calm = same[1:]
	case t.needsNone():
		calm = fresh[1:3] // with as many lucks as it took to look for it
	}
	file, err := t.withoutFaults()
	if err != nil {
		return err
	}
	healthy, err := t.look(t.sick, append([]string{file}, calm...)...)
	if errors.Is(err, errNoSubject) {
		healthy, err = sighting{}, nil
	}
	if err != nil {
		return err
	}
	t.masked = (healthy.seeds > 0) == t.needsNone()
	well, err := t.look(t.sound, same...)
	t.unfazed = well.seeds == 0
	if err != nil || t.caught.batch || t.needsNone() {
		return err
	}
	if t.shrinks {
		err = t.shrink()
	}
	if err == nil && t.saves {
		err = t.keep()
	}
	return err
}

var (
	faultsLeft = regexp.MustCompile(`(?m)^(\d+) faults? to \d+, `)
	runsTaken  = regexp.MustCompile(`(?m)^([\d,]+) runs?\b`)
)

// shrinking are the arguments by which the seed that shows the bug is shrunk.
func (t *trial) shrinking() []string {
	return append([]string{"shrink", t.scenario + "@" + t.caught.seed, "--claim", cmp.Or(implicit[t.claim], t.claim), "--for", "2m", "--out", filepath.Join(t.work, "least")},
		t.settings...)
}

// shrink looks for the least plan of the seed that shows the bug, and runs what it finds.
func (t *trial) shrink() error {
	out := filepath.Join(t.work, "least")
	begun := time.Now()
	said, err := exec.Command(t.sick, t.shrinking()...).CombinedOutput()
	if exitCode(err) > 1 {
		return fmt.Errorf("shrink: %w\n%s", err, said)
	}
	t.least = &least{took: time.Since(begun), from: figure(faultsLeft, said), runs: figure(runsTaken, said)}
	file := filepath.Join(out, t.scenario, t.caught.seed, "minimal.yaml")
	plan, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(plan)) {
		if fault, ok := strings.CutPrefix(strings.TrimSpace(line), "- "); ok && isFault(line) {
			t.least.faults = append(t.least.faults, fault)
		}
	}
	sick, err := t.look(t.sick, file)
	if err != nil {
		return err
	}
	well, err := t.look(t.sound, file)
	t.least.again = sick.seeds > 0 && well.seeds == 0
	return errors.Join(err, os.RemoveAll(out))
}

// figure is the number that a line of a shrink's report says.
func figure(line *regexp.Regexp, said []byte) int {
	m := line.FindSubmatch(said)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.ReplaceAll(string(m[1]), ",", ""))
	return n
}

// exitCode is how a command ended; a command that did not run has none.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	default:
		return 127
	}
}

// withoutFaults writes what the seed made of the scenario, less the faults that expose the mutant, or less all
// faults if it needs none: a plan is a scenario, one line a fault. Where all seeds are judged at once, it is the
// scenario itself, less those lines.
func (t *trial) withoutFaults() (file string, err error) {
	var text []byte
	if t.caught.batch {
		text, err = os.ReadFile(filepath.Join(t.root, "scenarios", t.scenario+".yaml"))
	} else {
		args := append([]string{"plan", t.scenario, "--seed", t.caught.seed}, t.settings...)
		text, err = exec.Command(t.sick, args...).Output()
	}
	if err != nil {
		return "", fmt.Errorf("plan: %w", err)
	}
	file = filepath.Join(t.work, t.scenario+".yaml")
	return file, os.WriteFile(file, []byte(t.strip(string(text))), 0o644)
}

// strip leaves out the lines of faults, the keys that then have nothing below them, and the other claims, which may
// be about those faults; and the plan's luck, if there are to be several.
func (t *trial) strip(text string) string {
	var kept strings.Builder
	pending, other := "", false
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		name, isClaim := strings.CutPrefix(trimmed, "- claim: ")
		if isClaim {
			other = name != t.claim
		}
		switch {
		case other, t.exposes(trimmed), t.needsNone() && strings.HasPrefix(line, "seed: "):
			continue
		case trimmed == "faults:", trimmed == "claims:":
			pending = line
			continue
		case strings.HasPrefix(trimmed, "- {"), isClaim:
			kept.WriteString(pending)
		}
		pending = ""
		kept.WriteString(line)
	}
	return kept.String()
}

// look runs the scenario until the claim is seen to be wrong.
func (t *trial) look(binary string, args ...string) (s sighting, err error) {
	args = append(args, "--json", "--keep-going", "--out", filepath.Join(t.work, "runs"))
	if t.jobs > 0 {
		args = append(args, "--jobs", strconv.Itoa(t.jobs))
	}
	cmd := exec.Command(binary, args...)
	cmd.Dir = t.work
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return s, err
	}
	if err := cmd.Start(); err != nil {
		return s, err
	}
	s, err = t.read(out)
	if s.seeds > 0 && !s.batch {
		_ = cmd.Process.Kill() // the seeds that are left would say no more
		_ = cmd.Wait()
		return s, err
	}
	ended := cmd.Wait()
	if code := exitCode(ended); code == 1 || code == 3 {
		ended = nil
	}
	if ended != nil && strings.Contains(stderr.String(), "no fault here is ") {
		return s, errNoSubject
	}
	if ended != nil {
		return s, fmt.Errorf("%w\n%s", ended, stderr.String())
	}
	return s, err
}

// read reads a line of JSON for each run, until one that is wrong, or the last line, of the batch.
func (t *trial) read(out io.Reader) (s sighting, err error) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	known := false
	for seeds := 1; lines.Scan(); seeds++ {
		var run struct {
			Seed, Batch, Base string
			Seeds             int
			Findings          []struct{ Kind, What string }
			Claims            []struct {
				Claim, Verdict, Figure, Reason string
				Overall, Sometimes             bool
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &run); err != nil {
			return s, err
		}
		if kind := implicit[t.claim]; kind != "" {
			known = true
			for _, f := range run.Findings {
				if run.Batch == "" && f.Kind == kind {
					return sighting{seeds: seeds, seed: run.Seed, figure: f.What}, nil
				}
			}
			continue
		}
		for _, c := range run.Claims {
			if c.Claim != t.claim {
				continue
			}
			known = true
			switch {
			case run.Batch == "" && c.Verdict == "violated":
				return sighting{seeds: seeds, seed: run.Seed, figure: c.Figure}, nil
			case c.Overall && c.Verdict == "violated", c.Sometimes && c.Verdict == "unknown":
				return sighting{seeds: run.Seeds, seed: run.Base, figure: c.Figure, batch: true}, nil
			}
		}
	}
	if lines.Err() == nil && !known {
		return s, fmt.Errorf("%s: %w %q", t.scenario, errNoClaim, t.claim)
	}
	return s, lines.Err()
}

func (t *trial) ok() bool {
	return t.caught.seeds > 0 && t.masked && t.unfazed && (t.least == nil || t.least.again)
}

func (t *trial) verdict() string {
	switch {
	case t.caught.seeds == 0:
		return fmt.Sprintf("MISSED in %d seeds", t.seeds)
	case !t.unfazed:
		return "FALSE ALARM on the code as it is"
	case t.least != nil && !t.least.again:
		return "NOT SHOWN by its least plan"
	case t.masked:
		return "caught"
	case t.needsNone():
		return "NOT SEEN without faults"
	default:
		return "SEEN ALSO WITHOUT " + t.without
	}
}

func (t *trial) String() string {
	said := fmt.Sprintf("%-30s %-17s %-20s %s, %d seeds, seed %s, %.1fs", t.name, t.scenario, t.claim, t.verdict(), t.caught.seeds,
		t.caught.seed, t.took.Seconds())
	if l := t.least; l != nil {
		said += fmt.Sprintf("; %d faults to %d in %d runs, %.1fs", l.from, len(l.faults), l.runs, l.took.Seconds())
	}
	return said
}
