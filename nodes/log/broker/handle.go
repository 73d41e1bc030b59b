package broker

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/wire"
)

// handle does a request, or begins to. What has to wait for others (a produce, a member of a group) is answered later, beside the
// connection's next requests; whatever else takes time the connection waits for.
func (b *broker) handle(c *call, request kmsg.Request) {
	switch r := request.(type) {
	case *kmsg.ProduceRequest:
		b.produce(c, r)
	case *kmsg.FetchRequest:
		b.serveFetch(c, r)
	case *kmsg.ListOffsetsRequest:
		b.listOffsets(c, r)
	case *kmsg.MetadataRequest:
		b.metadata(c, r)
	case *kmsg.ApiVersionsRequest:
		c.reply(wire.Versions(c.header.Version))
	case *kmsg.CreateTopicsRequest:
		b.createTopics(c, r)
	case *kmsg.DeleteTopicsRequest:
		b.deleteTopics(c, r)
	case *kmsg.CreatePartitionsRequest:
		b.createPartitions(c, r)
	case *kmsg.DescribeConfigsRequest:
		b.describeConfigs(c, r)
	case *kmsg.AlterConfigsRequest:
		b.alterConfigs(c, r)
	case *kmsg.IncrementalAlterConfigsRequest:
		b.incrementalAlterConfigs(c, r)
	case *kmsg.DescribeClusterRequest:
		b.describeCluster(c, r)
	case *kmsg.DeleteRecordsRequest:
		b.deleteRecords(c, r)
	case *kmsg.OffsetForLeaderEpochRequest:
		b.offsetForLeaderEpoch(c, r)
	case *kmsg.InitProducerIDRequest:
		b.initProducerID(c, r)
	case *kmsg.FindCoordinatorRequest:
		b.findCoordinator(c, r)
	case *kmsg.WriteTxnMarkersRequest:
		b.writeMarkers(c, r)
	case *kmsg.JoinGroupRequest:
		b.askGroup(c, r.Group, r)
	case *kmsg.SyncGroupRequest:
		b.askGroup(c, r.Group, r)
	case *kmsg.HeartbeatRequest:
		b.askGroup(c, r.Group, r)
	case *kmsg.LeaveGroupRequest:
		b.askGroup(c, r.Group, r)
	case *kmsg.OffsetCommitRequest:
		b.askGroup(c, r.Group, r)
	case *kmsg.TxnOffsetCommitRequest:
		b.askGroup(c, r.Group, r)
	case *kmsg.OffsetFetchRequest:
		b.askGroup(c, r.Group, r)
	case *kmsg.DeleteGroupsRequest:
		b.deleteGroups(c, r)
	case *kmsg.DescribeGroupsRequest:
		b.describeGroups(c, r)
	case *kmsg.ListGroupsRequest:
		b.listGroups(c, r)
	case *kmsg.AddPartitionsToTxnRequest, *kmsg.AddOffsetsToTxnRequest, *kmsg.EndTxnRequest:
		b.askLedger(c, r)
	default:
		panic(fmt.Sprintf("broker: a %T is spoken, and not answered", r))
	}
}
