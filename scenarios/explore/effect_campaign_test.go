//go:build campaign

package explore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/scenarios"
	"simrun/sim/luck"
)

// If this failed, a scenario that comes with the command would have a fault that does nothing, for years.
func TestEveryFaultOfTheLibraryHasAnEffect(t *testing.T) {
	set := map[string][]string{"a-year-of-weather": {"year.lasts=20d"}, "viral-night": {"viral.lasts=10s"}}
	for _, name := range scenarios.Names() {
		if name == "every-weather" || name == "raft-storm" {
			continue // of so many kinds that it takes long; they are swept before each change is taken
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sc, err := scenarios.Read(name, scenarios.ReadOptions{Catalog: catalog, Set: set[name]})
			require.NoError(t, err)
			point := len(sc.Specs) - 1
			verbs := sc.Specs[point].Verbs()
			idle := map[string]bool{}
			for _, verb := range verbs {
				idle[string(verb)] = true
			}
			const enough = 200 // seeds, of which a few dozen are needed
			for i := 0; len(idle) > 0 && i < enough; i++ {
				r := scenarios.Draw(sc.Specs[point], scenarios.SeedAt(luck.Seed(12), i)).Run(scenarios.RunOptions{}).Result
				for _, f := range r.Faults {
					if f.Effects > 0 {
						delete(idle, f.Verb)
					}
				}
			}
			require.Empty(t, idle)
		})
	}
}
