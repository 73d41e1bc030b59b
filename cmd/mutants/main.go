// Command mutants plants known bugs in the project's own source, one at a time, and shows that the
// shipped scenarios find each: the mutant is caught by the claim that must see it, the mutant without the
// fault that exposes it is not, and neither is the code as it is.
//
//	go run ./cmd/mutants            every mutant, by its recorded seed where it has one
//	go run ./cmd/mutants -search    every mutant, from fresh seeds, counting how many it takes
//	go run ./cmd/mutants NAME…      those only
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	search := flag.Bool("search", false, "look for each bug from fresh seeds instead of replaying the recorded one")
	flag.Parse()
	passed, failed, err := try(*search, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

func try(search bool, names []string) (passed, failed int, err error) {
	root, err := moduleRoot()
	if err != nil {
		return 0, 0, err
	}
	paths, err := filepath.Glob(filepath.Join(root, "nodes", "*", "testdata", "mutants", "*.patch"))
	if err != nil {
		return 0, 0, err
	}
	work, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(work)
	sound, err := build(root, work, "sound", "")
	if err != nil {
		return 0, 0, err
	}
	for _, path := range paths {
		m, err := readMutant(path)
		if err != nil {
			return passed, failed, err
		}
		if len(names) > 0 && !slices.Contains(names, m.name) {
			continue
		}
		t := trial{mutant: m, root: root, work: filepath.Join(work, m.name), sound: sound, search: search}
		if err := t.run(); err != nil {
			return passed, failed, fmt.Errorf("%s: %w", m.name, err)
		}
		if fmt.Println(t.String()); t.ok() {
			passed++
		} else {
			failed++
		}
	}
	if passed+failed == 0 {
		return 0, 0, errors.New("no such mutant")
	}
	return passed, failed, nil
}

func moduleRoot() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	return strings.TrimSpace(string(out)), err
}

func build(root, work, name, overlay string) (string, error) {
	binary := filepath.Join(work, name)
	args := []string{"build", "-o", binary}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(args, "./cmd/simrun")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return binary, nil
}

// trial is what was found out about one mutant.
type trial struct {
	*mutant
	root, work, sound string
	search            bool

	caught  int    // how many seeds it took; 0 is never
	first   string // the seed that caught it
	took    time.Duration
	masked  bool // with its fault off, the claim held
	unfazed bool // the code as it is held on the same seeds
}

func (t *trial) run() error {
	if err := os.MkdirAll(t.work, 0o755); err != nil {
		return err
	}
	overlay, err := t.overlay(t.root, t.work)
	if err != nil {
		return err
	}
	sick, err := build(t.root, t.work, "simrun", overlay)
	if err != nil {
		return err
	}
	seeds := []string{"--seeds", strconv.Itoa(t.seeds)}
	if t.seed != "" {
		seeds = append(seeds, "--seed", t.seed)
		if !t.search {
			seeds = []string{"--seed", t.seed}
		}
	}
	start := time.Now()
	if t.caught, t.first, err = t.violated(sick, append([]string{t.scenario}, seeds...)...); err != nil {
		return err
	}
	t.took = time.Since(start)
	if t.caught == 0 {
		return nil
	}
	calm, err := t.planWithoutFault(sick)
	if err != nil {
		return err
	}
	n, _, err := t.violated(sick, calm)
	if err != nil {
		return err
	}
	t.masked = n == 0
	n, _, err = t.violated(t.sound, t.scenario, "--seed", t.first)
	t.unfazed = n == 0
	return err
}

// planWithoutFault writes the plan of the seed that caught the mutant, less the faults that expose it: a plan
// is a scenario, one line a fault.
func (t *trial) planWithoutFault(binary string) (string, error) {
	plan, err := exec.Command(binary, "plan", t.scenario+"@"+t.first).Output()
	if err != nil {
		return "", fmt.Errorf("plan: %w", err)
	}
	var rest strings.Builder
	for line := range strings.Lines(string(plan)) {
		if !t.exposes(line) {
			rest.WriteString(line)
		}
	}
	file := filepath.Join(t.work, filepath.Base(t.scenario)+".yaml")
	return file, os.WriteFile(file, []byte(rest.String()), 0o644)
}

// exposes says whether a line of a plan is a fault of the mutant's kind, or waits for one.
func (t *trial) exposes(line string) bool {
	if !strings.HasPrefix(strings.TrimSpace(line), "- {") {
		return false
	}
	return slices.ContainsFunc(strings.Fields(t.without), func(verb string) bool {
		return strings.Contains(line, " "+verb+": ") || strings.Contains(line, "{"+verb+": ") ||
			strings.Contains(line, "after: "+verb+" ") || strings.Contains(line, "after: restore-"+verb+" ")
	})
}

// violated runs the scenario and says how many seeds it took until the claim was violated, and which one.
func (t *trial) violated(binary string, args ...string) (n int, seed string, err error) {
	cmd := exec.Command(binary, append(args, "--json", "--out", filepath.Join(t.work, "runs"))...)
	cmd.Dir = t.work
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && (exit.ExitCode() == 1 || exit.ExitCode() == 3) {
		err = nil
	}
	if err != nil {
		return 0, "", fmt.Errorf("%w\n%s", err, stderr.String())
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var run struct {
			Seed   string
			Claims []struct{ Claim, Verdict string }
			Batch  string
		}
		if err := json.Unmarshal(lines.Bytes(), &run); err != nil {
			return 0, "", err
		}
		if run.Batch != "" {
			continue
		}
		n++
		for _, c := range run.Claims {
			if c.Claim == t.claim && c.Verdict == "violated" {
				return n, run.Seed, nil
			}
		}
	}
	return 0, "", lines.Err()
}

func (t *trial) ok() bool { return t.caught > 0 && t.masked && t.unfazed }

func (t *trial) String() string {
	verdict := "caught"
	switch {
	case t.caught == 0:
		verdict = fmt.Sprintf("MISSED in %d seeds", t.seeds)
	case !t.masked:
		verdict = "SEEN ALSO WITHOUT " + t.without
	case !t.unfazed:
		verdict = "FALSE ALARM on the code as it is"
	}
	return fmt.Sprintf("%-34s %-14s %-20s %s, %d seeds, seed %s, %.1fs", t.name, t.scenario, t.claim, verdict, t.caught, t.first, t.took.Seconds())
}
