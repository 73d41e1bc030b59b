package command

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/scenarios"
)

// If this failed, a violation could be hidden behind an unknown, or a divergence behind a violation.
func TestTheWorstOfSeveralSeedsCounts(t *testing.T) {
	order := []scenarios.Verdict{scenarios.Holds, scenarios.Unknown, scenarios.Violated, scenarios.Diverged}
	codes := []int{0, 3, 1, 4}
	rapid.Check(t, func(t *rapid.T) {
		seen := rapid.SliceOfN(rapid.IntRange(0, 3), 0, 6).Draw(t, "verdicts")
		c, worst := &call{}, 0
		for _, i := range seen {
			c.verdict(order[i])
			worst = max(worst, i)
		}
		require.Equal(t, codes[worst], c.code)
	})
}

// If this failed, a line to paste would be another one in a shell.
func TestAQuotedWordIsOneWordToAShell(t *testing.T) {
	words := []string{"thunderstorm@7", "runs/a b/7", "it's", "a=$HOME", `back\slash`, "", "*", "größe", "a\nb", "!x", "~"}
	for _, word := range words {
		out, err := exec.Command("bash", "-c", "printf %s "+quote(word)).Output()
		require.NoError(t, err)
		require.Equal(t, word, string(out))
	}
	require.Equal(t, "thunderstorm@7f3a2c91d04be655", quote("thunderstorm@7f3a2c91d04be655"), "no quotes without need")
}

// A program is called in a line to paste as it was called, or through go run.
func TestAProgramKnowsHowItIsCalled(t *testing.T) {
	dir := t.TempDir()
	tool := filepath.Join(dir, "storms")
	require.NoError(t, os.WriteFile(tool, []byte("#!/bin/sh\n"), 0o755))
	require.Equal(t, tool, self(tool))
	require.Equal(t, "./storms", self("./storms"))
	t.Setenv("PATH", dir)
	require.Equal(t, "storms", self(tool), "it is on the path")
	require.Equal(t, "storms", self("storms"))
	require.Equal(t, "simrun", self(""))

	t.Chdir(dir)
	require.NoError(t, os.MkdirAll("cmd/storms", 0o755))
	require.Equal(t, "go run ./cmd/storms", self("/tmp/go-build123/b001/exe/storms"))
}

// If this failed, a run would be said to be of a commit of somebody else's repository.
func TestTheCommitIsAskedForOnlyInOnesOwnModule(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	git := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	revision, _ := askGit("storms")
	require.Empty(t, revision, "no repository")

	git("init", "-q")
	require.NoError(t, os.WriteFile("go.mod", []byte("// storms\nmodule storms\n"), 0o644))
	git("add", "go.mod")
	git("commit", "-qm", "first")
	revision, dirty := askGit("storms")
	require.Len(t, revision, 40)
	require.False(t, dirty)
	other, _ := askGit("simrun")
	require.Empty(t, other, "another module")

	require.NoError(t, os.MkdirAll("runs/x", 0o755))
	require.NoError(t, os.WriteFile("runs/x/plan.yaml", nil, 0o644))
	require.NoError(t, os.WriteFile("notes.txt", nil, 0o644))
	_, dirty = askGit("storms")
	require.False(t, dirty, "runs and notes decide nothing")
	require.NoError(t, os.WriteFile("main.go", nil, 0o644))
	_, dirty = askGit("storms")
	require.True(t, dirty)
}

// Without kinds and without arguments it still says what it is.
func TestAProgramWithoutKinds(t *testing.T) {
	var out, errs bytes.Buffer
	require.Zero(t, Program{Name: "storms", Out: &out, Err: &errs}.Run())
	require.Contains(t, out.String(), "  storms thunderstorm ")
	require.Empty(t, errs.String())

	require.Equal(t, NoStart, Program{Name: "storms", Args: []string{"serve", "gearman.server"}, Out: &out, Err: &errs}.Run())
	require.Contains(t, errs.String(), `there is no kind "gearman.server"`)
}
