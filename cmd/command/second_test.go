package command

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func alone(kind string) string {
	text, _, _ := strings.Cut(coin, "claims:")
	return strings.NewReplacer("scenario: coin", "scenario: "+strings.TrimPrefix(kind, "test."), "test.thrower", kind).Replace(text)
}

// If this failed, a node that hangs on the process that it is in would be found out on somebody else's machine.
func TestANodeThatHangsOnItsProcessIsFoundOut(t *testing.T) {
	d := sitDown(t)
	require.NoError(t, os.WriteFile("stranger.yaml", []byte(alone("test.stranger")), 0o644))
	d.does(Good, "stranger.yaml", "--seed", "1", "--seeds", "20")

	said := d.does(Diverged, "stranger.yaml", "--seed", "1", "--verify")
	require.Regexp(t, `✗ the two runs differ from step 1,4\d\d on, at 0\.7\d\ds`, said)
	require.Regexp(t, `(?m)^  was  0\.\d+s #14\d\d thrower event timer of task cheating rings\n  is   0\.\d+s #14\d\d thrower event timer of task cheating rings`, said,
		"both sides of the first step that differs, and whose it is")
	said = d.does(Diverged, "stranger.yaml", "--seed", "1", "--seeds", "20", "--verify")
	require.Contains(t, said, "stranger diverged in 1 of 20 runs")
	require.Contains(t, said, "task cheating")
}

// A node that is not the same twice in one process needs no second one, and is told of in the same way.
func TestANodeThatHangsOnWhatWasBeforeIsFoundOut(t *testing.T) {
	d := sitDown(t)
	require.NoError(t, os.WriteFile("thrower.yaml", []byte(alone("test.thrower")), 0o644))
	said := d.does(Diverged, "thrower.yaml", "--seed", "1", "--seeds", "20", "--jobs", "1", "--verify")
	require.Contains(t, said, "thrower diverged in 1 of 20 runs")
	require.Regexp(t, `✗ the two runs differ from step \d+ on, at 0\.0\d\ds`, said)
	require.Regexp(t, `(?m)^  was  .*thrower event timer of task main rings\n  is   .*thrower event timer of task main rings`, said)
}

// What is the same everywhere is said to be.
func TestTheSameInASecondProcess(t *testing.T) {
	d := sitDown(t)
	said := d.does(Good, "tiny.yaml", "--seed", "1", "--seeds", "40", "--verify", "--set", "nodes.die.with.brittle=0")
	require.Contains(t, said, "4 replays identical, 4 in a second process")
	said = d.does(Violated, "tiny.yaml", "--seed", "1", "--seeds", "40", "--verify", "--keep-going")
	require.Contains(t, said, " in a second process")
	require.NotContains(t, d.does(Good, "--help"), turnsCommand+" ", "nobody is to type it")
}

// If this failed, a second process that dies would be taken for one that agrees, or nobody would know why.
func TestASecondProcessThatDiesIsAnError(t *testing.T) {
	d := sitDown(t)
	require.NoError(t, os.WriteFile("deserter.yaml", []byte(alone("test.deserter")), 0o644))
	for _, args := range [][]string{{}, {"--seeds", "20"}} {
		said := d.does(NoStart, append([]string{"deserter.yaml", "--seed", "1", "--verify"}, args...)...)
		require.Contains(t, said, "in a second process: it does not answer (exit status 7):\nthe deserter leaves")
	}
}
