package broker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/wire"
	"simrun/sim"
)

// change is one setting's, as IncrementalAlterConfigs has it.
type change struct {
	op          kmsg.IncrementalAlterConfigOp
	name, value string
}

// alter changes a topic's settings, and returns what it was told.
func (s *story) alter(topic string, check bool, changes ...change) wire.Code {
	r := kmsg.NewPtrIncrementalAlterConfigsRequest()
	r.SetVersion(1)
	r.ValidateOnly = check
	one := kmsg.NewIncrementalAlterConfigsRequestResource()
	one.ResourceType, one.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	for _, c := range changes {
		of := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		of.Name, of.Op = c.name, c.op
		if c.value != "" {
			of.Value = &c.value
		}
		one.Configs = append(one.Configs, of)
	}
	r.Resources = append(r.Resources, one)
	return wire.Code(must[*kmsg.IncrementalAlterConfigsResponse](s, 1, r).Resources[0].ErrorCode)
}

// configured is a topic's setting, and whether it is the default.
func (s *story) configured(topic, name string) (value string, isDefault bool) {
	r := kmsg.NewPtrDescribeConfigsRequest()
	r.SetVersion(4)
	one := kmsg.NewDescribeConfigsRequestResource()
	one.ResourceType, one.ResourceName, one.ConfigNames = kmsg.ConfigResourceTypeTopic, topic, []string{name}
	r.Resources = append(r.Resources, one)
	told := must[*kmsg.DescribeConfigsResponse](s, 1, r).Resources[0]
	require.Zero(s.t, told.ErrorCode)
	require.Len(s.t, told.Configs, 1)
	return *told.Configs[0].Value, told.Configs[0].Source == kmsg.ConfigSourceDefaultConfig
}

const set, unset, list, strike = kmsg.IncrementalAlterConfigOpSet, kmsg.IncrementalAlterConfigOpDelete, kmsg.IncrementalAlterConfigOpAppend, kmsg.IncrementalAlterConfigOpSubtract

// If this failed, what a topic is configured to would not be what was asked for, all of it or nothing; or who asks for nonsense would be told that it
// is done.
func TestTopicsAreConfiguredOtherwise(t *testing.T) {
	tell(t, 1, 7, nil, func(s *story) {
		s.create("t", 1, 1, nil)
		require.Equal(t, wire.None, s.alter("t", false, change{set, "retention.bytes", "4096"}, change{list, "cleanup.policy", "compact"}))
		value, isDefault := s.configured("t", "retention.bytes")
		require.Equal(t, "4096", value)
		require.False(t, isDefault)
		value, _ = s.configured("t", "cleanup.policy")
		require.Equal(t, "delete,compact", value)

		require.Equal(t, wire.None, s.alter("t", true, change{set, "retention.bytes", "8192"}))
		for _, wrong := range []struct {
			code    wire.Code
			changes []change
		}{
			{wire.InvalidConfig, []change{{unset, "retention.bytes", ""}, {set, "retention.ms", "soon"}}},
			{wire.InvalidConfig, []change{{unset, "retention.bytes", ""}, {set, "retention.mms", "1"}}},
			{wire.InvalidConfig, []change{{unset, "retention.mms", ""}}},
			{wire.InvalidConfig, []change{{list, "retention.bytes", "1"}}},
			{wire.InvalidConfig, []change{{strike, "cleanup.policy", "compact,delete"}}},
			{wire.InvalidRequest, []change{{set, "retention.bytes", ""}}},
			{wire.InvalidRequest, []change{{set, "retention.bytes", "1"}, {set, "retention.bytes", "2"}}},
			{wire.InvalidRequest, []change{{9, "retention.bytes", "1"}}},
		} {
			require.Equal(t, wrong.code, s.alter("t", false, wrong.changes...), "%v", wrong.changes)
		}
		require.Equal(t, wire.UnknownTopicOrPartition, s.alter("u", false, change{set, "retention.bytes", "1"}))
		require.Equal(t, wire.InvalidTopic, s.alter("__consumer_offsets", false, change{set, "cleanup.policy", "delete"}))
		value, _ = s.configured("t", "retention.bytes")
		require.Equal(t, "4096", value, "what was refused, or only checked, changed it")

		require.Equal(t, wire.None, s.alter("t", false, change{unset, "retention.bytes", ""}, change{strike, "cleanup.policy", "compact"}))
		value, isDefault = s.configured("t", "retention.bytes")
		require.Equal(t, "-1", value)
		require.True(t, isDefault)
		value, _ = s.configured("t", "cleanup.policy")
		require.Equal(t, "delete", value)

		// The older request names all that is not to be the default.
		r := kmsg.NewPtrAlterConfigsRequest()
		r.SetVersion(2)
		one := kmsg.NewAlterConfigsRequestResource()
		one.ResourceType, one.ResourceName = kmsg.ConfigResourceTypeTopic, "t"
		one.Configs = []kmsg.AlterConfigsRequestResourceConfig{{Name: "segment.ms", Value: kmsg.StringPtr("1234")}}
		other := kmsg.NewAlterConfigsRequestResource()
		other.ResourceType, other.ResourceName = kmsg.ConfigResourceTypeBroker, "1"
		r.Resources = []kmsg.AlterConfigsRequestResource{one, other}
		require.Equal(t, wire.None, s.alter("t", false, change{set, "retention.bytes", "4096"}))
		told := must[*kmsg.AlterConfigsResponse](s, 1, r).Resources
		require.Equal(t, []wire.Code{wire.None, wire.InvalidRequest}, []wire.Code{wire.Code(told[0].ErrorCode), wire.Code(told[1].ErrorCode)})
		value, _ = s.configured("t", "segment.ms")
		require.Equal(t, "1234", value)
		value, _ = s.configured("t", "retention.bytes")
		require.Equal(t, "-1", value)
	})
}

// If this failed, a topic would go by what it was made with, whatever is told of it since: who is enough to acknowledge, how large a batch may be,
// and what goes in time.
func TestLogsGoByWhatTheyAreConfiguredToNow(t *testing.T) {
	tell(t, 3, 3, nil, func(s *story) {
		s.create("t", 1, 2, nil)
		p := s.producer("t")
		p.send("0")
		d := s.settle("t", 2)
		other := d.ISR[0]
		if other == d.Leader {
			other = d.ISR[1]
		}
		s.strike(other, 20*time.Second, (*sim.Host).Pause)
		s.settle("t", 1)
		code := func(value string) wire.Code {
			return wire.Code(must[*kmsg.ProduceResponse](s, s.leader("t", 0), p.batch(value, -1)).Topics[0].Partitions[0].ErrorCode)
		}
		ask := 1
		for ask == int(other) {
			ask++
		}
		alter := func(name, value string) {
			r := kmsg.NewPtrIncrementalAlterConfigsRequest()
			one := kmsg.NewIncrementalAlterConfigsRequestResource()
			one.ResourceType, one.ResourceName = kmsg.ConfigResourceTypeTopic, "t"
			one.Configs = []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: name, Value: &value}}
			r.Resources = append(r.Resources, one)
			require.Zero(t, must[*kmsg.IncrementalAlterConfigsResponse](s, int32(ask), r).Resources[0].ErrorCode)
			s.sleep(100 * time.Millisecond)
		}
		require.Equal(t, wire.NotEnoughReplicas, code("1"))
		alter("min.insync.replicas", "1")
		require.Equal(t, wire.None, code("1"))
		alter("max.message.bytes", "70")
		require.Equal(t, wire.MessageTooLarge, code("2 and then some more than there is room for"))
		alter("min.insync.replicas", "2")
		alter("max.message.bytes", "1000")
		require.Equal(t, wire.NotEnoughReplicas, code("2"))
	})
}
