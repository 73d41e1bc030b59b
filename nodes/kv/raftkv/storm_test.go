package raftkv_test

import (
	"testing"

	"simrun/nodes/kinds"
	"simrun/scenarios"
	"simrun/sim/simtest"
)

// If this failed, a group of servers would not outlive what its storm does to it, by a few of its seeds: whoever changes
// something here sees it at once, and not only in the sweep.
func TestAGroupOutlivesItsStorm(t *testing.T) {
	simtest.Scenario(t, scenarios.Catalog{Kinds: kinds.All()}, "raft-storm", simtest.Options{Seeds: 3})
}
