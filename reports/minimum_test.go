package reports

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/scenarios/explore"
)

// If this failed, somebody would not see which faults matter, or would take an unfinished search for a finished one.
func TestAMinimumSaysWhatIsNeededAndWhatIsNot(t *testing.T) {
	crash := scenarios.Fault{At: time.Second, Verb: scenarios.Crash, Target: "server", For: time.Second, DrawnBy: "script"}
	pause := crash
	pause.Verb, pause.DrawnBy = scenarios.Pause, "swarm"
	from := &scenarios.Run{Result: &scenarios.Result{Seed: "0000000000000007"},
		Plan: &scenarios.Plan{Scenario: "storm", Faults: []scenarios.Fault{crash, pause}, Hosts: make([]scenarios.Host, 5),
			Phases: []scenarios.Phase{{To: time.Minute}}}}
	m := &explore.Minimum{Offence: scenarios.Offence{Claim: "no-job-lost", Anomaly: "lost-job"}, Runs: 1234, Shown: 3, Lucks: 8, Least: true,
		Gone:   []string{"node client/2", "link class lan"},
		Plan:   &scenarios.Plan{Scenario: "storm-no-job-lost", Faults: []scenarios.Fault{crash}, Hosts: make([]scenarios.Host, 2), Phases: []scenarios.Phase{{To: 30 * time.Second}}},
		Needed: []explore.Need{{Fault: crash, Held: 7, Of: 8}}, Needless: []scenarios.Fault{pause}}
	saved := ""
	say := func() string {
		var b strings.Builder
		require.NoError(t, (&Terminal{Out: &b, Command: "simrun"}).Minimum(m, from, "runs/minimal.yaml", saved))
		return b.String()
	}
	require.Equal(t, `storm                                                      seed 0000000000000007

✗ no-job-lost is violated: lost-job

Needed:
  {at: 1s, crash: server, for: 1s}
    held in 7 of 8 without it

Not needed, violated without it:
  {at: 1s, pause: server, for: 1s, drawn-by: swarm}

Nor: node client/2, link class lan

2 faults to 1, 5 nodes to 2, 1m to 30s
1,234 runs · shown under 3 of 8 lucks
runs/minimal.yaml

  simrun runs/minimal.yaml
  simrun replay runs/minimal.yaml
  cp runs/minimal.yaml scenarios/regressions/storm-no-job-lost.yaml
`, say())

	saved = "scenarios/regressions/lost.yaml"
	require.Contains(t, say(), "\nruns/minimal.yaml\nscenarios/regressions/lost.yaml\n\n  simrun scenarios/regressions/lost.yaml --lucks 64\n")
	require.NotContains(t, say(), "cp ")

	m.Least, m.Needed[0].Of = false, 0
	require.Contains(t, say(), "    not tried without it\n")
	require.Contains(t, say(), "lucks; they or the time ended before")
	m.Calm = true
	require.Contains(t, say(), "It needs no fault at all")
}
