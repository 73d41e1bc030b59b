package scenarios

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/sim/luck"
)

// If this fails, a rare path is taken at points that nobody meant, or at none.
func TestPointsAreDrawn(t *testing.T) {
	all := []string{"journal.mark-now", "journal.roll-over", "server.slow-answer", "server.small-writes"}
	drawn := func(seed luck.Seed, line string) []string { return drawFaults(t, seed, line).Faults[0].Options.Points }
	sizes, often := map[int]int{}, map[string]int{}
	for seed := range luck.Seed(200) {
		require.Equal(t, all[1:3], drawn(seed, "{at: 1s, buggify: lone, points: [server.slow-answer, journal.roll-over]}"))
		require.Len(t, drawn(seed, "{at: 1s, buggify: lone, points: 3}"), 3)
		some := drawn(seed, "{at: 1s, buggify: lone}")
		require.True(t, slices.IsSorted(some))
		sizes[len(some)]++
		for _, name := range some {
			require.Contains(t, all, name)
			often[name]++
		}
		more := drawn(seed, "{at: 1s, buggify: lone, points: 1..2}")
		sizes[-len(more)]++
		require.Contains(t, drawn(seed, "{at: 1s, buggify: [lone, client/1], points: 5}"), "client.retry-at-once")
	}
	require.Zero(t, sizes[0], "a rare path that is never taken is no fault")
	require.Greater(t, sizes[1], 100)
	require.Greater(t, sizes[2], 10)
	require.InDelta(t, 100, sizes[-1], 40)
	for _, name := range all {
		require.InDelta(t, 70, often[name], 35, name)
	}
}

// If this fails, a new point in the code changes which others a seed stands for.
func TestAPointIsDrawnByItsName(t *testing.T) {
	for seed := range luck.Seed(50) {
		stream := seed.Stream("x")
		chosen := func(known ...string) []string { s := stream; return (&points{}).draw(source{&s}, known) }
		few, more := chosen("a", "b", "c"), chosen("a", "aa", "b", "c", "d")
		for _, name := range few {
			if len(few) > 1 {
				require.Contains(t, more, name)
			}
		}
	}
}

// If this fails, a slip of the finger makes a fault that does nothing.
func TestPointsAreLookedUp(t *testing.T) {
	const text = `scenario: small
sites: {west: {}}
nodes: {lone: {run: gearman.server, site: west}, hand: {run: gearman.worker, site: west}}
phases:
  - phase: storm
    lasts: 10s
    faults:
      - {at: 1s, buggify: lone, points: [journal.roll-ove, sleep]}
      - {at: 1s, buggify: lone, points: 5}
      - {at: 1s, buggify: hand, points: 1}
      - {at: 1s, buggify: lone, points: often}
      - {at: 1s, buggify: lone, points: []}
      - {at: 1s, crash: lone, points: 1}
`
	got := problemsOf(t, "small.yaml", text)
	for _, want := range []string{
		`lone has no point "journal.roll-ove"`, `did you mean "journal.roll-over"?`,
		`lone has no point "sleep"`, "one of: journal.mark-now, journal.roll-over, server.slow-answer, server.small-writes",
		"5 points are more than there are: lone has 4", "the code of hand has no points",
		`"often" is not a number such as 3 or 1..4, or a list of points`, "this list is empty", `crash has no "points"`,
	} {
		require.Contains(t, got, want)
	}
}
