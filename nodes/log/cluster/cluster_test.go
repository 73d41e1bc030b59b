package cluster_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"simrun/nodes/log/cluster"
	"simrun/nodes/log/wire"
)

// story is a state and what was done to it, with a broker's epochs remembered.
type story struct {
	t      require.TestingT
	s      *cluster.State
	epochs map[int32]int64
	lives  uint64
}

// begin is a story of brokers that run, each on a site of its own.
func begin(t require.TestingT, brokers int32) *story {
	st := &story{t: t, s: cluster.New(), epochs: map[int32]int64{}}
	for id := int32(1); id <= brokers; id++ {
		st.register(id, true)
		st.unfence(id)
	}
	return st
}

// do does a command by way of its bytes, as a replica does.
func (st *story) do(c cluster.Command) cluster.Result {
	r, err := cluster.DecodeResult(st.s.Apply(c.Encode(), nil))
	require.NoError(st.t, err)
	return r
}

func (st *story) register(id int32, kept bool) {
	st.lives++
	b := cluster.Broker{ID: id, Name: fmt.Sprint("log-", id), Address: fmt.Sprintf("log-%d:9092", id), Rack: fmt.Sprint("site-", id), Incarnation: st.lives}
	r := st.do(cluster.Command{Register: &cluster.Register{Broker: b, Kept: kept}})
	require.Equal(st.t, wire.None, r.Code, r.Why)
	st.epochs[id] = r.Epoch
}

func (st *story) who(id int32) *cluster.Standing {
	return &cluster.Standing{ID: id, Epoch: st.epochs[id]}
}
func (st *story) fence(id int32)   { st.do(cluster.Command{Fence: st.who(id)}) }
func (st *story) unfence(id int32) { st.do(cluster.Command{Unfence: st.who(id)}) }

func (st *story) create(name string, partitions, replicas int, config cluster.Config) {
	r := st.do(cluster.Command{CreateTopic: &cluster.CreateTopic{Name: name, ID: name + "-1", Partitions: partitions, Replication: replicas, Config: config}})
	require.Equal(st.t, wire.None, r.Code, r.Why)
}

func (st *story) configure(name string, steps ...cluster.Step) {
	r := st.do(cluster.Command{Configure: &cluster.Configure{Name: name, Steps: steps}})
	require.Equal(st.t, wire.None, r.Code, r.Why)
}

// alter lets a broker, which knows the partition as it was seen, ask for another in-sync set.
func (st *story) alter(leader int32, seen cluster.Partition, inSync ...int32) wire.Code {
	a := cluster.AlterPartition{Ref: cluster.Ref{Topic: "t", ID: "t-1"}, LeaderEpoch: seen.LeaderEpoch, Epoch: seen.Epoch}
	for _, id := range inSync {
		a.InSync = append(a.InSync, *st.who(id))
	}
	r := st.do(cluster.Command{Alter: &cluster.Alter{Standing: *st.who(leader), Partitions: []cluster.AlterPartition{a}}})
	if r.Code != wire.None {
		return r.Code
	}
	return r.Codes[0]
}

// is says what becomes of partition 0 of topic t.
func (st *story) is(want string) {
	require.Equal(st.t, want, st.s.Partition("t", 0).String())
}

var two = cluster.Config{"min.insync.replicas": "2"}

// If this failed, a leader could be elected that lacks what was acknowledged, or a partition would stay without a leader
// although somebody has everything.
func TestWhoLeftWhileTooFewWereInSyncMayLead(t *testing.T) {
	st := begin(t, 3)
	st.create("t", 1, 3, two)
	st.is("leader 1 of epoch 1, replicas [1 2 3], in sync [1 2 3]")
	st.fence(3)
	st.is("leader 1 of epoch 1, replicas [1 2 3], in sync [1 2]") // 3 may miss what 1 and 2 commit from now on
	st.fence(2)
	st.is("leader 1 of epoch 1, replicas [1 2 3], in sync [1], eligible [2]") // nothing is committed any more, so 2 has it all
	st.fence(1)
	st.is("leader -1 of epoch 2, replicas [1 2 3], in sync [], eligible [2 1]")
	st.unfence(3)
	st.is("leader -1 of epoch 2, replicas [1 2 3], in sync [], eligible [2 1]")
	st.unfence(2)
	st.is("leader 2 of epoch 3, replicas [1 2 3], in sync [2], eligible [1]")
	require.Equal(t, wire.None, st.alter(2, *st.s.Partition("t", 0), 2, 3))
	st.is("leader 2 of epoch 3, replicas [1 2 3], in sync [2 3]")
	st.unfence(1)
	require.Equal(t, wire.None, st.alter(2, *st.s.Partition("t", 0), 2, 3, 1))
	require.True(t, st.s.OutOfPlace())
	st.do(cluster.Command{Prefer: &cluster.Prefer{}})
	st.is("leader 1 of epoch 4, replicas [1 2 3], in sync [2 3 1]")
	require.False(t, st.s.OutOfPlace())
}

// If this failed, the last of the in-sync replicas would lead again after it lost its tail, and nobody would ever know what is
// missing.
func TestTheLastInSyncReplicaThatLostItsTailIsNotElected(t *testing.T) {
	st := begin(t, 2)
	st.create("t", 1, 2, nil)
	st.fence(2)
	st.register(1, false)
	st.unfence(1)
	st.unfence(2)
	st.is("leader -1 of epoch 2, replicas [1 2], in sync [], last 1")

	st = begin(t, 2)
	st.create("t", 1, 2, cluster.Config{"unclean.leader.election.enable": "true"})
	st.fence(2)
	st.register(1, false)
	st.unfence(2)
	st.is("leader 2 of epoch 3, replicas [1 2], in sync [2]") // as its topic asks for

	st = begin(t, 1)
	st.create("t", 1, 1, nil)
	st.register(1, false)
	st.is("leader -1 of epoch 2, replicas [1], in sync [], eligible [1]")
	st.unfence(1)
	st.is("leader 1 of epoch 3, replicas [1], in sync [1]") // there is nobody to wait for
}

// If this failed, one damaged log would cost a broker its part in all others.
func TestALostPartitionIsLostAlone(t *testing.T) {
	st := begin(t, 2)
	st.create("t", 2, 2, two)
	r := st.do(cluster.Command{Register: &cluster.Register{Kept: true, Lost: []cluster.Ref{{Topic: "t", ID: "t-1", Index: 1}},
		Broker: cluster.Broker{ID: 1, Name: "log-1", Address: "log-1:9092", Incarnation: 77}}})
	require.Equal(t, wire.None, r.Code)
	st.is("leader 2 of epoch 2, replicas [1 2], in sync [2], eligible [1]")
	require.Equal(t, "leader 2 of epoch 1, replicas [2 1], in sync [2]", st.s.Partition("t", 1).String())
}

// If this failed, a leader that does not know yet that it was deposed would change who is in sync; or a broker that came back
// without its tail would be taken for who it was.
func TestWhatIsAskedWithOldKnowledgeIsRefused(t *testing.T) {
	st := begin(t, 3)
	st.create("t", 1, 3, two)
	seen := *st.s.Partition("t", 0)
	require.Equal(t, wire.FencedLeaderEpoch, st.alter(2, seen, 2))
	require.Equal(t, wire.InvalidRequest, st.alter(1, seen, 2, 3))
	require.Equal(t, wire.None, st.alter(1, seen, 1, 2))
	require.Equal(t, wire.InvalidUpdateVersion, st.alter(1, seen, 1))
	seen = *st.s.Partition("t", 0)
	was := st.epochs[3]
	st.register(3, false) // it is not in sync, so this leaves the partition as it was
	st.unfence(3)
	now := st.epochs[3]
	st.epochs[3] = was
	require.Equal(t, wire.IneligibleReplica, st.alter(1, seen, 1, 2, 3))
	require.Equal(t, wire.StaleBrokerEpoch, st.do(cluster.Command{Fence: st.who(3)}).Code)
	st.epochs[3] = now
	require.Equal(t, wire.None, st.alter(1, seen, 1, 2, 3))
	st.fence(1)
	st.unfence(1)
	require.Equal(t, wire.FencedLeaderEpoch, st.alter(1, seen, 1))
}

// If this failed, one site's end would be the end of a partition that could have stood on two; or one broker would lead
// everything.
func TestReplicasAreSpreadOverSitesAndBrokers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		st := &story{t: t, s: cluster.New(), epochs: map[int32]int64{}}
		brokers := rapid.IntRange(1, 7).Draw(t, "brokers")
		racks := map[string]bool{}
		for id := range int32(brokers) {
			rack := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "rack")
			racks[rack] = true
			r := st.do(cluster.Command{Register: &cluster.Register{Broker: cluster.Broker{ID: id, Name: fmt.Sprint(id), Address: "x:1", Rack: rack, Incarnation: uint64(id) + 1}}})
			st.epochs[id] = r.Epoch
			st.unfence(id)
		}
		replicas := rapid.IntRange(1, brokers).Draw(t, "replicas")
		st.create("t", rapid.IntRange(1, 20).Draw(t, "partitions"), replicas, nil)
		holds := map[int32]int{}
		for _, p := range st.s.Topic("t").Partitions {
			on := map[string]bool{}
			for _, id := range p.Replicas {
				on[st.s.Broker(id).Rack] = true
				holds[id]++
			}
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(p.Replicas))), replicas)
			require.Len(t, on, min(replicas, len(racks)))
		}
		if len(racks) == 1 {
			for _, n := range holds {
				require.InDelta(t, len(st.s.Topic("t").Partitions)*replicas/brokers, n, 1)
			}
		}
	})
}

// If this failed, a topic that nobody can have asked for would be there.
func TestTopicsThatCannotBeMeantAreRefused(t *testing.T) {
	st := begin(t, 2)
	code := func(c cluster.CreateTopic) wire.Code { return st.do(cluster.Command{CreateTopic: &c}).Code }
	require.Equal(t, wire.InvalidTopic, code(cluster.CreateTopic{Name: "a/b", Partitions: 1, Replication: 1}))
	require.Equal(t, wire.InvalidPartitions, code(cluster.CreateTopic{Name: "t", Partitions: 0, Replication: 1}))
	require.Equal(t, wire.InvalidReplicationFactor, code(cluster.CreateTopic{Name: "t", Partitions: 1, Replication: 3}))
	require.Equal(t, wire.PolicyViolation, code(cluster.CreateTopic{Name: "t", Partitions: 1 << 40, Replication: 1}))
	require.Equal(t, wire.InvalidConfig, code(cluster.CreateTopic{Name: "t", Partitions: 1, Replication: 1, Config: cluster.Config{"retention.ms": "soon"}}))
	require.Equal(t, wire.InvalidConfig, code(cluster.CreateTopic{Name: "t", Partitions: 1, Replication: 1, Config: cluster.Config{"colour": "red"}}))
	require.Equal(t, wire.InvalidReplicaAssignment, code(cluster.CreateTopic{Name: "t", Assignment: [][]int32{{1, 1}}}))
	require.Equal(t, wire.None, code(cluster.CreateTopic{Name: "t", Assignment: [][]int32{{2, 1}}, Check: true}))
	require.Nil(t, st.s.Topic("t"))
	require.Equal(t, wire.None, code(cluster.CreateTopic{Name: "t", ID: "t-1", Assignment: [][]int32{{2, 1}}}))
	require.Equal(t, wire.TopicAlreadyExists, code(cluster.CreateTopic{Name: "t", Partitions: 1, Replication: 1}))
	require.Equal(t, wire.InvalidPartitions, st.do(cluster.Command{CreatePartitions: &cluster.CreatePartitions{Name: "t", Count: 1}}).Code)
	require.Equal(t, wire.None, st.do(cluster.Command{CreatePartitions: &cluster.CreatePartitions{Name: "t", Count: 3}}).Code)
	require.Equal(t, 3, st.s.Partitions())
	require.Len(t, st.s.Changed(), 3)
	require.Equal(t, wire.None, st.do(cluster.Command{DeleteTopic: &cluster.DeleteTopic{Name: "t"}}).Code)
	require.Equal(t, wire.UnknownTopicOrPartition, st.do(cluster.Command{DeleteTopic: &cluster.DeleteTopic{Name: "t"}}).Code)
	require.Len(t, st.s.Changed(), 3)
	require.Equal(t, wire.InvalidRequest, st.do(cluster.Command{}).Code)
	first := st.do(cluster.Command{Producers: st.who(1)}).Epoch
	require.Equal(t, first+cluster.ProducerBlock, st.do(cluster.Command{Producers: st.who(2)}).Epoch)
}
