package broker

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/cluster"
	"simrun/nodes/log/wire"
)

// newTopicID names a topic so that no other of the same name has it.
func (b *broker) newTopicID() string { return fmt.Sprintf("%016x", b.env.Rand().Uint64()) }

// ensure makes topics with what is configured by default, and waits until they are known here. The codes are for those of which nothing is
// known then.
func (b *broker) ensure(c *call, names ...string) []wire.Code {
	codes := make([]wire.Code, len(names))
	if len(names) == 0 {
		return codes
	}
	var commands []*cluster.Command
	partitions := b.state.Partitions()
	for _, name := range names {
		create := b.byDefault(name)
		if partitions += create.Partitions; partitions > b.config.MaxPartitions {
			break
		}
		commands = append(commands, &cluster.Command{CreateTopic: create})
	}
	for i := range codes {
		codes[i] = wire.PolicyViolation
	}
	c.pause(func() error {
		for i, r := range b.allSettled(commands, b.patience()) {
			switch codes[i] = wire.LeaderNotAvailable; r.Code { // that is what makes clients try again
			case wire.None, wire.TopicAlreadyExists:
				b.until(b.patience(), func() bool { return b.led(names[i]) })
			case wire.PolicyViolation, wire.InvalidConfig:
				codes[i] = r.Code
				fallthrough
			default:
				b.env.Log().Warn("a topic was not made", "topic", names[i], "code", r.Code, "why", r.Why)
			}
		}
		return nil
	})
	return codes
}

// byDefault is a topic whose creator says nothing of it.
func (b *broker) byDefault(name string) *cluster.CreateTopic {
	create := &cluster.CreateTopic{Name: name, ID: b.newTopicID(), Partitions: b.config.Partitions, Replication: b.place.replicas, Config: b.config.topic(nil)}
	switch name {
	case offsetsTopic:
		create.Partitions, create.Config = b.config.Offsets, b.internalConfig("compact")
	case ledgerTopic:
		create.Partitions, create.Config = b.config.Ledgers, b.internalConfig("compact")
	}
	return create
}

// led says whether the topic is known here, and its partitions that are led here are ready.
func (b *broker) led(name string) bool {
	t := b.state.Topic(name)
	if t == nil {
		return false
	}
	for i, p := range t.Partitions {
		if p.Leader == b.place.id {
			if r := b.find(name, int32(i)); r == nil || !r.leads {
				return false
			}
		}
	}
	return true
}

// internalConfig is that of the brokers' own topics: nothing committed is lost while two have it.
func (b *broker) internalConfig(policy string) cluster.Config {
	return b.config.topic(cluster.Config{"cleanup.policy": policy, "min.insync.replicas": fmt.Sprint(min(2, b.place.replicas)),
		"unclean.leader.election.enable": "false"})
}

// errTwice is told of what is named more than once in a request.
var errTwice = errors.New("it is named twice")

// createTopics makes topics.
func (b *broker) createTopics(c *call, r *kmsg.CreateTopicsRequest) {
	answer := r.ResponseKind().(*kmsg.CreateTopicsResponse)
	results := make([]cluster.Result, len(r.Topics))
	var commands []*cluster.Command
	var of []int // the topic that a command is for
	seen := map[string]bool{}
	for i := range r.Topics {
		asked := &r.Topics[i]
		create, result := b.creation(asked)
		if seen[asked.Topic] {
			result = cluster.Result{Code: wire.InvalidRequest, Why: errTwice.Error()}
		}
		seen[asked.Topic] = true
		if results[i] = result; result.Code == wire.None {
			create.Check = r.ValidateOnly
			commands, of = append(commands, &cluster.Command{CreateTopic: create}), append(of, i)
		}
	}
	c.pause(func() error {
		for n, result := range b.allSettled(commands, milliseconds(r.TimeoutMillis)) {
			if results[of[n]] = result; result.Code == wire.None && !r.ValidateOnly {
				b.until(b.patience(), func() bool { return b.led(r.Topics[of[n]].Topic) })
			}
		}
		return nil
	})
	for i := range r.Topics {
		told := kmsg.NewCreateTopicsResponseTopic()
		told.Topic, told.NumPartitions, told.ReplicationFactor, told.ErrorCode = r.Topics[i].Topic, -1, -1, int16(results[i].Code)
		if results[i].Code != wire.None {
			told.ErrorMessage = kmsg.StringPtr(results[i].Why)
		} else if !r.ValidateOnly {
			b.created(told.Topic, &told)
		}
		answer.Topics = append(answer.Topics, told)
	}
	c.reply(answer)
}

// milliseconds is how long a client says.
func milliseconds(n int32) time.Duration { return time.Duration(max(n, 0)) * time.Millisecond }

// created tells what a new topic is like.
func (b *broker) created(name string, told *kmsg.CreateTopicsResponseTopic) {
	t := b.state.Topic(name)
	if t == nil {
		return
	}
	told.NumPartitions, told.ReplicationFactor = int32(len(t.Partitions)), int16(len(t.Partitions[0].Replicas))
	for _, s := range cluster.Settings {
		one := kmsg.NewCreateTopicsResponseTopicConfig()
		one.Name, one.Value, one.Source = s.Name, kmsg.StringPtr(t.Config.Get(s.Name)), int8(sourceOf(t.Config, s.Name))
		told.Configs = append(told.Configs, one)
	}
}

// creation is what a client asked for, with what it left open.
func (b *broker) creation(asked *kmsg.CreateTopicsRequestTopic) (*cluster.CreateTopic, cluster.Result) {
	said := cluster.Config{}
	for _, one := range asked.Configs {
		if one.Value != nil {
			said[one.Name] = *one.Value
		}
	}
	create := &cluster.CreateTopic{Name: asked.Topic, ID: b.newTopicID(), Partitions: int(asked.NumPartitions), Replication: int(asked.ReplicationFactor),
		Config: b.config.topic(said)}
	if create.Partitions == -1 {
		create.Partitions = b.config.Partitions
	}
	if create.Replication == -1 {
		create.Replication = b.place.replicas
	}
	if len(asked.ReplicaAssignment) > 0 {
		byIndex := map[int32][]int32{}
		for _, a := range asked.ReplicaAssignment {
			byIndex[a.Partition] = a.Replicas
		}
		for i, index := range slices.Sorted(maps.Keys(byIndex)) {
			if int32(i) != index || len(byIndex) != len(asked.ReplicaAssignment) {
				return nil, cluster.Result{Code: wire.InvalidReplicaAssignment, Why: "partitions are numbered from 0, each once"}
			}
			create.Assignment = append(create.Assignment, byIndex[index])
		}
	}
	if internal(asked.Topic) {
		return nil, cluster.Result{Code: wire.InvalidTopic, Why: "the topic is the brokers' own"}
	}
	if b.state.Partitions()+max(create.Partitions, len(create.Assignment)) > b.config.MaxPartitions {
		return nil, cluster.Result{Code: wire.PolicyViolation, Why: "there are too many partitions"}
	}
	return create, cluster.Result{}
}

// deleteTopics deletes topics, with all that is in them.
func (b *broker) deleteTopics(c *call, r *kmsg.DeleteTopicsRequest) {
	answer := r.ResponseKind().(*kmsg.DeleteTopicsResponse)
	c.pause(func() error {
		for _, name := range r.TopicNames {
			told := kmsg.NewDeleteTopicsResponseTopic()
			told.Topic = kmsg.StringPtr(name)
			result := cluster.Result{Code: wire.InvalidTopic, Why: "the topic is the brokers' own"}
			if !internal(name) {
				result = b.settled(&cluster.Command{DeleteTopic: &cluster.DeleteTopic{Name: name}}, milliseconds(r.TimeoutMillis))
			}
			if told.ErrorCode = int16(result.Code); result.Code != wire.None {
				told.ErrorMessage = kmsg.StringPtr(result.Why)
			} else {
				b.until(b.patience(), func() bool { return b.state.Topic(name) == nil })
			}
			answer.Topics = append(answer.Topics, told)
		}
		return nil
	})
	c.reply(answer)
}

// createPartitions adds partitions to topics.
func (b *broker) createPartitions(c *call, r *kmsg.CreatePartitionsRequest) {
	answer := r.ResponseKind().(*kmsg.CreatePartitionsResponse)
	c.pause(func() error {
		for i := range r.Topics {
			asked := &r.Topics[i]
			told := kmsg.NewCreatePartitionsResponseTopic()
			told.Topic = asked.Topic
			create := &cluster.CreatePartitions{Name: asked.Topic, Count: int(asked.Count), Check: r.ValidateOnly}
			for _, a := range asked.Assignment {
				create.Assignment = append(create.Assignment, a.Replicas)
			}
			result := cluster.Result{Code: wire.PolicyViolation, Why: "there are too many partitions"}
			switch {
			case internal(asked.Topic): // groups would find their way to other coordinators
				result = cluster.Result{Code: wire.InvalidTopic, Why: "the topic is the brokers' own"}
			case b.state.Partitions()+create.Count <= b.config.MaxPartitions:
				result = b.settled(&cluster.Command{CreatePartitions: create}, milliseconds(r.TimeoutMillis))
			}
			if told.ErrorCode = int16(result.Code); result.Code != wire.None {
				told.ErrorMessage = kmsg.StringPtr(result.Why)
			} else if !r.ValidateOnly {
				b.until(b.patience(), func() bool {
					return b.state.Partition(asked.Topic, asked.Count-1) != nil && b.led(asked.Topic)
				})
			}
			answer.Topics = append(answer.Topics, told)
		}
		return nil
	})
	c.reply(answer)
}
