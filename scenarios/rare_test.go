package scenarios_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/sim/luck"
)

// rareServices are where points are taken: each kind of node is in one of them.
var rareServices = map[string]string{"jobs": `scenario: rare
include: [common/wan.yaml]
sites: {here: {inside: lan}, there: {inside: lan}}
links: [{between: [here, there], is: metro}]
nodes:
  server: {run: gearman.server, site: here, count: 2, restart: 100ms}
  worker: {run: gearman.worker, site: there, count: 3, with: {servers: [server], job-time: 5ms..40ms, timeout: 1s}}
  client: {run: gearman.client, site: there, count: 2, with: {servers: [server], timeout: 1s}}
workload:
  - {from: client, do: submit, rate: 30/s, shared: 20%, mix: {foreground: 50%, background: 30%, status: 20%}}
phases:
  - phase: odd
    lasts: 10s
    faults:
      - {at: 0s, buggify: all, points: [POINTS], rate: RATE}
      - {every: 1s..3s, crash: one of servers}
      - {every: 1s..3s, pause: one of workers, for: 100ms..2s}
      - {every: 1s..3s, pause: one of servers, for: 100ms..2s}
  - {phase: calm, lasts: 10s, heal: all, workload: stop}
claims:
  - {claim: no-job-lost, check: gearman.at-least-once}
  - {claim: no-false-answer, check: gearman.results}
  - {claim: job-is-atomic, check: {linearizable: gearman.job, per: [server, handle]}}
  - {claim: no-needless-repeat, check: gearman.explained-duplicates}
  - {claim: no-phantoms, check: gearman.no-phantoms}
  - {claim: queues-drain, check: {eventually: queue-empty, of: servers, within: 9s, in: calm}}
`, "one store": `scenario: rare
include: [common/wan.yaml]
sites: {here: {inside: lan}, there: {inside: lan}}
links: [{between: [here, there], is: metro}]
nodes:
  store:  {run: kv.single, site: here, restart: 100ms, with: {segment: 16KiB}}
  client: {run: kv.client, site: there, count: 2, with: {servers: [store], timeout: 1s}}
workload:
  - {from: client, do: access, rate: 20/s, keys: 5, mix: {read: 50%, write: 35%, cas: 10%, delete: 5%}}
phases:
  - phase: odd
    lasts: 5s
    faults:
      - {at: 0s, buggify: all, points: [POINTS], rate: RATE}
      - {every: 1s..3s, crash: store}
      - {every: 1s..3s, pause: store, for: 100ms..500ms}
  - {phase: calm, lasts: 5s, heal: all}
claims:
  - {claim: linearizable, check: {linearizable: kv}}
  - {claim: no-write-lost, check: {durable: write, within: 2s}}
`, "two groups": `scenario: rare
include: [common/wan.yaml]
sites: {here: {inside: lan}, there: {inside: lan}}
links: [{between: [here, there], is: metro}]
nodes:
  group:  {run: kv.raft, site: here, count: 3, restart: 100ms, with: {cluster: one, slots: 0-16383, servers: [group], others: [other], poll: 100ms,
           election-timeout: 100ms, segment: 16KiB, snapshot-every: 20}}
  other:  {run: kv.raft, site: here, restart: 100ms, with: {cluster: other, slots: none, servers: [other], others: [group], poll: 100ms, election-timeout: 100ms}}
  client: {run: kv.client, site: there, count: 2, with: {servers: [group, other], cluster: true, timeout: 1s}}
  admin:  {run: kv.admin, site: there, with: {servers: [group, other]}}
workload:
  - {from: client, do: access, rate: 20/s, keys: 5, mix: {read: 50%, write: 35%, cas: 10%, delete: 5%}}
  - {from: admin, do: move, rate: 2/s, groups: [one, other], keys: 5, width: 3}
phases:
  - {phase: begin, lasts: 2s}
  - phase: odd
    lasts: 4s
    faults:
      - {at: 0s, buggify: all, points: [POINTS], rate: RATE}
      - {every: 1s..3s, crash: one of servers}
      - {every: 1s..3s, pause: one of servers, for: 100ms..500ms}
  - {phase: calm, lasts: 5s, heal: all}
claims:
  - {claim: linearizable, check: {linearizable: kv}}
  - {claim: no-write-lost, check: {durable: write, within: 2s}}
`, "primary": `scenario: rare
include: [common/wan.yaml]
sites: {here: {inside: lan}, there: {inside: lan}}
links: [{between: [here, there], is: metro}]
nodes:
  store:   {run: kv.primary, site: here, count: 3, restart: 100ms, with: {servers: [store], monitors: [monitor], acknowledge: 1, heartbeat: 50ms, timeout: 300ms, patience: 2s, backlog: 4KiB, segment: 16KiB}}
  monitor: {run: kv.monitor, site: there, count: 3, restart: 100ms, with: {servers: [store], monitors: [monitor], lease: 300ms, election-timeout: 100ms}}
  client:  {run: kv.client, site: there, count: 2, with: {servers: [store], timeout: 1s}}
workload:
  - {from: client, do: access, rate: 20/s, keys: 5, mix: {read: 50%, write: 35%, cas: 10%, delete: 5%}}
phases:
  - {phase: begin, lasts: 2s}
  - phase: odd
    lasts: 4s
    faults:
      - {at: 0s, buggify: all, points: [POINTS], rate: RATE}
      - {every: 1s..3s, crash: one of store}
      - {every: 1s..3s, pause: one of store, for: 100ms..500ms}
  - {phase: calm, lasts: 5s, heal: all}
claims:
  - {claim: linearizable, check: {linearizable: kv}}
  - {claim: no-write-lost, check: {durable: write, within: 2s}}
`, "ring": `scenario: rare
include: [common/wan.yaml]
sites: {here: {inside: lan}, there: {inside: lan}}
links: [{between: [here, there], is: metro}]
nodes:
  ring:   {run: kv.ring, site: here, count: 4, restart: 100ms, with: {servers: [ring], sloppy: true, timeout: 100ms, gossip: 100ms, anti-entropy: 1s, silence: 500ms, segment: 16KiB}}
  client: {run: kv.client, site: there, count: 2, with: {servers: [ring], read: any, versions: false, retry: never, timeout: 1s}}
workload:
  - {from: client, do: access, rate: 20/s, keys: 5, mix: {read: 50%, write: 50%}}
phases:
  - {phase: begin, lasts: 2s}
  - phase: odd
    lasts: 4s
    faults:
      - {at: 0s, buggify: all, points: [POINTS], rate: RATE}
      - {every: 1s..3s, crash: one of ring}
      - {every: 1s..3s, pause: one of ring, for: 100ms..500ms}
  - {phase: calm, lasts: 8s, heal: all}
claims:
  - {claim: no-write-lost, check: {durable: write, within: 4s}}
`, "log": `scenario: rare
include: [common/wan.yaml]
sites: {here: {inside: lan}, there: {inside: lan}}
links: [{between: [here, there], is: metro}]
nodes:
  log:      {run: log.broker, site: here, count: 3, restart: 100ms, with: {servers: [log], partitions: 2, min-in-sync: 2, election-timeout: 100ms, session-timeout: 500ms, lag-time: 200ms, least-session: 100ms,
             follow-wait: 50ms, join-delay: 0s, housekeep-every: 100ms,
             offsets-partitions: 1, transactions-partitions: 1, segment: 2KiB, snapshot-every: 50}}
  producer: {run: log.producer, site: there, count: 2, with: {servers: [log], timeout: 500ms, delivery-timeout: 3s, linger: 20ms}}
  consumer: {run: log.consumer, site: there, with: {servers: [log], timeout: 500ms, session-timeout: 1s, heartbeat: 200ms, rebalance-timeout: 1s, fetch-wait: 50ms}}
workload:
  - {from: producer, do: send, rate: 60/s, keys: 2}
phases:
  - {phase: begin, lasts: 2s}
  - phase: odd
    lasts: 4s
    faults:
      - {at: 0s, buggify: all, points: [POINTS], rate: RATE}
      - {every: 1s..3s, crash: one of servers}
      - {every: 1s..3s, pause: one of servers, for: 100ms..500ms}
  - {phase: calm, lasts: 8s, heal: all}
claims:
  - {claim: sound-log, check: {name: sound-log}}
`}

// services are their names, in order.
var services = slices.Sorted(maps.Keys(rareServices))

// everyPoint are the points of all kinds of a service.
func everyPoint(service string) []string {
	points := map[string]bool{}
	for _, k := range catalog.Kinds {
		if !strings.Contains(service, "run: "+k.Name+",") {
			continue
		}
		for _, p := range k.Points {
			points[p] = true
		}
	}
	return slices.Sorted(maps.Keys(points))
}

func rare(t *testing.T, service, rate string, points ...string) *scenarios.Spec {
	t.Helper()
	text := strings.NewReplacer("POINTS", strings.Join(points, ", "), "RATE", rate).Replace(service)
	sc, err := scenarios.ReadText("rare.yaml", []byte(text), scenarios.ReadOptions{Catalog: catalog})
	require.NoError(t, err)
	return sc.Specs[0]
}

// If this fails, there is a point at which the rarer path is never taken, or taking it breaks a promise.
func TestEveryPointIsTakenAndBreaksNothing(t *testing.T) {
	for _, k := range catalog.Kinds {
		served := slices.ContainsFunc(slices.Collect(maps.Values(rareServices)), func(service string) bool {
			return strings.Contains(service, "run: "+k.Name+",")
		})
		require.True(t, served, "%s is in no service: give it one", k.Name)
	}
	all, taken := map[string]bool{}, map[string]bool{}
	for _, name := range services {
		t.Run(name, func(t *testing.T) {
			points := everyPoint(rareServices[name])
			require.Greater(t, len(points), 10)
			for _, p := range points {
				all[p] = true
			}
			spec := rare(t, rareServices[name], "10%", points...)
			untaken := func(p string) bool { return !taken[p] }
			for seed := luck.Seed(1); seed <= rareRuns && (seed <= rareAnyway || slices.ContainsFunc(points, untaken)); seed++ {
				run := scenarios.Draw(spec, seed).Run(scenarios.RunOptions{Record: true})
				requireHolds(t, run)
				for _, l := range run.Lines {
					if l.Kind == "point" {
						taken[l.What] = true
					}
				}
			}
		})
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
