package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// watch runs the command, with a bug in it or without, until claims are seen to be wrong.
type watch struct {
	binary   string
	dir      string // to run it in
	jobs     int    // worlds at once; 0 is one per core
	claims   []string
	patience time.Duration // how long to look; 0 is until the command ends
}

// sighting is when a claim was first seen to be wrong.
type sighting struct {
	seeds  int // how many it took; 0 is never
	after  time.Duration
	seed   string
	figure string
	batch  bool // it is a claim about all the seeds at once
}

// errNoSubject says that a claim is about a fault that was left out, so that there is nothing to be seen.
var errNoSubject = errors.New("the claim is about a fault that is not there")

// errNoClaim says that a scenario does not claim that at all.
var errNoClaim = errors.New("it claims no")

// run runs the scenario until each of the claims is seen to be wrong, or all is over, and says which were.
func (w watch) run(args ...string) (map[string]sighting, error) {
	args = append(args, "--json", "--keep-going", "--out", filepath.Join(w.dir, "runs"))
	if w.jobs > 0 {
		args = append(args, "--jobs", strconv.Itoa(w.jobs))
	}
	ctx, cancel := context.WithCancel(context.Background())
	if w.patience > 0 {
		ctx, cancel = context.WithTimeout(context.Background(), w.patience)
	}
	defer cancel()
	cmd := exec.CommandContext(ctx, w.binary, args...)
	cmd.Dir = w.dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	seen, all, err := w.read(out)
	if all || ctx.Err() != nil {
		cancel() // the seeds that are left would say no more
		_ = cmd.Wait()
		if ctx.Err() != nil && !all {
			err = nil
		}
		return seen, err
	}
	ended := cmd.Wait()
	if code := exitCode(ended); code == 1 || code == 3 {
		ended = nil
	}
	if ended != nil && strings.Contains(stderr.String(), "no fault here is ") {
		return seen, errNoSubject
	}
	if ended != nil {
		return seen, fmt.Errorf("%w\n%s", ended, stderr.String())
	}
	return seen, err
}

// report is what of a line of JSON matters here: of a run, or of the batch.
type report struct {
	Seed, Batch, Base string
	Seeds             int
	Findings          []struct{ Kind, What string }
	Claims            []struct {
		Claim, Verdict, Figure, Reason string
		Overall, Sometimes             bool
	}
}

// read reads a line for each run, until all claims were seen to be wrong in one, or the last line, of the batch.
func (w watch) read(out io.Reader) (seen map[string]sighting, all bool, err error) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20)
	seen = map[string]sighting{}
	known := map[string]bool{}
	begun, seeds, last := time.Now(), 0, ""
	for lines.Scan() {
		var r report
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return seen, false, err
		}
		if r.Batch == "" && r.Seed != last {
			seeds, last = seeds+1, r.Seed
		}
		for _, claim := range w.claims {
			s, is := r.wrong(claim)
			known[claim] = known[claim] || is
			if s == nil || seen[claim].seeds > 0 {
				continue
			}
			if s.after = time.Since(begun); !s.batch {
				s.seeds = seeds
			}
			seen[claim] = *s
		}
		if len(seen) == len(w.claims) && r.Batch == "" {
			return seen, true, nil
		}
	}
	for _, claim := range w.claims {
		if lines.Err() == nil && !known[claim] {
			return seen, false, fmt.Errorf("%w %q", errNoClaim, claim)
		}
	}
	return seen, false, lines.Err()
}

// wrong says whether the claim is seen to be wrong, and whether there is one of that name.
func (r report) wrong(claim string) (s *sighting, is bool) {
	if kind := implicit[claim]; kind != "" {
		for _, f := range r.Findings {
			if r.Batch == "" && f.Kind == kind {
				return &sighting{seed: r.Seed, figure: f.What}, true
			}
		}
		return nil, true
	}
	for _, c := range r.Claims {
		if c.Claim != claim {
			continue
		}
		is = true
		switch {
		case r.Batch == "" && c.Verdict == "violated":
			return &sighting{seed: r.Seed, figure: c.Figure}, true
		case c.Overall && c.Verdict == "violated", c.Sometimes && c.Verdict == "unknown":
			return &sighting{seeds: r.Seeds, seed: r.Base, figure: c.Figure, batch: true}, true
		}
	}
	return nil, is
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
