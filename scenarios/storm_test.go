package scenarios_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes/history"
	"simrun/nodes/probe"
	"simrun/scenarios"
	"simrun/sim/luck"
)

// weather runs a small job service for forty seconds, in which these faults strike, and says what became of it.
func weather(t *testing.T, seed luck.Seed, lines ...string) *scenarios.Run {
	t.Helper()
	text := `scenario: weather
link-classes: {lan: {delay: 100us..500us}, wan: {delay: 1ms..5ms}}
sites:
  west: {power: supplier-1, inside: lan}
  east: {power: supplier-2, inside: lan}
links:
  - {between: [west, east], is: wan}
nodes:
  server-w: {run: gearman.server, site: west, with: {segment: 8KiB, compact: 16KiB}}
  server-e: {run: gearman.server, site: east, with: {segment: 8KiB, compact: 16KiB}}
  worker: {run: gearman.worker, site: west, count: 2, with: {servers: [server-w, server-e], job-time: 5ms..20ms, timeout: 1s}}
  client: {run: gearman.client, site: east, count: 2, with: {servers: [server-w, server-e], timeout: 1s}}
workload:
  - {from: client, do: submit, rate: 20/s, mix: {foreground: 50%, background: 50%}}
phases:
  - {phase: before, lasts: 10s}
  - phase: storm
    lasts: 20s
`
	if len(lines) > 0 {
		text += "    faults:\n"
	}
	for _, l := range lines {
		text += "      - " + l + "\n"
	}
	text += "  - {phase: after, lasts: 10s, heal: all}\n"
	return runText(t, seed, text)
}

func runText(t *testing.T, seed luck.Seed, text string) *scenarios.Run {
	t.Helper()
	sc, err := scenarios.ReadText("weather.yaml", []byte(text), scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err)
	run := scenarios.Draw(sc.Specs[0], seed).Run(scenarios.RunOptions{})
	require.Empty(t, run.Result.Findings)
	return run
}

// If this failed, a search would not know what a run came to, or would take one run for two.
func TestARunSaysWhatItReached(t *testing.T) {
	lines := []string{"{at: 5s, buggify: servers, points: [journal.compact-early], rate: 20%, for: 10s}",
		"{at: 6s, crash: server-w, for: 1s}", "{at: 9s, step-clock: server-e, by: 1s}"}
	run := weather(t, 3, lines...)
	r := run.Result
	require.Subset(t, r.Reached, []string{"the journal was compacted", "a journal was recovered from a snapshot",
		"no handle is given twice", "a worker is at no more jobs than it may"})
	require.NotContains(t, r.Reached, "a queue was full")
	require.True(t, slices.IsSorted(r.Reached))

	fair, under := 0, map[scenarios.Verb]int{}
	for i, s := range r.States {
		require.Equal(t, "gearman.server", s.Kind)
		if i > 0 {
			require.Less(t, r.States[i-1].Fingerprint, s.Fingerprint)
		}
		if s.Under == 0 {
			fair++
		}
		for _, v := range s.Under.Verbs() {
			require.True(t, s.Under.Has(v))
			require.False(t, s.Under.Has(scenarios.CutPower))
			under[v]++
		}
	}
	require.Greater(t, len(r.States), 20)
	require.Less(t, len(r.States), 1000, "states that differ in nothing are one")
	require.Positive(t, fair)
	for _, v := range []scenarios.Verb{scenarios.Buggify, scenarios.Crash, scenarios.StepClock} {
		require.Positive(t, under[v], v)
		require.Less(t, under[v], len(r.States), "%s was under way for a while", v)
	}
	again := weather(t, 3, lines...).Result
	require.Equal(t, r.Reached, again.Reached)
	require.Equal(t, r.States, again.States)
}

// If this failed, a claim could mean one of two places, and a list of what was never reached would be wrong.
func TestProbesHaveNamesOfTheirOwn(t *testing.T) {
	named := map[string]*probe.Probe{}
	for _, k := range catalog.Kinds {
		require.NotEmpty(t, k.Probes, k.Name)
		for _, p := range probe.All(k.Probes...) {
			if other := named[p.Name()]; other != nil {
				require.Equal(t, p.ID(), other.ID(), p.Name())
			}
			named[p.Name()] = p
		}
	}
}

// If this failed, there would be a fault that does nothing: the mistake that other simulators shipped for years.
func TestEveryFaultHasAnEffect(t *testing.T) {
	calm := weather(t, 3)
	for verb, line := range map[scenarios.Verb]string{
		scenarios.CutPower:         "{at: 5s, cut-power: supplier-1, for: 5s}",
		scenarios.Buggify:          "{at: 5s, buggify: server-w, points: 3, for: 5s}",
		scenarios.CrashMachine:     "{at: 5s, crash-machine: server-w, for: 5s}",
		scenarios.PauseMachine:     "{at: 5s, pause-machine: server-w, for: 5s}",
		scenarios.Crash:            "{at: 5s, crash: server-w, for: 5s}",
		scenarios.Pause:            "{at: 5s, pause: server-w, for: 5s}",
		scenarios.Stop:             "{at: 5s, stop: server-w, for: 5s}",
		scenarios.SlowCPU:          "{at: 5s, slow-cpu: worker, for: 5s, delay: x10}",
		scenarios.Partition:        "{at: 5s, partition: [west, east], for: 5s}",
		scenarios.Flap:             "{at: 5s, flap: [west, east], for: 5s, down: 100ms, up: 200ms}",
		scenarios.SlowLink:         "{at: 5s, slow-link: all, for: 5s, delay: x1.5}",
		scenarios.Jam:              "{at: 5s, jam: [west, east], for: 5s}",
		scenarios.LosePackets:      "{at: 5s, lose-packets: all, for: 5s, rate: 20%}",
		scenarios.CorruptPackets:   "{at: 5s, corrupt-packets: all, for: 5s, rate: 20%}",
		scenarios.RepeatPackets:    "{at: 5s, repeat-packets: all, for: 5s, rate: 20%}",
		scenarios.ResetConnections: "{at: 5s, reset-connections: all}",
		scenarios.LimitBandwidth:   "{at: 5s, limit-bandwidth: all, for: 5s, bandwidth: 8KiB}",
		scenarios.StepClock:        "{at: 5s, step-clock: client, by: 2s}",
		scenarios.DriftClock:       "{at: 5s, drift-clock: client, for: 5s, by: 100000ppm}",
		scenarios.SlewClock:        "{at: 5s, slew-clock: client, for: 5s, by: 1s}",
		scenarios.FreezeClock:      "{at: 5s, freeze-clock: client, for: 5s}",
		scenarios.SlowDisk:         "{at: 5s, slow-disk: server-w, for: 5s, delay: 20ms}",
		scenarios.StallDisk:        "{at: 5s, stall-disk: server-w, for: 5s}",
		scenarios.FailSync:         "{at: 5s, fail-sync: server-w, for: 1s}",
		scenarios.FillDisk:         "{at: 5s, fill-disk: server-w, for: 5s}",
		scenarios.WipeDisk:         "{at: 5s, wipe-disk: server-w}",
	} {
		t.Run(string(verb), func(t *testing.T) {
			run := weather(t, 3, line)
			require.Len(t, run.Result.Faults, 1)
			f := run.Result.Faults[0]
			require.Equal(t, string(verb), f.Verb)
			require.Equal(t, 1, f.Armed)
			require.Equal(t, 1, f.Fired)
			require.Equal(t, 15.0, f.At)
			require.Positive(t, f.Effects, "%s did nothing", line)
			require.NotEqual(t, calm.Result.Hash, run.Result.Hash)
		})
	}
	// What these do is noticed only by who comes to it later, or in company.
	for verb, lines := range map[scenarios.Verb][]string{
		scenarios.Start:          {"{at: 4s, stop: server-w}", "{at: 5s, start: server-w}"},
		scenarios.Exhaust:        {"{at: 5s, exhaust: client, for: 5s, limit: ports}", "{at: 6s, reset-connections: all}"},
		scenarios.FailRead:       {"{at: 5s, fail-read: server-w, for: 5s}", "{at: 6s, crash: server-w, for: 1s}"},
		scenarios.CorruptDisk:    {"{at: 5s, corrupt-disk: server-w, sectors: 50}", "{at: 6s, crash: server-w, for: 1s}"},
		scenarios.MisdirectWrite: {"{at: 5s, misdirect-write: server-w}", "{at: 8s, crash-machine: server-w, for: 1s}"},
	} {
		t.Run(string(verb), func(t *testing.T) {
			var effects int64
			for seed := luck.Seed(1); seed < 30 && effects == 0; seed++ {
				for _, f := range weather(t, seed, lines...).Result.Faults {
					if f.Verb == string(verb) {
						require.Equal(t, 1, f.Fired)
						effects += f.Effects
					}
				}
			}
			require.Positive(t, effects, "%s did nothing", lines)
		})
	}
}

// If this failed, the millisecond that matters would be left to chance.
func TestFaultsWaitForEventsAndMoments(t *testing.T) {
	run := weather(t, 1,
		"{at: 2s, crash: server-w, for: 3s}",
		"{after: crash server-w, wait: 1s, pause: worker/1, for: 1s}",
		"{after: restore-crash server-w, wait: 500ms, pause: worker/2, for: 1s}",
		"{on: server-e sync-begin, nth: 5, crash-machine: server-e, for: 2s}",
		"{on: server-e sync-begin, nth: 100000, crash: server-e, for: 2s}",
		"{after: heal, wait: 0s, pause: client/1, for: 1s}",
	)
	at := map[string]float64{}
	fired := 0
	for _, f := range run.Result.Faults {
		at[f.Verb+" "+f.Target] = f.At
		fired += f.Fired
		require.Equal(t, 1, f.Armed)
	}
	require.Equal(t, 12.0, at["crash server-w"])
	require.Equal(t, 13.0, at["pause worker/1"])
	require.Equal(t, 15.5, at["pause worker/2"])
	require.Greater(t, at["crash-machine server-e"], 10.0)
	require.Less(t, at["crash-machine server-e"], 20.0)
	require.Equal(t, 4, fired, "the ninety-nine-thousandth sync did not come, and no heal in the storm")
	for _, d := range run.History.Downs {
		if d.Why == "crash-machine" {
			require.Equal(t, 2*time.Second, d.To-d.From)
		}
	}
}

// If this failed, liveness with a healed core could not be tried: all else must stay broken for ever.
func TestHealingTheCoreLeavesTheRestBroken(t *testing.T) {
	run := runText(t, 1, `scenario: weather
sites: {west: {power: supplier-1}, east: {power: supplier-2}}
nodes:
  server: {run: gearman.server, site: west, count: 3}
  other: {run: gearman.server, site: east}
phases:
  - phase: storm
    lasts: 10s
    faults:
      - {at: 1s, cut-power: supplier-1}
      - {at: 2s, crash: other}
      - {at: 3s, partition: [server/1, server/2, server/3, other]}
      - {at: 4s, step-clock: all, by: 3s}
  - {phase: after, lasts: 10s, heal: [server/1, server/2]}
`)
	down := map[string]time.Duration{}
	for _, d := range run.History.Downs {
		if d.Why == "cut-power" {
			down[d.Host] = d.To
		}
	}
	require.Equal(t, map[string]time.Duration{"server/1": 10 * time.Second, "server/2": 10 * time.Second, "server/3": history.Never}, down)
	cut := map[string]bool{}
	for _, i := range run.History.Impairments {
		if i.Cut && i.End == history.Never {
			for _, a := range i.From {
				for _, b := range i.To {
					cut[a+">"+b] = true
				}
			}
		}
	}
	require.False(t, cut["server/1>server/2"] || cut["server/2>server/1"], "the core sees itself")
	require.True(t, cut["server/1>server/3"] && cut["server/3>server/1"] && cut["other>server/2"], "and nobody else")
}

// If this failed, a workload of 20/s would be another, or wait for its answers.
func TestArrivalsAreOpenLoopAndOfTheRate(t *testing.T) {
	per := func(lines ...string) (perSecond float64) {
		run := weather(t, 5, lines...)
		return float64(run.Result.Operations) / 40
	}
	require.InEpsilon(t, 20, per(), 0.1)
	require.InEpsilon(t, 20, per("{at: 1s, partition: [west, east]}"), 0.1, "nobody waits for an answer")
	require.InEpsilon(t, 20*20.0/40, per("{at: 0s, pause: client, for: 20s}"), 0.15, "who stands still asks for nothing")
}

// If this failed, removing a fault would move the luck of those before it, and no plan could be shrunk.
func TestWhatComesBeforeAFaultIsTheSameWithoutIt(t *testing.T) {
	all := weather(t, 9, "{at: 2s, crash: server-w, for: 1s}", "{at: 15s, cut-power: supplier-1, for: 2s}")
	some := weather(t, 9, "{at: 2s, crash: server-w, for: 1s}")
	same := 0
	for i, o := range all.History.Operations {
		if o.Call >= 25*time.Second {
			break
		}
		p := some.History.Operations[i]
		require.Equal(t, fmt.Sprint(o.Host, o.Kind, o.Call), fmt.Sprint(p.Host, p.Kind, p.Call))
		same++
	}
	require.Greater(t, same, 400)
}
