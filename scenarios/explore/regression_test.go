package explore_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/scenarios/explore"
)

// A bug is found, shrunk, and mended. If this failed, it could come back unseen, or a regression in which nothing
// happens any more would pass for one that holds.
func TestARegressionHoldsOnceItIsMendedAndOnlyIfItsStormComes(t *testing.T) {
	m, err := explore.Shrink{Run: lampRun(t, lampScenario), Catalog: lamps}.Do()
	require.NoError(t, err)
	text := string(m.File())
	require.Regexp(t, `^# all-lit is violated: lamp-out\.\n#\n# This is the least of lamps@0000000000000007 that shows it; it does under \d of 8 lucks\.\n`+
		`# Of 10 faults it needs:\n#   \{at: .*, step-clock: .*\n#       without it, it held under 8 of 8 lucks\n`, text)
	require.Contains(t, text, "simrun lamps-all-lit.yaml --lucks 64\n\nscenario: lamps-all-lit\n")

	regress := func(text string, catalog scenarios.Catalog) (*explore.Batch, []scenarios.Fault) {
		sc, err := scenarios.ReadText("lamps-all-lit.yaml", []byte(text), scenarios.ReadOptions{Catalog: catalog})
		require.NoError(t, err)
		batch, idle, err := explore.Regression{Plan: scenarios.Draw(sc.Specs[0], sc.Specs[0].Seed)}.Do()
		require.NoError(t, err)
		return batch, idle
	}
	batch, idle := regress(text, lamps)
	require.Equal(t, scenarios.Violated, batch.Verdict)
	require.Equal(t, 1, batch.Seeds, "the first is the luck that showed it")
	require.Empty(t, idle)

	mended := lamps
	mended.Checks = nil
	for _, c := range lamps.Checks {
		c.New = newHolds
		mended.Checks = append(mended.Checks, c)
	}
	batch, idle = regress(text, mended)
	require.Equal(t, scenarios.Holds, batch.Verdict)
	require.Equal(t, explore.RegressionLucks, batch.Seeds)
	require.Empty(t, idle)

	still := strings.Replace(text, "    faults:\n", "    faults:\n      - {on: lamp/1 rename, crash: lamp/1, for: 1s}\n", 1)
	batch, idle = regress(still, mended)
	require.Equal(t, scenarios.Unknown, batch.Verdict)
	require.Len(t, idle, 1, "it waits for what never comes")
	require.Equal(t, "lamp/1 rename", idle[0].On.String())
}
