//go:build campaign

package gossip

import (
	"math/rand/v2"
	"testing"
	"time"
)

// If this failed, there would be weather after which members do not agree, though not among that which every test run
// tries. About a minute on a quiet core.
func TestWeatherCampaign(t *testing.T) {
	longest := time.Duration(0)
	each(t, 2000, func(t *testing.T, seed uint64, r *rand.Rand) { longest = max(longest, stormy(t, seed, r)) })
	t.Logf("the longest until all agreed: %v", longest)
}

// If this failed, the loss that costs nobody's life would be less than is said.
func TestLossCampaign(t *testing.T) {
	suspected := 0
	each(t, 2000, func(t *testing.T, seed uint64, r *rand.Rand) { suspected += lossy(t, seed, r) })
	t.Logf("%d suspicions of members that ran", suspected)
}
