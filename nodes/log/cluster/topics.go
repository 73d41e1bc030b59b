package cluster

import (
	"fmt"

	"simrun/nodes/log/wire"
)

const (
	// LongestName bounds a topic's name.
	LongestName = 249
	// mostPartitions bounds the partitions of all topics.
	mostPartitions = 200_000
)

// CheckName says what is wrong with a topic's name, if anything is: it may have letters, digits, dots, underscores and dashes.
func CheckName(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > LongestName {
		return fmt.Errorf("a topic's name has 1 to %d characters, and is neither . nor ..", LongestName)
	}
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return fmt.Errorf("a topic's name has letters, digits, dots, underscores and dashes only, not %q", c)
		}
	}
	return nil
}

func (s *State) createTopic(c *CreateTopic) Result {
	if err := CheckName(c.Name); err != nil {
		return refuse(wire.InvalidTopic, "%v", err)
	}
	if err := c.Config.Check(); err != nil {
		return refuse(wire.InvalidConfig, "%v", err)
	}
	if s.topics[c.Name] != nil {
		return refuse(wire.TopicAlreadyExists, "topic %s is there already", c.Name)
	}
	assignment, r := s.assign(c.Assignment, c.Partitions, c.Replication)
	if r.Code != wire.None || c.Check {
		return r
	}
	t := &Topic{Name: c.Name, ID: c.ID, Config: c.Config}
	s.topics[c.Name] = t
	s.add(t, assignment)
	return Result{}
}

// assign is where replicas are to be: as somebody said, or as place finds best.
func (s *State) assign(said [][]int32, partitions, replicas int) ([][]int32, Result) {
	running := len(s.loads())
	switch {
	case len(said) > 0:
		partitions = len(said)
	case partitions < 1:
		return nil, refuse(wire.InvalidPartitions, "%d partitions", partitions)
	case replicas < 1 || replicas > running:
		return nil, refuse(wire.InvalidReplicationFactor, "%d replicas, where %d brokers run", replicas, running)
	}
	if partitions > mostPartitions-s.partition {
		return nil, refuse(wire.PolicyViolation, "%d partitions more are too many", partitions)
	}
	if len(said) == 0 {
		return s.place(partitions, replicas), Result{}
	}
	for _, list := range said {
		if len(list) == 0 {
			return nil, refuse(wire.InvalidReplicaAssignment, "a partition without replicas")
		}
		for i, id := range list {
			if !s.live(id) || contains(list[:i], id) {
				return nil, refuse(wire.InvalidReplicaAssignment, "broker %d does not run, or is named twice", id)
			}
		}
	}
	return said, Result{}
}

// add gives a topic partitions. All replicas are in sync, for there is nothing yet that one could lack. Their leader epochs begin above all that
// there ever were: what is asked of a partition that was deleted is never taken for a question to one that has its name.
func (s *State) add(t *Topic, assignment [][]int32) {
	before := s.highest
	for _, replicas := range assignment {
		p := &Partition{Replicas: replicas, InSync: replicas, Leader: None, LeaderEpoch: before, Last: None}
		s.elect(t, p)
		t.Partitions = append(t.Partitions, p)
		s.partition++
		s.touch(t, len(t.Partitions)-1)
	}
}

func (s *State) createPartitions(c *CreatePartitions) Result {
	t := s.topics[c.Name]
	switch {
	case t == nil:
		return refuse(wire.UnknownTopicOrPartition, "there is no topic %s", c.Name)
	case c.Count <= len(t.Partitions):
		return refuse(wire.InvalidPartitions, "topic %s has %d partitions already", c.Name, len(t.Partitions))
	case len(c.Assignment) > 0 && len(c.Assignment) != c.Count-len(t.Partitions):
		return refuse(wire.InvalidReplicaAssignment, "%d partitions come, and replicas of %d are said", c.Count-len(t.Partitions), len(c.Assignment))
	}
	assignment, r := s.assign(c.Assignment, c.Count-len(t.Partitions), len(t.Partitions[0].Replicas))
	if r.Code != wire.None || c.Check {
		return r
	}
	s.add(t, assignment)
	return Result{}
}

// configure changes how a topic is configured. Whoever is in sync may be enough from then on, or whoever runs may lead.
func (s *State) configure(c *Configure) Result {
	t := s.topics[c.Name]
	if t == nil {
		return refuse(wire.UnknownTopicOrPartition, "there is no topic %s", c.Name)
	}
	config := t.Config
	for _, step := range c.Steps {
		var err error
		if config, err = config.after(step); err != nil {
			return refuse(wire.InvalidConfig, "%v", err)
		}
	}
	if err := config.Check(); err != nil {
		return refuse(wire.InvalidConfig, "%v", err)
	}
	if c.Check {
		return Result{}
	}
	changed := *t
	changed.Config = config
	s.topics[c.Name] = &changed
	for i, p := range changed.Partitions {
		if len(p.InSync) >= changed.least(p) {
			p.Eligible = nil
		}
		s.elect(&changed, p)
		s.touch(&changed, i)
	}
	return Result{}
}

func (s *State) deleteTopic(c *DeleteTopic) Result {
	t := s.topics[c.Name]
	if t == nil {
		return refuse(wire.UnknownTopicOrPartition, "there is no topic %s", c.Name)
	}
	delete(s.topics, c.Name)
	s.partition -= len(t.Partitions)
	for i := range t.Partitions {
		s.touch(t, i)
	}
	return Result{}
}
