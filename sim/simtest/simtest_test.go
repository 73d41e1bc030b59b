package simtest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/checkers/checks"
	"simrun/nodes"
	"simrun/nodes/gearman"
	"simrun/scenarios"
	"simrun/sim"
	"simrun/sim/simtest"
)

// inner skips a test that exists to be run, and mostly to fail, in a process of its own.
func inner(t *testing.T) {
	if os.Getenv("SIMTEST_INNER") == "" {
		t.Skip("it is run by another test")
	}
}

// outcome is what a process came to that runs the inner tests of that name.
type outcome struct {
	passed bool
	seeds  []string
	text   string
}

var begins = regexp.MustCompile(`=== RUN +\S+/seed=([0-9a-f]{16})\n`)

func play(t *testing.T, run string, environment ...string) outcome {
	t.Helper()
	return playIn(t, "", run, environment...)
}

func playIn(t *testing.T, dir, run string, environment ...string) outcome {
	t.Helper()
	arguments := strings.Fields(run)
	c := exec.Command(os.Args[0], append([]string{"-test.v", "-test.run"}, arguments...)...)
	c.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SIM_") {
			c.Env = append(c.Env, v)
		}
	}
	c.Env = append(append(c.Env, "SIMTEST_INNER=1"), environment...)
	out, err := c.CombinedOutput()
	o := outcome{passed: err == nil, text: string(out)}
	for _, match := range begins.FindAllStringSubmatch(o.text, -1) {
		o.seeds = append(o.seeds, match[1])
	}
	return o
}

// ping makes a world of a host that sleeps twenty times for as long as its luck says, and runs it.
func ping(w *sim.World, more func(env nodes.Env)) {
	w.AddHost(sim.HostOptions{Name: "a", Main: func(env nodes.Env) error {
		for range 20 {
			env.Sleep(time.Duration(env.Rand().IntN(1000)) * time.Millisecond)
			env.Record().Note("slept")
			more(env)
		}
		return env.AwaitStop()
	}})
	w.Run(time.Minute)
}

func nothing(nodes.Env) {}

func TestInnerRun(t *testing.T) {
	inner(t)
	simtest.Run(t, func(t *testing.T, w *sim.World) { ping(w, nothing) })
}

func TestInnerFails(t *testing.T) {
	inner(t)
	simtest.Run(t, func(t *testing.T, w *sim.World) {
		ping(w, nothing)
		if strings.HasSuffix(t.Name(), "1") {
			t.FailNow()
		}
	})
}

func TestInnerPanics(t *testing.T) {
	inner(t)
	simtest.Run(t, func(t *testing.T, w *sim.World) { ping(w, func(nodes.Env) { panic("no such job") }) })
}

func TestInnerRequires(t *testing.T) {
	inner(t)
	simtest.Run(t, func(t *testing.T, w *sim.World) {
		ping(w, func(env nodes.Env) { require.Less(t, env.Mark(), nodes.Instant(0), "time goes backwards") })
	})
}

// If this failed, a seed could not be found again by its name, or the environment would not be heard.
func TestSeedsAreChosenByNameAndEnvironment(t *testing.T) {
	all := play(t, "TestInnerRun")
	require.True(t, all.passed, all.text)
	require.Len(t, all.seeds, 20)
	require.Equal(t, "0000000000000001", all.seeds[0])
	require.Equal(t, all.seeds, play(t, "TestInnerRun").seeds)

	require.Equal(t, []string{all.seeds[3]}, play(t, "TestInnerRun/seed="+all.seeds[3]).seeds)
	require.Equal(t, []string{"00000000deadbeef"}, play(t, "TestInnerRun/seed=00000000deadbeef").seeds, "one that is not on the list")
	require.Equal(t, []string{"00000000deadbeef"}, play(t, "^TestInnerRun$/^seed=00000000deadbeef$").seeds)
	require.Equal(t, all.seeds[:2], play(t, "TestInnerRun -test.short").seeds)
	require.Equal(t, all.seeds[:7], play(t, "TestInnerRun", "SIM_SEEDS=7").seeds)
	require.Equal(t, []string{"000000000000002a"}, play(t, "TestInnerRun", "SIM_SEED=42").seeds)
	two := play(t, "TestInnerRun", "SIM_SEED=000000000000002a", "SIM_SEEDS=2").seeds
	require.Equal(t, []string{"000000000000002a", scenarios.FormatSeed(scenarios.SeedAt(42, 1))}, two)

	for _, wrong := range []string{"SIM_SEED=x", "SIM_SEEDS=0", "SIM_SEEDS=many"} {
		o := play(t, "TestInnerRun", wrong)
		require.False(t, o.passed, wrong)
		require.Empty(t, o.seeds)
		require.Contains(t, o.text, strings.Split(wrong, "=")[0]+":")
	}
}

// If this failed, a failure would not say how it is seen again, or what happened in it.
func TestAFailureSaysHowToSeeItAgain(t *testing.T) {
	o := play(t, "TestInnerFails", "SIM_SEED=1")
	require.False(t, o.passed)
	require.Contains(t, o.text, "go test -run '^TestInnerFails$/^seed=0000000000000001$' simrun/sim/simtest")
	require.NotContains(t, o.text, "note slept")

	o = play(t, "TestInnerFails", "SIM_SEED=1", "SIM_RECORD=1")
	require.Equal(t, 20, strings.Count(o.text, " a note slept"), o.text)
	require.True(t, play(t, "TestInnerFails", "SIM_SEED=2", "SIM_RECORD=1").passed)
	require.NotContains(t, play(t, "TestInnerFails", "SIM_SEED=2", "SIM_RECORD=1").text, "note slept", "what passed is quiet")

	o = play(t, "TestInnerPanics", "SIM_SEED=1")
	require.False(t, o.passed, "a node's panic is nobody's claim")
	require.Contains(t, o.text, "node panic of task main on a")
	require.Contains(t, o.text, "no such job")

	o = play(t, "TestInnerRequires", "SIM_SEEDS=2")
	require.Len(t, o.seeds, 2, "what a node's own code requires ends its subtest and no other")
	require.Equal(t, 2, strings.Count(o.text, "time goes backwards"), o.text)
	require.NotContains(t, o.text, "node panic")
}

func TestInnerSame(t *testing.T) {
	inner(t)
	simtest.Deterministic(t, func(t *testing.T, w *sim.World) { ping(w, nothing) })
}

func TestInnerDiffers(t *testing.T) {
	inner(t)
	worlds := 0
	simtest.Deterministic(t, func(t *testing.T, w *sim.World) {
		worlds++
		round := 0
		ping(w, func(env nodes.Env) {
			if round++; round == 5 {
				env.Record().Note(fmt.Sprintf("world %d", worlds))
				env.Sleep(time.Duration(worlds) * time.Millisecond)
			}
		})
	})
}

// If this failed, a node that is not deterministic would pass, or nobody would be shown where it is not.
func TestWorldsThatDifferAreShown(t *testing.T) {
	o := play(t, "TestInnerSame")
	require.True(t, o.passed, o.text)
	require.Len(t, o.seeds, 3)

	o = play(t, "TestInnerDiffers")
	require.False(t, o.passed)
	require.Regexp(t, `note slept\n +was .*a note world 1\n +is .*a note world 2\n`, o.text)
}

var catalog = scenarios.Catalog{Kinds: []nodes.Kind{gearman.Server, gearman.Worker, gearman.Client}, Checks: checks.All()}

const shop = `scenario: shop
sites: {town: {power: supplier-1}}
nodes:
  server: {run: gearman.server, site: town, with: {queue: %s}, restart: 1s}
  worker: {run: gearman.worker, site: town, with: {servers: [server], job-time: 5ms..80ms}}
  client: {run: gearman.client, site: town, with: {servers: [server]}}
workload:
  - {from: [client], do: submit-background, rate: 20/s}
phases:
  - {phase: storm, lasts: 10s, faults: [{at: 2s..8s, cut-power: supplier-1, for: 1s..2s}]}
  - {phase: calm, lasts: 10s, heal: all, workload: stop}
claims:
  - {claim: no-job-lost, says: Every acknowledged job reaches its end., check: gearman.at-least-once}
%s`

func try(t *testing.T, queue, more string, o simtest.Options) {
	inner(t)
	path := filepath.Join(t.TempDir(), "shop.yaml")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, shop, queue, more), 0o600))
	simtest.Scenario(t, catalog, path, o)
}

func TestInnerShop(t *testing.T) {
	try(t, "journal", "", simtest.Options{Seeds: 3})
}

func TestInnerForgetful(t *testing.T) {
	try(t, "memory", "", simtest.Options{Seeds: 3})
}

func TestInnerNever(t *testing.T) {
	try(t, "journal", "", simtest.Options{Set: []string{"claims.no-job-lost.expect=violated"}})
}

func TestInnerMatrix(t *testing.T) {
	try(t, "journal", "matrix: {nodes.worker.with.job-time: [5ms, 9ms]}\n", simtest.Options{Seeds: 2})
}

func TestInnerWrong(t *testing.T) {
	try(t, "journal", "sites: none\n", simtest.Options{})
}

func checkShop(t *testing.T, queue string) {
	inner(t)
	path := filepath.Join(t.TempDir(), "shop.yaml")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, shop, queue, ""), 0o600))
	simtest.Check(t, catalog, path, func(t *rapid.T) []string {
		return []string{fmt.Sprintf("nodes.worker.count=%d", rapid.IntRange(1, 4).Draw(t, "workers")),
			fmt.Sprintf("storm.lasts=%ds", rapid.IntRange(9, 20).Draw(t, "storm"))}
	})
}

func TestInnerDrawn(t *testing.T)          { checkShop(t, "journal") }
func TestInnerDrawnForgetful(t *testing.T) { checkShop(t, "memory") }

// If this failed, what rapid found would be lost, or could not be run by the command.
func TestRapidDrawsScenarios(t *testing.T) {
	o := play(t, "TestInnerDrawn$ -rapid.checks=20 -rapid.nofailfile")
	require.True(t, o.passed, o.text)

	o = play(t, "TestInnerDrawnForgetful -rapid.checks=20 -rapid.shrinktime=1s -rapid.nofailfile")
	require.False(t, o.passed)
	require.Contains(t, o.text, "no-job-lost is violated")
	require.Contains(t, o.text, "[rapid] draw seed:")
	require.NotContains(t, o.text, "flaky")
	plan := regexp.MustCompile(`(?s)its plan:\n\s*\n(.*?)\n(---|FAIL)`).FindStringSubmatch(o.text)
	require.NotNil(t, plan, o.text)
	text := strings.ReplaceAll("\n"+plan[1], "\n        ", "\n")
	read, err := scenarios.ReadText("shop.yaml", []byte(text), scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err)
	require.Equal(t, scenarios.Violated, scenarios.Draw(read.Specs[0], read.Specs[0].Seed).Run(scenarios.RunOptions{}).Result.Verdict)
}

// If this failed, what rapid found could not be run again with what it printed, or nobody could keep the plan.
func TestWhatRapidFoundIsKept(t *testing.T) {
	dir, artifacts := t.TempDir(), t.TempDir()
	o := playIn(t, dir, "TestInnerDrawnForgetful -rapid.checks=20 -rapid.shrinktime=1s -test.artifacts -test.outputdir="+artifacts)
	require.False(t, o.passed)
	failfile := regexp.MustCompile(`-rapid\.failfile="([^"]+)"`).FindStringSubmatch(o.text)
	require.NotNil(t, failfile, o.text)
	plans := func(o outcome) string {
		_, plan, found := strings.Cut(o.text, "its plan:")
		require.True(t, found, o.text)
		plan, _, _ = strings.Cut(plan, "\n---")
		return plan
	}
	again := playIn(t, dir, "TestInnerDrawnForgetful -rapid.nofailfile -rapid.failfile="+failfile[1])
	require.False(t, again.passed)
	require.Equal(t, plans(o), plans(again), "the failfile leads to the same plan")

	kept := regexp.MustCompile(`its timetable: +(\S+plan\.yaml)`).FindStringSubmatch(o.text)
	require.NotNil(t, kept, o.text)
	read, err := scenarios.Read(kept[1], scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err)
	require.True(t, read.Specs[0].Seeded)
}

// If this failed, a test that runs out of time would end as a panic that names no seed.
func TestSeedsStopBeforeTheDeadline(t *testing.T) {
	var o outcome
	for range 20 { // a machine that stands still for a second misses it
		if o = play(t, "TestInnerRun -test.timeout=1s"); !strings.Contains(o.text, "test timed out") {
			break
		}
	}
	require.True(t, o.passed, o.text)
	require.Len(t, o.seeds, 1)
	require.Contains(t, o.text, "the deadline is near: 19 of 20 seeds were not run")
}

// If this failed, a scenario that does not hold would pass as a test, or would not say why it failed.
func TestScenariosAreTests(t *testing.T) {
	o := play(t, "TestInnerShop")
	require.True(t, o.passed, o.text)
	require.Len(t, o.seeds, 3)
	require.Equal(t, []string{"00000000deadbeef"}, play(t, "TestInnerShop/seed=00000000deadbeef").seeds)

	o = play(t, "TestInnerForgetful")
	require.False(t, o.passed)
	require.Contains(t, o.text, "shop is violated")
	require.Contains(t, o.text, "no-job-lost is violated")
	require.Contains(t, o.text, "server acknowledges it")
	require.Contains(t, o.text, "go test -run '^TestInnerForgetful$/^seed=")

	o = play(t, "TestInnerNever")
	require.False(t, o.passed, "what never comes in 20 seeds is no proof")
	require.Contains(t, o.text, "not all of them together")
	require.True(t, play(t, "TestInnerNever", "SIM_SEEDS=2").passed, "two runs are too few to say")

	o = play(t, "TestInnerMatrix")
	require.True(t, o.passed, o.text)
	require.Equal(t, 2, strings.Count(o.text, "--- PASS: TestInnerMatrix/seed=0000000000000001/"), o.text)

	o = play(t, "TestInnerWrong")
	require.False(t, o.passed)
	require.Contains(t, o.text, "shop.yaml:14:1", "what is wrong with a scenario is told at its line")
}

// If this failed, nobody could look at the storm that a test failed in, or run it with the command.
func TestATimetableIsKeptOnDemand(t *testing.T) {
	dir := t.TempDir()
	o := play(t, "TestInnerForgetful -test.artifacts -test.outputdir="+dir)
	require.False(t, o.passed)
	plan := regexp.MustCompile(`its timetable: +(\S+plan\.yaml)`).FindStringSubmatch(o.text)
	require.NotNil(t, plan, o.text)
	read, err := scenarios.Read(plan[1], scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err)
	require.True(t, read.Specs[0].Seeded)
}
