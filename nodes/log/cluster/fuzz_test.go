package cluster_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"simrun/nodes/log/cluster"
)

// FuzzCommand does whatever may come from the disk or from another broker, on a state with a topic.
func FuzzCommand(f *testing.F) {
	for _, c := range []cluster.Command{
		{Register: &cluster.Register{Broker: cluster.Broker{ID: 1, Name: "log-1", Address: "log-1:9092"}, Kept: true, Lost: []cluster.Ref{{Topic: "t", ID: "t-1"}}}},
		{Fence: &cluster.Standing{ID: 1, Epoch: 1}}, {Unfence: &cluster.Standing{ID: 2, Epoch: 2}}, {Producers: &cluster.Standing{ID: 1, Epoch: 1}}, {Prefer: &cluster.Prefer{}},
		{CreateTopic: &cluster.CreateTopic{Name: "u", Partitions: 3, Replication: 2, Config: two}}, {DeleteTopic: &cluster.DeleteTopic{Name: "t"}},
		{Configure: &cluster.Configure{Name: "t", Steps: []cluster.Step{{Setting: "cleanup.policy", Do: cluster.Append, Value: "compact"}, {Setting: "retention.ms", Do: cluster.Unset}}}},
		{CreatePartitions: &cluster.CreatePartitions{Name: "t", Count: 4, Assignment: [][]int32{{1, 2}, {2, 1}}}},
		{Alter: &cluster.Alter{Standing: cluster.Standing{ID: 1, Epoch: 1}, Partitions: []cluster.AlterPartition{{Ref: cluster.Ref{Topic: "t", ID: "t-1"}, LeaderEpoch: 1, Epoch: 1,
			InSync: []cluster.Standing{{ID: 1, Epoch: 1}}}}}},
	} {
		f.Add(c.Encode(), c.Encode())
	}
	f.Fuzz(func(t *testing.T, one, two []byte) {
		st := begin(t, 3)
		st.create("t", 2, 2, nil)
		for _, b := range [][]byte{one, two} {
			_, err := cluster.DecodeResult(st.s.Apply(b, nil))
			require.NoError(t, err)
		}
		again := cluster.New()
		require.NoError(t, again.Restore(st.s.Image()(nil)))
		require.Equal(t, st.s.Image()(nil), again.Image()(nil))
	})
}

// FuzzImage restores whatever may come from the disk or from the leading controller.
func FuzzImage(f *testing.F) {
	st := begin(f, 3)
	st.create("t", 2, 2, two)
	f.Add(st.s.Image()(nil))
	f.Fuzz(func(_ *testing.T, b []byte) {
		s := cluster.New()
		if s.Restore(b) == nil {
			_ = s.String()
			s.Do(&cluster.Command{Prefer: &cluster.Prefer{}})
			s.Do(&cluster.Command{Fence: &cluster.Standing{ID: 1, Epoch: 1}})
		}
	})
}
