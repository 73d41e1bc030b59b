package weather

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes/history"
)

// If this failed, a server would be blamed for a job that it sent into a cut which let the worker's requests through.
func TestACutOfOneWayLetsTheOtherPass(t *testing.T) {
	cut := func(from, to string) history.Impairment {
		return history.Impairment{Verb: "partition", From: []string{from}, To: []string{to}, Start: time.Second, End: time.Minute, Cut: true}
	}
	turns := func(cuts ...history.Impairment) bool {
		w := Of(&history.History{End: time.Hour, Impairments: cuts})
		for s := range w.Between("worker", "server").Over(2*time.Second, 3*time.Second) {
			return s.turns(2*time.Second, 3*time.Second)
		}
		return false
	}
	require.True(t, turns(cut("server", "worker")))
	require.True(t, turns(cut("worker", "server")))
	require.False(t, turns(cut("server", "worker"), cut("worker", "server")), "who gets through all the same was not cut off")
	all := history.Impairment{Verb: "partition", From: []string{"server", "worker"}, To: []string{"worker", "server"}, Start: time.Second, End: time.Minute, Cut: true}
	require.False(t, turns(all))
}
