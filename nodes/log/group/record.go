package group

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/coordinator"
)

// ErrRecord is wrapped by what is said of a record that no coordinator of groups writes.
var ErrRecord = errors.New("group: no such record")

// The versions that are written. Those before are read too; those after are flexible, and their counts are not to be trusted.
const (
	offsetKeyVersion   = 1
	offsetVersion      = 3
	offsetUntilVersion = 1 // the one that knows when it expires
	groupKeyVersion    = 2
	groupVersion       = 3
)

// record is an offset as it is written down.
func (o *placed) record(group string) coordinator.Record {
	v := kmsg.OffsetCommitValue{Version: offsetVersion, Offset: o.at, LeaderEpoch: o.epoch, Metadata: o.metadata, CommitTimestamp: o.made.UnixMilli()}
	if !o.expires.IsZero() {
		v.Version, v.ExpireTimestamp = offsetUntilVersion, o.expires.UnixMilli()
	}
	return coordinator.Record{Key: o.key(group), Value: v.AppendTo(nil)}
}

func (p TopicPartition) key(group string) []byte {
	return (&kmsg.OffsetCommitKey{Version: offsetKeyVersion, Group: group, Topic: p.Topic, Partition: p.Partition}).AppendTo(nil)
}

func (g *group) key() []byte {
	return (&kmsg.GroupMetadataKey{Version: groupKeyVersion, Group: g.id}).AppendTo(nil)
}

// records is the generation as it is written down.
func (g *group) records() []coordinator.Record {
	v := kmsg.GroupMetadataValue{Version: groupVersion, ProtocolType: g.protocolType, Generation: g.generation, CurrentStateTimestamp: g.since.UnixMilli()}
	if len(g.members) > 0 {
		v.Protocol, v.Leader = kmsg.StringPtr(g.protocol), kmsg.StringPtr(g.leader)
	}
	for _, m := range g.members {
		subscription, _ := m.knows(g.protocol)
		each := kmsg.GroupMetadataValueMember{MemberID: m.id, ClientID: m.client, ClientHost: m.host, Subscription: subscription, Assignment: m.assignment,
			RebalanceTimeoutMillis: int32(m.rebalance.Milliseconds()), SessionTimeoutMillis: int32(m.session.Milliseconds())}
		if m.instance != "" {
			each.InstanceID = kmsg.StringPtr(m.instance)
		}
		v.Members = append(v.Members, each)
	}
	return []coordinator.Record{{Key: g.key(), Value: v.AppendTo(nil)}}
}

// Replay tells the coordinator what stands in the partition, in its order, before it serves. Errors: ErrRecord, after which it
// may go on with the next.
func (c *Core) Replay(e coordinator.Entry) error {
	if c.serving || c.gone {
		panic("group: a coordinator that serves is told what stands in its partition")
	}
	if e.Marker {
		c.finish(e.Transaction.ID, e.Commit)
		return nil
	}
	var problems []error
	for _, r := range e.Records {
		if err := c.replay(r, e.Transaction); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

func (c *Core) replay(r coordinator.Record, transaction *coordinator.Producer) error {
	if len(r.Key) < 2 {
		return fmt.Errorf("%w: a key of %d bytes", ErrRecord, len(r.Key))
	}
	switch version := int16(r.Key[0])<<8 | int16(r.Key[1]); version {
	case 0, offsetKeyVersion:
		var k kmsg.OffsetCommitKey
		if err := k.ReadFrom(r.Key); err != nil {
			return fmt.Errorf("%w: key of an offset: %w", ErrRecord, err)
		}
		return c.replayOffset(TopicPartition{k.Topic, k.Partition}, k.Group, r.Value, transaction)
	case groupKeyVersion:
		var k kmsg.GroupMetadataKey
		if err := k.ReadFrom(r.Key); err != nil {
			return fmt.Errorf("%w: key of a group: %w", ErrRecord, err)
		}
		return c.replayGroup(k.Group, r.Value)
	default:
		return fmt.Errorf("%w: a key of version %d", ErrRecord, version)
	}
}

func (c *Core) replayOffset(p TopicPartition, id string, value []byte, transaction *coordinator.Producer) error {
	g := c.group(id)
	defer c.settle(g)
	if value == nil {
		delete(g.offsets.committed, p)
		return nil
	}
	var v kmsg.OffsetCommitValue
	if err := v.ReadFrom(value); err != nil || v.Version < 0 || v.Version > offsetVersion {
		return fmt.Errorf("%w: offset of %s, version %d: %w", ErrRecord, id, v.Version, err)
	}
	o := placed{p, offset{at: v.Offset, epoch: -1, metadata: v.Metadata, made: time.UnixMilli(v.CommitTimestamp)}}
	if v.Version >= 3 {
		o.epoch = v.LeaderEpoch
	}
	if v.Version == offsetUntilVersion && v.ExpireTimestamp > 0 {
		o.expires = time.UnixMilli(v.ExpireTimestamp)
	}
	c.keep(g, &o, transaction)
	return nil
}

func (c *Core) replayGroup(id string, value []byte) error {
	g := c.group(id)
	defer c.settle(g)
	g.members, g.leader, g.protocol, g.stored = nil, "", "", false
	if value == nil {
		g.generation, g.protocolType = 0, ""
		return nil
	}
	var v kmsg.GroupMetadataValue
	if err := v.ReadFrom(value); err != nil || v.Version < 0 || v.Version > groupVersion {
		return fmt.Errorf("%w: group %s, version %d: %w", ErrRecord, id, v.Version, err)
	}
	members, err := membersOf(&v)
	if err != nil {
		return fmt.Errorf("%w: group %s: %w", ErrRecord, id, err)
	}
	g.stored, g.generation, g.protocolType, g.since = true, v.Generation, v.ProtocolType, time.UnixMilli(v.CurrentStateTimestamp)
	g.members, g.leader, g.protocol = members, textOf(v.Leader), textOf(v.Protocol)
	return nil
}

// membersOf are the members that were written down, if they make a generation.
func membersOf(v *kmsg.GroupMetadataValue) (all []*member, err error) {
	ids, instances, leads := map[string]bool{}, map[string]bool{"": false}, len(v.Members) == 0
	for _, m := range v.Members {
		each := &member{id: m.MemberID, instance: textOf(m.InstanceID), client: m.ClientID, host: m.ClientHost, assignment: m.Assignment,
			session: milliseconds(m.SessionTimeoutMillis), rebalance: milliseconds(m.RebalanceTimeoutMillis),
			protocols: []protocol{{textOf(v.Protocol), m.Subscription}}}
		if each.rebalance <= 0 {
			each.rebalance = each.session
		}
		if each.session <= 0 || ids[each.id] || instances[each.instance] {
			return nil, fmt.Errorf("member %q of a session of %v, or twice", each.id, each.session)
		}
		ids[each.id], instances[each.instance] = true, each.instance != ""
		leads = leads || each.id == textOf(v.Leader)
		all = append(all, each)
	}
	if !leads {
		return nil, fmt.Errorf("leader %q is no member", textOf(v.Leader))
	}
	return all, nil
}
