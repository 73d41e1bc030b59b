package checks

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/checkers"
	"simrun/checkers/data"
	"simrun/checkers/evidence"
)

// replicaChecks are those of what replicas show that a store of one copy passes in any weather.
func replicaChecks() map[string]checkers.Check {
	return map[string]checkers.Check{"sessions": &data.Sessions{}, "staleness": &data.Staleness{Versions: 0}, "no-resurrection": &data.NoResurrection{}}
}

// If this failed, a store that is right would be said to show its clients what is old, or out of order, or gone.
func TestNoWeatherMakesARightStoreStale(t *testing.T) {
	held := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		o := drawStore(t)
		for name, j := range requireNoStoreAlarm(t, o, o.store(false, ""), replicaChecks()) {
			held[name] += one(j.Verdict == checkers.Holds)
		}
	})
	for name := range replicaChecks() {
		require.NotZero(t, held[name], "%s decides nothing", name)
	}
}

// If this failed, two writes that one server gives a version at the same time would be one version with two values.
func TestWritesThroughOneServerAtOnceAreToldApart(t *testing.T) {
	o := refOptions{Seed: 823, Kinds: []string{"crash", "lose-packets", "partition", "pause"}, Faults: 14, Rate: 5, Storm: 19 * time.Second}
	requireNoStoreAlarm(t, o, o.store(false, ""), replicaChecks())
}

// If this failed, servers that answer alone, and tell each other later, would pass for one store. Those that stay together do, and
// once all is quiet they do again.
func TestAStoreThatAsksNobodyIsStale(t *testing.T) {
	missing := map[string]bool{"sessions": true, "staleness": true}
	bounded := &data.Staleness{Versions: -1, Age: 2 * time.Minute}
	for seed := uint64(1); seed <= 40 && len(missing) > 0; seed++ {
		o := refOptions{Seed: seed, Kinds: []string{"partition"}, Faults: 3, Rate: 12, Storm: 25 * time.Second}
		e := evidence.Gather(o.store(true, ""))
		require.NotEqual(t, checkers.Violated, bounded.Judge(e).Verdict)
		for _, name := range slices.Sorted(maps.Keys(missing)) {
			j := replicaChecks()[name].Judge(e)
			requireSound(t, j)
			if j.Verdict == checkers.Violated {
				require.NotEmpty(t, j.Witness)
				require.NotEmpty(t, j.Story)
				delete(missing, name)
			}
		}
	}
	require.Empty(t, missing, "a store that asks nobody passes")
}
