package client

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Assignor is how a group's leader divides the partitions among the members.
type Assignor string

// The ways, by their names in the protocol.
const (
	// Range gives each member of a topic partitions that follow one another.
	Range Assignor = "range"
	// RoundRobin gives the partitions of all topics to the members in turn.
	RoundRobin Assignor = "roundrobin"
)

// Values are the ways.
func (Assignor) Values() []string { return []string{string(Range), string(RoundRobin)} }

// subscriber is a member of a group and the topics that it consumes.
type subscriber struct {
	id     string
	topics []string
}

// share is what one member is given, in order.
type share map[string][]int32

// divide gives each partition to one member that consumes its topic, if there is any. The same members and topics are divided in the same way,
// in whatever order they come.
func (a Assignor) divide(members []subscriber, partitions map[string]int) map[string]share {
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b subscriber) int { return cmp.Compare(a.id, b.id) })
	shares := map[string]share{}
	var topics []string
	for _, m := range members {
		shares[m.id] = share{}
		topics = append(topics, m.topics...)
	}
	slices.Sort(topics)
	turn := 0
	for _, topic := range slices.Compact(topics) {
		var wants []subscriber
		for _, m := range members {
			if slices.Contains(m.topics, topic) {
				wants = append(wants, m)
			}
		}
		for p := range partitions[topic] {
			to := wants[0].id
			if a == RoundRobin {
				for ; !slices.Contains(members[turn%len(members)].topics, topic); turn++ {
				}
				to = members[turn%len(members)].id
				turn++
			} else {
				to = wants[rank(p, partitions[topic], len(wants))].id
			}
			shares[to][topic] = append(shares[to][topic], int32(p))
		}
	}
	return shares
}

// rank is whose partition p of so many is, if so many members have them one after another and the first of them one more.
func rank(p, partitions, members int) int {
	each, more := partitions/members, partitions%members
	if p < more*(each+1) {
		return p / (each + 1)
	}
	return more + (p-more*(each+1))/each
}

// plan says who of a generation gets what.
func (m *membership) plan(told *kmsg.JoinGroupResponse) (all []kmsg.SyncGroupRequestGroupAssignment, err error) {
	var members []subscriber
	topics := slices.Clone(m.config.Topics)
	for _, each := range told.Members {
		var says kmsg.ConsumerMemberMetadata
		if err := says.ReadFrom(each.ProtocolMetadata); err != nil {
			return nil, fmt.Errorf("%w: a member's subscription: %w", errProtocol, err)
		}
		members = append(members, subscriber{each.MemberID, says.Topics})
		topics = append(topics, says.Topics...)
	}
	slices.Sort(topics)
	topics = slices.Compact(topics)
	if err := m.refresh(topics...); err != nil {
		return nil, err
	}
	partitions := map[string]int{}
	for _, topic := range topics {
		if partitions[topic] = len(m.topics[topic]); partitions[topic] == 0 {
			return nil, fmt.Errorf("%w: of %s", errNoLeader, topic)
		}
		m.counted = append(m.counted, count{topic, partitions[topic]})
	}
	shares := m.config.Assignor.divide(members, partitions)
	for _, each := range members {
		given := kmsg.ConsumerMemberAssignment{}
		for _, topic := range topics {
			if mine := shares[each.id][topic]; len(mine) > 0 {
				given.Topics = append(given.Topics, kmsg.ConsumerMemberAssignmentTopic{Topic: topic, Partitions: mine})
			}
		}
		all = append(all, kmsg.SyncGroupRequestGroupAssignment{MemberID: each.id, MemberAssignment: given.AppendTo(nil)})
	}
	return all, nil
}

// partsOf are the parts that a member was given.
func partsOf(assignment []byte) (parts []*part, err error) {
	if len(assignment) == 0 {
		return nil, nil
	}
	var given kmsg.ConsumerMemberAssignment
	if err := given.ReadFrom(assignment); err != nil {
		return nil, fmt.Errorf("%w: an assignment: %w", errProtocol, err)
	}
	for _, t := range given.Topics {
		for _, p := range t.Partitions {
			parts = append(parts, newPart(t.Topic, p))
		}
	}
	return parts, nil
}
