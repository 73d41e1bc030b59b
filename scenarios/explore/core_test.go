package explore

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/gearman"
	"simrun/scenarios"
)

// If this failed, a shrink would take the only server that is mended away, and call it the bug that nobody is served.
func TestWhoIsMendedCanStillServe(t *testing.T) {
	sc, err := scenarios.Read("core-recovers", scenarios.ReadOptions{Catalog: scenarios.Catalog{Kinds: []nodes.Kind{gearman.Server, gearman.Worker, gearman.Client}}})
	require.NoError(t, err)
	kept, taken := 0, 0
	for i := range 20 {
		plan := scenarios.Draw(sc.Specs[0], scenarios.SeedAt(1, i))
		d := newDraft(plan, scenarios.Offence{Claim: plan.Claims[0].Name})
		var core []string
		for _, p := range plan.Phases {
			core = append(core, p.Heal.Hosts...)
		}
		require.NotEmpty(t, core)
		servers := 0
		for _, h := range plan.Hosts {
			servers += map[bool]int{true: 1}[h.Kind.Role == nodes.Server && slices.Contains(core, h.Name)]
		}
		for _, h := range plan.Hosts {
			if h.Kind.Role != nodes.Server {
				continue
			}
			less := d.without([]string{h.Node, h.Name})
			if servers == 1 && slices.Contains(core, h.Name) {
				require.Nil(t, less, "%s is the only server of %v", h.Name, core)
				kept++
			} else {
				require.NotNil(t, less)
				taken++
			}
		}
	}
	require.Positive(t, kept)
	require.Positive(t, taken)
}
