//go:build campaign

package netmodel_test

import "testing"

// A long campaign of storms: go test -tags campaign -run Campaign ./netmodel
func TestStormCampaign(t *testing.T) {
	for seed := range uint64(10_000) {
		tumble(t, seed, 300)
	}
}
