package scenarios

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/sim/luck"
)

// ajar leaves open what a scenario may leave open.
const ajar = `scenario: ajar
link-classes:
  instant: {delay: 0}
  lan: {delay: [50us..200us, 1ms..2ms, 0], loss: 0%..1%, bandwidth: [1MiB, 1GiB]}
sites:
  west: {power: supplier-1, inside: [lan, instant]}
  east: {power: supplier-2, inside: lan}
links:
  - {between: [west, east], is: [lan, instant]}
nodes:
  server: {run: gearman.server, site: [west, east], count: 1..3, restart: [never, 100ms, 5s],
           with: {queue: [journal, memory], limit: 1KiB..1MiB, idle: 1m..90m, deep: {share: 1%..50%, on: [yes, no]}}}
  other:  {run: gearman.server, site: east}
  worker: {run: gearman.worker, site: [west, east], count: 1..6, restart: 10ms..10s, limits: {files: 10..1000, cores: [1, 4]},
           with: {servers: [server, other], job-time: [1ms..2ms, 20ms..40ms]}}
  client: {run: gearman.client, site: west, with: {servers: [other], timeout: 10ms..10s}}
workload:
  - {from: client, do: submit, rate: 1/s..100/s, mix: [{foreground: 100%}, {background: 50%, status: 50%}]}
  - {from: client, do: submit-background, rate: 1/s, unique: [0%, 10%, 90%]}
phases:
  - phase: storm
    lasts: 10s
    faults:
      - {at: 1s, partition: [west, east], for: 1s}
      - {at: 2s, crash: west, for: 1s}
      - {at: 3s, partition: [west, worker/1], for: 1s}
      - {at: 4s, pause: one of west, for: 1s}
      - {at: 5s, cut-power: supplier-1, for: 1s}
  - {phase: calm, lasts: 5s, heal: west}
`

// If this fails, what is drawn once for a plan is not in it as the value that it was drawn to be, or drawn anew when
// it is read.
func TestWhatIsLeftOpenIsSettledInThePlan(t *testing.T) {
	spec := mustRead(t, ajar).Specs[0]
	seen := map[string]map[string]bool{}
	note := func(what, value string) {
		if seen[what] == nil {
			seen[what] = map[string]bool{}
		}
		seen[what][value] = true
	}
	var shortest, longest = time.Hour, time.Duration(0)
	for seed := range luck.Seed(100) {
		p := Draw(spec, seed)
		again, err := ReadText("plan.yaml", p.YAML(), ReadOptions{Catalog: testCatalog()})
		require.NoError(t, err, "%s", p.YAML())
		samePlan(t, p, Draw(again.Specs[0], seed))
		other := Draw(again.Specs[0], seed+1)
		other.Seed = seed
		samePlan(t, p, other)

		for i := range p.Hosts {
			switch h := &p.Hosts[i]; h.Name {
			case "server/1":
				c := h.Config.(*serverConfig)
				note("server's site", h.Site)
				note("supplier", h.Supplier)
				note("queue", string(c.Queue))
				note("restart", h.Restart.String())
				require.LessOrEqual(t, c.Idle, time.Hour, "a combination that the node refuses is not drawn")
			case "worker/1":
				note("job-time", h.Config.(*workerConfig).JobTime.String())
				note("cores", "cores "+string(rune('0'+h.Limits.Cores)))
				require.GreaterOrEqual(t, h.Limits.Files, 10)
				require.LessOrEqual(t, h.Limits.Files, 1000)
			case "client":
				shortest = min(shortest, h.Config.(*clientConfig).Timeout)
				longest = max(longest, h.Config.(*clientConfig).Timeout)
			}
		}
		note("inside", p.Sites[1].Inside)
		note("link", p.Links[0].Is)
		note("delay", p.Classes[1].Delay.String())
		note("mix", p.Workload[0].Mix[0].Variant)
		note("unique", p.Workload[1].Options.(*uniqueOptions).Unique.String())
		for _, f := range p.Faults {
			for _, target := range f.Targets {
				require.True(t, f.Verb == CutPower || len(target.Hosts) > 0, "%s strikes nobody", &f)
			}
		}
	}
	for what, values := range map[string]int{"server's site": 2, "supplier": 2, "queue": 2, "restart": 3, "job-time": 2, "cores": 2,
		"inside": 2, "link": 2, "delay": 3, "mix": 2, "unique": 3} {
		require.Len(t, seen[what], values, what)
	}
	require.Less(t, shortest, 15*time.Millisecond)
	require.Greater(t, longest, 7*time.Second)
}

// If this fails, one more open value gives all others another luck, and no scenario can be changed without being lost.
func TestEveryOpenValueHasItsOwnLuck(t *testing.T) {
	whole := mustRead(t, ajar).Specs[0]
	for _, cut := range []string{", limit: 1KiB..1MiB", ", idle: 1m..90m", ", loss: 0%..1%", ", on: [yes, no]", ", limits: {files: 10..1000, cores: [1, 4]}"} {
		less := mustRead(t, strings.Replace(ajar, cut, "", 1)).Specs[0]
		for seed := range luck.Seed(20) {
			a, b := Draw(whole, seed), Draw(less, seed)
			require.Equal(t, a.Faults, b.Faults, cut)
			require.Equal(t, a.Links, b.Links)
			require.Equal(t, len(a.Hosts), len(b.Hosts))
			for i := range a.Hosts {
				require.Equal(t, a.Hosts[i].Site, b.Hosts[i].Site)
				require.Equal(t, a.Hosts[i].Restart, b.Hosts[i].Restart)
				if c, ok := a.Hosts[i].Config.(*clientConfig); ok {
					require.Equal(t, c, b.Hosts[i].Config)
				}
			}
		}
	}
}

// If this fails, tempo is the same in every run, or a quiet run never comes: slow storms find nothing.
func TestTempoAndFamilies(t *testing.T) {
	spec := mustRead(t, `scenario: swarm
sites: {west: {power: grid}}
nodes: {server: {run: gearman.server, site: west, count: 5}}
phases:
  - phase: storm
    lasts: 20s
    swarm:
      families: 0..2
      enable: 0..3
      tempo: 10ms..10s
      kinds:
        - {cut-power: grid, for: 1ms}
        - {crash: one, for: 1ms}
        - {pause: one, for: 1ms}
        - {partition: random, for: 1ms}
        - {jam: one, for: 1ms}
        - {step-clock: one, by: 1s, every: 1s..2s}
        - {slow-disk: one, for: 1ms, delay: x2}
`).Specs[0]
	quiet, decades, most := 0, map[int]int{}, 0
	alone := map[Verb]bool{}
	for seed := range luck.Seed(500) {
		p := Draw(spec, seed)
		families, count := map[string]bool{}, map[Verb]int{}
		for _, f := range p.Faults {
			families[f.Verb.Info().Family] = true
			count[f.Verb]++
		}
		require.LessOrEqual(t, len(families), 2)
		require.LessOrEqual(t, len(count), 3)
		most = max(most, len(count))
		if len(p.Faults) == 0 {
			quiet++
		}
		for v, n := range count {
			if v != StepClock {
				decades[int(math.Log10(20_000/float64(n)))]++
			}
			alone[v] = true
		}
		if len(p.Faults) < 20 {
			again, err := ReadText("plan.yaml", p.YAML(), ReadOptions{Catalog: testCatalog()})
			require.NoError(t, err)
			samePlan(t, p, Draw(again.Specs[0], seed))
		}
	}
	require.InDelta(t, 200, quiet, 70, "of 500 runs, those with no family or no kind, and some where nothing came in time")
	require.Len(t, alone, 7)
	require.Equal(t, 3, most)
	for _, decade := range []int{1, 2, 3, 4} {
		require.Greater(t, decades[decade], 10, "gaps of 10^%d ms: %v", decade, decades)
	}
}

// If this fails, half of the faults cannot be aimed at whoever leads.
func TestAlternatives(t *testing.T) {
	p := drawFaults(t, 5, "{every: 100ms, crash: leader of server or one of server or lone, for: 1ms}",
		"{at: 5s, partition: random or leader of servers, for: 1s}", "{at: 6s, pause: one of clients or lone, for: 1s}")
	count := map[string]int{}
	for _, f := range p.Faults {
		if f.Verb == Crash {
			count[f.Target]++
		}
	}
	leaders, lone := count["leader of server"], count["lone"]
	total := leaders + lone
	for i := range 5 {
		n := count["server/"+string(rune('1'+i))]
		require.Positive(t, n)
		total += n
	}
	require.InDelta(t, 100, leaders, 30)
	require.InDelta(t, 100, lone, 30)
	require.InDelta(t, 297, total, 5)
	require.Len(t, count, 7)
}

// If this fails, a scenario without restarts has some, and its plan is another one.
func TestWithoutRestarts(t *testing.T) {
	text := strings.Replace(readExample(t), "phases:\n", "restarts: no\nphases:\n", 1)
	text = strings.Replace(text, "    faults:\n", "    faults:\n      - {at: 1s, start: all}\n      - {at: 12s, wipe-disk: gearman-a}\n", 1)
	spec := mustRead(t, text).Specs[0]
	stopped := 0
	for seed := range luck.Seed(100) {
		p := Draw(spec, seed)
		require.True(t, p.NoRestarts)
		for _, h := range p.Hosts {
			require.True(t, h.Restart.Never)
		}
		for _, f := range p.Faults {
			switch f.Verb {
			case Start, WipeDisk:
				t.Fatalf("seed %d: %s", seed, &f)
			case Crash, CutPower, CrashMachine, Stop:
				require.Zero(t, f.For)
				stopped++
			case Pause:
				require.NotZero(t, f.For, "who stands still has not ended")
			}
		}
		again, err := ReadText("plan.yaml", p.YAML(), ReadOptions{Catalog: testCatalog()})
		require.NoError(t, err, "%s", p.YAML())
		samePlan(t, p, Draw(again.Specs[0], seed))
	}
	require.Greater(t, stopped, 200)
	require.Contains(t, mustRead(t, readExample(t), "restarts=no").Specs[0].doc.Scenario, "thunderstorm")
}

// If this fails, a swarm without restarts leaves nobody of whom anything could be claimed.
func TestWithoutRestartsSomebodyOfEachRoleStays(t *testing.T) {
	spec := mustRead(t, `scenario: mortal
restarts: no
sites: {west: {}}
nodes:
  server: {run: gearman.server, site: west, count: 3}
  worker: {run: gearman.worker, site: west, count: 4, with: {servers: [server]}}
  client: {run: gearman.client, site: west, count: 2, with: {servers: [server]}}
phases:
  - phase: storm
    lasts: 30s
    swarm:
      keep-up: {of: workers, at-least: 2}
      kinds:
        - {crash: one, every: 100ms..1s, for: 1s}
        - {fail-sync: one of servers, every: 1s..2s, for: 10ms}
  - phase: more
    lasts: 30s
    swarm:
      kinds: [{stop: one, every: 100ms..1s, for: 1s}]
  - {phase: calm, lasts: 1s, heal: all}
`).Specs[0]
	for seed := range luck.Seed(100) {
		gone := map[string]bool{}
		p := Draw(spec, seed)
		for i := range p.Faults {
			for _, target := range p.Faults[i].Targets {
				for _, h := range target.Hosts {
					gone[h] = true
				}
			}
		}
		left := map[nodes.Role]int{}
		for _, h := range p.Hosts {
			if !gone[h.Name] {
				left[h.Kind.Role]++
			}
		}
		require.Equal(t, 1, left[nodes.Server], "seed %d", seed)
		require.Equal(t, 1, left[nodes.Client], "seed %d", seed)
		require.Contains(t, []int{1, 2}, left[nodes.Worker], "two are kept up in the storm, and one in what follows")
	}
}

// If this fails, a person is not told that a queue may grow by itself in some of the runs.
func TestTheWorstDrawIsReckonedWith(t *testing.T) {
	text := func(count, time, rate string) string {
		return `scenario: load
sites: {west: {}}
nodes:
  server: {run: gearman.server, site: west}
  worker: {run: gearman.worker, site: west, count: ` + count + `, with: {servers: [server], job-time: ` + time + `}}
  client: {run: gearman.client, site: west, with: {servers: [server]}}
workload: [{from: client, do: submit, rate: ` + rate + `}]
phases: [{phase: storm, lasts: 1s}]
`
	}
	require.Empty(t, mustRead(t, text("2..4", "[10ms..10ms, 100ms..100ms]", "1/s..13/s")).Warnings)
	warnings := mustRead(t, text("2..4", "[10ms..10ms, 100ms..100ms]", "1/s..15/s")).Warnings
	require.Len(t, warnings, 1)
	require.Equal(t, `workload[0].rate: offered 15/s = 15/s is 75% of the 20/s that 2 working machines do where least is drawn; above 70% a queue may grow by itself`,
		warnings[0].Path+": "+warnings[0].What)
	require.Equal(t, []int{7, 45}, []int{warnings[0].Line, warnings[0].Column})
}
