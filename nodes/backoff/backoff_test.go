package backoff_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/backoff"
)

// If this failed, a server that comes back would be trampled, left alone for too long, or asked
// without a pause.
func TestBackoffGrowsAndStaysWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		least := time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "least"))
		most := least + time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "more"))
		b := backoff.Backoff{Least: least, Most: most}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		full := least
		for n := range 70 {
			wait := b.Next(r)
			require.True(t, full/2 <= wait && wait <= full, "%v after %d failures, not within the latter half of %v", wait, n, full)
			full = min(2*full, most)
		}
		b.Reset()
		require.LessOrEqual(t, b.Next(r), least)
	})
}
