package command

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios/explore"
)

// windy is tiny at one point, with weather that can be varied.
func windy() string {
	text := strings.Replace(tiny, "scenario: tiny", "scenario: windy", 1)
	text = strings.Replace(text, "matrix: {nodes.die.with.sides: [6, 20]}\n", "", 1)
	return strings.Replace(text, "claims:", `    swarm:
      kinds:
        - {pause: one, every: 5ms..30ms, for: 1ms..10ms}
        - {crash: die/2, every: 10ms..90ms}
claims:`, 1)
}

// If this failed, what a guided sweep finds could not be run again, or its first violation would be another one on
// another machine.
func TestAGuidedSweepKeepsWhatItFinds(t *testing.T) {
	d := sitDown(t)
	require.NoError(t, os.WriteFile("windy.yaml", []byte(windy()), 0o644))
	const dir = "windy/sweep-0000000000000001-guided"
	begun := []string{"windy.yaml", "--set", "nodes.die.with.brittle=60", "--seed", "1", "--seeds", "150", "--guided", "--keep-going"}
	said := d.does(Violated, append(begun, "--out", "one", "--jobs", "1", "--verify")...)
	require.Contains(t, said, "guided: ")
	require.Contains(t, said, " in a second process")
	d.does(Violated, append(begun, "--out", "five", "--jobs", "5", "--quiet")...)
	d.same("one/"+dir, "five/"+dir)

	text, err := os.ReadFile("one/" + dir + "/results.jsonl")
	require.NoError(t, err)
	lines := bytes.SplitAfter(text, []byte("\n"))
	varied := ""
	for _, line := range lines[:len(lines)-1] {
		var e explore.Entry
		require.NoError(t, json.Unmarshal(line, &e))
		if e.Variation != nil && len(e.Findings) > 0 && e.Run != nil {
			varied = "one/windy/" + e.Seed
			break
		}
	}
	require.NotEmpty(t, varied, "no variation failed")
	require.Contains(t, d.does(Violated, "replay", varied, "--out", "again"), "as recorded")
	require.Contains(t, d.does(Good, "shrink", varied, "--out", "again"), "node panic")

	// Interrupted after a while, it goes on the same way.
	require.NoError(t, os.WriteFile("five/"+dir+"/results.jsonl", bytes.Join(lines[:70], nil), 0o644))
	require.NoError(t, os.Remove("five/"+dir+"/batch.json"))
	d.does(Violated, "resume", "five/"+dir, "--jobs", "3")
	d.same("one/"+dir, "five/"+dir)
}

// If this failed, somebody would wait for the result of a sweep that cannot be had.
func TestWhatCannotBeGuidedIsRefused(t *testing.T) {
	d := sitDown(t)
	require.Contains(t, d.does(NoStart, "tiny.yaml", "--guided", "--seeds", "9"), "tiny.yaml has a matrix of 2")
	require.Contains(t, d.does(NoStart, "tiny.yaml", "--guided"), "say --seeds or --for")
	require.Contains(t, d.does(NoStart, "tiny.yaml", "--guided", "--seeds", "9", "--seed", "1", "--shard", "1/3"), "give each machine a --seed of its own")
}
