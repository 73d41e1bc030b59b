package group

import (
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/wire"
)

// milliseconds is a duration as requests have it.
func milliseconds(n int32) time.Duration { return time.Duration(n) * time.Millisecond }

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// join takes a member into a group, or again into the next generation.
func (c *Core) join(call *coordinator.Call, r *kmsg.JoinGroupRequest) {
	session := milliseconds(r.SessionTimeoutMillis)
	g := c.groups[r.Group]
	switch {
	case r.Group == "":
		c.refuse(call, wire.InvalidGroupID)
		return
	case session < c.opts.LeastSession || session > c.opts.MostSession:
		c.refuse(call, wire.InvalidSessionTimeout)
		return
	case g == nil && r.MemberID != "":
		c.refuse(call, wire.UnknownMemberID)
		return
	}
	if g == nil {
		if g = c.group(r.Group); g == nil {
			c.refuse(call, wire.PolicyViolation)
			return
		}
	}
	defer c.settle(g)
	m := c.candidate(call, r)
	if code := c.mayJoin(g, m, r.ProtocolType); code != wire.None {
		c.refuse(call, code)
		return
	}
	if r.MemberID == "" {
		c.introduce(g, m, call, r)
		return
	}
	c.rejoin(g, m, call)
}

// candidate is the member that a request describes.
func (c *Core) candidate(call *coordinator.Call, r *kmsg.JoinGroupRequest) *member {
	m := &member{id: r.MemberID, instance: textOf(r.InstanceID), client: call.Client, host: call.Host,
		session: milliseconds(r.SessionTimeoutMillis), rebalance: milliseconds(r.RebalanceTimeoutMillis)}
	if r.Version == 0 || m.rebalance <= 0 {
		m.rebalance = m.session
	}
	for _, p := range r.Protocols {
		m.protocols = append(m.protocols, protocol{p.Name, p.Metadata})
	}
	return m
}

// mayJoin says whether there is room for the member, and a protocol that all know.
func (c *Core) mayJoin(g *group, m *member, protocolType string) wire.Code {
	known := g.member(m.id) // nil, of one that is new
	others, bytes := len(g.members)+len(g.pending), g.bytes()+m.bytes()
	if known != nil {
		others, bytes = others-1, bytes-known.bytes()
	} else if g.awaits(m.id) || g.static(m.instance) != nil {
		others--
	}
	switch {
	case others >= c.opts.Members || bytes > c.opts.GroupBytes:
		return wire.GroupMaxSizeReached
	case protocolType == "" || len(g.members) > 0 && protocolType != g.protocolType:
		return wire.InconsistentGroupProtocol
	case !slices.ContainsFunc(m.protocols, func(p protocol) bool { return g.supportsBeside(p.name, m) }):
		return wire.InconsistentGroupProtocol
	}
	return wire.None
}

// supportsBeside says whether all members but the one whose place m takes know the protocol.
func (g *group) supportsBeside(name string, m *member) bool {
	for _, o := range g.members {
		if _, knows := o.knows(name); !knows && o.id != m.id && (m.instance == "" || o.instance != m.instance) {
			return false
		}
	}
	return true
}

// awaits says whether the ID was given to somebody who has not come back yet.
func (g *group) awaits(id string) bool {
	return slices.ContainsFunc(g.pending, func(p pendingMember) bool { return p.id == id })
}

// introduce takes somebody who has no ID.
func (c *Core) introduce(g *group, m *member, call *coordinator.Call, r *kmsg.JoinGroupRequest) {
	m.id = c.newID(call.Client, m.instance)
	old := g.static(m.instance)
	switch {
	case old != nil:
		c.replace(g, old, m, call)
	case m.instance == "" && r.Version >= 4:
		g.pending = append(g.pending, pendingMember{m.id, c.now.Mark.Add(m.session)})
		answer := Refusal(r, wire.MemberIDRequired).(*kmsg.JoinGroupResponse)
		answer.MemberID = m.id
		c.answer(call, answer)
	default:
		c.add(g, m, call, r.ProtocolType)
	}
}

// newID is an ID that nobody had before.
func (c *Core) newID(client, instance string) string {
	if instance != "" {
		client = instance
	}
	if len(client) > 255 {
		client = client[:255]
	}
	return fmt.Sprintf("%s-%016x%016x", client, c.opts.Rand.Uint64(), c.opts.Rand.Uint64())
}

// add makes somebody a member, which begins a rebalance.
func (c *Core) add(g *group, m *member, call *coordinator.Call, protocolType string) {
	g.pending = slices.DeleteFunc(g.pending, func(p pendingMember) bool { return p.id == m.id })
	if len(g.members) == 0 {
		g.protocolType = protocolType
	}
	m.fresh, m.joining, m.until = true, call, c.now.Mark.Add(c.opts.Introduction)
	g.members = append(g.members, m)
	g.grown = true
	if g.leader == "" {
		g.leader = m.id
	}
	c.prepare(g)
}

// rejoin takes somebody who has an ID.
func (c *Core) rejoin(g *group, m *member, call *coordinator.Call) {
	r := call.Request.(*kmsg.JoinGroupRequest)
	if g.awaits(m.id) && m.instance == "" {
		c.add(g, m, call, r.ProtocolType)
		return
	}
	known, code := g.identify(m.id, m.instance)
	if code != wire.None {
		c.refuse(call, code)
		return
	}
	same := slices.EqualFunc(m.protocols, known.protocols, func(a, b protocol) bool { return a.name == b.name && string(a.metadata) == string(b.metadata) })
	known.host, known.client = m.host, m.client
	if same && (g.state == Completing || g.state == Stable && g.leader != known.id) {
		c.hear(known)
		c.answer(call, g.joined(known, r))
		return
	}
	known.session, known.rebalance, known.protocols = m.session, m.rebalance, m.protocols
	c.end(&known.joining, wire.RebalanceInProgress) // by an earlier request, which nobody waits for any more
	known.joining = call
	c.prepare(g)
}

// identify is the member with that ID and, if it says that it has one, that instance.
func (g *group) identify(id, instance string) (*member, wire.Code) {
	if instance != "" {
		switch s := g.static(instance); {
		case s == nil:
			return nil, wire.UnknownMemberID
		case s.id != id:
			return nil, wire.FencedInstanceID
		}
	}
	m := g.member(id)
	if m == nil {
		return nil, wire.UnknownMemberID
	}
	return m, wire.None
}

// hear begins the member's session anew.
func (c *Core) hear(m *member) {
	if !m.fresh {
		m.until = c.now.Mark.Add(m.session)
	}
}

// replace gives a static member's place to whoever comes with its instance and no ID: the same, started anew. Whoever has
// the old ID is fenced off. The rest of the group need not notice, if the newcomer knows the group's protocol.
func (c *Core) replace(g *group, old, m *member, call *coordinator.Call) {
	c.end(&old.joining, wire.FencedInstanceID)
	c.end(&old.syncing, wire.FencedInstanceID)
	leader := g.leader
	if leader == old.id {
		g.leader = m.id
	}
	m.assignment, m.owes, m.until = old.assignment, old.owes, c.now.Mark.Add(m.session)
	g.members[slices.Index(g.members, old)] = m
	if g.state == Stable && g.elect() == g.protocol {
		c.store(g, func(code wire.Code) {
			if code == wire.None && g.member(m.id) != m {
				code = wire.UnknownMemberID // it has gone meanwhile
			}
			if code != wire.None {
				c.refuse(call, code)
				return
			}
			answer := g.joined(m, call.Request.(*kmsg.JoinGroupRequest))
			if m.id == g.leader {
				answer.LeaderID, answer.Members = leader, nil // or it would assign, and nobody else asks
			}
			c.answer(call, answer)
		})
		return
	}
	m.joining = call
	c.prepare(g)
}

// joined tells a member of its generation. The leader is told who is in it.
func (g *group) joined(m *member, r *kmsg.JoinGroupRequest) *kmsg.JoinGroupResponse {
	answer := r.ResponseKind().(*kmsg.JoinGroupResponse)
	answer.Generation, answer.MemberID, answer.LeaderID = g.generation, m.id, g.leader
	answer.Protocol = kmsg.StringPtr(g.protocol)
	if m.id != g.leader {
		return answer
	}
	for _, o := range g.members {
		metadata, _ := o.knows(g.protocol)
		each := kmsg.JoinGroupResponseMember{MemberID: o.id, ProtocolMetadata: metadata}
		if o.instance != "" {
			each.InstanceID = kmsg.StringPtr(o.instance)
		}
		answer.Members = append(answer.Members, each)
	}
	return answer
}
