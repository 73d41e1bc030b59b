package broker_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes/log/broker"
	"simrun/nodes/log/partition"
	"simrun/sim"
	"simrun/sim/luck"
)

// storms is how many are drawn in every run of the tests; a campaign has more.
var storms luck.Seed = 8

// If this failed, what was acknowledged with acks=all by all in sync could be lost, doubled or put in another order: by
// processes and machines that fall, all of them at once too, and by pauses, at the pace of elections.
func TestNothingIsLostOrDoubledInStorms(t *testing.T) {
	for seed := range storms {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { storm(t, 100+seed, nil) })
	}
}

// The same holds where a broker syncs later than it acknowledges, as long as at least one of those in sync keeps its memory: whoever
// fell comes back as one who has nothing.
func TestABrokerThatSyncsLaterComesBackAsOneThatHasNothing(t *testing.T) {
	for seed := range storms / 2 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			storm(t, 200+seed, func(c *broker.Config) { c.Sync, c.SyncInterval = partition.Interval, 10*time.Second })
		})
	}
}

func storm(t *testing.T, seed luck.Seed, change func(*broker.Config)) {
	later := change != nil
	tell(t, 3, seed, func(c *broker.Config) {
		c.Segment, c.SnapshotEvery = 4<<10, 20
		if later {
			change(c)
		}
	}, func(s *story) {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		s.create("t", 1, 3, nil)
		s.settle("t", 3)
		p := s.producer("t")
		until := s.Now() + 8*time.Second
		s.At(s.Now(), func() { s.rage(r, until, later) })
		for n := 0; s.Now() < until; n++ {
			p.send(fmt.Sprint(n))
			s.sleep(time.Duration(r.IntN(10)) * time.Millisecond)
		}
		s.settle("t", 3)
		p.send("last")
		requireSame(t, p.acked, s.read("t", len(p.acked)))
	})
}

// rage strikes now, and again in a while. Where memory must not be lost everywhere, only one machine falls at a time.
func (s *story) rage(r *rand.Rand, until time.Duration, gently bool) {
	if s.Now() >= until {
		return
	}
	victim := s.hosts[r.IntN(len(s.hosts))]
	lasts := time.Duration(1+r.IntN(800)) * time.Millisecond
	var strikes []*sim.Strike
	switch how := r.IntN(10); {
	case how < 3:
		strikes = append(strikes, victim.CrashMachine())
	case how < 5:
		strikes = append(strikes, victim.Pause())
	case how < 7 && !gently:
		strikes = append(strikes, victim.Crash())
	case how < 8:
		strikes = append(strikes, victim.PauseMachine())
	case how < 9 && !gently:
		for _, h := range s.hosts {
			strikes = append(strikes, h.CrashMachine())
		}
	case !gently:
		strikes = append(strikes, victim.Stop())
	}
	s.At(s.Now()+lasts, func() {
		for _, strike := range strikes {
			strike.End()
		}
	})
	pause := time.Duration(r.IntN(1000)) * time.Millisecond
	if gently {
		pause += lasts + 3*time.Second // until all are in sync again
	}
	s.At(s.Now()+pause, func() { s.rage(r, until, gently) })
}

// requireSame says where two lists part.
func requireSame(t *testing.T, want, got []string) {
	for i, value := range want {
		if i >= len(got) || got[i] != value {
			require.Equal(t, want[max(0, i-3):min(len(want), i+4)], got[min(len(got), max(0, i-3)):min(len(got), i+4)], "at %d of %d, where %d are", i, len(want), len(got))
		}
	}
	require.Len(t, got, len(want))
}
