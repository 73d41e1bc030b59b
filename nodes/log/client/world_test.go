package client_test

import (
	"testing"

	"simrun/nodes/kinds"
	"simrun/scenarios"
	"simrun/sim/simtest"
)

var catalog = scenarios.Catalog{Kinds: kinds.All()}

// If this failed, a producer would say that something arrived which did not, or send it twice; or a consumer pass over something, or come
// back to it without saying so.
func TestWhatProducersAndConsumersNoteIsTrue(t *testing.T) {
	simtest.Scenario(t, catalog, "testdata/calm.yaml", simtest.Options{Seeds: 4})
}
