package explore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/scenarios/explore"
)

// If this failed, a bug that was found once would be back; or the storm that shows it would not come any more, so that nobody
// would know.
func TestWhatWasFoundOnceStaysAway(t *testing.T) {
	files, err := filepath.Glob("../regressions/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			sc, err := scenarios.Read(file, scenarios.ReadOptions{Catalog: catalog})
			require.NoError(t, err)
			require.Empty(t, sc.Warnings)
			require.Equal(t, strings.TrimSuffix(filepath.Base(file), ".yaml"), sc.Name)
			require.True(t, sc.Specs[0].Seeded, "a regression is a plan")
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(string(text), "# "), "it says what it shows")
			plan := scenarios.Draw(sc.Specs[0], sc.Specs[0].Seed)
			require.LessOrEqual(t, len(plan.Faults), 3)
			batch, idle, err := explore.Regression{Plan: plan, Lucks: 8}.Do()
			require.NoError(t, err)
			require.Empty(t, idle, "each fault strikes under one luck or another")
			require.Equal(t, scenarios.Holds, batch.Verdict)
		})
	}
}
