package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// If this fails, a campaign tells of a bug what was true of another patch, another scenario or another source; or begins from
// nothing each time.
func TestWhatIsKnownOfAMutantHangsOnWhatItWasFoundWith(t *testing.T) {
	mutants, err := readMutants("../..", []string{"hasty-heartbeat", "half-a-quorum"})
	require.NoError(t, err)
	ring, jobs := mutants[0], mutants[1]
	require.Equal(t, "half-a-quorum", ring.name)
	command := filepath.Join(t.TempDir(), "simrun")
	runsAre := func(luck string) { // a command whose runs hang on the scenario and the luck
		script := "#!/bin/sh\nfor run in $(seq $5); do printf '{\"hash\":\"%s\"}\\n' $(echo " + luck + " $run $* | sed 's/--out.*//' | md5sum | cut -c1-32); done\n"
		require.NoError(t, os.WriteFile(command, []byte(script), 0o700))
	}
	keyOf := func(m mutant) string {
		k := &keys{sound: func(*mutant) (string, error) { return command, nil }, scenes: map[string]*scene{}, runs: map[string]string{}}
		key, s, err := k.of(&m)
		require.NoError(t, err)
		require.NotEmpty(t, s.checkOf(m.claims[0]))
		return key
	}
	runsAre("one")
	key := keyOf(*jobs)
	require.Equal(t, key, keyOf(*jobs), "it is the same each time")
	require.NotEqual(t, key, keyOf(*ring))

	told := *jobs
	told.bug, told.source, told.recorded, told.known = "said better", "and where", []string{"1"}, []int{1}
	require.Equal(t, key, keyOf(told), "words and seeds change nothing")
	other := *jobs
	other.diff += "+x\n"
	require.NotEqual(t, key, keyOf(other))
	other = *jobs
	other.scenario = "squalls"
	require.NotEqual(t, key, keyOf(other))
	other = *jobs
	other.settings = []string{"--set", "storm.lasts=20s"}
	require.NotEqual(t, key, keyOf(other))

	runsAre("another")
	require.NotEqual(t, key, keyOf(*jobs), "the code does something else")
	runsAre("one")
	require.Equal(t, key, keyOf(*jobs), "it does again what it did")

	c := cellar{t.TempDir()}
	got, err := c.get(jobs, key)
	require.NoError(t, err)
	require.Nil(t, got)
	require.NoError(t, c.put(jobs, &record{Key: key, Findings: []finding{{Claim: "no-overlap", Verdict: caught, Least: &least{From: 9},
		Search: search{Plain: []hunt{{Seeds: 3, Seconds: 0.5}}}}}}))
	got, err = c.get(jobs, key)
	require.NoError(t, err)
	require.Equal(t, 9, got.Findings[0].Least.From)
	require.Equal(t, 3, got.Findings[0].Search.Plain[0].Seeds)
	got, err = c.get(jobs, "another")
	require.NoError(t, err)
	require.Nil(t, got, "it is stale")
	require.NoError(t, os.WriteFile(c.file(jobs), []byte(`{"key": "`+key), 0o600))
	got, err = c.get(jobs, key)
	require.NoError(t, err)
	require.Nil(t, got, "it was cut short")
}

// If this fails, the page says that a bug is found soon which is not, or hides one that is missed.
func TestThePageSaysHowLongItTakes(t *testing.T) {
	root := t.TempDir()
	planted := func(name, patch string, known ...int) *mutant {
		return &mutant{path: filepath.Join(root, patch, "testdata/mutants", name+".patch"), name: name, bug: "A bug.", source: "Jepsen", scenario: "calm-day",
			claims: []string{"c"}, known: known}
	}
	one := &scene{points: 1}
	found := func(plain, guided []hunt) []finding {
		return []finding{{Claim: "c", Check: "linearizable", Seed: "1234", Verdict: caught, Search: search{plain, guided},
			Least: &least{From: 30, Faults: []string{"{at: 1s, crash: a, for: 1s}"}, Again: true}}}
	}
	quick := []hunt{{Seeds: 3, Seconds: 0.25}, {Seeds: 1, Seconds: 0.5}, {Seeds: 2, Seconds: 1}}
	slow := []hunt{{Seeds: 900, Seconds: 70}, {Seeds: 300, Seconds: 90}, {Seeds: 200, Seconds: 20}}
	never := []hunt{{Seconds: 60}, {Seconds: 60}, {Seeds: 100, Seconds: 30}}
	c := &campaign{options: options{bases: 3, budget: time.Minute}, nursery: &nursery{root: root}, entries: []*entry{
		{mutant: planted("soon", "nodes/gearman", 1, 2), scene: one, record: &record{Findings: found(quick, quick)}},
		{mutant: planted("late", "nodes/raft"), scene: one, record: &record{Findings: found(slow, quick)}},
		{mutant: planted("lost", "nodes/raft"), scene: one, record: &record{Findings: found(never, never)}},
		{mutant: planted("missed", "sim"), scene: one, record: &record{Findings: []finding{{Claim: "c", Check: "converges", Verdict: "MISSED in 9 seeds"}}}},
	}}
	text := page(c, []*calm{{scenario: "calm-day", seeds: 30000, seconds: 7200, commits: []string{"0123456789abcdef"}}})
	for _, line := range []string{
		"**4 bugs, 4 pairs of a bug and a claim that must see it.**", "Plain random finds\n1 of the pairs within 60 s", "4 of the bugs happened in systems that are named",
		"Found, but not within 60 s: late by c (70 s).", "within the time that they had: lost by c (60 s in vain).", "Not as it should be: missed by c: MISSED in 9 seeds.",
		"### The job server, its workers and clients", "### Copies that agree by Raft", "### The simulator itself",
		"| **soon** A bug. | Jepsen | calm-day: c (linearizable) | 2 seeds, 0.5 s | same | 1 of 30 | `1234` |",
		"| 300 seeds, 70.0 s | 2 seeds, 0.5 s | 1 of 30 |", "| not in 60 s | not in 60 s |", "**MISSED in 9 seeds**",
		"2 of them are planted", "| 2 | soon |", "| 3 | **not planted** |",
		"30,000 seeds of 1 scenario, 2.0 hours of simulated time. **None of them is violated**: by the rule of three, fewer than one run in 10,000",
		"| calm-day | 30,000 | 2.0 hours | 0 | 0 | 0123456789ab |",
		"- soon violates c; of 30 faults:\n  - `{at: 1s, crash: a, for: 1s}`\n",
	} {
		require.Contains(t, text, line)
	}
	require.NotContains(t, text, "### The ring", "nothing of it is planted")
	require.Contains(t, page(c, []*calm{{scenario: "calm-day", seeds: 30000, seconds: 7200, commits: []string{notSaid}}}), "| calm-day | 30,000 | 2.0 hours | 0 | 0 |\n",
		"a column of which nobody knows anything is none")
	require.Less(t, strings.Index(text, "### Copies"), strings.Index(text, "### The simulator"))
	c.entries[0].Findings[0].Least.Again = false
	require.Contains(t, page(c, nil), "- soon violates c; what is left of 30 faults is too much for the code as it is too\n")
}

// If this fails, seeds are counted that nobody ran, or that were run of something else, and an alarm is not told.
func TestSweepsOfTheCodeAsItIs(t *testing.T) {
	dir := t.TempDir()
	sweep := func(name, batch, terms string) {
		at := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(at, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(at, "batch.json"), []byte(batch), 0o600))
		if terms != "" {
			require.NoError(t, os.WriteFile(filepath.Join(at, "sweep.json"), []byte(terms), 0o600))
		}
	}
	const batch = `{"version": 1, "batch": "calm-day", "commit": "abc", "base": "01", "seeds": 100, "verdicts": {"holds": 98, "unknown": 2}, "simulated_seconds": 60}`
	sweep("a/one", batch, `{"set": []}`)
	sweep("b/again", strings.Replace(batch, "100", "40", 1), `{"set": []}`)
	sweep("c/changed", batch, `{"set": ["storm.lasts=1s"]}`)
	sweep("d/merged", batch, "")
	sweep("e/another", strings.Replace(batch, "calm-day", "nobody-knows", 1), `{"set": []}`)
	sweep("f/alarm", `{"batch": "raft-storm", "base": "02", "seeds": 7, "verdicts": {"holds": 6, "violated": 1},
		"failures": [{"seed": "ff", "verdict": "violated", "claims": ["linearizable"]}, {"seed": "fe", "verdict": "unknown", "claims": ["later"]}],
		"claims": [{"claim": "in-all", "overall": true, "verdict": "violated", "expect": "holds"}]}`, `{"set": []}`)
	all, err := readSweeps(dir)
	require.NoError(t, err)
	require.Equal(t, []*calm{
		{scenario: "calm-day", seeds: 100, undecided: 2, seconds: 60, commits: []string{"abc"}},
		{scenario: "raft-storm", seeds: 7, alarmed: 2, alarms: []string{"raft-storm from 02: in-all", "raft-storm@ff: linearizable"}, commits: []string{"not said"}},
	}, all)
	var b strings.Builder
	falseAlarms(&b, all)
	require.Contains(t, b.String(), "**2 runs violated**, among them raft-storm from 02: in-all; raft-storm@ff: linearizable.")

	_, err = readSweeps(t.TempDir())
	require.ErrorContains(t, err, "no sweep has ended")
}
