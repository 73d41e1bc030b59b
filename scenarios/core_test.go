package scenarios_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/scenarios"
	"simrun/sim/luck"
)

// If this failed, what a fault's own length ends would come back beside the core, and rescue who cannot do without it.
func TestBesideTheCoreNothingEndsByItself(t *testing.T) {
	run := runText(t, 1, `scenario: weather
sites: {west: {power: supplier-1}, east: {power: supplier-2}}
nodes:
  server: {run: gearman.server, site: west, count: 3}
  other: {run: gearman.server, site: east, count: 2}
phases:
  - phase: storm
    lasts: 10s
    faults:
      - {at: 9s, cut-power: supplier-1, for: 3s}
      - {at: 9s, crash: server/3, for: 2s}
      - {at: 9500ms, crash: other/1}
      - {at: 9s, partition: [server, other/2], for: 5s}
      - {at: 9s, pause: other/2, for: 1500ms}
  - {phase: core, lasts: 10s, heal: [server/1, server/2]}
  - {phase: all, lasts: 10s, heal: all}
`)
	up := map[string]time.Duration{}
	for _, d := range run.History.Downs {
		up[d.Host] = max(up[d.Host], d.To)
	}
	require.Equal(t, map[string]time.Duration{"server/1": 10 * time.Second, "server/2": 10 * time.Second,
		"server/3": 20 * time.Second, "other/1": 20 * time.Second, "other/2": 20 * time.Second}, up)
	for _, i := range run.History.Impairments {
		require.Equal(t, 20*time.Second, i.End, "%v to %v", i.From, i.To)
	}
}

// If this failed, the core would be cut off from itself, or not from the others: where each end of a cut has hosts of
// both, it falls into pieces.
func TestACutIsMendedWithinTheCoreAlone(t *testing.T) {
	talk := nodes.Kind{Name: "talk", Role: nodes.Server, Port: 7, Config: func() any { return &talkConfig{} }}
	talk.Main = func(env nodes.Env, config any) error {
		for _, peer := range config.(*talkConfig).Servers {
			if string(peer) == env.Host() {
				continue
			}
			env.Go(string(peer), func() {
				for {
					if c, err := env.Dial("tcp", string(peer)+":7", 500*time.Millisecond); err == nil {
						env.Record().Invoke(nodes.Request{}, "reach "+string(peer)).Ok()
						_ = c.Close()
					}
					if env.Sleep(100*time.Millisecond) != nil {
						return
					}
				}
			})
		}
		l, err := env.Listen("tcp", ":7")
		for err == nil {
			var c net.Conn
			if c, err = l.Accept(); err == nil {
				_ = c.Close()
			}
		}
		return err
	}
	sc, err := scenarios.ReadText("cut.yaml", []byte(`scenario: cut
sites: {west: {}}
nodes:
  node: {run: talk, site: west, count: 6, with: {servers: [node]}}
phases:
  - phase: storm
    lasts: 3s
    faults:
      - {at: 0s, partition: [[node/1, node/2, node/3]], for: 4s}
  - {phase: core, lasts: 5s, heal: [node/1, node/4]}
`), scenarios.ReadOptions{Catalog: scenarios.Catalog{Kinds: []nodes.Kind{talk}}})
	require.NoError(t, err)
	run := scenarios.Draw(sc.Specs[0], 1).Run(scenarios.RunOptions{})
	met := map[string]bool{}
	for _, o := range run.History.Operations {
		if o.Call > 3*time.Second {
			met[o.Host+" "+o.Kind] = true
		}
	}
	cut := map[string]bool{}
	for _, i := range run.History.Impairments {
		for _, a := range i.From {
			for _, b := range i.To {
				if i.End == history.Never {
					cut[a+" reach "+b] = true
				}
			}
		}
	}
	low := func(n int) bool { return n <= 3 }
	for i := 1; i <= 6; i++ {
		for j := 1; j <= 6; j++ {
			if i == j {
				continue
			}
			way := fmt.Sprintf("node/%d reach node/%d", i, j)
			apart := low(i) != low(j) && !(i == 1 && j == 4) && !(i == 4 && j == 1)
			require.Equal(t, !apart, met[way], way)
			require.Equal(t, apart, cut[way], "the history says otherwise: %s", way)
		}
	}
}

type talkConfig struct {
	Servers []nodes.NodeName `yaml:"servers" doc:"whom it talks to"`
}

// If this failed, the core could be one that serves nobody, or claims could not be made about it.
func TestTheCoreCanServe(t *testing.T) {
	sc, err := scenarios.ReadText("weather.yaml", []byte(`scenario: weather
sites: {west: {power: supplier-1}, east: {power: supplier-2}}
nodes:
  server-a: {run: gearman.server, site: west}
  server-b: {run: gearman.server, site: east}
  server-c: {run: gearman.server, site: east}
  worker-a: {run: gearman.worker, site: west, count: 2, with: {servers: [server-a, server-b], job-time: 1ms}}
  worker-c: {run: gearman.worker, site: west, count: 2, with: {servers: [server-c, server-b], job-time: 1ms}}
  client-a: {run: gearman.client, site: west, count: 2, with: {servers: [server-a]}}
  client-c: {run: gearman.client, site: west, count: 2, with: {servers: [server-c]}}
workload: [{from: [client-a, client-c], do: submit, rate: 1/s}]
phases:
  - phase: storm
    lasts: 5s
    swarm:
      keep-up: {of: servers, at-least: 1}
      kinds: [{cut-power: one, every: 1s, for: 1s}]
  - {phase: core, lasts: 5s, heal: core}
claims:
  - {claim: served, says: The core is served., check: {recovers: submit, from: core, after: heal, within: 2s, stays: 1s}}
`), scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err)
	cores := map[string]bool{}
	for seed := range luck.Seed(40) {
		p := scenarios.Draw(sc.Specs[0], seed)
		core := p.Phases[1].Heal.Hosts
		cores[strings.Join(core, " ")] = true
		run := p.Run(scenarios.RunOptions{})
		require.Equal(t, core, run.Result.Core)
		in := map[string]bool{}
		for _, h := range run.History.Hosts {
			in[h.Name] = h.Core
		}
		for _, h := range core {
			require.True(t, in[h])
		}
		served := false
		for _, c := range run.History.Hosts {
			for _, s := range c.Servers {
				for _, w := range run.History.Hosts {
					for _, ws := range w.Servers {
						served = served || c.Core && c.Role == "client" && in[s] && w.Core && w.Role == "worker" && s == ws
					}
				}
			}
		}
		require.True(t, served, "seed %d: %s", seed, core)
		require.NotEqual(t, scenarios.Violated, run.Result.Claims[0].Verdict)

		again, err := scenarios.ReadText("plan.yaml", p.YAML(), scenarios.ReadOptions{Catalog: catalog})
		require.NoError(t, err)
		require.Equal(t, core, scenarios.Draw(again.Specs[0], seed).Phases[1].Heal.Hosts)
	}
	require.Greater(t, len(cores), 10)
}

// throne is a kind of which the hosts lead in turns of a second, in the order in which they come to it.
var throne = nodes.Kind{Name: "throne", Role: nodes.Server, Notes: []string{"became-leader"}, Config: func() any { return &reign{} },
	Main: func(env nodes.Env, config any) error {
		r := config.(*reign)
		if err := env.Sleep(r.First); err != nil {
			return err
		}
		for {
			env.Record().Note("became-leader")
			if err := env.Sleep(r.Again); err != nil {
				return err
			}
		}
	}}

type reign struct {
	First time.Duration `yaml:"first" doc:"when it leads first"`
	Again time.Duration `yaml:"again" doc:"how long after that it leads again"`
}

// If this failed, a fault aimed at the leader would strike somebody else: half of a swarm's faults would be wasted.
func TestALeaderIsStruck(t *testing.T) {
	sc, err := scenarios.ReadText("thrones.yaml", []byte(`scenario: thrones
sites: {west: {}}
nodes:
  a: {run: throne, site: west, with: {first: 0s, again: 3s}}
  b: {run: throne, site: west, with: {first: 1s, again: 3s}}
  c: {run: throne, site: west, with: {first: 2s, again: 3s}}
phases:
  - phase: storm
    lasts: 60s
    swarm:
      kinds: [{pause: leader of servers or one of servers, every: 1s..3s, for: 1ms}]
`), scenarios.ReadOptions{Catalog: scenarios.Catalog{Kinds: []nodes.Kind{throne}}})
	require.NoError(t, err)
	aimed, others := 0, 0
	for seed := range luck.Seed(20) {
		plan := scenarios.Draw(sc.Specs[0], seed)
		run := plan.Run(scenarios.RunOptions{})
		struck := map[history.Time]string{}
		for _, d := range run.History.Downs {
			struck[d.From] = d.Host
		}
		for i := range plan.Faults {
			f := &plan.Faults[i]
			if f.Target != "leader of servers" {
				others++
				continue
			}
			aimed++
			leads := []string{"a", "b", "c"}[int(f.At/time.Second)%3]
			if at := f.At % time.Second; at > 100*time.Millisecond && at < 900*time.Millisecond {
				require.Equal(t, leads, struck[f.At], "seed %d: %s", seed, f)
			}
		}
	}
	require.Greater(t, aimed, 200)
	require.Greater(t, others, 200)
}
