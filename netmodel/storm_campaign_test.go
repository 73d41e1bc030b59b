//go:build campaign

package netmodel_test

import (
	"flag"
	"testing"
)

var storms = flag.Uint64("storms", 10_000, "how many storms")
var firstStorm = flag.Uint64("first-storm", 0, "the seed of the first")

// A long campaign of storms: go test -tags campaign -run Campaign -timeout 0 ./netmodel
func TestStormCampaign(t *testing.T) {
	for i := range *storms {
		tumble(t, *firstStorm+i, 300)
	}
}
