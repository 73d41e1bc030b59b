package wire

import "fmt"

// Code is what an answer says of how a request went. A Code other than None is an error.
type Code int16

// The codes that are used here, with their numbers in the protocol.
const (
	UnknownServerError          Code = -1
	None                        Code = 0
	OffsetOutOfRange            Code = 1
	CorruptMessage              Code = 2
	UnknownTopicOrPartition     Code = 3
	LeaderNotAvailable          Code = 5
	NotLeaderOrFollower         Code = 6
	RequestTimedOut             Code = 7
	BrokerNotAvailable          Code = 8
	ReplicaNotAvailable         Code = 9
	MessageTooLarge             Code = 10
	OffsetMetadataTooLarge      Code = 12
	NetworkException            Code = 13
	CoordinatorLoadInProgress   Code = 14
	CoordinatorNotAvailable     Code = 15
	NotCoordinator              Code = 16
	InvalidTopic                Code = 17
	RecordListTooLarge          Code = 18
	NotEnoughReplicas           Code = 19
	NotEnoughReplicasAfterWrite Code = 20
	InvalidRequiredAcks         Code = 21
	IllegalGeneration           Code = 22
	InconsistentGroupProtocol   Code = 23
	InvalidGroupID              Code = 24
	UnknownMemberID             Code = 25
	InvalidSessionTimeout       Code = 26
	RebalanceInProgress         Code = 27
	UnsupportedVersion          Code = 35
	TopicAlreadyExists          Code = 36
	InvalidPartitions           Code = 37
	InvalidReplicationFactor    Code = 38
	InvalidReplicaAssignment    Code = 39
	InvalidConfig               Code = 40
	NotController               Code = 41
	InvalidRequest              Code = 42
	PolicyViolation             Code = 44
	OutOfOrderSequence          Code = 45
	DuplicateSequence           Code = 46
	InvalidProducerEpoch        Code = 47
	InvalidTxnState             Code = 48
	InvalidProducerIDMapping    Code = 49
	InvalidTransactionTimeout   Code = 50
	ConcurrentTransactions      Code = 51
	CoordinatorFenced           Code = 52
	TransactionalIDDenied       Code = 53
	OperationNotAttempted       Code = 55
	StorageError                Code = 56
	UnknownProducerID           Code = 59
	NonEmptyGroup               Code = 68
	GroupIDNotFound             Code = 69
	FetchSessionIDNotFound      Code = 70
	InvalidFetchSessionEpoch    Code = 71
	FencedLeaderEpoch           Code = 74
	UnknownLeaderEpoch          Code = 75
	UnsupportedCompression      Code = 76
	StaleBrokerEpoch            Code = 77
	OffsetNotAvailable          Code = 78
	MemberIDRequired            Code = 79
	PreferredLeaderNotAvailable Code = 80
	GroupMaxSizeReached         Code = 81
	FencedInstanceID            Code = 82
	EligibleLeadersNotAvailable Code = 83
	InvalidRecord               Code = 87
	UnstableOffsetCommit        Code = 88
	ThrottlingQuotaExceeded     Code = 89
	ProducerFenced              Code = 90
	InvalidUpdateVersion        Code = 95
	IneligibleReplica           Code = 107
)

var names = map[Code]string{
	UnknownServerError: "UNKNOWN_SERVER_ERROR", None: "NONE", OffsetOutOfRange: "OFFSET_OUT_OF_RANGE", CorruptMessage: "CORRUPT_MESSAGE",
	UnknownTopicOrPartition: "UNKNOWN_TOPIC_OR_PARTITION", LeaderNotAvailable: "LEADER_NOT_AVAILABLE",
	NotLeaderOrFollower: "NOT_LEADER_OR_FOLLOWER", RequestTimedOut: "REQUEST_TIMED_OUT", BrokerNotAvailable: "BROKER_NOT_AVAILABLE",
	ReplicaNotAvailable: "REPLICA_NOT_AVAILABLE", MessageTooLarge: "MESSAGE_TOO_LARGE", OffsetMetadataTooLarge: "OFFSET_METADATA_TOO_LARGE",
	NetworkException: "NETWORK_EXCEPTION", CoordinatorLoadInProgress: "COORDINATOR_LOAD_IN_PROGRESS",
	CoordinatorNotAvailable: "COORDINATOR_NOT_AVAILABLE", NotCoordinator: "NOT_COORDINATOR", InvalidTopic: "INVALID_TOPIC_EXCEPTION",
	RecordListTooLarge: "RECORD_LIST_TOO_LARGE", NotEnoughReplicas: "NOT_ENOUGH_REPLICAS",
	NotEnoughReplicasAfterWrite: "NOT_ENOUGH_REPLICAS_AFTER_APPEND", InvalidRequiredAcks: "INVALID_REQUIRED_ACKS",
	IllegalGeneration: "ILLEGAL_GENERATION", InconsistentGroupProtocol: "INCONSISTENT_GROUP_PROTOCOL", InvalidGroupID: "INVALID_GROUP_ID",
	UnknownMemberID: "UNKNOWN_MEMBER_ID", InvalidSessionTimeout: "INVALID_SESSION_TIMEOUT", RebalanceInProgress: "REBALANCE_IN_PROGRESS",
	UnsupportedVersion: "UNSUPPORTED_VERSION", TopicAlreadyExists: "TOPIC_ALREADY_EXISTS", InvalidPartitions: "INVALID_PARTITIONS",
	InvalidReplicationFactor: "INVALID_REPLICATION_FACTOR", InvalidReplicaAssignment: "INVALID_REPLICA_ASSIGNMENT",
	InvalidConfig: "INVALID_CONFIG", NotController: "NOT_CONTROLLER", InvalidRequest: "INVALID_REQUEST", PolicyViolation: "POLICY_VIOLATION",
	OutOfOrderSequence: "OUT_OF_ORDER_SEQUENCE_NUMBER", DuplicateSequence: "DUPLICATE_SEQUENCE_NUMBER",
	InvalidProducerEpoch: "INVALID_PRODUCER_EPOCH", InvalidTxnState: "INVALID_TXN_STATE",
	InvalidProducerIDMapping: "INVALID_PRODUCER_ID_MAPPING", InvalidTransactionTimeout: "INVALID_TRANSACTION_TIMEOUT",
	ConcurrentTransactions: "CONCURRENT_TRANSACTIONS", CoordinatorFenced: "TRANSACTION_COORDINATOR_FENCED",
	TransactionalIDDenied: "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", OperationNotAttempted: "OPERATION_NOT_ATTEMPTED",
	StorageError: "KAFKA_STORAGE_ERROR", UnknownProducerID: "UNKNOWN_PRODUCER_ID", NonEmptyGroup: "NON_EMPTY_GROUP",
	GroupIDNotFound: "GROUP_ID_NOT_FOUND", FetchSessionIDNotFound: "FETCH_SESSION_ID_NOT_FOUND",
	InvalidFetchSessionEpoch: "INVALID_FETCH_SESSION_EPOCH", FencedLeaderEpoch: "FENCED_LEADER_EPOCH",
	UnknownLeaderEpoch: "UNKNOWN_LEADER_EPOCH", UnsupportedCompression: "UNSUPPORTED_COMPRESSION_TYPE", StaleBrokerEpoch: "STALE_BROKER_EPOCH",
	OffsetNotAvailable: "OFFSET_NOT_AVAILABLE", MemberIDRequired: "MEMBER_ID_REQUIRED",
	PreferredLeaderNotAvailable: "PREFERRED_LEADER_NOT_AVAILABLE", GroupMaxSizeReached: "GROUP_MAX_SIZE_REACHED",
	FencedInstanceID: "FENCED_INSTANCE_ID", EligibleLeadersNotAvailable: "ELIGIBLE_LEADERS_NOT_AVAILABLE", InvalidRecord: "INVALID_RECORD",
	UnstableOffsetCommit: "UNSTABLE_OFFSET_COMMIT", ThrottlingQuotaExceeded: "THROTTLING_QUOTA_EXCEEDED", ProducerFenced: "PRODUCER_FENCED",
	InvalidUpdateVersion: "INVALID_UPDATE_VERSION", IneligibleReplica: "INELIGIBLE_REPLICA",
}

// String is the code's name in the protocol.
func (c Code) String() string {
	if name, ok := names[c]; ok {
		return name
	}
	return fmt.Sprintf("code %d", int16(c))
}

// Error is the code's name, so that a Code can be an error.
func (c Code) Error() string { return c.String() }

// Retriable says whether the protocol has a client try again, if need be after it has asked anew who leads.
func (c Code) Retriable() bool {
	switch c {
	case CorruptMessage, UnknownTopicOrPartition, LeaderNotAvailable, NotLeaderOrFollower, RequestTimedOut, ReplicaNotAvailable,
		NetworkException, CoordinatorLoadInProgress, CoordinatorNotAvailable, NotCoordinator, NotEnoughReplicas,
		NotEnoughReplicasAfterWrite, NotController, ConcurrentTransactions, StorageError, FetchSessionIDNotFound, InvalidFetchSessionEpoch,
		FencedLeaderEpoch, UnknownLeaderEpoch, OffsetNotAvailable, PreferredLeaderNotAvailable, EligibleLeadersNotAvailable,
		UnstableOffsetCommit, ThrottlingQuotaExceeded:
		return true
	}
	return false
}
