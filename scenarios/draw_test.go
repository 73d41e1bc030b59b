package scenarios

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes"
	"simrun/sim/luck"
)

// samePlan holds two plans to be equal in everything but where their claims are written and what only
// printing needs.
func samePlan(t require.TestingT, want, got *Plan) {
	require.Equal(t, string(want.YAML()), string(got.YAML())) // what differs is easier to see here
	a, b := *want, *got
	for _, p := range []*Plan{&a, &b} {
		p.shape = nil
		p.Claims = slices.Clone(p.Claims)
		for i := range p.Claims {
			p.Claims[i].File, p.Claims[i].Line = "", 0
		}
		p.Hosts = slices.Clone(p.Hosts)
		for i := range p.Hosts {
			p.Hosts[i].Kind = &nodes.Kind{Name: p.Hosts[i].Kind.Name} // functions do not compare
		}
		p.Workload, p.Phases = sameLoads(p.Workload), slices.Clone(p.Phases)
		for i := range p.Phases {
			p.Phases[i].Load = sameLoads(p.Phases[i].Load)
		}
	}
	require.Equal(t, a, b)
}

func sameLoads(loads []Load) []Load {
	loads = slices.Clone(loads)
	for i := range loads {
		loads[i].Operation = &nodes.Operation{Name: loads[i].Operation.Name}
		loads[i].Nodes = nil // as written, or as copies
	}
	return loads
}

// If this fails, one seed is not one plan, and nothing can be replayed.
func TestOneSeedIsOnePlan(t *testing.T) {
	a, b := mustRead(t, readExample(t)), mustRead(t, readExample(t))
	for seed := range luck.Seed(200) {
		samePlan(t, Draw(a.Specs[0], seed), Draw(b.Specs[0], seed))
	}
}

// If this fails, a plan hangs on the order in which somebody wrote keys.
func TestTheOrderOfKeysHasNoEffect(t *testing.T) {
	text := readExample(t)
	flow := regexp.MustCompile(`\{[^{}\n]*\}`)
	shuffled := flow.ReplaceAllStringFunc(text, func(m string) string {
		if strings.Contains(m, "[") {
			return m
		}
		words := strings.Split(strings.Trim(m, "{}"), ",")
		slices.Reverse(words)
		for i := range words {
			words[i] = strings.TrimSpace(words[i])
		}
		return "{" + strings.Join(words, ", ") + "}"
	})
	lines := strings.Split(shuffled, "\n")
	var named []int // the lines of nodes, and of sites
	for i, l := range lines {
		if regexp.MustCompile(`^  [a-z]+-[abwe]: \{run`).MatchString(l) {
			named = append(named, i)
		}
	}
	require.Len(t, named, 6)
	for i := range len(named) / 2 {
		j := len(named) - 1 - i
		lines[named[i]], lines[named[j]] = lines[named[j]], lines[named[i]]
	}
	a, b := mustRead(t, text), mustRead(t, strings.Join(lines, "\n"))
	for _, spec := range []*Spec{a.Specs[0], b.Specs[0]} {
		for i := range spec.Claims {
			spec.Claims[i].Text = "" // is as the file has it
		}
	}
	for seed := range luck.Seed(100) {
		samePlan(t, Draw(a.Specs[0], seed), Draw(b.Specs[0], seed))
	}
}

// If this fails, a plan that is committed is not the plan that was run.
func TestAPlanReadsBack(t *testing.T) {
	spec := mustRead(t, readExample(t)).Specs[0]
	rapid.Check(t, func(rt *rapid.T) {
		seed := luck.Seed(rapid.Uint64().Draw(rt, "seed"))
		plan := Draw(spec, seed)
		again, err := ReadText("plan.yaml", plan.YAML(), ReadOptions{Catalog: testCatalog()})
		require.NoError(rt, err, "%s", plan.YAML())
		require.True(rt, again.Specs[0].Seeded)
		require.Equal(rt, seed, again.Specs[0].Seed)
		other := Draw(again.Specs[0], again.Specs[0].Seed)
		samePlan(rt, plan, other)
		require.Equal(rt, string(plan.YAML()), string(other.YAML()))
	})
}

// If this fails, to take one fault away changes the others, and no counterexample can be made smaller. A line
// of the script must leave all other lines alone, and of the swarm's faults all but those that it had kept
// from coming or that its outage leaves room for.
func TestTheLuckOfALineIsItsOwn(t *testing.T) {
	text := strings.ReplaceAll(readExample(t), "      keep-up: {of: servers, at-least: 1}      # never take the last server away\n", "")
	text = strings.ReplaceAll(text, "      enable: 1..4\n", "")
	whole := mustRead(t, text).Specs[0]
	lines := strings.Split(text, "\n")
	removed := 0
	for i, l := range lines {
		if !regexp.MustCompile(`^ {6,8}- \{(at|after|on|[a-z-]+: [a-z ]+, +every):?`).MatchString(l) || strings.Contains(l, "cut-power: supplier-1") {
			continue
		}
		verb := regexp.MustCompile(`(partition: \[west, east\]|crash-machine|crash|pause|partition: random|slow-link|lose-packets|step-clock|slow-disk)`).FindString(l)
		require.NotEmpty(t, verb, l)
		removed++
		less := mustRead(t, strings.Join(slices.Delete(slices.Clone(lines), i, i+1), "\n")).Specs[0]
		for seed := range luck.Seed(20) {
			var want []Fault
			for _, f := range Draw(whole, seed).Faults {
				if !ofLine(&f, verb) {
					want = append(want, f)
				}
			}
			require.Equal(t, want, Draw(less, seed).Faults, "without %s", l)
		}
	}
	require.Equal(t, 9, removed)
}

func ofLine(f *Fault, line string) bool {
	switch line {
	case "partition: [west, east]":
		return f.Verb == Partition && f.DrawnBy == ByScript
	case "partition: random":
		return f.Verb == Partition && f.DrawnBy == BySwarm
	default:
		return string(f.Verb) == line
	}
}

// If this fails, the swarm makes the claims impossible: it may never take the last server away, whatever the
// script does meanwhile.
func TestTheSwarmKeepsUp(t *testing.T) {
	spec := mustRead(t, readExample(t)).Specs[0]
	swarms := 0
	for seed := range luck.Seed(150) {
		swarms += keptUp(t, Draw(spec, seed))
	}
	require.Positive(t, swarms, "the swarm never struck a server")
}

// keptUp holds a plan of the example to leaving one server up, and counts how often the swarm struck one.
func keptUp(t require.TestingT, plan *Plan) (swarms int) {
	for at := plan.Phases[1].From; at < plan.Phases[1].To; at += 25 * time.Millisecond {
		dark := map[string]bool{}
		bySwarmToo := false
		for i := range plan.Faults {
			f := &plan.Faults[i]
			from, to := f.At, f.At+f.For
			if f.Waits() { // the crash at a sync, at any time
				from, to = plan.Phases[1].From, plan.Phases[1].To+f.Wait+f.For
			}
			if !f.Verb.Info().Down || at < from || at >= to {
				continue
			}
			for _, target := range f.Targets {
				for _, h := range target.Hosts {
					if strings.HasPrefix(h, "gearman-") {
						dark[h] = true
						if f.DrawnBy == BySwarm {
							bySwarmToo, swarms = true, swarms+1
						}
					}
				}
			}
		}
		require.False(t, len(dark) == 2 && bySwarmToo, "seed %s leaves no server at %s", FormatSeed(plan.Seed), at)
	}
	return swarms
}

// If this fails, a plan has randomness left in it, or faults outside of what their lines allow.
func TestDrawsStayInTheirRanges(t *testing.T) {
	spec := mustRead(t, readExample(t)).Specs[0]
	kinds := map[Verb]int{}
	for seed := range luck.Seed(500) {
		inTheirRanges(t, Draw(spec, seed), kinds)
	}
	for _, v := range []Verb{CutPower, Partition, CrashMachine, Crash, Pause, SlowLink, LosePackets, StepClock, SlowDisk} {
		require.Positive(t, kinds[v], "%s never struck", v)
	}
}

// inTheirRanges holds a plan of the example to what its lines say, and counts its faults.
func inTheirRanges(t require.TestingT, plan *Plan, kinds map[Verb]int) {
	require.Equal(t, 75*time.Second, plan.Phases[3].To)
	swarm := map[string]bool{}
	for i := range plan.Faults {
		f := &plan.Faults[i]
		kinds[f.Verb]++
		p := plan.Phases[f.Phase]
		require.Equal(t, "storm", p.Name)
		require.GreaterOrEqual(t, f.At, p.From)
		require.Less(t, f.At, p.To)
		require.NotEmpty(t, f.Targets)
		for _, target := range f.Targets {
			require.NotEmpty(t, target.Hosts)
		}
		if f.DrawnBy == BySwarm {
			swarm[string(f.Verb)] = true
		}
		switch {
		case f.Verb == CutPower:
			require.GreaterOrEqual(t, f.At-p.From, 2*time.Second)
			require.LessOrEqual(t, f.At-p.From, 10*time.Second)
			require.Equal(t, "supplier-1", f.Target)
			require.Len(t, f.Targets[0].Hosts, 6)
		case f.Verb == StepClock:
			require.LessOrEqual(t, f.Options.By.Abs(), 2*time.Second)
			require.Zero(t, f.For)
		case f.Verb == LosePackets:
			require.GreaterOrEqual(t, f.Options.Rate, nodes.Percent(10_000))
			require.LessOrEqual(t, f.Options.Rate, nodes.Percent(200_000))
		case f.Verb == CrashMachine:
			require.Equal(t, Moment{"gearman-a", []string{"gearman-a"}, "sync-begin"}, f.On)
			require.GreaterOrEqual(t, f.Nth, 1)
			require.LessOrEqual(t, f.Nth, 400)
		case f.Verb == Partition && f.DrawnBy == BySwarm:
			require.Len(t, f.Targets, 1)
			require.Less(t, len(f.Targets[0].Hosts), len(plan.Hosts))
		}
	}
	require.LessOrEqual(t, len(swarm), 4)
}

// If this fails, a sweep on two cores is not the sweep on one: worlds draw from one scenario at a time.
func TestManyDrawAtOnce(t *testing.T) {
	spec := everyVerb(t)
	var want [8]string
	for i := range want {
		want[i] = string(Draw(spec, luck.Seed(i)).YAML())
	}
	var got [8]string
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() { got[i] = string(Draw(spec, luck.Seed(i)).YAML()) })
	}
	all.Wait()
	require.Equal(t, want, got)
}

// BenchmarkDraw is what a sweep pays for a plan: one for each seed.
func BenchmarkDraw(b *testing.B) {
	data := readExample(&testing.T{})
	sc, err := ReadText("thunderstorm.yaml", []byte(data), ReadOptions{Catalog: testCatalog()})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		Draw(sc.Specs[0], luck.Seed(rand.Uint64()))
	}
}

// BenchmarkRead is what a command pays before it begins.
func BenchmarkRead(b *testing.B) {
	data := []byte(readExample(&testing.T{}))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadText("thunderstorm.yaml", data, ReadOptions{Catalog: testCatalog()}); err != nil {
			b.Fatal(err)
		}
	}
}
