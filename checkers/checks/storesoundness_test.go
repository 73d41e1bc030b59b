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
	"simrun/checkers/service"
	"simrun/nodes/history"
)

// storeKinds is the weather of a store: what is left out strikes servers of a kind that it has not.
var storeKinds = []string{"crash", "crash-machine", "cut-power", "pause", "partition", "one-way", "lose-packets", "step-clock", "blackout"}

func drawStore(t *rapid.T) refOptions {
	o := drawRef(t)
	o.Kinds = rapid.SliceOfN(rapid.SampledFrom(storeKinds), 1, 4).Draw(t, "store kinds")
	return o
}

// storeChecks is every check that a store of one copy passes in any weather.
func storeChecks() map[string]checkers.Check {
	minority := usual("minority").(*service.Minority)
	minority.Of, minority.Election, minority.Lease, minority.Within, minority.Grace = "read", 2*time.Second, 2*time.Second, 5*time.Second, time.Second
	minority.Notices, minority.Refuses = 2*time.Second, 5*time.Second
	durable, power := usual("durable").(*data.Durable), usual("power-safe").(*data.PowerSafe)
	durable.Of, power.Of = "write", "write"
	rpo, rto := usual("rpo").(*data.RPO), usual("rto").(*service.RTO)
	rpo.Of, rto.Of, rto.Within, rto.Majority = "write", "read", 15*time.Second, true
	budget := usual("error-budget").(*service.ErrorBudget)
	budget.Of, budget.Burn, budget.Majority = "read", 0.001, true
	return map[string]checkers.Check{"minority": minority, "durable": durable, "power-safe": power, "rpo": rpo, "rto": rto, "error-budget": budget}
}

func requireNoStoreAlarm(t require.TestingT, o refOptions, h *history.History, checks map[string]checkers.Check) map[string]checkers.Judgement {
	e := evidence.Gather(h)
	judgements := map[string]checkers.Judgement{}
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		j := checks[name].Judge(e)
		judgements[name] = j
		requireSound(t, j)
		require.NotEqual(t, checkers.Violated, j.Verdict, "%s of %+v: %s: %s\n%v", name, o, j.Anomaly, j.Reason, j.Story)
	}
	return judgements
}

// If this failed, a store that is right would be accused of what the weather did.
func TestNoWeatherIsBlamedOnAStore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawStore(t)
		requireNoStoreAlarm(t, o, o.store(false, ""), storeChecks())
	})
}

// And where the weather is what a check is about, it decides.
func TestAStoreIsJudged(t *testing.T) {
	held := map[string]int{}
	for seed := range uint64(20) {
		for _, kind := range []string{"partition", "blackout"} {
			o := refOptions{Seed: seed, Kinds: []string{kind}, Faults: 2, Rate: 12, Storm: 25 * time.Second}
			for name, j := range requireNoStoreAlarm(t, o, o.store(false, ""), storeChecks()) {
				held[name] += one(j.Verdict == checkers.Holds)
			}
		}
	}
	for name := range storeChecks() {
		require.NotZero(t, held[name], "%s decides nothing", name)
	}
}

// If this failed, the checks of stores would let pass what they are for.
func TestAStoreThatIsWrongIsSeen(t *testing.T) {
	for _, c := range []struct {
		wrong, weather string
		alone          bool
		seenBy         map[string]string
	}{
		{wrong: "half is enough", weather: "partition", seenBy: map[string]string{"minority": "minority-served"}},
		{wrong: "it syncs nothing", weather: "blackout", seenBy: map[string]string{"durable": "lost-write", "power-safe": "lost-write", "rpo": "too-old"}},
		{wrong: "it asks nobody, and the last one wins", weather: "partition", alone: true, seenBy: map[string]string{"minority": "minority-served", "durable": "lost-write", "rpo": "lost-without-fault"}},
	} {
		missing := map[string]string{}
		for name, anomaly := range c.seenBy {
			missing[name] = anomaly
		}
		checks := storeChecks()
		for seed := uint64(1); seed <= 40 && len(missing) > 0; seed++ {
			o := refOptions{Seed: seed, Kinds: []string{c.weather}, Faults: 3, Rate: 12, Storm: 25 * time.Second}
			e := evidence.Gather(o.store(c.alone, c.wrong))
			for _, name := range slices.Sorted(maps.Keys(missing)) {
				if j := checks[name].Judge(e); j.Verdict == checkers.Violated && j.Anomaly == missing[name] {
					requireSound(t, j)
					require.NotEmpty(t, j.Witness)
					require.LessOrEqual(t, len(j.Witness), 8)
					require.NotEmpty(t, j.Story)
					delete(missing, name)
				}
			}
		}
		require.Empty(t, missing, "a store of which %s passes", c.wrong)
	}
}

// A store that needs a majority is not always there, and that is seen too.
func TestAStoreThatNeedsAMajorityIsNotAlwaysThere(t *testing.T) {
	total := usual("total-availability").(*service.TotalAvailability)
	total.Of, total.Least = "read", 1
	for seed := uint64(1); ; seed++ {
		o := refOptions{Seed: seed, Kinds: []string{"partition"}, Faults: 3, Rate: 12, Storm: 25 * time.Second}
		if j := total.Judge(evidence.Gather(o.store(false, ""))); j.Verdict == checkers.Violated {
			require.Equal(t, "refused", j.Anomaly)
			return
		}
		require.Less(t, seed, uint64(40))
	}
}

// A store of which each server answers alone is always there.
func TestAStoreThatAsksNobodyIsAlwaysThere(t *testing.T) {
	held := 0
	rapid.Check(t, func(t *rapid.T) {
		o := drawStore(t)
		total := usual("total-availability").(*service.TotalAvailability)
		total.Of, total.Least = "read", 1
		held += one(requireNoStoreAlarm(t, o, o.store(true, ""), map[string]checkers.Check{"total-availability": total})["total-availability"].Verdict == checkers.Holds)
	})
	require.NotZero(t, held)
}

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
