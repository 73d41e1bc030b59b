package primary_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/nodes/kv/primary"
	"simrun/sim"
	"simrun/sim/luck"
)

// If this failed, a replica that was behind would count, once it is sent everything, as one that lost its disk; and if the primary
// dies then, nobody is primary any more, although all but one are there and none has lost anything.
func TestAReplicaThatIsSentEverythingStillCounts(t *testing.T) {
	for seed := range luck.Seed(8) {
		g := newBusyGroup(t, seed)
		away := g.aReplica().PauseMachine()
		g.Run(g.Now() + 500*time.Millisecond)
		var old *sim.Host
		g.onInstalled = func() {
			if old == nil {
				old = g.leader
				g.At(g.Now(), func() { old.CrashMachine() })
			}
		}
		away.End()
		g.Run(g.Now() + 1500*time.Millisecond)
		require.NotNil(t, old, "seed %d: the replica was not sent everything", seed)
		clear(g.acked)
		g.Run(g.Now() + time.Second)
		require.False(t, old.Running())
		require.NotEmpty(t, g.acked, "seed %d: nothing is written without the old primary", seed)
		require.Empty(t, g.Findings(), "seed %d", seed)
		g.Close()
	}
}

// If this failed, a replica that is further away than another would be cut off and sent everything, again and again, because what
// the other has acknowledged is let go before it was sent to this one.
func TestAReplicaThatIsFurtherAwayIsNotCutOff(t *testing.T) {
	g := newBusyGroup(t, 5)
	_, err := g.Network().Install(netmodel.Rule{Name: "far", Verb: netmodel.Slowness, Delay: nodes.Spread{Lo: 20 * time.Millisecond, Hi: 20 * time.Millisecond},
		Links: netmodel.Links{From: []string{g.aReplica().Name}, To: []string{g.leader.Name}, Both: true}})
	require.NoError(t, err)
	installed := 0
	g.onInstalled = func() { installed++ }
	g.Run(g.Now() + 3*time.Second)
	require.Zero(t, installed, "snapshots")
	require.Empty(t, g.Findings())
	g.check(5)
}

// busyGroup is a group that keeps nothing for replicas that come back, and whose replicas are never done with what is written.
type busyGroup struct {
	*group
	leader      *sim.Host // who became it last
	onInstalled func()    // a replica took over a snapshot
}

// newBusyGroup runs one until it is at work.
func newBusyGroup(t *testing.T, seed luck.Seed) *busyGroup {
	g := &busyGroup{group: newGroup(t, seed, 1, func(c *primary.Config) { c.Backlog, c.Window, c.BatchBytes = 0, 1, 4<<10 })}
	g.Network().SetLink("here", "here", netmodel.LinkClass{Delay: nodes.Spread{Lo: time.Millisecond, Hi: 10 * time.Millisecond}})
	g.OnMoment(func(h *sim.Host, name string) {
		switch {
		case name == "became-leader":
			g.leader = h
		case name == "snapshot-installed" && g.onInstalled != nil:
			g.onInstalled()
		}
	})
	g.Run(1500 * time.Millisecond)
	require.NotNil(t, g.leader, "seed %d: there is no primary", seed)
	return g
}

// aReplica is one that is not the primary.
func (g *busyGroup) aReplica() *sim.Host {
	if g.hosts[0] == g.leader {
		return g.hosts[1]
	}
	return g.hosts[0]
}
