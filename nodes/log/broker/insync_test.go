package broker

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/log/cluster"
	"simrun/nodes/log/partition"
	"simrun/nodes/log/record"
	"simrun/sim"
)

// If this failed, a leader would acknowledge what one lacks that it has asked to have in the in-sync set, and that may lead by then; or the removal
// of a key go that somebody has not heard of.
func TestWhoWasAskedForIsCountedBeforeItIsGranted(t *testing.T) {
	for name, c := range map[string]struct {
		inSync, asked         []int32
		watermark, everywhere int64
	}{
		"all that are in sync":       {[]int32{1, 2}, nil, 8, 4},
		"one more was asked for":     {[]int32{1, 2}, []int32{3}, 4, 4},
		"and was granted":            {[]int32{1, 2, 3}, nil, 4, 4},
		"too few are in sync":        {[]int32{1}, []int32{2}, 0, 4},
		"one that it does not know":  {[]int32{1, 2}, []int32{9}, 8, 4},
		"the leader is not in there": {[]int32{2, 3}, nil, 4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			w := sim.New(sim.Options{Seed: 1})
			t.Cleanup(w.Close)
			done := false
			w.AddHost(sim.HostOptions{Name: "log", Site: w.AddSite("here", w.AddSupplier("grid"), 0), NeverRestart: true, Main: func(env nodes.Env) error {
				log, err := partition.Open(env, "t", partition.Options{})
				require.NoError(t, err)
				for range 10 {
					b, err := new(record.Codec).Build(record.Builder{}, record.Record{Value: []byte("x")})
					require.NoError(t, err)
					a, err := log.Append(b, 1)
					require.NoError(t, err)
					require.NoError(t, log.Commit(a))
				}
				r := &replica{b: &broker{config: DefaultConfig(), record: env.Record()}, log: log, leads: true, least: 2, asked: c.asked, view: cluster.Partition{InSync: c.inSync},
					followers: map[int32]*follower{2: {end: 8}, 3: {end: 4}}}
				r.advance()
				require.Equal(t, c.watermark, log.Watermark())
				require.Equal(t, c.everywhere, r.everywhere)
				done = true
				return log.Close()
			}})
			w.Run(time.Second)
			require.True(t, done)
		})
	}
}
