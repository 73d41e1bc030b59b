package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/scenarios"
	"simrun/scenarios/explore"
	"simrun/sim/simtest"
)

// With tokens, nobody who slept through the end of a lease can do harm.
func TestNoIncrementIsLost(t *testing.T) {
	simtest.Scenario(t, catalog, "naps.yaml", simtest.Options{Seeds: 3})
}

// Without them, somebody does. If this failed, the test above would prove nothing.
func TestALeaseAloneProtectsNothing(t *testing.T) {
	scenario, err := scenarios.Read("naps.yaml", scenarios.ReadOptions{Catalog: catalog, Set: []string{"nodes.counter.with.fenced=false"}})
	require.NoError(t, err)
	batch, err := explore.Seeds(scenario, 1, 30)
	require.NoError(t, err)
	require.Equal(t, scenarios.Violated, batch.Verdict)
	require.Equal(t, []string{"no-increment-lost"}, batch.Failures[0].Claims)
}

// If this failed, servers that were given the same commands would come to different grants, or two would have one token.
func TestTheSameCommandsMakeTheSameLocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, other, last := newLocks(), newLocks(), uint64(0)
		for range rapid.IntRange(1, 50).Draw(t, "commands") {
			command := rapid.Custom(drawCommand).Draw(t, "command")
			answer := one.Apply([]byte(command), nil)
			require.Equal(t, string(answer), string(other.Apply([]byte(command), nil)))
			var token uint64
			if n, _ := fmt.Sscanf(string(answer), "granted %d", &token); n == 1 {
				require.Greater(t, token, last)
				last = token
			}
			if rapid.Bool().Draw(t, "from an image") {
				image := other.Image()(nil)
				other = newLocks()
				require.NoError(t, other.Restore(image))
			}
		}
		require.Equal(t, one, other)
	})
}

func drawCommand(t *rapid.T) string {
	name, now := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "lock"), rapid.Int64Range(0, 1000).Draw(t, "now")
	if rapid.Bool().Draw(t, "release") {
		return fmt.Sprintf("release %s %d %d", name, rapid.IntRange(0, 20).Draw(t, "token"), now)
	}
	return fmt.Sprintf("acquire %s %s %d %d", name, rapid.SampledFrom([]string{"x", "y"}).Draw(t, "owner"), rapid.IntRange(1, 300).Draw(t, "lease"), now)
}
