//go:build campaign

package main

import (
	"testing"

	"simrun/sim/simtest"
)

// If this failed, there would be a storm that a group does not outlive, or that is not the same twice, though not among those
// that every test run tries. It takes about ten minutes: go test -tags campaign -timeout 1h -run Campaign ./examples/etcdraft
func TestStormCampaign(t *testing.T) {
	simtest.Scenario(t, catalog, "raft-storm", simtest.Options{Seeds: 200, Set: []string{indexReads}})
	oneSeedIsOneRun(t, 20)
}
