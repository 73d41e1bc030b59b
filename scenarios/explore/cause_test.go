package explore_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/scenarios"
	"simrun/scenarios/explore"
)

// If this failed, one bug would stand in many rows, or two bugs in one.
func TestAFailureIsToldByItsCause(t *testing.T) {
	run := lampRun(t, lampScenario)
	want := &explore.Cause{Claim: "all-lit", Anomaly: "lamp-out", Faults: []string{"crash", "step-clock"}}
	require.Equal(t, want, explore.CauseOf(run, 1, nil))
	require.Equal(t, want, explore.CauseOf(run, 3, nil), "on any number of cores")

	asked := 0
	require.Nil(t, explore.CauseOf(run, 1, func() bool { asked++; return asked < 5 }), "half an answer is none")
	held := explore.CauseOf(lampRun(t, dark.Replace(lampScenario)), 1, nil)
	require.Contains(t, held.Unclear, "nothing is violated")
}

// brittle is a node that panics when it is started again.
var brittle = nodes.Kind{Name: "test.brittle", Role: nodes.Server, Doc: "Breaks.", Main: func(env nodes.Env, _ any) error {
	if _, err := env.FS().Stat("used"); err == nil {
		panic(errors.New("it is broken"))
	}
	if err := env.FS().MkdirAll("used", 0o777); err != nil {
		return err
	}
	return env.AwaitStop()
}}

// What no claim asked about has a cause too: the faults that it takes, and the kind of node that it befalls.
func TestAFindingIsToldByItsCause(t *testing.T) {
	sc, err := scenarios.ReadText("brittle.yaml", []byte(`scenario: brittle
sites: {here: {}}
nodes: {cup: {run: test.brittle, site: here, count: 2}}
phases:
  - phase: play
    lasts: 5s
    faults:
      - {at: 1s, pause: cup/2, for: 1s}
      - {at: 2s, crash: cup/1, for: 1s}
`), scenarios.ReadOptions{Catalog: scenarios.Catalog{Kinds: []nodes.Kind{brittle}}})
	require.NoError(t, err)
	batch, err := explore.Seeds(sc, 1, 1)
	require.NoError(t, err)
	require.Equal(t, scenarios.Violated, batch.Verdict)
	require.Equal(t, 1, batch.Unexplained(), "nobody looked")
	require.Equal(t, &explore.Cause{Anomaly: "node panic", Node: "test.brittle", Faults: []string{"crash"}},
		explore.CauseOf(scenarios.Draw(sc.Specs[0], 1).Run(scenarios.RunOptions{}), 1, nil))
}
