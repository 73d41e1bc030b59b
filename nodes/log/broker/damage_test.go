package broker_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes/log/broker"
	"simrun/nodes/log/partition"
	"simrun/sim"
	"simrun/sim/disk"
)

// fall stops a broker's machine, lets something happen to its disk, and boots it again.
func (s *story) fall(id int32, meanwhile func(d *disk.Disk)) {
	s.At(s.Now(), func() {
		strike := s.hosts[id-1].CrashMachine()
		meanwhile(s.hosts[id-1].Disk())
		s.At(s.Now()+300*time.Millisecond, strike.End)
	})
}

// If this failed, a broker with a new disk would be taken for the one that had everything, and what was acknowledged would be lost
// with its old disk.
func TestWhoLostItsDiskCopiesEverythingAnew(t *testing.T) {
	tell(t, 3, 21, nil, func(s *story) {
		s.create("t", 1, 3, nil)
		d := s.settle("t", 3)
		p := s.producer("t")
		for _, value := range numbers(40) {
			p.send(value)
		}
		for range 3 { // each in turn, the leader first
			s.fall(d.Leader, func(d *disk.Disk) { d.Wipe(s.Now()) })
			s.sleep(2 * time.Second)
			p.send(fmt.Sprint("after ", d.Leader))
			d = s.settle("t", 3)
		}
		require.Equal(t, p.acked, s.read("t", len(p.acked)))
	})
}

// If this failed, what rotted on one disk would be served, or would stop a broker for good although others have it.
func TestADamagedLogIsPutAsideAndCopiedAnew(t *testing.T) {
	tell(t, 3, 22, func(c *broker.Config) { c.Segment = 2 << 10 }, func(s *story) {
		s.create("t", 1, 3, nil)
		d := s.settle("t", 3)
		p := s.producer("t")
		for _, value := range numbers(200) {
			p.send(value)
		}
		s.fall(d.Leader, func(disk *disk.Disk) {})
		s.settle("t", 3)
		for id := int32(1); id <= 3; id++ {
			s.fall(id, func(d *disk.Disk) { d.Corrupt(s.Now(), disk.Corruption{Prefix: "topics/t", Sectors: 6}) })
			s.sleep(2 * time.Second)
			s.settle("t", 3)
			require.Equal(t, p.acked, s.read("t", 200), "after broker %d's log was damaged", id)
		}
	})
}

// If this failed, all in-sync replicas could lose their tails at once, and one of them would lead as if nothing had happened. So it
// waits, unless its topic says otherwise.
func TestNobodyLeadsWhoLostItsTail(t *testing.T) {
	later := func(c *broker.Config) { c.Sync, c.SyncInterval = partition.Interval, time.Minute }
	dark := func(s *story) {
		for id := range s.hosts {
			s.strike(int32(id+1), 300*time.Millisecond, (*sim.Host).CrashMachine)
		}
		s.sleep(3 * time.Second)
	}
	tell(t, 3, 23, later, func(s *story) {
		s.create("careful", 1, 3, nil)
		s.create("careless", 1, 3, map[string]string{"unclean.leader.election.enable": "true"})
		s.settle("careful", 3)
		s.settle("careless", 3)
		careful, careless := s.producer("careful"), s.producer("careless")
		for _, value := range numbers(20) {
			careful.send(value)
			careless.send(value)
		}
		dark(s)
		s.settle("careless", 3)
		require.Zero(t, s.leader("careful", 0), "somebody leads who may lack what was acknowledged")
	})
	tell(t, 1, 24, later, func(s *story) { // the only replica has nobody to wait for
		s.create("t", 1, 1, nil)
		dark(s)
		s.settle("t", 1)
	})
}
