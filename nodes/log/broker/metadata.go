package broker

import (
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/cluster"
	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/wire"
)

// patience is how long a request waits for the controllers, where it does not say how long itself.
func (b *broker) patience() time.Duration { return 4 * b.config.Election }

// split is a broker's address as clients are told it.
func split(address string) (host string, port int32) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return address, 0
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return host, 0
	}
	return host, int32(n)
}

// controller is the broker that clients are to turn to with what concerns the cluster: the leading controller, or this one, which
// asks it in their place.
func (b *broker) controller() int32 {
	leader, _ := b.controllers.Leader()
	for _, known := range b.state.Brokers() {
		if known.Address == leader && !known.Fenced {
			return known.ID
		}
	}
	return b.place.id
}

// nothingAllowed is what is told of operations that are allowed, where nobody keeps account of them.
const nothingAllowed = -2147483648

// metadata tells which brokers there are, and who leads which partition.
func (b *broker) metadata(c *call, r *kmsg.MetadataRequest) {
	answer := r.ResponseKind().(*kmsg.MetadataResponse)
	answer.ControllerID, answer.ClusterID, answer.AuthorizedOperations = b.controller(), kmsg.StringPtr(b.config.Cluster), nothingAllowed
	for _, known := range b.state.Brokers() {
		if known.Fenced {
			continue
		}
		told := kmsg.NewMetadataResponseBroker()
		told.NodeID = known.ID
		told.Host, told.Port = split(known.Address)
		if known.Rack != "" {
			told.Rack = kmsg.StringPtr(known.Rack)
		}
		answer.Brokers = append(answer.Brokers, told)
	}
	if r.Topics == nil || r.Version == 0 && len(r.Topics) == 0 {
		for _, t := range b.state.Topics() {
			answer.Topics = append(answer.Topics, b.describe(t))
		}
		c.reply(answer)
		return
	}
	var missing []string
	for i := range r.Topics {
		name := nameOf(&r.Topics[i])
		if b.state.Topic(name) == nil && cluster.CheckName(name) == nil && b.config.AutoCreate && (r.Version < 4 || r.AllowAutoTopicCreation) {
			missing = append(missing, name)
		}
	}
	codes := b.ensure(c, missing...)
	for i := range r.Topics {
		name := nameOf(&r.Topics[i])
		if t := b.state.Topic(name); t != nil {
			answer.Topics = append(answer.Topics, b.describe(t))
			continue
		}
		code := wire.UnknownTopicOrPartition
		if cluster.CheckName(name) != nil {
			code = wire.InvalidTopic
		} else if i := slices.Index(missing, name); i >= 0 {
			code = codes[i]
		}
		told := kmsg.NewMetadataResponseTopic()
		told.Topic, told.ErrorCode, told.AuthorizedOperations = kmsg.StringPtr(name), int16(code), nothingAllowed
		answer.Topics = append(answer.Topics, told)
	}
	c.reply(answer)
}

func nameOf(t *kmsg.MetadataRequestTopic) string {
	if t.Topic == nil {
		return ""
	}
	return *t.Topic
}

// describe tells of one topic.
func (b *broker) describe(t *cluster.Topic) kmsg.MetadataResponseTopic {
	told := kmsg.NewMetadataResponseTopic()
	told.Topic, told.IsInternal, told.AuthorizedOperations = kmsg.StringPtr(t.Name), internal(t.Name), nothingAllowed
	for i, p := range t.Partitions {
		one := kmsg.NewMetadataResponseTopicPartition()
		one.Partition, one.Leader, one.LeaderEpoch, one.Replicas, one.ISR = int32(i), p.Leader, p.LeaderEpoch, p.Replicas, p.InSync
		for _, id := range p.Replicas {
			if known := b.state.Broker(id); known == nil || known.Fenced {
				one.OfflineReplicas = append(one.OfflineReplicas, id)
			}
		}
		if p.Leader == cluster.None {
			one.ErrorCode = int16(wire.LeaderNotAvailable)
		}
		told.Partitions = append(told.Partitions, one)
	}
	return told
}

// describeCluster tells which brokers there are.
func (b *broker) describeCluster(c *call, r *kmsg.DescribeClusterRequest) {
	answer := r.ResponseKind().(*kmsg.DescribeClusterResponse)
	answer.ClusterID, answer.ControllerID, answer.ClusterAuthorizedOperations = b.config.Cluster, b.controller(), nothingAllowed
	for _, known := range b.state.Brokers() {
		if known.Fenced {
			continue
		}
		told := kmsg.NewDescribeClusterResponseBroker()
		told.NodeID = known.ID
		told.Host, told.Port = split(known.Address)
		if known.Rack != "" {
			told.Rack = kmsg.StringPtr(known.Rack)
		}
		answer.Brokers = append(answer.Brokers, told)
	}
	c.reply(answer)
}

// The sorts of coordinators.
const (
	ofGroups       = 0
	ofTransactions = 1
)

// findCoordinator tells which broker coordinates a group, or a transactional ID.
func (b *broker) findCoordinator(c *call, r *kmsg.FindCoordinatorRequest) {
	answer := r.ResponseKind().(*kmsg.FindCoordinatorResponse)
	answer.NodeID, answer.Port = -1, -1
	topic := offsetsTopic
	switch {
	case r.CoordinatorType == ofTransactions:
		topic = ledgerTopic
	case r.CoordinatorType != ofGroups:
		answer.ErrorCode = int16(wire.InvalidRequest)
		c.reply(answer)
		return
	}
	if b.state.Topic(topic) == nil {
		b.ensure(c, topic)
	}
	t := b.state.Topic(topic)
	if t == nil {
		answer.ErrorCode = int16(wire.CoordinatorNotAvailable)
		c.reply(answer)
		return
	}
	p := t.Partitions[coordinator.Partition(r.CoordinatorKey, len(t.Partitions))]
	leader := b.state.Broker(p.Leader)
	if leader == nil || leader.Fenced {
		answer.ErrorCode = int16(wire.CoordinatorNotAvailable)
	} else {
		answer.NodeID = leader.ID
		answer.Host, answer.Port = split(leader.Address)
	}
	c.reply(answer)
}
