package group

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/wire"
)

// Refusal is the answer to a request for a coordinator of groups that has this code and nothing else. The driver uses it, too, where
// there is no coordinator to ask.
func Refusal(request kmsg.Request, code wire.Code) kmsg.Response {
	n := int16(code)
	answer := request.ResponseKind()
	switch a := answer.(type) {
	case *kmsg.JoinGroupResponse:
		a.ErrorCode, a.Generation, a.Protocol = n, -1, kmsg.StringPtr("")
		a.MemberID = request.(*kmsg.JoinGroupRequest).MemberID
	case *kmsg.SyncGroupResponse:
		a.ErrorCode = n
	case *kmsg.HeartbeatResponse:
		a.ErrorCode = n
	case *kmsg.LeaveGroupResponse:
		a.ErrorCode = n
	case *kmsg.OffsetCommitResponse:
		for _, t := range request.(*kmsg.OffsetCommitRequest).Topics {
			told := kmsg.OffsetCommitResponseTopic{Topic: t.Topic}
			for _, p := range t.Partitions {
				told.Partitions = append(told.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: n})
			}
			a.Topics = append(a.Topics, told)
		}
	case *kmsg.TxnOffsetCommitResponse:
		for _, t := range request.(*kmsg.TxnOffsetCommitRequest).Topics {
			told := kmsg.TxnOffsetCommitResponseTopic{Topic: t.Topic}
			for _, p := range t.Partitions {
				told.Partitions = append(told.Partitions, kmsg.TxnOffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: n})
			}
			a.Topics = append(a.Topics, told)
		}
	case *kmsg.OffsetFetchResponse:
		a.ErrorCode = n
		if request.GetVersion() >= 2 {
			break
		}
		for _, t := range request.(*kmsg.OffsetFetchRequest).Topics { // of these versions only partitions have errors
			told := kmsg.OffsetFetchResponseTopic{Topic: t.Topic}
			for _, p := range t.Partitions {
				told.Partitions = append(told.Partitions, kmsg.OffsetFetchResponseTopicPartition{Partition: p, Offset: -1, LeaderEpoch: -1,
					Metadata: kmsg.StringPtr(""), ErrorCode: n})
			}
			a.Topics = append(a.Topics, told)
		}
	case *kmsg.DeleteGroupsResponse:
		for _, id := range request.(*kmsg.DeleteGroupsRequest).Groups {
			a.Groups = append(a.Groups, kmsg.DeleteGroupsResponseGroup{Group: id, ErrorCode: n})
		}
	default:
		panic(fmt.Sprintf("group: a %T is not a coordinator's to answer", request))
	}
	return answer
}
