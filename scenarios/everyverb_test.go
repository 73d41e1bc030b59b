package scenarios

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
	"simrun/sim/luck"
)

func everyVerb(t testing.TB) *Spec {
	t.Helper()
	data, err := os.ReadFile("testdata/every-verb.yaml")
	require.NoError(t, err)
	sc, err := ReadText("every-verb.yaml", data, ReadOptions{Catalog: testCatalog()})
	require.NoError(t, err)
	return sc.Specs[0]
}

// If this fails, there is a verb that no scenario can say, or that a plan cannot write down.
func TestEveryVerbIsReadDrawnAndWritten(t *testing.T) {
	spec := everyVerb(t)
	seen := map[Verb]bool{}
	rapid.Check(t, func(rt *rapid.T) {
		plan := Draw(spec, luck.Seed(rapid.Uint64().Draw(rt, "seed")))
		for i := range plan.Faults {
			f := &plan.Faults[i]
			seen[f.Verb] = true
			require.NotEmpty(rt, f.Targets, f)
			for _, target := range f.Targets {
				require.NotEmpty(rt, target.Hosts, f)
			}
		}
		again, err := ReadText("every-verb.yaml", plan.YAML(), ReadOptions{Catalog: testCatalog()})
		require.NoError(rt, err, "%s", plan.YAML())
		samePlan(rt, plan, Draw(again.Specs[0], plan.Seed))
		other := Draw(again.Specs[0], plan.Seed+1) // nothing but the luck of packets is left in a plan
		other.Seed = plan.Seed
		samePlan(rt, plan, other)
	})
	for _, v := range Verbs() {
		require.True(t, seen[v.Verb], "%s was never drawn", v.Verb)
		require.NotEmpty(t, v.Doc, v.Verb)
	}
}

// drawFaults reads a small world with these faults in it, and draws.
func drawFaults(t *testing.T, seed luck.Seed, lines ...string) *Plan {
	t.Helper()
	text := `scenario: small
sites: {west: {power: one-supplier}, east: {power: other-supplier}}
nodes:
  server: {run: gearman.server, site: west, count: 5}
  lone: {run: gearman.server, site: east, restart: never}
  client: {run: gearman.client, site: east, count: 2, with: {servers: [lone]}}
phases:
  - {phase: before, lasts: 10s}
  - phase: storm
    lasts: 30s
    faults:
`
	for _, l := range lines {
		text += "      - " + l + "\n"
	}
	text += "  - {phase: after, lasts: 10s, heal: all}\n"
	return Draw(mustRead(t, text).Specs[0], seed)
}

// If this fails, a partition does not divide what it says.
func TestShapes(t *testing.T) {
	reach := func(p *Plan, f *Fault) map[[2]string]bool {
		var all []string
		for i := range p.Hosts {
			all = append(all, p.Hosts[i].Name)
		}
		cut := map[[2]string]bool{}
		for _, w := range f.Ways(all) {
			for _, a := range w.From {
				for _, b := range w.To {
					if a != b {
						cut[[2]string{a, b}] = true
					}
				}
			}
		}
		return cut
	}
	for seed := range luck.Seed(50) {
		p := drawFaults(t, seed, "{at: 1s, partition: [server/1, lone]}", "{at: 2s, partition: server/1, direction: one-way}",
			"{at: 3s, partition: server, shape: ring}", "{at: 4s, partition: server, shape: bridge}",
			"{at: 5s, partition: [lone, server/2], shape: isolate}", "{at: 6s, partition: random}",
			"{at: 7s, slow-link: server/1, delay: x2}", "{at: 8s, slow-link: [server/1, lone], delay: x2}")
		cuts := make([]map[[2]string]bool, len(p.Faults))
		for i := range p.Faults {
			cuts[i] = reach(p, &p.Faults[i])
		}
		require.Equal(t, map[[2]string]bool{{"server/1", "lone"}: true, {"lone", "server/1"}: true}, cuts[0])
		require.Len(t, cuts[1], 7)
		require.True(t, cuts[1][[2]string{"server/1", "client/2"}])
		require.False(t, cuts[1][[2]string{"client/2", "server/1"}])

		// In a ring of five each loses two, and sees a majority of three, itself included.
		require.Len(t, cuts[2], 10)
		for _, h := range []string{"server/1", "server/2", "server/3", "server/4", "server/5"} {
			lost := 0
			for pair := range cuts[2] {
				if pair[0] == h {
					lost++
				}
			}
			require.Equal(t, 2, lost)
		}

		// A bridge of five: two and two that do not see each other, and one that sees all.
		require.Len(t, cuts[3], 8)
		require.Len(t, cuts[4], 2*2*6, "two hosts are cut off from six others, and see each other")
		require.False(t, cuts[4][[2]string{"lone", "server/2"}])
		require.NotEmpty(t, cuts[5])
		require.Less(t, len(cuts[5]), 8*7)
		require.Len(t, cuts[6], 2*7)
		require.Len(t, cuts[7], 2)
	}
}

// If this fails, who is selected is not who was meant.
func TestSelectors(t *testing.T) {
	chosen := map[string]map[string]bool{}
	for seed := range luck.Seed(200) {
		p := drawFaults(t, seed, "{at: 1s, crash: one of server}", "{at: 2s, crash: minority of server}", "{at: 3s, crash: majority of server}",
			"{at: 4s, crash: random}", "{at: 5s, crash: one}", "{at: 6s, crash: servers}", "{at: 7s, crash: east}", "{at: 8s, crash: one-supplier}",
			"{at: 9s, crash: leader of server}", "{at: 10s, cut-power: all}", "{at: 11s, cut-power: random}", "{at: 12s, crash: one of minority of server}",
			"{at: 13s, crash: [lone, one of client]}")
		sizes := map[int]int{0: 1, 1: 2, 2: 3, 4: 1, 11: 1, 12: 2}
		for i, f := range p.Faults {
			if n, ok := sizes[i]; ok {
				require.Len(t, f.Targets, n, f.Target)
			}
			if chosen[f.At.String()] == nil {
				chosen[f.At.String()] = map[string]bool{}
			}
			for _, target := range f.Targets {
				chosen[f.At.String()][target.Name] = true
			}
		}
		require.Len(t, p.Faults[5].Targets[0].Hosts, 6)
		require.Equal(t, []string{"client/1", "client/2", "lone"}, p.Faults[6].Targets[0].Hosts)
		require.Len(t, p.Faults[7].Targets[0].Hosts, 5)
		require.True(t, p.Faults[8].Targets[0].Leader)
		require.Equal(t, "leader of server", p.Faults[8].Target)
		require.Equal(t, "all", strings.Join([]string{p.Faults[9].Verb.Info().Family[:0], "all"}, ""))
		require.Len(t, p.Faults[9].Targets, 2)
	}
	for at, n := range map[string]int{"11s": 5, "12s": 5, "13s": 5, "14s": 8, "15s": 8, "21s": 2, "22s": 5} {
		require.Len(t, chosen[at], n, "what was drawn at %s: some were never chosen", at)
	}
}

// If this fails, what waits for a fault waits for another, or for none.
func TestAfterFollowsItsLine(t *testing.T) {
	for seed := range luck.Seed(50) {
		p := drawFaults(t, seed, "{at: 5s, crash: one of server, for: 3s}", "{after: restore-crash one of server, wait: 1s, pause: lone, for: 1s}",
			"{after: heal, crash: lone}")
		require.Equal(t, Event{Verb: Crash, Target: p.Faults[0].Target, Restore: true}, p.Faults[1].After)
		require.Equal(t, "restore-crash "+p.Faults[0].Target, p.Faults[1].After.String())
		require.True(t, p.Faults[2].After.Heal)
		require.Equal(t, 10*time.Second, p.Faults[1].At, "it is armed from the start of its phase")
	}
}

// If this fails, `every` does not leave off as long as it says, or a line for each member is one line for all.
func TestEveryAndEach(t *testing.T) {
	for seed := range luck.Seed(50) {
		p := drawFaults(t, seed, "{every: 2s..3s, pause: each of server, for: 1s..2s}")
		last := map[string]time.Duration{}
		for _, f := range p.Faults {
			require.Len(t, f.Targets, 1)
			if end, ok := last[f.Target]; ok {
				require.GreaterOrEqual(t, f.At-end, 2*time.Second)
				require.LessOrEqual(t, f.At-end, 3*time.Second)
			}
			last[f.Target] = f.At + f.For
		}
		require.Len(t, last, 5)
		require.GreaterOrEqual(t, len(p.Faults), 5*5)
		require.LessOrEqual(t, len(p.Faults), 5*10)
	}
}

// If this fails, what should stay down for ever comes back, or what should be mended is not.
func TestHealing(t *testing.T) {
	spec := everyVerb(t)
	for seed := range luck.Seed(100) {
		p := Draw(spec, seed)
		core := p.Phases[1].Heal
		require.False(t, core.All)
		servers := 0
		for _, h := range core.Hosts {
			if strings.HasPrefix(h, "replica") || h == "lone" {
				servers++
			}
		}
		require.Contains(t, []int{1, 2, 3}, servers, "as many as were to be kept up, and one where no client knows these")
		for _, role := range []nodes.Role{nodes.Worker, nodes.Client} {
			require.True(t, slices.ContainsFunc(core.Hosts, func(name string) bool {
				h := p.Hosts[p.shape.index[name]]
				return h.Kind.Role == role && slices.ContainsFunc(serversOf(h.Config), func(s string) bool { return slices.Contains(core.Hosts, s) })
			}), "no %s of the core %s knows a server of it", role, core.Hosts)
		}
		require.Len(t, p.Phases[2].Heal.Hosts, 3, "two clients, who are all there is in the south, and a server")
		require.True(t, p.Phases[3].Heal.All)

		// The swarm may not restart anybody: what it crashed is down until a phase heals it.
		for _, f := range p.Faults {
			if f.DrawnBy != BySwarm || f.Verb != Crash {
				continue
			}
			up := f.At + f.For
			var healed bool
			for _, phase := range p.Phases[1:] {
				healed = healed || phase.From == up && (phase.Heal.All || coveredBy(&f, phase.Heal.Hosts))
			}
			require.True(t, healed, "%s is up at %s", f.Target, up)
		}
	}
}

// If this fails, a swarm cannot aim at leaders, or takes more of them than it may: who leads is not known to it.
func TestKeepUpReckonsWithLeaders(t *testing.T) {
	text := func(atLeast string) string {
		return `scenario: led
sites: {west: {}}
nodes: {server: {run: gearman.server, site: west, count: 3}}
phases:
  - phase: storm
    lasts: 60s
    swarm:
      keep-up: {of: servers, at-least: ` + atLeast + `}
      kinds:
        - {pause: leader of servers, every: 1s..5s, for: 1s..5s}
        - {crash: one of servers, every: 1s..5s, for: 1s..5s}
`
	}
	for atLeast, most := range map[string]int{"1": 2, "2": 1, "3": 0} {
		spec := mustRead(t, text(atLeast)).Specs[0]
		led, worst := 0, 0
		for seed := range luck.Seed(100) {
			p := Draw(spec, seed)
			for i, f := range p.Faults {
				out := 1
				for j, g := range p.Faults {
					if i != j && g.At <= f.At && f.At < g.At+g.For {
						out++
					}
				}
				worst = max(worst, out)
				if f.Verb == Pause {
					led++
				}
			}
		}
		require.Equal(t, most, worst, "at least %s", atLeast)
		require.Equal(t, most > 0, led > 0, "at least %s", atLeast)
	}
}

// If this fails, equal lines have equal luck, or the number of copies is not drawn.
func TestLinesAreToldApart(t *testing.T) {
	counts, spec := map[int]bool{}, everyVerb(t)
	for seed := range luck.Seed(50) {
		p := drawFaults(t, seed, "{at: 0s..20s, crash: lone}", "{at: 0s..20s, crash: lone}")
		require.NotEqual(t, p.Faults[0].At, p.Faults[1].At)
		n := 0
		for _, h := range Draw(spec, seed).Hosts {
			if h.Node == "worker" {
				n++
			}
		}
		counts[n] = true
	}
	require.Equal(t, map[int]bool{2: true, 3: true, 4: true}, counts)
}

// FuzzRead looks for a file that takes the process down, and for one whose plan does not read back.
func FuzzRead(f *testing.F) {
	for _, file := range []string{"testdata/every-verb.yaml", "testdata/thunderstorm.yaml"} {
		data, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(data), uint64(1))
	}
	f.Add(ajar, uint64(1))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		sc, err := ReadText("f.yaml", []byte(text), ReadOptions{Catalog: testCatalog()})
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		plan := Draw(sc.Specs[0], luck.Seed(seed))
		if len(plan.YAML()) > 1<<19 {
			return
		}
		again, err := ReadText("f.yaml", plan.YAML(), ReadOptions{Catalog: testCatalog()})
		require.NoError(t, err, "%s", plan.YAML())
		samePlan(t, plan, Draw(again.Specs[0], plan.Seed))
	})
}

// If this fails, a clock that is to be moved far is moved by next to nothing.
func TestSlewRate(t *testing.T) {
	require.EqualValues(t, 50_000, slewRate(500*time.Millisecond, 10*time.Second))
	require.EqualValues(t, 50_000, slewRate(-500*time.Millisecond, 10*time.Second))
	require.EqualValues(t, 1, slewRate(time.Nanosecond, time.Hour))
	require.EqualValues(t, 1_000_000, slewRate(nodes.Longest, nodes.Longest))
	require.Greater(t, slewRate(nodes.Longest, time.Second), int64(1_000_000))
	require.Greater(t, slewRate(nodes.Longest, 1), int64(1_000_000))
}
