package command

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"simrun/reports"
	"simrun/scenarios"
)

// patience bounds what one commit may take, to build and to run: an old one may hang.
const patience = 10 * time.Minute

// try builds the command at the commit that is checked out, and runs the plan. Why says why a commit is left out.
func (b *bisection) try(ctx context.Context) (v verdict, why string) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	binary := b.path("command")
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", binary, b.build)
	build.Dir = filepath.Join(b.commits.tree, b.commits.module)
	if out, err := build.CombinedOutput(); err != nil {
		return skip, "it does not build: " + lastLine(out, err)
	}
	args := []string{b.path(reports.PlanFile), "--seed", scenarios.FormatSeed(b.plan.Seed), "--seeds", strconv.Itoa(b.lucks),
		"--jobs", strconv.Itoa(b.jobs), "--quiet", "--out", b.path("runs")}
	run := exec.CommandContext(ctx, binary, args...)
	run.Dir = b.dir
	run.Env = append(run.Environ(), "GITHUB_ACTIONS=")
	out, err := run.CombinedOutput()
	return mapped(exitCode(err), out, err)
}

// mapped says what a command's exit code means for git: 0 is good, 1 is bad, and with any other nobody can say.
func mapped(code int, out []byte, err error) (v verdict, why string) {
	switch code {
	case Good:
		return good, ""
	case Violated:
		return bad, ""
	case NoStart:
		return skip, "it cannot run the plan: " + lastLine(out, err)
	case Unknown:
		return skip, "it decides nothing"
	case Diverged:
		return skip, "its runs diverge"
	default:
		return skip, "it breaks: " + lastLine(out, err)
	}
}

// exitCode is how a command ended; -1 if it did not run, or was killed.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	default:
		return -1
	}
}

// lastLine is the last thing that a command said, or the error if it said nothing.
func lastLine(out []byte, err error) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return err.Error()
}
