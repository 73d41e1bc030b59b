package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// repository is what git knows of the folder that the command is called in, with a work tree of its own in which
// commits are checked out, and a bisection that is of that work tree alone.
type repository struct {
	top       string // of the person's own work tree
	tree      string // the other one
	module    string // where the module is in it
	good, bad string // commits
	dirty     bool   // the person's own work tree has what is not committed
}

// verdict is what is said of a commit, in git's words.
type verdict string

const (
	good verdict = "good"
	bad  verdict = "bad"
	skip verdict = "skip"
)

// openRepository looks both commits up and makes the work tree, at the bad one.
func openRepository(ctx context.Context, tree, badName, goodName string) (*repository, error) {
	h := &repository{tree: tree}
	var err error
	if h.top, err = git(ctx, ".", "rev-parse", "--show-toplevel"); err != nil {
		return nil, errors.New("this folder is in no git repository, so there are no commits to look through")
	}
	for _, end := range []struct {
		name   string
		commit *string
	}{{goodName, &h.good}, {badName, &h.bad}} {
		if *end.commit, err = git(ctx, ".", "rev-parse", "--verify", "--quiet", "--end-of-options", end.name+"^{commit}"); err != nil {
			return nil, fmt.Errorf("%s is no commit here", end.name)
		}
	}
	if h.good == h.bad {
		return nil, fmt.Errorf("%s and %s are one commit", goodName, badName)
	}
	if _, err := git(ctx, ".", "merge-base", "--is-ancestor", h.good, h.bad); err != nil {
		return nil, fmt.Errorf("%s is no ancestor of %s", goodName, badName)
	}
	changes, err := git(ctx, h.top, "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return nil, err
	}
	h.dirty = changes != ""
	if h.module, err = moduleFolder(ctx, h.top); err != nil {
		return nil, err
	}
	if _, err := git(ctx, h.top, "worktree", "add", "--quiet", "--detach", h.tree, h.bad); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// moduleFolder is where the module of this folder lies below the top of its repository.
func moduleFolder(ctx context.Context, top string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	file := strings.TrimSpace(string(out))
	if err != nil || file == "" || file == os.DevNull {
		return "", errors.New("this folder is in no Go module, so there is nothing to build at a commit")
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(file))
	if err != nil {
		return "", err
	}
	below, err := filepath.Rel(top, dir)
	if err != nil || below == ".." || strings.HasPrefix(below, ".."+string(filepath.Separator)) {
		return "", fmt.Errorf("the module in %s is not of the repository in %s", dir, top)
	}
	return below, nil
}

// close takes the work tree away. It does so after an interrupt too.
func (h *repository) close() error {
	ctx := context.Background()
	err := os.RemoveAll(h.tree)
	_, pruned := git(ctx, h.top, "worktree", "prune")
	return errors.Join(err, pruned)
}

func (h *repository) checkOut(ctx context.Context, commit string) error {
	_, err := git(ctx, h.tree, "checkout", "--quiet", "--force", "--detach", commit)
	return err
}

// begin checks out the first commit to be tried, if there is any between both ends.
func (h *repository) begin(ctx context.Context) (first []string, err error) {
	return found(git(ctx, h.tree, "bisect", "start", h.bad, h.good))
}

// mark says what is so of the commit that is checked out, and checks out the next. Once there is none, it returns
// the first bad commit or, where those around it were left out, all that may be it.
func (h *repository) mark(ctx context.Context, v verdict) (first []string, err error) {
	return found(git(ctx, h.tree, "bisect", string(v)))
}

var (
	firstBad = regexp.MustCompile(`(?m)^([0-9a-f]{40,64}) is the first bad commit$`)
	anyOf    = regexp.MustCompile(`(?m)^[0-9a-f]{40,64}$`)
)

// found reads from what git says of a bisection whether it has come to its end. Git calls one that ends among commits
// that were left out an error.
func found(said string, err error) (first []string, _ error) {
	if m := firstBad.FindStringSubmatch(said); m != nil {
		return m[1:], nil
	}
	if strings.Contains(said, "The first bad commit could be any of") {
		return anyOf.FindAllString(said, -1), nil
	}
	return nil, err
}

// title is a commit in a line: its name, short, and its subject.
func (h *repository) title(ctx context.Context, commit string) string {
	line, err := git(ctx, h.tree, "log", "-1", "--format=%h  %s", commit)
	if err != nil {
		return commit
	}
	return line
}

// git runs git in a folder, with none of the person's hooks and in English, and gives what it printed.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.hooksPath=" + os.DevNull}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GIT_") && !strings.HasPrefix(v, "GIT_CEILING_DIRECTORIES=")
	}), "LC_ALL=C")
	out, err := cmd.Output()
	said := strings.TrimSpace(string(out))
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return said, fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return said, fmt.Errorf("git %s: %w", args[0], err)
	}
	return said, nil
}
