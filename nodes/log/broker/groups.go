package broker

import (
	"log/slog"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/cluster"
	"simrun/nodes/log/group"
	"simrun/nodes/log/wire"
)

// askGroup has a group's coordinator answer.
func (b *broker) askGroup(c *call, name string, request kmsg.Request) {
	k, code := b.coordinator(offsetsTopic, name)
	if code != wire.None {
		c.reply(group.Refusal(request, code))
		return
	}
	k.step(c.header.Client, c.guest.host, request, c.reply)
}

// tellGroups notes what became of groups.
func (k *keeper) tellGroups(changes []group.Change) {
	for _, change := range changes {
		k.b.record.Note("group-"+change.To.String(), slog.String("group", change.Group), slog.Int("generation", int(change.Generation)), slog.Int("members", change.Members))
	}
}

// deleteGroups deletes groups one by one: each has a coordinator of its own.
func (b *broker) deleteGroups(c *call, r *kmsg.DeleteGroupsRequest) {
	answer := r.ResponseKind().(*kmsg.DeleteGroupsResponse)
	answer.Groups = make([]kmsg.DeleteGroupsResponseGroup, len(r.Groups))
	left := 1
	finished := func() {
		if left--; left == 0 {
			c.reply(answer)
		}
	}
	for i, name := range r.Groups {
		answer.Groups[i] = kmsg.NewDeleteGroupsResponseGroup()
		answer.Groups[i].Group = name
		k, code := b.coordinator(offsetsTopic, name)
		if code != wire.None {
			answer.Groups[i].ErrorCode = int16(code)
			continue
		}
		one := wire.New(wire.DeleteGroups, r.Version).(*kmsg.DeleteGroupsRequest)
		one.Groups = []string{name}
		left++
		k.step(c.header.Client, c.guest.host, one, func(told kmsg.Response) {
			if groups := told.(*kmsg.DeleteGroupsResponse).Groups; len(groups) == 1 {
				answer.Groups[i].ErrorCode = groups[0].ErrorCode
			}
			finished()
		})
	}
	finished()
}

// describeGroups tells who is in groups that are coordinated here.
func (b *broker) describeGroups(c *call, r *kmsg.DescribeGroupsRequest) {
	answer := r.ResponseKind().(*kmsg.DescribeGroupsResponse)
	for _, name := range r.Groups {
		k, code := b.coordinator(offsetsTopic, name)
		if code != wire.None {
			told := kmsg.NewDescribeGroupsResponseGroup()
			told.Group, told.ErrorCode = name, int16(code)
			answer.Groups = append(answer.Groups, told)
			continue
		}
		answer.Groups = append(answer.Groups, k.groups.Describe(name))
	}
	c.reply(answer)
}

// listGroups tells which groups are coordinated here.
func (b *broker) listGroups(c *call, r *kmsg.ListGroupsRequest) {
	answer := r.ResponseKind().(*kmsg.ListGroupsResponse)
	if t := b.state.Topic(offsetsTopic); t != nil {
		for i := range t.Partitions {
			if of := b.replicas[cluster.Ref{Topic: t.Name, ID: t.ID, Index: int32(i)}]; of != nil && of.keeper != nil {
				answer.Groups = append(answer.Groups, of.keeper.groups.List()...)
			}
		}
	}
	c.reply(answer)
}
