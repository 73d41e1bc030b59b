//go:build campaign

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// repository is a folder under git with a Go module in it: a server of somebody's own, and its command.
type repository struct {
	*desk
	command string // as built from what was committed last
}

// found makes one from the example of a server of one's own, which gets its simrun from this checkout.
func found(t *testing.T) *repository {
	r := &repository{desk: sitDown(t)}
	project, err := filepath.Abs(root)
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(project, "examples", "ticket", "*"))
	require.NoError(t, err)
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		require.NoError(t, err)
		r.write(filepath.Base(f), string(text))
	}
	mod, err := os.ReadFile(filepath.Join(project, "go.mod"))
	require.NoError(t, err)
	r.write("go.mod", strings.Replace(string(mod), "module simrun\n", "module ticket\n", 1)+
		fmt.Sprintf("\nrequire simrun v0.0.0\n\nreplace simrun => %s\n", project))
	sum, err := os.ReadFile(filepath.Join(project, "go.sum"))
	require.NoError(t, err)
	r.write("go.sum", string(sum))
	r.write(".gitignore", "runs\nticket\n")
	r.sh("git init -q -b main && git config user.name nobody && git config user.email nobody@example.com")
	return r
}

// sh runs a line in the repository's folder.
func (r *repository) sh(line string) string {
	r.Helper()
	cmd := exec.Command("bash", "-ec", line)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod -buildvcs=false", "GOPROXY=off")
	out, err := cmd.CombinedOutput()
	require.NoError(r, err, "%s\n%s", line, out)
	return strings.TrimSpace(string(out))
}

// commit commits a change of office.go, and gives the commit's short name.
func (r *repository) commit(subject, old, now string) string {
	r.Helper()
	if old != "" {
		text := r.read("office.go")
		require.Contains(r, text, old)
		r.write("office.go", strings.Replace(text, old, now, 1))
	}
	r.sh("git add -A && git commit -q --allow-empty -m '" + subject + "'")
	return r.sh("git rev-parse --short HEAD")
}

// asks runs the repository's own command.
func (r *repository) asks(code int, args ...string) string {
	r.Helper()
	cmd := exec.Command(r.command, args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GITHUB_ACTIONS=", "GOPROXY=off")
	out, _ := cmd.CombinedOutput() // the exit code says it
	require.Equal(r, code, cmd.ProcessState.ExitCode(), "%s\n%s", strings.Join(args, " "), out)
	return string(out)
}

// A bug came into somebody's server some commits ago: one run that shows it is enough to find the commit.
func TestTheCommitThatBroughtABugIsFound(t *testing.T) {
	r := found(t)
	first := r.commit("Hand out numbers", "", "")
	r.commit("Say what a counter is", "// counter is", "// A counter is")
	r.commit("Break the build", "type counter struct {", "type counter struct {{")
	r.commit("Mend the build", "struct {{", "struct {")
	culprit := r.commit("Hand out numbers sooner", "	if c.sync {", "	if c.sync && c.last%64 == 0 {")
	r.sh("go build -o ticket .")
	r.command = r.path("ticket")
	r.asks(1, "rush-hour.yaml", "--seed", "1", "--seeds", "50", "--quiet")

	r.write("office.go", r.read("office.go")+"\n// Not committed yet.\n")
	ones := func() string {
		return r.sh("git status --porcelain --branch; git worktree list; git for-each-ref; cat office.go; ls -d ${TMPDIR:-/tmp}/bisect*/tree 2>/dev/null | wc -l")
	}
	before := ones()
	r.interrupted("bisect", "last", first)
	require.Equal(t, before, ones(), "an interrupt leaves nothing behind")

	said := r.asks(0, "bisect", "last", first)
	require.Contains(t, said, "what is not committed is left out\n")
	require.Regexp(t, `(?m)^bad   \w+  Hand out numbers sooner$`, said)
	require.Regexp(t, `(?m)^good  \w+  Hand out numbers$`, said)
	require.Regexp(t, `(?m)^skip  \w+  Break the build: it does not build: .*office.go`, said)
	require.Contains(t, said, "\nfirst bad commit\n  "+culprit+"  Hand out numbers sooner\n")
	require.Equal(t, before, ones(), "nothing of one's own was touched")

	require.Contains(t, r.asks(2, "bisect", "last", "v0"), "v0 is no commit here")
	require.Contains(t, r.asks(2, "bisect", "last", "HEAD"), "HEAD and HEAD are one commit")
	require.Contains(t, r.asks(2, "bisect", "last", "HEAD", first), "HEAD is no ancestor of "+first)
	require.Contains(t, r.asks(2, "bisect", "last", first, "--claim", "no-such"), `no claim "no-such"`)
	require.Contains(t, r.asks(2, "bisect", "last", first, "--lucks", "0"), "--lucks")
	require.Contains(t, r.asks(2, "bisect", "last", "HEAD~3", "HEAD~2"), "nobody can say of HEAD~2: it does not build: ")
	require.Contains(t, r.asks(2, "bisect", "last", first, "HEAD~1", "--lucks", "1"), "the plan holds at HEAD~1 under 1 luck")
	require.Contains(t, r.asks(2, "bisect", "last"), "say ticket bisect RUN GOOD [BAD]")
	require.Equal(t, before, ones())
}

// interrupted runs the repository's command, and interrupts it once it has said a line.
func (r *repository) interrupted(args ...string) {
	r.Helper()
	cmd := exec.Command(r.command, args...)
	cmd.Dir = r.dir
	out, err := cmd.StdoutPipe()
	require.NoError(r, err)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	require.NoError(r, cmd.Start())
	lines := bufio.NewScanner(out)
	require.True(r, lines.Scan())
	require.NoError(r, cmd.Process.Signal(os.Interrupt))
	for lines.Scan() { // to the end
	}
	require.Error(r, cmd.Wait())
	require.Equal(r, 3, cmd.ProcessState.ExitCode(), complaint.String())
	require.Contains(r, complaint.String(), "interrupted")
}

// Where there are no commits, there is nothing to look through.
func TestABisectionNeedsCommits(t *testing.T) {
	d := sitDown(t)
	d.env = []string{"GIT_CEILING_DIRECTORIES=" + filepath.Dir(d.dir)}
	require.Contains(t, d.complains("bisect", "calm-day@7", "HEAD~1"), "this folder is in no git repository")
	require.Contains(t, d.complains("bisect", "calm-day.yaml", "HEAD~1"), "no such file")
	require.Contains(t, d.complains("bisect", "a-year-of-weather@7", "HEAD~1"), "name the directory of one")
}
