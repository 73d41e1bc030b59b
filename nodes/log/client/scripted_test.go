package client_test

import (
	"bufio"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/nodes/log/client"
	"simrun/nodes/log/record"
	"simrun/nodes/log/wire"
	"simrun/sim"
)

// scripted is a world of one broker that answers as it is told, and one client.
type scripted struct {
	*sim.World
	t      *testing.T
	epoch  int32
	logs   map[int32][]record.Batch                 // of the partitions of t
	ends   map[int32]spot                           // by epoch: what OffsetForLeaderEpoch is answered; what is not there ends where the log does
	answer func(request kmsg.Request) kmsg.Response // before anything else; nil leaves it to the script
	asked  []kmsg.Request
	closes int // so many connections end as soon as they stand
}

// spot is an offset, and an epoch.
type spot struct {
	offset int64
	epoch  int32
}

// script begins a world; the client is run by that kind and configuration.
func script(t *testing.T, kind nodes.Kind, config any) *scripted {
	s := &scripted{World: sim.New(sim.Options{Seed: 1}), t: t, logs: map[int32][]record.Batch{0: nil}, ends: map[int32]spot{}, epoch: 1}
	t.Cleanup(s.Close)
	site := s.AddSite("here", s.AddSupplier("grid"), 0)
	s.AddHost(sim.HostOptions{Name: "broker", Site: site, Main: func(env nodes.Env) error {
		listener, err := env.Listen("tcp", ":9092")
		require.NoError(t, err)
		for {
			stream, err := listener.Accept()
			if err != nil {
				return err
			}
			if s.closes > 0 {
				s.closes--
				_ = stream.Close()
				continue
			}
			env.Go("serve", func() {
				for in := bufio.NewReader(stream); ; {
					body, err := wire.Read(in, 1<<20)
					if err != nil {
						return
					}
					head, request, err := wire.DecodeRequest(body)
					require.NoError(t, err)
					if answer := s.reply(env, request); answer != nil {
						_, _ = stream.Write(wire.AppendAnswer(nil, head.Correlation, answer))
					}
				}
			})
		}
	}})
	s.AddHost(sim.HostOptions{Name: "client", Site: site, NeverRestart: true, Main: func(env nodes.Env) error { return kind.Main(env, config) }})
	return s
}

// reply is what the broker says; nil is nothing.
func (s *scripted) reply(env nodes.Env, request kmsg.Request) kmsg.Response {
	s.asked = append(s.asked, request)
	if s.answer != nil {
		if answer := s.answer(request); answer != nil {
			return answer
		}
	}
	switch r := request.(type) {
	case *kmsg.ApiVersionsRequest:
		return wire.Versions(r.Version)
	case *kmsg.MetadataRequest:
		told := r.ResponseKind().(*kmsg.MetadataResponse)
		told.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 1, Host: "broker", Port: 9092}}
		topic := kmsg.MetadataResponseTopic{Topic: kmsg.StringPtr("t")}
		for p := range int32(len(s.logs)) {
			topic.Partitions = append(topic.Partitions, kmsg.MetadataResponseTopicPartition{Partition: p, Leader: 1, LeaderEpoch: s.epoch})
		}
		told.Topics = []kmsg.MetadataResponseTopic{topic}
		return told
	case *kmsg.ListOffsetsRequest:
		told := r.ResponseKind().(*kmsg.ListOffsetsResponse)
		one := kmsg.NewListOffsetsResponseTopicPartition()
		one.Partition = r.Topics[0].Partitions[0].Partition
		if one.Offset = s.start(one.Partition); r.Topics[0].Partitions[0].Timestamp == -1 {
			one.Offset = s.end(one.Partition)
		}
		told.Topics = []kmsg.ListOffsetsResponseTopic{{Topic: "t", Partitions: []kmsg.ListOffsetsResponseTopicPartition{one}}}
		return told
	case *kmsg.OffsetForLeaderEpochRequest:
		told := r.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		asked := r.Topics[0].Partitions[0]
		one := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
		one.Partition, one.LeaderEpoch, one.EndOffset = asked.Partition, asked.LeaderEpoch, s.end(asked.Partition)
		if end, known := s.ends[asked.LeaderEpoch]; known {
			one.LeaderEpoch, one.EndOffset = end.epoch, end.offset
		}
		told.Topics = []kmsg.OffsetForLeaderEpochResponseTopic{{Topic: "t", Partitions: []kmsg.OffsetForLeaderEpochResponseTopicPartition{one}}}
		return told
	case *kmsg.FetchRequest:
		return s.fetched(env, r)
	}
	s.t.Errorf("%T was not to be asked", request)
	return nil
}

func (s *scripted) start(partition int32) int64 {
	if log := s.logs[partition]; len(log) > 0 {
		return log[0].BaseOffset()
	}
	return 0
}

func (s *scripted) end(partition int32) int64 {
	if log := s.logs[partition]; len(log) > 0 {
		return log[len(log)-1].NextOffset()
	}
	return 0
}

func (s *scripted) fetched(env nodes.Env, r *kmsg.FetchRequest) kmsg.Response {
	told := r.ResponseKind().(*kmsg.FetchResponse)
	topic := kmsg.FetchResponseTopic{Topic: "t"}
	quiet := true
	for _, asked := range r.Topics[0].Partitions {
		one := kmsg.NewFetchResponseTopicPartition()
		one.Partition, one.HighWatermark, one.LastStableOffset = asked.Partition, s.end(asked.Partition), s.end(asked.Partition)
		switch {
		case asked.CurrentLeaderEpoch != s.epoch:
			one.ErrorCode, quiet = int16(wire.FencedLeaderEpoch), false
		case asked.FetchOffset < s.start(asked.Partition) || asked.FetchOffset > s.end(asked.Partition):
			one.ErrorCode, quiet = int16(wire.OffsetOutOfRange), false
		}
		for _, b := range s.logs[asked.Partition] {
			if b.NextOffset() > asked.FetchOffset && one.ErrorCode == 0 {
				one.RecordBatches, quiet = append(one.RecordBatches, b...), false
			}
		}
		topic.Partitions = append(topic.Partitions, one)
	}
	if quiet {
		_ = env.Sleep(20 * time.Millisecond)
	}
	told.Topics = []kmsg.FetchResponseTopic{topic}
	return told
}

// put adds messages of the epoch to a partition.
func (s *scripted) put(partition, epoch int32, values ...string) {
	var codec record.Codec
	for _, value := range values {
		b, err := codec.Build(record.Builder{LeaderEpoch: epoch}, record.Record{Value: []byte(value)})
		require.NoError(s.t, err)
		b.SetBaseOffset(s.end(partition))
		b.SetLeaderEpoch(epoch)
		s.logs[partition] = append(s.logs[partition], b)
	}
}

func (s *scripted) pass(d time.Duration) {
	s.Run(s.Now() + d)
	require.Empty(s.t, s.Findings())
}

// polls are the values that were polled so far, each with a ! before it that came after the client said that it was moved.
func (s *scripted) polls() (all []string) {
	for _, o := range s.Log().Operations {
		records, err := history.RecordsOf(o.Output("records").Any())
		if o.Kind != "poll" || o.Outcome != history.Ok || err != nil {
			continue
		}
		for i, r := range records {
			mark := map[bool]string{true: "!"}[i == 0 && o.NoteNamed("rebalance") != nil]
			all = append(all, fmt.Sprint(mark, r.Value))
		}
	}
	return all
}

// joined is what a coordinator says to the only member of a group, which is given partition 0; nil is for all else.
func joined(request kmsg.Request) kmsg.Response {
	switch r := request.(type) {
	case *kmsg.FindCoordinatorRequest:
		told := r.ResponseKind().(*kmsg.FindCoordinatorResponse)
		told.NodeID, told.Host, told.Port = 1, "broker", 9092
		return told
	case *kmsg.JoinGroupRequest:
		told := r.ResponseKind().(*kmsg.JoinGroupResponse)
		told.MemberID, told.LeaderID, told.Generation, told.Protocol = "m", "other", 3, kmsg.StringPtr("range")
		return told
	case *kmsg.SyncGroupRequest:
		told := r.ResponseKind().(*kmsg.SyncGroupResponse)
		given := kmsg.ConsumerMemberAssignment{Topics: []kmsg.ConsumerMemberAssignmentTopic{{Topic: "t", Partitions: []int32{0}}}}
		told.MemberAssignment = given.AppendTo(nil)
		return told
	case *kmsg.HeartbeatRequest:
		return r.ResponseKind()
	case *kmsg.OffsetFetchRequest:
		return come(r, 0, wire.None)
	case *kmsg.OffsetCommitRequest:
		return committed(r, wire.None)
	}
	return nil
}

// come says how far a group has come in partition 0.
func come(r *kmsg.OffsetFetchRequest, to int64, code wire.Code) kmsg.Response {
	told := r.ResponseKind().(*kmsg.OffsetFetchResponse)
	told.Topics = []kmsg.OffsetFetchResponseTopic{{Topic: "t", Partitions: []kmsg.OffsetFetchResponseTopicPartition{{Offset: to, LeaderEpoch: -1, ErrorCode: int16(code)}}}}
	return told
}

// committed says what became of a commit in partition 0.
func committed(r *kmsg.OffsetCommitRequest, code wire.Code) kmsg.Response {
	told := r.ResponseKind().(*kmsg.OffsetCommitResponse)
	told.Topics = []kmsg.OffsetCommitResponseTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitResponseTopicPartition{{ErrorCode: int16(code)}}}}
	return told
}

func reader() *client.ConsumerConfig {
	config := client.DefaultConsumerConfig()
	config.Servers, config.Topics, config.Group = []nodes.NodeName{"broker"}, []string{"t"}, ""
	config.Timeout, config.FetchWait, config.Look = 200*time.Millisecond, 20*time.Millisecond, 300*time.Millisecond
	return config
}

// If this failed, a consumer whose log was cut off by an unclean election would pass over what stands there now, or never find out that it
// has read what is not there.
func TestAConsumerGoesBackToWhereTheLogWasCutOff(t *testing.T) {
	for name, c := range map[string]struct {
		end  spot // of epoch 1, in the log of the leader of epoch 3
		want []string
		seek string // where it says that it goes
	}{
		"cut off":                     {spot{2, 1}, []string{"!a", "b", "c", "d", "!C", "D", "E"}, "2"},
		"as it was":                   {spot{4, 1}, []string{"!a", "b", "c", "d", "E"}, ""},
		"longer, but of another time": {spot{4, 0}, []string{"!a", "b", "c", "d", "!a", "b", "C", "D", "E"}, "0"},
		"nothing is known":            {spot{-1, -1}, []string{"!a", "b", "c", "d", "E"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := script(t, client.Consumer, reader())
			s.put(0, 1, "a", "b", "c", "d")
			s.pass(time.Second)
			require.Equal(t, []string{"!a", "b", "c", "d"}, s.polls())
			s.epoch, s.ends[1] = 3, c.end
			s.logs[0] = s.logs[0][:2:2]
			s.put(0, 3, "C", "D", "E")
			s.pass(2 * time.Second)
			require.Equal(t, c.want, s.polls())
			seek := ""
			for _, o := range s.Log().Operations {
				if o.Kind == "seek" {
					require.NotNil(t, o.NoteNamed("truncated"))
					seek += o.Input("offset").String()
				}
			}
			require.Equal(t, c.seek, seek)
			under := int32(-2)
			for _, r := range s.asked {
				if r, is := r.(*kmsg.OffsetForLeaderEpochRequest); is {
					under = r.Topics[0].Partitions[0].CurrentLeaderEpoch
				}
			}
			require.EqualValues(t, 3, under, "it asks whoever leads in the epoch in which it goes on")
		})
	}
}

// If this failed, nobody would read what is sent to partitions that were added, or not before it begins anew.
func TestAConsumerFindsPartitionsThatWereAdded(t *testing.T) {
	config := reader()
	config.From = client.Latest
	s := script(t, client.Consumer, config)
	s.put(0, 1, "before")
	s.pass(time.Second)
	s.put(0, 1, "a")
	s.logs[1] = nil
	s.put(1, 1, "b") // before it is known that there is such a partition
	s.pass(2 * time.Second)
	require.ElementsMatch(t, []string{"!a", "!b"}, s.polls())
}

// If this failed, a topic would be said to have grown that has not, or not to have that may.
func TestWhatComesOfAddingPartitions(t *testing.T) {
	for name, c := range map[string]struct {
		code    wire.Code
		silent  bool
		outcome history.Outcome
	}{
		"added":                   {code: wire.None, outcome: history.Ok},
		"there were as many":      {code: wire.InvalidPartitions, outcome: history.Ok},
		"refused":                 {code: wire.PolicyViolation, outcome: history.Fail},
		"nobody says what became": {silent: true, outcome: history.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			config := client.DefaultProducerConfig()
			config.Servers, config.Topic, config.Timeout, config.Delivery = []nodes.NodeName{"broker"}, "t", 100*time.Millisecond, 500*time.Millisecond
			s := script(t, client.Producer, config)
			s.answer = func(request kmsg.Request) kmsg.Response {
				r, is := request.(*kmsg.CreatePartitionsRequest)
				if !is {
					return nil
				}
				require.EqualValues(t, 7, r.Topics[0].Count)
				told := r.ResponseKind().(*kmsg.CreatePartitionsResponse)
				told.Topics = []kmsg.CreatePartitionsResponseTopic{{Topic: "t", ErrorCode: int16(c.code)}}
				if c.silent {
					told.Topics = nil
				}
				return told
			}
			s.pass(100 * time.Millisecond)
			s.Host("client").Ask(nodes.Request{ID: 1, Do: "grow", Options: &client.GrowOptions{Partitions: 7}})
			s.pass(3 * time.Second)
			require.Len(t, s.Log().Operations, 1)
			require.Equal(t, c.outcome, s.Log().Operations[0].Outcome, s.Log().Operations[0].Reason)
		})
	}
}

// If this failed, two consumers with one name in a group would both go on.
func TestAStaticMemberThatIsFencedOffEnds(t *testing.T) {
	config := reader()
	config.Group, config.Static, config.Instance = "g", true, "one"
	s := script(t, client.Consumer, config)
	s.answer = func(request kmsg.Request) kmsg.Response {
		if r, is := request.(*kmsg.JoinGroupRequest); is {
			require.Equal(t, "one", *r.InstanceID)
			told := r.ResponseKind().(*kmsg.JoinGroupResponse)
			told.ErrorCode = int16(wire.FencedInstanceID)
			return told
		}
		return joined(request)
	}
	s.pass(time.Second)
	require.Equal(t, "exit", s.Log().Downs[0].Why)
}

// If this failed, a consumer would pass over a topic that is about to be made, for good.
func TestAConsumerWaitsForATopicThatIsYetToBeMade(t *testing.T) {
	s := script(t, client.Consumer, reader())
	made := false
	s.answer = func(request kmsg.Request) kmsg.Response {
		r, is := request.(*kmsg.MetadataRequest)
		if made || !is {
			return nil
		}
		told := r.ResponseKind().(*kmsg.MetadataResponse)
		told.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 1, Host: "broker", Port: 9092}}
		told.Topics = []kmsg.MetadataResponseTopic{{Topic: kmsg.StringPtr("t"), ErrorCode: int16(wire.LeaderNotAvailable)}}
		return told
	}
	s.put(0, 1, "a")
	s.pass(time.Second)
	require.Empty(t, s.polls())
	made = true
	s.pass(2 * time.Second)
	require.Equal(t, []string{"!a"}, s.polls())
}

// If this failed, a client would keep a connection that ended as soon as it stood, and wait on it for ever.
func TestAConnectionThatEndsAsSoonAsItStandsIsGivenUp(t *testing.T) {
	s := script(t, client.Consumer, reader())
	s.closes = 3
	s.put(0, 1, "a")
	s.pass(5 * time.Second)
	require.Equal(t, []string{"!a"}, s.polls())
}

// If this failed, a consumer that its group has put out would commit what it has in hand as somebody in no group, whom coordinators believe.
func TestWhoIsPutOutOfAGroupCommitsUnderItsOldNameStill(t *testing.T) {
	config := reader()
	config.Group, config.Heartbeat, config.Session = "g", 50*time.Millisecond, time.Second
	config.Work = nodes.Spread{Lo: 500 * time.Millisecond, Hi: 500 * time.Millisecond}
	s := script(t, client.Consumer, config)
	put := false // out of the group
	var commits []string
	s.answer = func(request kmsg.Request) kmsg.Response {
		code := map[bool]wire.Code{true: wire.UnknownMemberID}[put]
		switch r := request.(type) {
		case *kmsg.HeartbeatRequest:
			told := r.ResponseKind().(*kmsg.HeartbeatResponse)
			told.ErrorCode = int16(code)
			return told
		case *kmsg.OffsetCommitRequest:
			commits = append(commits, fmt.Sprint(r.MemberID, " of ", r.Generation, " at ", r.Topics[0].Partitions[0].Offset, " in ", r.Topics[0].Partitions[0].LeaderEpoch))
			return committed(r, code)
		}
		return joined(request)
	}
	s.put(0, 1, "a", "b")
	s.pass(300 * time.Millisecond) // it has them in hand
	put = true
	s.pass(1200 * time.Millisecond)
	require.NotEmpty(t, commits)
	for _, c := range commits {
		require.Equal(t, "m of 3 at 2 in 1", c)
	}
}

// If this failed, a consumer would ask for what it is to process next before it knows what that is, be told that there is no such offset, and
// begin its partition anew, whatever its group had committed by then.
func TestAConsumerFetchesNothingBeforeItKnowsFromWhere(t *testing.T) {
	config := reader()
	config.Group, config.Heartbeat, config.Session = "g", 50*time.Millisecond, time.Second
	s := script(t, client.Consumer, config)
	again, unstable := false, false // the group divides its partitions again; a transaction may yet change how far it has come
	to := int64(0)
	s.answer = func(request kmsg.Request) kmsg.Response {
		switch r := request.(type) {
		case *kmsg.HeartbeatRequest:
			told := r.ResponseKind().(*kmsg.HeartbeatResponse)
			if again {
				again, unstable, told.ErrorCode = false, true, int16(wire.RebalanceInProgress)
			}
			return told
		case *kmsg.OffsetFetchRequest:
			if unstable {
				return come(r, -1, wire.UnstableOffsetCommit)
			}
			return come(r, to, wire.None)
		case *kmsg.OffsetCommitRequest:
			to = r.Topics[0].Partitions[0].Offset
		case *kmsg.FetchRequest:
			require.GreaterOrEqual(t, r.Topics[0].Partitions[0].FetchOffset, int64(0))
		}
		return joined(request)
	}
	s.put(0, 1, "a", "b")
	s.pass(300 * time.Millisecond)
	again = true
	s.pass(200 * time.Millisecond) // those who fetched for the last generation are still at it
	require.True(t, unstable)
	unstable = false
	s.put(0, 1, "c")
	s.pass(time.Second)
	require.Equal(t, []string{"!a", "b", "!c"}, s.polls())
}

// If this failed, a member of a group that was away for longer than messages are kept would ask for ever for what is gone, pass over what
// is there, or say nothing of what it passed over.
func TestAConsumerWhoseGroupsPlaceIsGoneBeginsWhereItWasTold(t *testing.T) {
	for from, want := range map[client.Start][]string{client.Earliest: {"!c", "d", "e"}, client.Latest: {"!e"}} {
		t.Run(string(from), func(t *testing.T) {
			config := reader()
			config.Group, config.From = "g", from
			s := script(t, client.Consumer, config)
			s.answer = joined // it had come to 0
			s.put(0, 1, "a", "b", "c", "d")
			s.logs[0] = s.logs[0][2:]
			s.pass(500 * time.Millisecond)
			s.put(0, 1, "e")
			s.pass(500 * time.Millisecond)
			require.Equal(t, want, s.polls())
			var to []string
			for _, o := range s.Log().Operations {
				if o.Kind == "seek" {
					require.NotNil(t, o.NoteNamed("out-of-range"))
					to = append(to, o.Input("offset").String())
				}
			}
			require.Equal(t, []string{map[client.Start]string{client.Earliest: "2", client.Latest: "4"}[from]}, to)
		})
	}
}
