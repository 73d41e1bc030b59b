package scenarios

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/sim/luck"
)

const grown = `scenario: grown
matrix:
  nodes.worker.count: [1, 2, 5]
  workload[0].rate: [1/s, 2/s]
sites: {west: {power: grid}}
nodes:
  server: {run: gearman.server, site: west}
  worker: {run: gearman.worker, site: west, count: 3, with: {servers: [server]}}
  client: {run: gearman.client, site: west, with: {servers: [server]}}
workload:
  - {from: client, do: submit, rate: 1/s}
phases:
  - {phase: storm, lasts: 10s, faults: [{at: 1s, crash: server, for: 1s}]}
claims:
  - {claim: fine, check: {available: submit, at-least: 99%}}
`

// If this fails, --set changes something else than it says.
func TestSettings(t *testing.T) {
	one := strings.Replace(grown, "matrix:\n  nodes.worker.count: [1, 2, 5]\n  workload[0].rate: [1/s, 2/s]\n", "", 1)
	plan := func(set ...string) *Plan { return Draw(mustRead(t, one, set...).Specs[0], 1) }
	require.Equal(t, 5*time.Minute, plan("storm.lasts=5m").Phases[0].To)
	require.Equal(t, 5*time.Minute, plan("phases.storm.lasts=5m").Phases[0].To)
	require.Equal(t, 7*time.Second, plan("phases[0].lasts=7s").Phases[0].To)
	require.Len(t, plan("nodes.worker.count=7").Hosts, 9)
	require.Equal(t, "25/s", plan("workload[0].rate=25/s").Phases[0].Load[0].Rate.String())
	require.Equal(t, 3*time.Second, plan("storm.faults.0.for=3s").Faults[0].For)
	require.Equal(t, 4*time.Second, plan("nodes.client.with.timeout=4s").Hosts[0].Config.(*clientConfig).Timeout)
	require.Equal(t, 9*time.Millisecond, plan("nodes.worker.with.job-time=9ms").Hosts[3].Config.(*workerConfig).JobTime.Lo)
	require.Equal(t, Violated, plan("claims.fine.expect=violated").Claims[0].Expect)
	require.Equal(t, 2, plan("nodes.server.limits.cores=2").Hosts[1].Limits.Cores)
	require.Len(t, plan("storm.faults=[{at: 1s, crash: worker/1}, {at: 2s, crash: worker/2}]").Faults, 2)

	for set, want := range map[string]string{
		"storm.lasts":            `--set: "storm.lasts" is not PATH=VALUE, such as storm.lasts=5m`,
		"strom.lasts=5m":         "--set:1:1: no such key or phase \"strom\"\n     1 | strom.lasts=5m\n       | ^ did you mean \"storm\"?",
		"storm.last=5m":          "--set:1:1: phases[0]: no such key \"last\"\n     1 | storm.last=5m\n       | ^ did you mean \"lasts\"?",
		"storm.lasts=5":          "--set:1:13: phases[0].lasts: \"5\" is not a duration such as 20s, nor a range such as 20s..60s\n     1 | storm.lasts=5\n       |             ^",
		"nodes.wroker.count=2":   "no such key",
		"workload[3].rate=1/s":   `there is no "3"`,
		"storm.lasts.x=1":        `"10s" is a single value and has no "x" in it`,
		"nodes.worker.count=[1,": "--set:1:20: this is no value",
		"storm.lasts=":           "--set:1:13: this is no value",
		"=3":                     "is not PATH=VALUE",
		"...=3":                  "is no path",
		"nodes.worker.with=*a":   "this is no value",
		"scenario=other":         `the file is called "grown", the scenario "other"`,
	} {
		got := problemsOf(t, "grown.yaml", one, set)
		if set == "nodes.wroker.count=2" {
			want = `nodes.wroker: "run" is missing`
		}
		require.Contains(t, got, want, set)
	}
}

// If this fails, a matrix does not try what it says, or a plan forgets at which point of it it was drawn.
func TestMatrix(t *testing.T) {
	sc := mustRead(t, grown)
	require.Len(t, sc.Specs, 6)
	var values []string
	for _, s := range sc.Specs {
		values = append(values, s.Value)
	}
	require.Equal(t, "nodes.worker.count=1,workload[0].rate=1/s", values[0])
	require.Equal(t, "nodes.worker.count=5,workload[0].rate=2/s", values[5])
	plan := Draw(sc.Specs[5], 3)
	require.Len(t, plan.Hosts, 7)
	require.Equal(t, 500*time.Millisecond, plan.Phases[0].Load[0].Rate.Every())
	again := mustRead(t, string(plan.YAML()))
	require.Len(t, again.Specs, 1)
	samePlan(t, plan, Draw(again.Specs[0], 3))
	require.Equal(t, values[5], again.Specs[0].Value)

	named := strings.Replace(grown, "matrix:\n  nodes.worker.count: [1, 2, 5]\n  workload[0].rate: [1/s, 2/s]\n",
		"matrix:\n  - {name: few}\n  - {name: many, nodes.worker.count: 9, storm.lasts: 20s}\n", 1)
	sc = mustRead(t, named)
	require.Equal(t, "few", sc.Specs[0].Value)
	require.Equal(t, "many", sc.Specs[1].Value)
	plan = Draw(sc.Specs[1], 3)
	require.Len(t, plan.Hosts, 11)
	require.Equal(t, 20*time.Second, plan.Phases[0].To)
	samePlan(t, plan, Draw(mustRead(t, string(plan.YAML())).Specs[0], 3))

	huge := strings.Replace(grown, "[1, 2, 5]", "["+strings.Repeat("1, ", 600)+"1]", 1)
	require.Contains(t, problemsOf(t, "grown.yaml", huge), "more than 1000 combinations")
}

// If this fails, somebody studies a queue that grows by itself and takes it for a finding.
func TestOverloadIsAWarning(t *testing.T) {
	text := strings.Replace(readExample(t), "rate: 20/s", "rate: 90/s", 1)
	sc := mustRead(t, text)
	require.Len(t, sc.Warnings, 1)
	require.Equal(t, `thunderstorm.yaml:42:63: warning: workload[0].rate: offered 90/s + 2/s = 92/s is 83% of the 110.9/s that the 3 of 6 working machines surviving "cut-power supplier-1" do; above 70% a queue may grow by itself
    42 |   - {from: [client-w, client-e], do: submit,            rate: 90/s, mix: {foreground: 60%, background: 30%, status: 10%}}
       |                                                               ^`, sc.Warnings[0].String())
	require.Empty(t, mustRead(t, strings.Replace(readExample(t), "rate: 20/s", "rate: 75/s", 1)).Warnings, "69.4%")
	require.Len(t, mustRead(t, strings.Replace(readExample(t), "rate: 20/s", "rate: 76/s", 1)).Warnings, 1, "70.3%")
}

// If this fails, rates are not what was written, or a person cannot read those that were drawn.
func TestRates(t *testing.T) {
	for text, every := range map[string]time.Duration{"20/s": 50 * time.Millisecond, "3/s": 333333333, "1/10m": 10 * time.Minute,
		"600/h": 6 * time.Second, "0/s": 0, "1/1d": 24 * time.Hour, "1000/m": 60 * time.Millisecond} {
		var r Rate
		require.NoError(t, r.ParseText(text))
		require.Equal(t, every, r.Every(), text)
		var again Rate
		require.NoError(t, again.ParseText(r.String()), r)
		require.Equal(t, r, again)
	}
	for _, text := range []string{"20", "x/s", "1/", "-1/s", "1/-1s", "1/0s", "5s", "1/x", "9999999999/s"} {
		var r Rate
		require.Error(t, r.ParseText(text), text)
	}
	wide := Rates{Slow: Rate(time.Second / 5), Fast: Rate(time.Second / 500)}
	narrow := Rates{Slow: Rate(time.Second / 5), Fast: Rate(time.Second / 9)}
	s := luck.Seed(1).Stream("rates")
	for range 1000 {
		for _, r := range []Rates{wide, narrow} {
			x := r.At(s.Uint64())
			require.LessOrEqual(t, x, r.Slow)
			require.GreaterOrEqual(t, x, r.Fast)
			var again Rate
			require.NoError(t, again.ParseText(x.String()))
			require.Equal(t, x, again, x.String())
		}
	}
	require.Equal(t, narrow.Slow, narrow.At(0))
	require.Equal(t, "9/s", narrow.At(1<<64-1).String())
}

// If this fails, something becomes slower by another amount than it says.
func TestSlowdowns(t *testing.T) {
	require.Equal(t, 50*time.Second, Slowdown{Times: 50_000}.Of(time.Second))
	require.Equal(t, 1500*time.Millisecond, Slowdown{Times: 1_500}.Of(time.Second))
	require.Equal(t, 1200*time.Millisecond, Slowdown{Plus: 200 * time.Millisecond}.Of(time.Second))
	require.Equal(t, 1000*time.Hour, Slowdown{Times: 1_000_000}.Of(time.Hour))
	require.Equal(t, "x1.5", Slowdown{Times: 1_500}.String())
	require.Equal(t, "200ms", Slowdown{Plus: 200 * time.Millisecond}.String())
}
