package explore

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
	"simrun/nodes/gearman"
	"simrun/nodes/probe"
	"simrun/scenarios"
	"simrun/sim/luck"
)

const hills = `scenario: hills
link-classes: {way: {delay: [1ms, 5ms, 20ms]}}
sites: {west: {inside: way}}
nodes:
  server: {run: gearman.server, site: west}
  worker: {run: gearman.worker, site: west, count: 1..3, with: {servers: [server], job-time: [1ms, 10ms, 50ms]}}
  client: {run: gearman.client, site: west, with: {servers: [server], timeout: 1s}}
workload:
  - {from: client, do: submit, rate: 1/s..30/s}
phases:
  - phase: storm
    lasts: 3s
    swarm:
      enable: 0..2
      kinds:
        - {crash: one of workers, every: 100ms..2s, for: 50ms..1s}
        - {pause: one, every: 100ms..2s, for: 50ms..1s}
        - {slow-link: all, every: 100ms..2s, for: 50ms..1s, delay: x10}
  - {phase: calm, lasts: 3s, heal: all}
`

func hillsSpec(t require.TestingT) *scenarios.Spec {
	catalog := scenarios.Catalog{Kinds: []nodes.Kind{gearman.Server, gearman.Worker, gearman.Client}}
	sc, err := scenarios.ReadText("hills.yaml", []byte(hills), scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err)
	return sc.Specs[0]
}

// climb stands in for a world: what a plan comes to is a function of the plan, and the more rarely the higher. A step up is a
// worker that crashes just after another fault, and each step looks otherwise under each load.
func climb(plan *scenarios.Plan, verdict scenarios.Verdict) *scenarios.Result {
	r := weather(plan.Seed, verdict)
	height := 0
	for i := range plan.Faults {
		f := &plan.Faults[i]
		if i > 0 && f.Verb == scenarios.Crash && f.At-plan.Faults[i-1].At < 100*time.Millisecond {
			height++
		}
		r.Faults = append(r.Faults, scenarios.FaultResult{Verb: string(f.Verb), Armed: 1})
		r.States = append(r.States, scenarios.State{Kind: f.Target, At: f.At,
			Fingerprint: probe.Fingerprint(0).Among(height, 100).Among(int(plan.Workload[0].Rate.PerSecond()), 100)})
	}
	return r
}

// If this failed, a guided sweep would find another bug on a machine with more cores.
func TestAGuidedSweepTellsTheSameOnAnyNumberOfCores(t *testing.T) {
	spec := hillsSpec(t)
	rapid.Check(t, func(t *rapid.T) {
		base := luck.Seed(rapid.Uint64().Draw(t, "base"))
		count := rapid.IntRange(1, 120).Draw(t, "count")
		rare := rapid.Uint64Range(1, 200).Draw(t, "one run in")
		sweep := Sweep{Base: base, Count: count, Guided: spec, KeepGoing: rapid.Bool().Draw(t, "keep going")}
		sweep.Run = func(turn Turn) (*scenarios.Result, error) {
			verdict := scenarios.Holds
			if luck.Mix(uint64(turn.Seed), 2)%rare == 0 {
				verdict = scenarios.Violated
			}
			return climb(turn.Plan(spec), verdict), nil
		}
		tell := func(jobs int, past []*Entry) (told []*Entry, batch *Batch) {
			s := sweep
			s.Jobs = jobs
			s.Each = func(_ *Batch, e *Entry) {
				e.Run = nil
				told = append(told, e)
			}
			if past != nil {
				s.Past = func(yield func(*Entry, error) bool) {
					for _, e := range past {
						if !yield(e, nil) {
							return
						}
					}
				}
			}
			batch, err := s.Do()
			require.NoError(t, err)
			return told, batch
		}
		told, batch := tell(1, nil)
		for _, jobs := range []int{2, 7} {
			again, same := tell(jobs, nil)
			require.Equal(t, told, again)
			require.Equal(t, batch, same)
		}
		require.Equal(t, len(told), batch.Guidance.Fresh+batch.Guidance.Varied)
		for i, e := range told {
			require.Equal(t, scenarios.FormatSeed(scenarios.SeedAt(base, i)), e.Seed)
			require.False(t, e.Variation != nil && (i < unguided || i%2 == 0), "one turn in two is the seed's own")
		}

		// Interrupted and gone on with, it is the same sweep.
		before := rapid.IntRange(0, len(told)-1).Draw(t, "interrupted after")
		past := []*Entry{}
		for _, e := range told[:before] {
			line, err := json.Marshal(e)
			require.NoError(t, err)
			e = &Entry{}
			require.NoError(t, json.Unmarshal(line, e))
			past = append(past, e)
		}
		resumed, whole := tell(3, past)
		want, err := json.Marshal(told)
		require.NoError(t, err)
		got, err := json.Marshal(resumed)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
		require.Equal(t, batch.Guidance, whole.Guidance)
	})
}

// If this failed, a guided sweep would be a plain one that costs more.
func TestAGuidedSweepGoesWhereFewRunsCame(t *testing.T) {
	spec := hillsSpec(t)
	const runs = 300
	covered := func(guided *scenarios.Spec) (states int) {
		for base := range luck.Seed(5) {
			seen := map[uint32]bool{}
			_, err := Sweep{Base: base, Count: runs, Guided: guided, Run: func(turn Turn) (*scenarios.Result, error) {
				return climb(turn.Plan(spec), scenarios.Holds), nil
			}, Each: func(_ *Batch, e *Entry) {
				for _, s := range reachOf(e.Run) {
					seen[s.What] = true
				}
			}}.Do()
			require.NoError(t, err)
			states += len(seen)
		}
		return states
	}
	require.Greater(t, covered(spec), covered(nil))
}

// If this failed, shards or the points of a matrix would be taken for a sweep that hangs together.
func TestAGuidedSweepIsOfOnePiece(t *testing.T) {
	spec := hillsSpec(t)
	_, err := Sweep{Count: 10, Guided: spec, Shard: Shard{1, 2}}.Do()
	require.ErrorContains(t, err, "no shards")
	_, err = Sweep{Count: 10, Guided: spec, Values: 2}.Do()
	require.ErrorContains(t, err, "no matrix")
}

// If this failed, a sweep that was interrupted would go on another way, or a file would bring the program down.
func TestWhatARunCameToReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &scenarios.Result{Sometimes: map[string]int{"a": rapid.IntRange(0, 1).Draw(t, "seen")}}
		r.Reached = rapid.SliceOf(rapid.String()).Draw(t, "probes")
		for range rapid.IntRange(0, 20).Draw(t, "states") {
			r.States = append(r.States, scenarios.State{Kind: rapid.String().Draw(t, "kind"),
				Fingerprint: probe.Fingerprint(rapid.Uint64().Draw(t, "print")), Under: scenarios.VerbSet(rapid.Uint64Range(0, 1<<20).Draw(t, "under")),
				At: time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "at"))})
		}
		reach := reachOf(r)
		text, err := reach.MarshalText()
		require.NoError(t, err)
		var again Reach
		require.NoError(t, again.UnmarshalText(text))
		require.Equal(t, reach, again)
	})
}

func FuzzReach(f *testing.F) {
	text, _ := Reach{{1, 0}, {1 << 30, time.Second}, {2 << 30, 0}}.MarshalText()
	f.Add(text)
	f.Add([]byte("////"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r Reach
		if r.UnmarshalText(text) != nil {
			return
		}
		for i := range r {
			require.True(t, i == 0 || r[i-1].What < r[i].What)
			require.Less(t, r[i].sort(), sorts)
		}
		once, err := r.MarshalText()
		require.NoError(t, err)
		var again Reach
		require.NoError(t, again.UnmarshalText(once))
		require.Equal(t, r, again)
	})
}
