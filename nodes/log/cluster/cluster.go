// Package cluster answers who keeps which partition of a partitioned log: the brokers there are, the topics, and of each partition
// the replicas, the leader and who is in sync. It is what the controllers agree on: a state that changes by commands alone,
// the same way on every server, without a clock or chance.
//
// # Who may lead
//
// A leader is elected from the in-sync replicas, for these have all that was acknowledged with acks=all. A leader moves its high
// watermark only while at least min.insync.replicas are in sync; so whoever leaves the in-sync set when it becomes smaller than that
// still has all that was committed, for as long as it stays that small. Such replicas are *eligible* (KIP-966), and lead where
// nobody is in sync. A broker that comes back and cannot say that it still has what it said it has (its disk is new, or it
// stopped in disorder and does not sync before it acknowledges) is struck from both lists at once, and is a follower like any other from
// then on. A partition of which nobody is in sync or eligible any more has no leader: it waits. It is not given in silence
// to whoever was last, as Kafka long did.
//
// Two cases are decided otherwise, and said so. Where a topic has unclean.leader.election.enable, any replica that runs may lead
// if nobody else may, and acknowledged records may be lost. And the only replica of a partition stays eligible whatever became
// of its disk, for there is nobody to wait for.
//
// Sources: KIP-500, KIP-631, KIP-841, KIP-903 and KIP-966.
package cluster

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// None is the leader of a partition that has none.
const None int32 = -1

// Broker is one that has registered.
type Broker struct {
	ID int32
	// Name is its host's, Address where clients and followers find it, Rack the site that it stands on.
	Name, Address, Rack string
	// Epoch rises with every registration; what an earlier life of the broker says is told by it.
	Epoch int64
	// Incarnation is drawn by each life, so that a registration that is asked for twice happens once.
	Incarnation uint64
	// Fenced says that it leads nothing and is in sync nowhere: it has not been heard for a while, or is not ready.
	Fenced bool
}

// Topic is a name for some partitions.
type Topic struct {
	Name string
	// ID tells a topic from an earlier one of the same name.
	ID         string
	Config     Config
	Partitions []*Partition
}

// Partition is one log, and who keeps it.
//
// Invariants: Leader is None or in InSync; whoever is in InSync is not fenced; InSync and Eligible are parts of Replicas and share
// nobody; Eligible is empty where InSync has as many as the topic asks for. LeaderEpoch rises whenever Leader changes, Epoch
// whenever anything does.
type Partition struct {
	Replicas    []int32 // the first is the preferred leader
	InSync      []int32
	Eligible    []int32
	Leader      int32
	LeaderEpoch int32
	Epoch       int32
	// Last is who was the last that could have led, where nobody can; else None.
	Last int32
	// Unclean says that it was led once by somebody who may have lacked what was committed.
	Unclean bool `json:",omitempty"`
}

// Ref names a partition.
type Ref struct {
	Topic string
	ID    string
	Index int32
}

// State is what all agree on. Nothing else than Apply and Restore changes it.
type State struct {
	brokers   map[int32]*Broker
	topics    map[string]*Topic
	epoch     int64 // of the last registration
	producer  int64 // the first producer ID that was not given out
	highest   int32 // of all leader epochs that there ever were
	partition int   // how many there are
	changed   []Ref
}

// New is a state without brokers.
func New() *State {
	return &State{brokers: map[int32]*Broker{}, topics: map[string]*Topic{}}
}

// Broker is the one with that ID, or nil. It is not to be written to.
func (s *State) Broker(id int32) *Broker { return s.brokers[id] }

// Brokers are all, by ID.
func (s *State) Brokers() []*Broker {
	all := make([]*Broker, 0, len(s.brokers))
	for _, id := range slices.Sorted(maps.Keys(s.brokers)) {
		all = append(all, s.brokers[id])
	}
	return all
}

// Topic is the one with that name, or nil. It is not to be written to.
func (s *State) Topic(name string) *Topic { return s.topics[name] }

// Topics are all, by name.
func (s *State) Topics() []*Topic {
	all := make([]*Topic, 0, len(s.topics))
	for _, name := range slices.Sorted(maps.Keys(s.topics)) {
		all = append(all, s.topics[name])
	}
	return all
}

// Partition is one, or nil.
func (s *State) Partition(topic string, index int32) *Partition {
	if t := s.topics[topic]; t != nil && index >= 0 && int(index) < len(t.Partitions) {
		return t.Partitions[index]
	}
	return nil
}

// Find is the partition of a Ref, or nil if there is none of that ID.
func (s *State) Find(r Ref) (*Topic, *Partition) {
	if t := s.topics[r.Topic]; t != nil && t.ID == r.ID && r.Index >= 0 && int(r.Index) < len(t.Partitions) {
		return t, t.Partitions[r.Index]
	}
	return nil, nil
}

// Partitions is how many there are in all topics.
func (s *State) Partitions() int { return s.partition }

// Changed are the partitions that changed, came or went since it was asked last, in the order of their changes.
func (s *State) Changed() []Ref {
	changed := s.changed
	s.changed = nil
	return changed
}

// live says whether the broker may lead and be in sync.
func (s *State) live(id int32) bool {
	b := s.brokers[id]
	return b != nil && !b.Fenced
}

// touch notes that a partition has changed.
func (s *State) touch(t *Topic, i int) {
	t.Partitions[i].Epoch++
	s.highest = max(s.highest, t.Partitions[i].LeaderEpoch)
	s.changed = append(s.changed, Ref{t.Name, t.ID, int32(i)})
}

// String is the state on one line.
func (s *State) String() string {
	fenced, led, short := 0, 0, 0
	for _, b := range s.brokers {
		if b.Fenced {
			fenced++
		}
	}
	for _, t := range s.topics {
		for _, p := range t.Partitions {
			if p.Leader != None {
				led++
			}
			if len(p.InSync) < len(p.Replicas) {
				short++
			}
		}
	}
	return fmt.Sprintf("%d brokers, %d fenced, %d topics, %d partitions, %d led, %d not in full sync",
		len(s.brokers), fenced, len(s.topics), s.partition, led, short)
}

// String is the partition on one line.
func (p *Partition) String() string {
	text := fmt.Sprintf("leader %d of epoch %d, replicas %v, in sync %v", p.Leader, p.LeaderEpoch, p.Replicas, p.InSync)
	if len(p.Eligible) > 0 {
		text += fmt.Sprintf(", eligible %v", p.Eligible)
	}
	if p.Last != None {
		text += fmt.Sprintf(", last %d", p.Last)
	}
	return text
}

// image is the state as it is kept.
type image struct {
	Brokers  []*Broker
	Topics   []*Topic
	Epoch    int64
	Producer int64
	Highest  int32
}

// Image is the state as it is now, for Restore.
func (s *State) Image() func(dst []byte) []byte {
	b, err := json.Marshal(image{s.Brokers(), s.Topics(), s.epoch, s.producer, s.highest})
	if err != nil {
		panic(fmt.Sprintf("cluster: a state that cannot be written down: %v", err))
	}
	return func(dst []byte) []byte { return append(dst, b...) }
}

// Restore makes the state what an image was. Errors: of bytes that are none.
func (s *State) Restore(b []byte) error {
	var i image
	if err := json.Unmarshal(b, &i); err != nil {
		return fmt.Errorf("cluster: an image: %w", err)
	}
	if err := i.check(); err != nil {
		return fmt.Errorf("cluster: an image: %w", err)
	}
	was := s.Topics()
	*s = State{brokers: map[int32]*Broker{}, topics: map[string]*Topic{}, epoch: i.Epoch, producer: i.Producer, highest: i.Highest, changed: s.changed}
	for _, b := range i.Brokers {
		s.brokers[b.ID] = b
	}
	for _, t := range i.Topics {
		s.topics[t.Name] = t
		s.partition += len(t.Partitions)
	}
	for _, list := range [][]*Topic{was, i.Topics} {
		for _, t := range list {
			for index := range t.Partitions {
				s.changed = append(s.changed, Ref{t.Name, t.ID, int32(index)})
			}
		}
	}
	return nil
}

// check says what cannot be in an image.
func (i *image) check() error {
	for _, b := range i.Brokers {
		if b == nil || b.ID < 0 {
			return fmt.Errorf("a broker that is none")
		}
	}
	for _, t := range i.Topics {
		if t == nil || CheckName(t.Name) != nil || len(t.Partitions) == 0 {
			return fmt.Errorf("a topic that is none")
		}
		if err := t.Config.Check(); err != nil {
			return fmt.Errorf("topic %s: %w", t.Name, err)
		}
		for n, p := range t.Partitions {
			if p == nil || len(p.Replicas) == 0 || p.Leader != None && !contains(p.InSync, p.Leader) {
				return fmt.Errorf("topic %s: partition %d without replicas, or with a leader out of sync", t.Name, n)
			}
		}
	}
	return nil
}

// Compare orders by topic, index and ID.
func (r Ref) Compare(other Ref) int {
	return cmp.Or(cmp.Compare(r.Topic, other.Topic), cmp.Compare(r.Index, other.Index), cmp.Compare(r.ID, other.ID))
}
