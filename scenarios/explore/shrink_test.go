package explore_test

import (
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/checkers"
	"simrun/checkers/evidence"
	"simrun/nodes"
	"simrun/nodes/kinds"
	"simrun/scenarios"
	"simrun/scenarios/explore"
)

var catalog = scenarios.Catalog{Kinds: kinds.All()}

// lamp has a bug: it goes out if it is killed and started again after its clock was set forward by more than an
// hour since it was first lit.
var lamp = nodes.Kind{Name: "test.lamp", Role: nodes.Server, Doc: "Burns.", Main: func(env nodes.Env, _ any) error {
	f, err := env.FS().OpenFile("lit", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	burn := env.Record().Invoke(nodes.Request{}, "burn")
	var first [8]byte
	now := env.Now().Unix()
	if size, err := f.Size(); err == nil && size == 0 {
		binary.LittleEndian.PutUint64(first[:], uint64(now))
		if _, err := f.WriteAt(first[:], 0); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	} else if _, err := f.ReadAt(first[:], 0); err != nil {
		return err
	}
	if since := int64(binary.LittleEndian.Uint64(first[:])); since > 0 && now-since > 3600 {
		burn.Fail(errors.New("it went out"))
	} else {
		burn.Ok()
	}
	return env.AwaitStop()
}}

type lit struct{}

// Judge looks for a lamp that went out.
func (*lit) Judge(e *evidence.Evidence) checkers.Judgement {
	for _, o := range e.Operations {
		if o.Reason != "" {
			return checkers.Judgement{Verdict: checkers.Violated, Anomaly: "lamp-out", Reason: o.Reason, Witness: []uint64{o.ID}}
		}
	}
	return checkers.Judgement{Verdict: checkers.Holds}
}

// holds is the same check of a lamp that was mended.
type holds struct{}

// Judge has nothing to look for.
func (*holds) Judge(*evidence.Evidence) checkers.Judgement {
	return checkers.Judgement{Verdict: checkers.Holds}
}

func newHolds() checkers.Check { return &holds{} }

var lamps = scenarios.Catalog{Kinds: []nodes.Kind{lamp}, Checks: []checkers.Definition{
	{Name: "test.lit", Doc: "No lamp goes out.", New: func() checkers.Check { return &lit{} }}}}

// neverLit has a lamp that needs no fault to go out.
var neverLit = func() scenarios.Catalog {
	broken := lamp
	broken.Main = func(env nodes.Env, _ any) error { panic("no oil") }
	return scenarios.Catalog{Kinds: []nodes.Kind{broken}, Checks: lamps.Checks}
}()

// dark makes of lampScenario one in which no lamp goes out.
var dark = strings.NewReplacer("crash: lamp/2", "crash: lamp/3")

const lampScenario = `scenario: lamps
sites: {here: {power: grid}, there: {}}
nodes:
  lamp: {run: test.lamp, site: here, count: 4}
  lantern: {run: test.lamp, site: there}
phases:
  - phase: night
    lasts: 60s
    faults:
      - {at: 3.217s, step-clock: lamp/1, by: 1s}
      - {at: 5s, pause: lamp/2, for: 3s}
      - {at: 7.4321s, step-clock: lamp/2, by: 2h}
      - {at: 11s, crash: lamp/3, for: 2s}
      - {at: 15s, slow-disk: all, for: 9s, delay: x10}
      - {at: 20s, crash-machine: lamp/1, for: 1s}
      - {after: crash-machine lamp/1, wait: 2345ms, crash: lamp/2, for: 3s}
      - {at: 30s, partition: [here, there], for: 5s}
      - {at: 40s, freeze-clock: lamp/4, for: 5s}
      - {at: 50s, drift-clock: lantern, for: 5s, by: 200ppm}
  - phase: dawn
    lasts: 20s
    heal: all
claims:
  - claim: all-lit
    check: test.lit
  - claim: lit-twice
    check: test.lit
`

func lampRun(t *testing.T, text string) *scenarios.Run {
	t.Helper()
	sc, err := scenarios.ReadText("lamps.yaml", []byte(text), scenarios.ReadOptions{Catalog: lamps})
	require.NoError(t, err)
	return scenarios.Draw(sc.Specs[0], 7).Run(scenarios.RunOptions{})
}

// violatesAgain reads the least plan as somebody would who found it in a repository.
func violatesAgain(t *testing.T, m *explore.Minimum, catalog scenarios.Catalog) {
	t.Helper()
	sc, err := scenarios.ReadText("minimal.yaml", m.File(), scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err, "%s", m.File())
	require.True(t, sc.Specs[0].Seeded)
	run := scenarios.Draw(sc.Specs[0], sc.Specs[0].Seed).Run(scenarios.RunOptions{})
	require.Equal(t, m.Run.Result.Hash, run.Result.Hash)
	require.Equal(t, m.Offence, run.Offences()[0])
}

// If this failed, somebody would be shown faults that have nothing to do with it, or something else on another machine.
func TestOfTenFaultsTheTwoThatMatterAreFound(t *testing.T) {
	run := lampRun(t, lampScenario)
	var told [2]string
	for i, jobs := range []int{1, 4} {
		m, err := explore.Shrink{Run: run, Catalog: lamps, Jobs: jobs}.Do()
		require.NoError(t, err)
		require.Equal(t, scenarios.Offence{Claim: "all-lit", Anomaly: "lamp-out", Shape: "burn"}, m.Offence)
		require.Len(t, m.Plan.Faults, 2, "%s", m.Plan.YAML())
		require.Equal(t, scenarios.StepClock, m.Plan.Faults[0].Verb)
		require.Equal(t, scenarios.Crash, m.Plan.Faults[1].Verb)
		require.Equal(t, "lamp/1", m.Plan.Faults[1].Target, "any lamp will do")
		require.Equal(t, 2*time.Hour, m.Plan.Faults[0].Options.By)
		require.True(t, m.Plan.Faults[1].After.IsZero(), "what it waited for is gone, so it strikes at a time")
		for _, n := range m.Needed {
			require.Equal(t, 8, n.Held, "without %s it holds", n.Fault.String())
			require.Equal(t, 8, n.Of)
		}
		require.Len(t, m.Needless, 8)
		require.True(t, m.Least)
		require.False(t, m.Calm)
		require.Len(t, m.Plan.Hosts, 1)
		require.Len(t, m.Plan.Claims, 1)
		require.Less(t, m.Runs, 400)
		violatesAgain(t, m, lamps)
		told[i] = string(m.Plan.YAML())
		t.Logf("%d runs with %d jobs", m.Runs, jobs)
	}
	require.Equal(t, told[0], told[1])
}

// If this failed, a least plan would be full of what has nothing to do with it, or would ask for something else.
func TestWhatIsSaidOfTheWorldGoesToo(t *testing.T) {
	sc, err := scenarios.ReadText("offices.yaml", []byte(offices), scenarios.ReadOptions{Catalog: telephones})
	require.NoError(t, err)
	m, err := explore.Shrink{Run: scenarios.Draw(sc.Specs[0], 7).Run(scenarios.RunOptions{}), Catalog: telephones}.Do()
	require.NoError(t, err)
	require.True(t, m.Least)
	text := string(m.Plan.YAML())
	require.Len(t, m.Plan.Faults, 2, "%s", text)
	require.Contains(t, text, "  office: {run: test.office, site: hall, with: {retries: 1, patience: 20s}}\n",
		"the claim's number goes down in both places; a time that would get longer stays")
	require.Contains(t, text, "check: {name: test.answered, retries: 1}")
	require.Contains(t, text, "mix: {long: 100%}}", "only long calls are dropped, and loud ones are as good as others")
	require.NotContains(t, text, "link-classes")
	require.NotContains(t, text, "ups")
	require.Equal(t, 1, len(m.Plan.Sites))
	require.Len(t, m.Plan.Hosts, 2)
	require.Equal(t, []string{"node caller", "site shed", "site yard", "link class lan", "link class wan"}, m.Gone)
	require.Equal(t, "offices-answered", m.Plan.Scenario)
	t.Logf("%d runs", m.Runs)
	violatesAgain(t, m, telephones)
}

// If this failed, a shrink without patience would come to nothing, or never to an end.
func TestAShrinkThatIsCutShortGivesWhatItHas(t *testing.T) {
	run := lampRun(t, lampScenario)
	var runs []int
	m, err := explore.Shrink{Run: run, Catalog: lamps, Budget: 30, Jobs: 3, Each: func(s explore.Shrinking) {
		runs = append(runs, s.Runs)
		require.Equal(t, 10, s.From)
	}}.Do()
	require.NoError(t, err)
	require.False(t, m.Least)
	require.Equal(t, 30, m.Runs)
	require.Len(t, runs, 30)
	require.Less(t, len(m.Plan.Faults), 10)
	violatesAgain(t, m, lamps)

	asked := 0
	m, err = explore.Shrink{Run: run, Catalog: lamps, More: func() bool { asked++; return asked <= 20 }}.Do()
	require.NoError(t, err)
	require.False(t, m.Least)
	violatesAgain(t, m, lamps)
}

// If this failed, faults would be blamed for what needs none, or a run in which nothing is wrong would be shrunk.
func TestWhatNeedsNoFaultIsSaidSo(t *testing.T) {
	text := lampScenario
	run := lampRun(t, text)
	_, err := explore.Shrink{Run: lampRun(t, dark.Replace(text)), Catalog: lamps}.Do()
	require.ErrorContains(t, err, "nothing is violated in lamps@0000000000000007")
	_, err = explore.Shrink{Run: run, Catalog: lamps, Claim: "drak"}.Do()
	require.ErrorContains(t, err, `lamps has no claim "drak"`)

	sc, err := scenarios.ReadText("lamps.yaml", []byte(text), scenarios.ReadOptions{Catalog: neverLit})
	require.NoError(t, err)
	m, err := explore.Shrink{Run: scenarios.Draw(sc.Specs[0], 7).Run(scenarios.RunOptions{}), Catalog: neverLit}.Do()
	require.NoError(t, err)
	require.True(t, m.Calm)
	require.Empty(t, m.Plan.Faults)
	require.Equal(t, "node panic of a test.lamp", m.Offence.String())
	violatesAgain(t, m, neverLit)
}
