package scenarios_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/sim/luck"
)

// rareService is where points are taken: some nodes, what is asked of them, and what befalls them while points are taken.
type rareService struct {
	nodes, asked, befalls, claims string // lines
	begin, odd, calm              string // how long the phases last; where begin is empty there is none
	stop                          bool   // nothing is asked in the calm
}

// What is asked of stores and claimed of them, and what befalls servers.
const (
	accesses = `
  - {from: client, do: access, rate: 20/s, keys: 5, mix: {read: 50%, write: 35%, cas: 10%, delete: 5%}}`
	strikes = `
      - {every: 1s..3s, crash: one of servers}
      - {every: 1s..3s, pause: one of servers, for: 100ms..500ms}`
	storeClaims = `
  - {claim: linearizable, check: {linearizable: kv}}
  - {claim: no-write-lost, check: {durable: write, within: 2s}}`
)

// rareServices are by their names; each kind of node is in one of them.
var rareServices = map[string]rareService{
	"jobs": {nodes: `
  server: {run: gearman.server, site: here, count: 2, restart: 100ms}
  worker: {run: gearman.worker, site: there, count: 3, with: {servers: [server], job-time: 5ms..40ms, timeout: 1s}}
  client: {run: gearman.client, site: there, count: 2, with: {servers: [server], timeout: 1s}}`,
		asked: `
  - {from: client, do: submit, rate: 30/s, shared: 20%, mix: {foreground: 50%, background: 30%, status: 20%}}`,
		odd: "10s", calm: "10s", stop: true, befalls: `
      - {every: 1s..3s, crash: one of servers}
      - {every: 1s..3s, pause: one of workers, for: 100ms..2s}
      - {every: 1s..3s, pause: one of servers, for: 100ms..2s}`,
		claims: `
  - {claim: no-job-lost, check: gearman.at-least-once}
  - {claim: no-false-answer, check: gearman.results}
  - {claim: job-is-atomic, check: {linearizable: gearman.job, per: [server, handle]}}
  - {claim: no-needless-repeat, check: gearman.explained-duplicates}
  - {claim: no-phantoms, check: gearman.no-phantoms}
  - {claim: queues-drain, check: {eventually: queue-empty, of: servers, within: 9s, in: calm}}`},
	"one store": {nodes: `
  store:  {run: kv.single, site: here, restart: 100ms, with: {segment: 16KiB}}
  client: {run: kv.client, site: there, count: 2, with: {servers: [store], timeout: 1s}}`,
		asked: accesses, odd: "5s", calm: "5s", befalls: strikes, claims: storeClaims},
	"two groups": {nodes: `
  group:  {run: kv.raft, site: here, count: 3, restart: 100ms, with: {cluster: one, slots: 0-16383, servers: [group], others: [other], poll: 100ms,
           election-timeout: 100ms, segment: 16KiB, snapshot-every: 20}}
  other:  {run: kv.raft, site: here, restart: 100ms, with: {cluster: other, slots: none, servers: [other], others: [group], poll: 100ms, election-timeout: 100ms}}
  client: {run: kv.client, site: there, count: 2, with: {servers: [group, other], cluster: true, timeout: 1s}}
  admin:  {run: kv.admin, site: there, with: {servers: [group, other]}}`,
		asked: accesses + `
  - {from: admin, do: move, rate: 2/s, groups: [one, other], keys: 5, width: 3}`,
		begin: "2s", odd: "4s", calm: "5s", befalls: strikes, claims: storeClaims},
	"primary": {nodes: `
  store:   {run: kv.primary, site: here, count: 3, restart: 100ms, with: {servers: [store], monitors: [monitor], acknowledge: 1, heartbeat: 50ms, timeout: 300ms,
            patience: 2s, backlog: 4KiB, segment: 16KiB}}
  monitor: {run: kv.monitor, site: there, count: 3, restart: 100ms, with: {servers: [store], monitors: [monitor], lease: 300ms, election-timeout: 100ms}}
  client:  {run: kv.client, site: there, count: 2, with: {servers: [store], timeout: 1s}}`,
		asked: accesses, begin: "2s", odd: "4s", calm: "5s", befalls: strings.ReplaceAll(strikes, "servers", "store"), claims: storeClaims},
	"ring": {nodes: `
  ring:   {run: kv.ring, site: here, count: 4, restart: 100ms, with: {servers: [ring], sloppy: true, timeout: 100ms, gossip: 100ms, anti-entropy: 1s, silence: 500ms,
           segment: 16KiB}}
  client: {run: kv.client, site: there, count: 2, with: {servers: [ring], read: any, versions: false, retry: never, timeout: 1s}}`,
		asked: `
  - {from: client, do: access, rate: 20/s, keys: 5, mix: {read: 50%, write: 50%}}`,
		begin: "2s", odd: "4s", calm: "8s", befalls: strikes, claims: `
  - {claim: no-write-lost, check: {durable: write, within: 4s}}`},
	"log": {nodes: `
  log:      {run: log.broker, site: here, count: 3, restart: 100ms, with: {servers: [log], partitions: 2, min-in-sync: 2, election-timeout: 100ms, session-timeout: 500ms, lag-time: 200ms, least-session: 100ms,
             follow-wait: 50ms, join-delay: 0s, housekeep-every: 100ms,
             offsets-partitions: 1, transactions-partitions: 1, segment: 2KiB, snapshot-every: 50}}
  producer: {run: log.producer, site: there, count: 2, with: {servers: [log], timeout: 500ms, delivery-timeout: 3s, linger: 20ms}}
  consumer: {run: log.consumer, site: there, with: {servers: [log], timeout: 500ms, session-timeout: 1s, heartbeat: 200ms, rebalance-timeout: 1s, fetch-wait: 50ms}}`,
		asked: `
  - {from: producer, do: send, rate: 60/s, keys: 2}`,
		begin: "2s", odd: "4s", calm: "8s", befalls: strikes, claims: `
  - {claim: sound-log, check: {name: sound-log}}`},
}

// runs says whether there is a node of that kind.
func (s rareService) runs(kind string) bool { return strings.Contains(s.nodes, "run: "+kind+",") }

// text is the scenario of a service in which these points are taken so often.
func (s rareService) text(rate string, points ...string) string {
	begin, stop := "", ""
	if s.begin != "" {
		begin = "\n  - {phase: begin, lasts: " + s.begin + "}"
	}
	if s.stop {
		stop = ", workload: stop"
	}
	return fmt.Sprintf(`scenario: rare
include: [common/wan.yaml]
sites: {here: {inside: lan}, there: {inside: lan}}
links: [{between: [here, there], is: metro}]
nodes:%s
workload:%s
phases:%s
  - phase: odd
    lasts: %s
    faults:
      - {at: 0s, buggify: all, points: [%s], rate: %s}%s
  - {phase: calm, lasts: %s, heal: all%s}
claims:%s
`, s.nodes, s.asked, begin, s.odd, strings.Join(points, ", "), rate, s.befalls, s.calm, stop, s.claims)
}

// services are their names, in order.
var services = slices.Sorted(maps.Keys(rareServices))

// everyPoint are the points of all kinds of a service.
func everyPoint(service rareService) []string {
	points := map[string]bool{}
	for _, k := range catalog.Kinds {
		if !service.runs(k.Name) {
			continue
		}
		for _, p := range k.Points {
			points[p] = true
		}
	}
	return slices.Sorted(maps.Keys(points))
}

func rare(t *testing.T, service rareService, rate string, points ...string) *scenarios.Spec {
	t.Helper()
	sc, err := scenarios.ReadText("rare.yaml", []byte(service.text(rate, points...)), scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err)
	return sc.Specs[0]
}

// If this fails, there is a point at which the rarer path is never taken, or taking it breaks a promise.
func TestEveryPointIsTakenAndBreaksNothing(t *testing.T) {
	for _, k := range catalog.Kinds {
		served := slices.ContainsFunc(services, func(name string) bool { return rareServices[name].runs(k.Name) })
		require.True(t, served, "%s is in no service: give it one", k.Name)
	}
	all, taken := map[string]bool{}, map[string]bool{}
	untaken := func(p string) bool { return !taken[p] }
	// What one service did not come to, another may have that has the same code, so each is run once before any is again.
	for seed := luck.Seed(1); seed <= rareRuns; seed++ {
		for _, name := range services {
			points := everyPoint(rareServices[name])
			if seed > rareAnyway && !slices.ContainsFunc(points, untaken) {
				continue
			}
			t.Run(fmt.Sprint(name, "/", seed), func(t *testing.T) {
				require.Greater(t, len(points), 10)
				for _, p := range points {
					all[p] = true
				}
				run := scenarios.Draw(rare(t, rareServices[name], "10%", points...), seed).Run(scenarios.RunOptions{Record: true})
				requireHolds(t, run)
				for _, l := range run.Lines {
					if l.Kind == "point" {
						taken[l.What] = true
					}
				}
			})
		}
	}
	require.Equal(t, slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(taken)))
}

func requireHolds(t *testing.T, run *scenarios.Run) {
	t.Helper()
	require.Empty(t, run.Result.Findings)
	for _, c := range run.Result.Claims {
		require.NotEqual(t, scenarios.Violated, c.Verdict, "%s: %s %s\n%s\n%s", c.Claim, c.Reason, c.Figure,
			strings.Join(c.Story, "\n"), run.Plan.YAML())
	}
}
