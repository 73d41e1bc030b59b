package broker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/broker"
	"simrun/nodes/log/wire"
	"simrun/sim"
	"simrun/sim/luck"
)

// If this failed, one broker alone would not keep what it is given.
func TestOneBrokerKeepsWhatItAcknowledged(t *testing.T) {
	tell(t, 1, 1, nil, func(s *story) {
		s.create("t", 1, 1, nil)
		p := s.producer("t")
		for _, value := range numbers(50) {
			p.send(value)
		}
		require.Equal(t, p.acked, s.read("t", 50))
		s.strike(1, 300*time.Millisecond, (*sim.Host).CrashMachine)
		s.sleep(2 * time.Second)
		require.Equal(t, p.acked, s.read("t", 50))
		p.send("more")
		require.Equal(t, p.acked, s.read("t", 51))
	})
}

// If this failed, what all in-sync replicas acknowledged would be lost with a leader, or be there twice.
func TestWhatAllAcknowledgedOutlivesTheLeader(t *testing.T) {
	for seed := range luck.Seed(4) {
		tell(t, 3, seed, nil, func(s *story) {
			s.create("t", 1, 3, nil)
			require.Len(t, s.settle("t", 3).Replicas, 3)
			p := s.producer("t")
			for i, value := range numbers(120) {
				if i%30 == 29 {
					s.strike(s.leader("t", 0), 700*time.Millisecond, (*sim.Host).CrashMachine)
				}
				p.send(value)
			}
			s.settle("t", 3)
			require.Equal(t, p.acked, s.read("t", 120))
		})
	}
}

// If this failed, all would be lost when the lights go out everywhere.
func TestEverybodysPowerFails(t *testing.T) {
	tell(t, 3, 7, nil, func(s *story) {
		s.create("t", 1, 3, nil)
		p := s.producer("t")
		for _, value := range numbers(30) {
			p.send(value)
		}
		for id := range s.hosts {
			s.strike(int32(id+1), 300*time.Millisecond, (*sim.Host).CrashMachine)
		}
		s.sleep(2 * time.Second)
		s.settle("t", 3)
		require.Equal(t, p.acked, s.read("t", 30))
		p.send("after")
		require.Equal(t, p.acked, s.read("t", 31))
	})
}

// If this failed, a broker that is stopped before it has reached the controllers would not be trusted any more with what it has; where
// that happens to all, a partition would be without a leader for ever.
func TestALifeThatReachedNobodyForgetsNothing(t *testing.T) {
	tell(t, 2, 8, nil, func(s *story) {
		s.create("t", 1, 2, nil)
		s.settle("t", 2)
		p := s.producer("t")
		p.send("kept")
		s.strike(1, 300*time.Millisecond, (*sim.Host).CrashMachine)
		s.strike(2, 1500*time.Millisecond, (*sim.Host).CrashMachine)
		s.sleep(600 * time.Millisecond)
		s.strike(1, 1600*time.Millisecond, (*sim.Host).Stop) // the other is not there yet
		s.sleep(1300 * time.Millisecond)
		s.strike(2, 400*time.Millisecond, (*sim.Host).Stop) // nor is this one
		s.sleep(time.Second)
		s.settle("t", 2)
		require.Equal(t, p.acked, s.read("t", 1))
	})
}

// If this failed, a leader that is alone would acknowledge what nobody else has.
func TestTooFewInSync(t *testing.T) {
	tell(t, 3, 3, nil, func(s *story) {
		s.create("t", 1, 2, nil)
		p := s.producer("t")
		p.send("0")
		d := s.settle("t", 2)
		other := d.ISR[0]
		if other == d.Leader {
			other = d.ISR[1]
		}
		s.strike(other, 5*time.Second, (*sim.Host).Pause)
		s.settle("t", 1)
		leader := s.leader("t", 0)
		told := must[*kmsg.ProduceResponse](s, leader, p.batch("1", -1)).Topics[0].Partitions[0]
		require.Equal(t, wire.NotEnoughReplicas, wire.Code(told.ErrorCode))
		told = must[*kmsg.ProduceResponse](s, leader, p.batch("1", 1)).Topics[0].Partitions[0]
		require.Equal(t, wire.None, wire.Code(told.ErrorCode))
		require.Empty(t, must[*kmsg.FetchResponse](s, leader, fetch("t", 1, 0)).Topics[0].Partitions[0].RecordBatches, "it is shown before enough have it")
		s.settle("t", 2)
		require.Equal(t, []string{"0", "1"}, s.read("t", 2))
	})
}

// If this failed, stopping a broker for an hour of maintenance would cost clients a session's time without a leader.
func TestABrokerThatStopsHandsOver(t *testing.T) {
	tell(t, 3, 5, func(c *broker.Config) { c.Session = 20 * time.Second }, func(s *story) {
		s.create("t", 1, 3, nil)
		d := s.settle("t", 3)
		s.strike(d.Leader, 0, (*sim.Host).Stop)
		s.sleep(time.Second)
		require.NotEqual(t, d.Leader, s.leader("t", 0))
		require.NotZero(t, s.leader("t", 0))
	})
}
