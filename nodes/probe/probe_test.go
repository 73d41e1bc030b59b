package probe_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/probe"
)

// If this failed, a probe would be missing from the list of what was never reached, or be counted for another.
func TestASetListsWhatWasDeclared(t *testing.T) {
	var journal, server probe.Set
	torn := journal.Reachable("a torn tail was cut off")
	inOrder := journal.Always("frames are in order")
	full := server.Sometimes("a queue was full")
	var names []string
	for _, p := range probe.All(&server, &journal, &server) {
		names = append(names, string(p.Sort())+": "+p.String())
	}
	require.Equal(t, []string{"sometimes: a queue was full", "reachable: a torn tail was cut off", "always: frames are in order"}, names)
	require.PanicsWithValue(t, `probe: "a queue was full" is declared twice`, func() { server.Reachable("a queue was full") })

	var seen probe.Seen
	require.True(t, seen.First(&full.Probe))
	require.False(t, seen.First(&full.Probe))
	require.True(t, seen.Has(&full.Probe))
	require.False(t, seen.Has(&torn.Probe))
	require.False(t, seen.Has(&inOrder.Probe))
	require.Empty(t, probe.All())
}

// If this failed, a search would take different states for the same, or one state for many.
func TestFingerprintsTellStatesApart(t *testing.T) {
	states := map[probe.Fingerprint]bool{}
	for role := range 3 {
		for _, lease := range []bool{false, true} {
			for _, behind := range []int{0, 1, 2, 4, 1 << 20} {
				states[probe.Fingerprint(0).Among(role, 3).Flag(lease).Size(behind)] = true
			}
		}
	}
	require.Len(t, states, 3*2*5)
	require.Equal(t, probe.Fingerprint(0).Size(5), probe.Fingerprint(0).Size(7), "a size counts by its magnitude")
	require.Equal(t, probe.Fingerprint(0).Size(0), probe.Fingerprint(0).Size(-3))
	require.Equal(t, probe.Fingerprint(0).Size(1<<20), probe.Fingerprint(0).Size(1<<40))
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.IntRange(0, 15), 17, 40) // more than a word holds
		one, other := parts.Draw(t, "one"), parts.Draw(t, "other")
		print := func(parts []int) (f probe.Fingerprint) {
			for _, n := range parts {
				f = f.Among(n, 16)
			}
			return f
		}
		require.Equal(t, print(one), print(one))
		if len(one) == len(other) {
			same := true
			for i := range one {
				same = same && one[i] == other[i]
			}
			require.Equal(t, same, print(one) == print(other), "%v %v", one, other)
		}
	})
}
