// Package wire answers how requests and answers of the Kafka protocol lie in a stream of bytes: which of them are spoken here
// and in which versions, how one is told from the next, and which bytes are none.
//
// The codec of the messages themselves is kmsg. It believes the counts that it reads: a count of four billion tags keeps it busy
// for a minute, and an array is made before its elements are seen. So whatever came from elsewhere is walked first, by the layout of
// its message (layout.go), without a byte of memory; only what is there to its last byte is decoded.
//
// Source: the protocol guide at kafka.apache.org/protocol, and the definitions of messages that it is made of.
package wire

import (
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The APIs, by the number that names them in a request.
const (
	Produce              int16 = 0
	Fetch                int16 = 1
	ListOffsets          int16 = 2
	Metadata             int16 = 3
	OffsetCommit         int16 = 8
	OffsetFetch          int16 = 9
	FindCoordinator      int16 = 10
	JoinGroup            int16 = 11
	Heartbeat            int16 = 12
	LeaveGroup           int16 = 13
	SyncGroup            int16 = 14
	DescribeGroups       int16 = 15
	ListGroups           int16 = 16
	ApiVersions          int16 = 18
	CreateTopics         int16 = 19
	DeleteTopics         int16 = 20
	DeleteRecords        int16 = 21
	InitProducerID       int16 = 22
	OffsetForLeaderEpoch int16 = 23
	AddPartitionsToTxn   int16 = 24
	AddOffsetsToTxn      int16 = 25
	EndTxn               int16 = 26
	WriteTxnMarkers      int16 = 27
	TxnOffsetCommit      int16 = 28
	DescribeConfigs      int16 = 32
	AlterConfigs         int16 = 33
	CreatePartitions     int16 = 37
	DeleteGroups         int16 = 42
	IncrementalAlter     int16 = 44
	DescribeCluster      int16 = 60
)

// API is a request that is spoken, from its least version to its most.
type API struct {
	Key         int16
	Name        string
	Least, Most int16
	request     layout
	answer      layout
}

// apis are all of them. Produce and Fetch begin where record batches of version 2 do, and end, as the others, where clients
// need no more: below the versions that call topics by an ID.
var apis = []API{
	spoken(Produce, "Produce", 3, 9, "3+s 2 4 [s [4 b]]", "[s [4 2 8 2+8 5+8 8+[4 s] 8+s]] 1+4"),
	spoken(Fetch, "Fetch", 4, 12, "4 4 4 4 1 7+4 7+4 [s [4 9+4 8 12+4 5+8 4]] 7+[s *4] 11+s",
		"1+4 7+2 7+4 [s [4 2 8 4+8 5+8 4+[8 8] 11+4 b]]"),
	spoken(ListOffsets, "ListOffsets", 1, 6, "4 2+1 [s [4 4+4 8]]", "2+4 [s [4 2 8 8 4+4]]"),
	spoken(Metadata, "Metadata", 0, 9, "[s] 4+1 8+1 8+1",
		"3+4 [4 s 4 1+s] 2+s 1+4 [2 s 1+1 [2 4 4 7+4 *4 *4 5+*4] 8+4] 8+4"),
	spoken(OffsetCommit, "OffsetCommit", 2, 7, "s 4 s 7+s 2-4:8 [s [4 8 6+4 s]]", "3+4 [s [4 2]]"),
	spoken(OffsetFetch, "OffsetFetch", 1, 7, "s [s *4] 7+1", "3+4 [s [4 8 5+4 s 2]] 2+2"),
	spoken(FindCoordinator, "FindCoordinator", 0, 3, "s 1+1", "1+4 2 1+s 4 s 4"),
	spoken(JoinGroup, "JoinGroup", 0, 5, "s 4 1+4 s 5+s s [s b]", "2+4 2 4 s s s [s 5+s b]"),
	spoken(Heartbeat, "Heartbeat", 0, 3, "s 4 s 3+s", "1+4 2"),
	spoken(LeaveGroup, "LeaveGroup", 0, 3, "s 0-2:s 3+[s s]", "1+4 2 3+[s s 2]"),
	spoken(SyncGroup, "SyncGroup", 0, 3, "s 4 s 3+s [s b]", "1+4 2 b"),
	spoken(DescribeGroups, "DescribeGroups", 0, 4, "*s 3+1", "1+4 [2 s s s s [s 4+s s s b b] 3+4]"),
	spoken(ListGroups, "ListGroups", 0, 2, "", "1+4 2 [s s]"),
	spoken(ApiVersions, "ApiVersions", 0, 3, "3+s 3+s", "2 [2 2 2] 1+4"),
	spoken(CreateTopics, "CreateTopics", 0, 5, "[s 4 2 [4 *4] [s s]] 4 1+1", "2+4 [s 2 1+s 5+4 5+2 5+[s s 1 1 1]]"),
	spoken(DeleteTopics, "DeleteTopics", 0, 5, "*s 4", "1+4 [s 2 5+s]"),
	spoken(DeleteRecords, "DeleteRecords", 0, 2, "[s [4 8]] 4", "4 [s [4 8 2]]"),
	spoken(InitProducerID, "InitProducerID", 0, 3, "s 4 3+8 3+2", "4 2 8 2"),
	spoken(OffsetForLeaderEpoch, "OffsetForLeaderEpoch", 0, 4, "3+4 [s [4 2+4 4]]", "2+4 [s [2 4 1+4 8]]"),
	spoken(AddPartitionsToTxn, "AddPartitionsToTxn", 0, 3, "s 8 2 [s *4]", "4 [s [4 2]]"),
	spoken(AddOffsetsToTxn, "AddOffsetsToTxn", 0, 3, "s 8 2 s", "4 2"),
	spoken(EndTxn, "EndTxn", 0, 5, "s 8 2 1", "4 2 5+8 5+2"),
	spoken(WriteTxnMarkers, "WriteTxnMarkers", 0, 2, "[8 2 1 [s *4] 4 2+1]", "[8 [s [4 2]]]"),
	spoken(TxnOffsetCommit, "TxnOffsetCommit", 0, 3, "s s 8 2 3+4 3+s 3+s [s [4 8 2+4 s]]", "4 [s [4 2]]"),
	spoken(DescribeConfigs, "DescribeConfigs", 0, 4, "[1 s *s] 1+1 3+1", "4 [2 s 1 s [s s 1 0-0:1 1+1 1 1+[s s 1] 3+1 3+s]]"),
	spoken(AlterConfigs, "AlterConfigs", 0, 2, "[1 s [s s]] 1", "4 [2 s 1 s]"),
	spoken(CreatePartitions, "CreatePartitions", 0, 3, "[s 4 [*4]] 4 1", "4 [s 2 s]"),
	spoken(DeleteGroups, "DeleteGroups", 0, 2, "*s", "4 [s 2]"),
	spoken(IncrementalAlter, "IncrementalAlterConfigs", 0, 1, "[1 s [s 1 s]] 1", "4 [2 s 1 s]"),
	spoken(DescribeCluster, "DescribeCluster", 0, 0, "1", "4 2 s s 4 [4 s 4 s] 4"),
}

func spoken(key int16, name string, least, most int16, request, answer string) API {
	return API{Key: key, Name: name, Least: least, Most: most, request: parseLayout(request), answer: parseLayout(answer)}
}

// Spoken are the APIs, in the order of their keys.
func Spoken() []API { return apis }

// byKey has each API's place.
var byKey = func() (places [64]int8) {
	for i := range places {
		places[i] = -1
	}
	for i, a := range apis {
		places[a.Key] = int8(i)
	}
	return places
}()

// Find is the API with that key, or nil.
func Find(key int16) *API {
	if key < 0 || int(key) >= len(byKey) || byKey[key] < 0 {
		return nil
	}
	return &apis[byKey[key]]
}

// Errors of bytes that are no message. A connection that they came over has to be closed: where the next message begins is
// not known, or not to be trusted.
var (
	// ErrMalformed says that the bytes are not the message that they claim to be.
	ErrMalformed = errors.New("wire: malformed")
	// ErrTooLarge says that a message is longer than the limit.
	ErrTooLarge = errors.New("wire: message too large")
	// ErrUnspoken says that a request has a key or a version that is not spoken.
	ErrUnspoken = errors.New("wire: unspoken request")
)

// New is an empty request of the API in that version. It panics over an API that is not spoken.
func New(key, version int16) kmsg.Request {
	r := kmsg.RequestForKey(key)
	if r == nil || Find(key) == nil {
		panic(fmt.Sprintf("wire: API %d is not spoken", key))
	}
	r.SetVersion(version)
	return r
}
