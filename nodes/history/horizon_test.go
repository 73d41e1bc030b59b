package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"simrun/nodes/probe"
)

// If this failed, a leader that lacks what others have committed, or a read that misses it, would be compared with nothing.
func TestAHorizonIsAsFarAsAnybodyHasCome(t *testing.T) {
	committed, other := probe.Horizon{Of: "entries"}, probe.Horizon{Of: "entries"}
	alive, dead := false, true
	log := NewLog(func() time.Duration { return 0 })
	a, b, ghost := log.For("a", &alive), log.For("b", &alive), log.For("c", &dead)
	at := func(h *probe.Horizon, sequence uint64) [2]uint64 {
		number, value := b.Horizon(h, sequence)
		return [2]uint64{number, value}
	}
	require.Equal(t, [2]uint64{}, at(&committed, 1))
	a.Advance(&committed, 1, 7, 2)
	require.Equal(t, [2]uint64{7, 2}, at(&committed, 1))
	b.Advance(&committed, 1, 5, 9) // who is behind takes nothing back
	ghost.Advance(&committed, 1, 9, 2)
	require.Equal(t, [2]uint64{7, 2}, at(&committed, 1))
	b.Advance(&committed, 1, 8, 3)
	require.Equal(t, [2]uint64{8, 3}, at(&committed, 1))
	require.Equal(t, [2]uint64{}, at(&committed, 2), "another group's")
	require.Equal(t, [2]uint64{}, at(&other, 1), "another question")

	require.True(t, a.Steady(&committed, 1, 0))
	log.Strays("b", 500)
	log.Strays("b", 0) // what was wrong was wrong
	log.Strays("c", 999)
	require.True(t, a.Steady(&committed, 1, 500), "whoever has no part in it may be late")
	require.False(t, a.Steady(&committed, 1, 499))
	require.True(t, a.Steady(&committed, 2, 0))
}
