package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/checkers/checks"
	"simrun/nodes/kinds"
	"simrun/scenarios"
)

// If this fails, a planted bug no longer stands in the source that it was written for, or its header names what is
// not there.
func TestEveryMutantCanBePlanted(t *testing.T) {
	mutants, err := readMutants("../..", nil)
	require.NoError(t, err)
	catalog := scenarios.Catalog{Kinds: kinds.All()}
	for _, m := range mutants {
		_, err := m.overlay("../..", t.TempDir())
		require.NoError(t, err)
		sc, err := scenarios.Read(m.scenario, scenarios.ReadOptions{Catalog: catalog, Set: m.changes()})
		require.NoError(t, err, m.name)
		known := map[string]bool{}
		for _, c := range scenarios.Draw(sc.Specs[0], 1).Claims {
			known[c.Name] = true
		}
		for _, claim := range m.claims {
			require.True(t, known[claim] || implicit[claim] != "", "%s: %s claims no %s", m.name, m.scenario, claim)
		}
	}
}

// If this fails, there is a check of which nobody has shown that it can be violated: by a bug in the source of a node, where
// there is a node for it.
func TestEveryCheckIsViolatedByAMutant(t *testing.T) {
	mutants, err := readMutants("../..", nil)
	require.NoError(t, err)
	violated := map[string]bool{}
	for _, m := range mutants {
		text, err := os.ReadFile(filepath.Join("../../scenarios", m.scenario+".yaml"))
		require.NoError(t, err)
		for _, claim := range m.claims {
			if implicit[claim] == "" {
				violated[checkOf(t, string(text), claim)] = true
			}
		}
	}
	told := storiesOfViolations(t)
	for _, d := range checks.All() {
		if slices.Contains(nodeless, d.Name) {
			require.False(t, violated[d.Name], "a mutant violates a claim of %s, so there is a node for it: take it off the list", d.Name)
			require.True(t, told[d.Name], "no story in checkers/checks/testdata says what violates %s", d.Name)
			continue
		}
		require.True(t, violated[d.Name], "no mutant violates a claim of %s", d.Name)
	}
	for _, name := range nodeless {
		require.True(t, slices.ContainsFunc(checks.All(), func(d checkers.Definition) bool { return d.Name == name }), "there is no check %s", name)
	}
}

// nodeless are the checks of what no node here does yet, so that no mutant of one can violate them. A story among the tests
// of the checkers must, until there is one.
var nodeless = []string{"transactions"}

// storiesOfViolations is the checks that a story says are violated; TestStories holds each story to its word.
func storiesOfViolations(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../../checkers/checks/testdata/*.txt")
	require.NoError(t, err)
	told := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)^=> ([\w.-]+)(?:\([^)]*\))?: violated`).FindAllStringSubmatch(string(text), -1) {
			told[m[1]] = true
		}
	}
	return told
}

// If this fails, a regression is kept of which nobody knows that it catches anything.
func TestEveryRegressionNamesTheBugThatItCatches(t *testing.T) {
	regressions, err := readRegressions("../..")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(regressions), 6)
	mutants, err := readMutants("../..", nil)
	require.NoError(t, err)
	n := 0
	for _, m := range mutants {
		n += len(m.of(regressions))
	}
	require.Equal(t, len(regressions), n)

	dir := t.TempDir()
	file := filepath.Join(dir, "scenarios", "regressions", "x.yaml")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte("scenario: x\n"), 0o644))
	_, err = readRegressions(dir)
	require.ErrorContains(t, err, "says no bug that it catches")
	require.NoError(t, os.WriteFile(file, []byte("# catches: no/such.patch\n"), 0o644))
	_, err = readRegressions(dir)
	require.ErrorContains(t, err, "no such file")
}

// checkOf is the check behind a claim of a scenario.
func checkOf(t *testing.T, text, claim string) string {
	_, rest, ok := strings.Cut(text, "- claim: "+claim+"\n")
	require.True(t, ok, claim)
	check := regexp.MustCompile(`check: (?:\{name: |\{)?([a-z.-]+)`).FindStringSubmatch(rest)
	require.NotNil(t, check, claim)
	return check[1]
}

// If this fails, the plan without the faults that expose a bug still has them, or has lost more than them.
func TestStrippedPlan(t *testing.T) {
	const plan = `phases:
  - phase: storm
    lasts: 5s
    faults:
      - {at: 1s, crash: a, for: 1s}
      - {after: crash a, wait: 1s, pause: b, for: 1s}
      - {at: 2s, pause: b, for: 1s}
  - phase: storm-2
    lasts: 5s
    faults:
      - {at: 1s, crash: a, for: 1s}
  - phase: calm
    lasts: 5s
    workload:
      - {from: c, do: submit, rate: 1/s}
claims:
  - claim: one
    check: gearman.results
  - claim: two
    check: {recovers: submit, after: crash a}
`
	strip := func(without string) string {
		return (&trial{mutant: &mutant{without: without}, claim: "one"}).strip(plan)
	}
	require.Equal(t, `phases:
  - phase: storm
    lasts: 5s
    faults:
      - {at: 2s, pause: b, for: 1s}
  - phase: storm-2
    lasts: 5s
  - phase: calm
    lasts: 5s
    workload:
      - {from: c, do: submit, rate: 1/s}
claims:
  - claim: one
    check: gearman.results
`, strip("crash"))
	require.NotContains(t, strip("-"), "pause")
	require.Contains(t, strip("-"), "submit")

	finding := (&trial{mutant: &mutant{without: "crash"}, claim: "no-node-panics"}).strip(plan)
	require.NotContains(t, finding, "claim", "a plan without claims says nothing of them")
	require.Contains(t, finding, "submit")
}

// If this fails, a patch dies with every change elsewhere in its file, or is applied where it does not belong.
func TestPatchesFindTheirPlace(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	path := write("m.patch", "bug: b\nsource: s\nscenario: calm-day\nclaim: c\nwithout: -\nseed: 00\n\n--- x.go\n+++ x.go\n@@ -1,2 +1,2 @@\n-a\n+z\n b\n")
	m, err := readMutant(path)
	require.NoError(t, err)
	plant := func(source string) (string, error) {
		write("x.go", source)
		if _, err := m.overlay(dir, dir); err != nil {
			return "", err
		}
		text, err := os.ReadFile(filepath.Join(dir, "0-x.go"))
		return string(text), err
	}
	got, err := plant("new\nnew\na\nb\n")
	require.NoError(t, err)
	require.Equal(t, "new\nnew\nz\nb\n", got)
	_, err = plant("c\n")
	require.ErrorContains(t, err, "no longer applies to x.go")
	_, err = plant("a\nb\na\nb\n")
	require.ErrorContains(t, err, "more than once")

	seen := []*trial{{mutant: m, claim: "c", caught: sighting{seeds: 3, seed: "1234"}, masked: true, unfazed: true}}
	require.NoError(t, m.record(seen))
	again, err := readMutant(path)
	require.NoError(t, err)
	require.Equal(t, []string{"1234"}, again.recorded)
}

// If this fails, a bug of the first list is not planted any more, and nobody would know whether it is found.
func TestTheFirstBugsAreAllPlanted(t *testing.T) {
	mutants, err := readMutants("../..", nil)
	require.NoError(t, err)
	planted := map[int]bool{}
	for _, m := range mutants {
		for _, n := range m.known {
			planted[n] = true
		}
	}
	require.Len(t, planted, firstBugs)
}
