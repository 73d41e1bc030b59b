package parity

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/sim"
	"simrun/sim/luck"
)

// simulated is the simulated machine: two hosts of a world.
type simulated struct {
	world *sim.World
	last  *sim.Strike
}

func (w *simulated) controlPort() string { return "1" }

func (w *simulated) publish(string) {}

func (w *simulated) cue() string { return "1" }

func (w *simulated) settle() time.Duration { return 20 * time.Millisecond }

// strike strikes as soon as no task runs.
func (w *simulated) strike(s *side, b blow) {
	victim := w.world.Host(s.scene.victim)
	w.world.At(w.world.Now(), func() {
		switch b {
		case kill:
			w.last = victim.Crash()
		case pause:
			w.last = victim.Pause()
		case stop:
			w.last = victim.Stop()
		case start, resume:
			w.last.End()
		}
	})
}

func (w *simulated) shorten(net.Listener, int) {}

// If this failed, a node would live in another world than the one it is going to be run in.
func TestSimulated(t *testing.T) {
	for _, sc := range scenes {
		t.Run(sc.name, func(t *testing.T) {
			for seed := range luck.Seed(seeds) {
				compare(t, sc, playInWorld(t, sc, seed))
			}
		})
	}
}

func playInWorld(t *testing.T, sc scene, seed luck.Seed) map[string][]string {
	world := sim.New(sim.Options{Seed: seed})
	defer world.Close()
	site := world.AddSite("site", world.AddSupplier("supplier"), 0)
	world.Network().SetLink("site", "site", netmodel.LinkClass{Delay: nodes.Spread{Lo: 50 * time.Microsecond, Hi: 200 * time.Microsecond}})
	stage := &simulated{world: world}
	lines := map[string][]string{}
	under := map[string]bool{} // way
	for _, name := range []string{"server", "client"} {
		transcript := new([]string)
		limits := netmodel.Limits{}
		if name == "server" {
			limits.Backlog = sc.backlog
		}
		if name != sc.victim {
			under[name] = true
		}
		life := 0
		world.AddHost(sim.HostOptions{Name: name, Site: site, Limits: limits, NeverRestart: true, Main: func(env nodes.Env) error {
			defer func() {
				if name != sc.victim {
					lines[name] = *transcript
				}
			}()
			life++
			err := play(env, stage, sc, name, life, transcript)
			delete(under, name)
			return err
		}})
	}
	world.Run(2 * time.Hour)
	require.Empty(t, world.Findings())
	if len(under) > 0 {
		world.Close() // lets what was said so far come out
		t.Fatalf("seed %d: the scene did not end on %v:\n%s", seed, under, written(lines))
	}
	return lines
}
