package gearman

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// If this failed, a server that comes back would be trampled, left alone for too long, or asked
// without a pause.
func TestBackoffGrowsAndStaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		least := time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "least"))
		most := least + time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "more"))
		b := backoff{least: least, most: most}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		full := least
		for n := range 70 {
			wait := b.next(r)
			require.True(t, full/2 <= wait && wait <= full, "%v after %d failures, not within the latter half of %v", wait, n, full)
			full = min(2*full, most)
		}
		b.reset()
		require.LessOrEqual(t, b.next(r), least)
	})
}

// If this failed, a name could be dialled at the wrong port.
func TestServersAreDialledAtTheirOwnPortOrTheProtocols(t *testing.T) {
	require.Equal(t, "jobs:4730", address("jobs"))
	require.Equal(t, "127.0.0.1:4731", address("127.0.0.1:4731"))
}
