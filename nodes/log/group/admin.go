package group

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/wire"
)

// Describe is what DescribeGroups tells of a group.
func (c *Core) Describe(id string) kmsg.DescribeGroupsResponseGroup {
	told := kmsg.NewDescribeGroupsResponseGroup()
	told.Group, told.State = id, Dead.String()
	switch {
	case c.gone:
		told.ErrorCode = int16(wire.NotCoordinator)
		return told
	case !c.serving:
		told.ErrorCode = int16(wire.CoordinatorLoadInProgress)
		return told
	}
	g := c.groups[id]
	if g == nil {
		return told
	}
	told.State, told.ProtocolType = g.state.String(), g.protocolType
	if g.state == Completing || g.state == Stable {
		told.Protocol = g.protocol
	}
	for _, m := range g.members {
		each := kmsg.DescribeGroupsResponseGroupMember{MemberID: m.id, ClientID: m.client, ClientHost: m.host}
		if m.instance != "" {
			each.InstanceID = kmsg.StringPtr(m.instance)
		}
		if g.state == Stable {
			each.ProtocolMetadata, _ = m.knows(g.protocol)
			each.MemberAssignment = m.assignment
		}
		told.Members = append(told.Members, each)
	}
	return told
}

// List is what ListGroups tells of all groups, in their order; nothing before it serves.
func (c *Core) List() []kmsg.ListGroupsResponseGroup {
	var all []kmsg.ListGroupsResponseGroup
	if !c.serving {
		return nil
	}
	for _, g := range c.sorted() {
		each := kmsg.NewListGroupsResponseGroup()
		each.Group, each.ProtocolType, each.GroupState = g.id, g.protocolType, g.state.String()
		all = append(all, each)
	}
	return all
}

// delete ends groups that have no members, with all their offsets.
func (c *Core) delete(call *coordinator.Call, r *kmsg.DeleteGroupsRequest) {
	answer := r.ResponseKind().(*kmsg.DeleteGroupsResponse)
	var records []coordinator.Record
	var waits []int // the places of their answers
	for _, id := range r.Groups {
		code := wire.None
		switch g := c.groups[id]; {
		case id == "":
			code = wire.InvalidGroupID
		case g == nil:
			code = wire.GroupIDNotFound
		case g.state != Empty:
			code = wire.NonEmptyGroup
		default:
			waits = append(waits, len(answer.Groups))
			records = append(records, g.tombstones()...)
		}
		answer.Groups = append(answer.Groups, kmsg.DeleteGroupsResponseGroup{Group: id, ErrorCode: int16(code)})
	}
	if len(records) == 0 {
		c.answer(call, answer)
		return
	}
	c.ledger.Write(records, nil, func(code wire.Code) {
		if code == wire.None {
			c.bury(records)
		}
		for _, i := range waits {
			answer.Groups[i].ErrorCode = int16(code)
		}
		c.answer(call, answer)
	})
}

// tombstones end all that is written of a group, or is being written.
func (g *group) tombstones() (records []coordinator.Record) {
	for _, p := range g.offsets.all(true) {
		records = append(records, coordinator.Record{Key: p.key(g.id)})
	}
	return append(records, coordinator.Record{Key: g.key()})
}

// bury does what committed tombstones say. Of a group that has found members since then, the record is not missed: its
// next generation is written down, too.
func (c *Core) bury(records []coordinator.Record) {
	for _, r := range records {
		var k kmsg.OffsetCommitKey
		var whole kmsg.GroupMetadataKey
		id := ""
		if r.Key[1] == groupKeyVersion {
			_ = whole.ReadFrom(r.Key) // it was written here
			id = whole.Group
		} else {
			_ = k.ReadFrom(r.Key)
			id = k.Group
		}
		g := c.groups[id]
		if g == nil {
			continue
		}
		if r.Key[1] == groupKeyVersion {
			g.stored = false
		} else {
			delete(g.offsets.committed, TopicPartition{k.Topic, k.Partition})
		}
		c.settle(g)
	}
}

// DropTopic ends all offsets in a topic that is no more.
func (c *Core) DropTopic(now coordinator.Time, topic string) {
	c.see(now)
	c.prune(func(g *group, p TopicPartition, _ offset) bool { return p.Topic == topic })
}

// clean ends the offsets that were kept for long enough.
func (c *Core) clean() {
	c.prune(func(g *group, p TopicPartition, o offset) bool {
		switch {
		case g.offsets.uncertain(p):
			return false
		case !o.expires.IsZero():
			return !c.now.Wall.Before(o.expires)
		case g.protocolType != "" && g.state != Empty:
			return false // its members are there, and may not have had anything to commit for long
		}
		from := o.made
		if g.protocolType != "" && g.since.After(from) {
			from = g.since
		}
		return c.now.Wall.Sub(from) >= c.opts.Retention
	})
}

// pruned is how many offsets one write ends at most.
const pruned = 1000

// prune ends those offsets, and then the groups without members of which nothing is left.
func (c *Core) prune(ends func(*group, TopicPartition, offset) bool) {
	if !c.serving {
		return
	}
	var records []coordinator.Record
	for _, g := range c.sorted() {
		left := g.offsets.size()
		for _, p := range g.offsets.all(false) {
			if ends(g, p, g.offsets.committed[p]) {
				records, left = append(records, coordinator.Record{Key: p.key(g.id)}), left-1
			}
		}
		if left == 0 && g.state == Empty && g.stored && len(g.pending) == 0 {
			records = append(records, coordinator.Record{Key: g.key()})
		}
	}
	for some := range slices.Chunk(records, pruned) {
		c.ledger.Write(some, nil, func(code wire.Code) {
			if code == wire.None {
				c.bury(some)
			}
		})
	}
}
