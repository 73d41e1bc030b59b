package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// newTrial is that of the mutant's i-th claim.
func newTrial(m *mutant, i int, o options, n *nursery, sick string) *trial {
	t := &trial{mutant: m, options: o, claim: m.claims[i], root: n.root, work: n.of(m), sick: sick, sound: n.sound(m)}
	if i < len(m.recorded) {
		t.recorded = m.recorded[i]
	}
	return t
}

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
func (t *trial) look(binary string, args ...string) (sighting, error) {
	seen, err := watch{binary: binary, dir: t.work, jobs: t.jobs, claims: []string{t.claim}}.run(args...)
	return seen[t.claim], err
}

func (t *trial) ok() bool {
	return t.caught.seeds > 0 && t.masked && t.unfazed && (t.least == nil || t.least.Again)
}

func (t *trial) verdict() string {
	switch {
	case t.caught.seeds == 0:
		return fmt.Sprintf("MISSED in %d seeds", t.seeds)
	case !t.unfazed:
		return "FALSE ALARM on the code as it is"
	case t.least != nil && !t.least.Again:
		return "NOT SHOWN by its least plan"
	case t.masked:
		return caught
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
		said += fmt.Sprintf("; %d faults to %d in %d runs, %.1fs", l.From, len(l.Faults), l.Runs, l.took.Seconds())
	}
	return said
}
