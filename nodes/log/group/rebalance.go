package group

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes/log/coordinator"
	"simrun/nodes/log/wire"
)

// prepare begins a rebalance unless one is under way, and ends it if all are there.
func (c *Core) prepare(g *group) {
	if c.gone {
		return
	}
	if g.state != Preparing {
		for _, m := range g.members {
			c.end(&m.syncing, wire.RebalanceInProgress)
		}
		g.first, g.grown, g.storing = g.state == Empty && c.opts.InitialDelay > 0, false, false
		wait := g.patience()
		if g.first {
			g.spare = max(wait-c.opts.InitialDelay, 0)
			wait = min(wait, c.opts.InitialDelay)
		}
		g.joinUntil = c.now.Mark.Add(wait)
		c.enter(g, Preparing)
	}
	c.gather(g)
}

// gather ends a rebalance if nobody is missing. A first one waits for its time, so that those who are started together come to
// be in one generation.
func (c *Core) gather(g *group) {
	missing := slices.ContainsFunc(g.members, func(m *member) bool { return m.joining == nil })
	if g.state == Preparing && !g.first && !missing && len(g.pending) == 0 {
		c.complete(g)
	}
}

// complete begins the next generation, with those who have joined and the static members, which may come back.
func (c *Core) complete(g *group) {
	for _, m := range slices.Clone(g.members) {
		if m.joining == nil && m.instance == "" {
			g.remove(m)
		}
	}
	leader := g.member(g.leader)
	if leader == nil || leader.joining == nil {
		at := slices.IndexFunc(g.members, func(m *member) bool { return m.joining != nil })
		if at < 0 && len(g.members) > 0 { // none but static members, and all of them away: one may come yet
			g.joinUntil = c.now.Mark.Add(g.patience())
			return
		}
		if at >= 0 {
			g.leader = g.members[at].id
		}
	}
	g.first = false
	g.generation++
	if len(g.members) == 0 {
		c.empty(g)
		return
	}
	g.protocol = g.elect()
	g.syncUntil = c.now.Mark.Add(g.patience())
	for _, m := range g.members {
		m.owes, m.fresh = true, false
		if m.joining != nil {
			c.hear(m)
		}
	}
	c.enter(g, Completing)
	for _, m := range g.members {
		if m.joining != nil {
			c.answer(m.joining, g.joined(m, m.joining.Request.(*kmsg.JoinGroupRequest)))
			m.joining = nil
		}
	}
}

// empty is what becomes of a group whose last member has gone.
func (c *Core) empty(g *group) {
	g.protocol, g.leader, g.since = "", "", c.now.Wall
	c.enter(g, Empty)
	c.store(g, func(wire.Code) {})
}

// remove takes a member out.
func (g *group) remove(m *member) {
	g.members = slices.DeleteFunc(g.members, func(o *member) bool { return o == m })
	if g.leader == m.id {
		g.leader = ""
		if len(g.members) > 0 {
			g.leader = g.members[0].id // until another has joined sooner
		}
	}
}

// lose is what follows when a member has gone.
func (c *Core) lose(g *group, m *member) {
	c.end(&m.joining, wire.UnknownMemberID)
	c.end(&m.syncing, wire.UnknownMemberID)
	g.remove(m)
	switch {
	case g.state == Completing || g.state == Stable:
		c.prepare(g)
	case g.state == Preparing:
		c.gather(g)
	}
}

// sync asks for what the leader has assigned; the leader's says it.
func (c *Core) sync(call *coordinator.Call, r *kmsg.SyncGroupRequest) {
	g, m, code := c.current(r.Group, r.MemberID, textOf(r.InstanceID), r.Generation)
	if code != wire.None {
		c.refuse(call, code)
		return
	}
	defer c.settle(g)
	switch g.state {
	case Preparing:
		c.refuse(call, wire.RebalanceInProgress)
	case Completing:
		c.end(&m.syncing, wire.RebalanceInProgress) // an earlier request, which nobody waits for any more
		m.syncing, m.owes = call, false
		if m.id == g.leader && !g.storing {
			c.assign(g, r)
		}
	case Stable:
		m.owes = false
		c.hear(m)
		c.answer(call, assigned(r, m.assignment))
	}
}

// current is a member, if that generation is the group's.
func (c *Core) current(group, id, instance string, generation int32) (*group, *member, wire.Code) {
	g := c.groups[group]
	switch {
	case group == "":
		return nil, nil, wire.InvalidGroupID
	case g == nil || g.state == Empty:
		return nil, nil, wire.UnknownMemberID
	}
	m, code := g.identify(id, instance)
	if code == wire.None && generation != g.generation {
		code = wire.IllegalGeneration
	}
	return g, m, code
}

// assign writes down what the leader says, and gives it to the members once it is committed.
func (c *Core) assign(g *group, r *kmsg.SyncGroupRequest) {
	said := make(map[string][]byte, len(r.GroupAssignment))
	bytes := 0
	for _, a := range r.GroupAssignment {
		said[a.MemberID] = a.MemberAssignment
		bytes += len(a.MemberAssignment)
	}
	if bytes > c.opts.GroupBytes {
		c.end(&g.member(g.leader).syncing, wire.InvalidRequest)
		return
	}
	for _, m := range g.members {
		m.assignment = said[m.id]
	}
	g.storing, g.since = true, c.now.Wall
	generation := g.generation
	c.store(g, func(code wire.Code) {
		if g.state != Completing || g.generation != generation {
			return // another rebalance has begun
		}
		if g.storing = false; code != wire.None {
			for _, m := range g.members {
				c.end(&m.syncing, code)
			}
			c.prepare(g)
			return
		}
		c.enter(g, Stable)
		for _, m := range g.members {
			if m.syncing != nil {
				c.answer(m.syncing, assigned(m.syncing.Request.(*kmsg.SyncGroupRequest), m.assignment))
				m.syncing = nil
				c.hear(m)
			}
		}
	})
}

func assigned(r *kmsg.SyncGroupRequest, assignment []byte) kmsg.Response {
	answer := r.ResponseKind().(*kmsg.SyncGroupResponse)
	answer.MemberAssignment = assignment
	return answer
}

// heartbeat hears a member, and tells it whether it is to join again.
func (c *Core) heartbeat(call *coordinator.Call, r *kmsg.HeartbeatRequest) {
	g, m, code := c.current(r.Group, r.MemberID, textOf(r.InstanceID), r.Generation)
	if code != wire.None {
		c.refuse(call, code)
		return
	}
	c.hear(m)
	c.settle(g)
	if g.state == Preparing {
		code = wire.RebalanceInProgress
	}
	c.refuse(call, code)
}

// leave takes members out at their own wish or, by their instance, at an operator's.
func (c *Core) leave(call *coordinator.Call, r *kmsg.LeaveGroupRequest) {
	if r.Group == "" {
		c.refuse(call, wire.InvalidGroupID)
		return
	}
	answer := r.ResponseKind().(*kmsg.LeaveGroupResponse)
	who := r.Members
	if r.Version < 3 {
		who = []kmsg.LeaveGroupRequestMember{{MemberID: r.MemberID}}
	}
	g := c.groups[r.Group]
	for _, w := range who {
		code := c.leaves(g, w.MemberID, textOf(w.InstanceID))
		if r.Version < 3 {
			answer.ErrorCode = int16(code)
			continue
		}
		answer.Members = append(answer.Members, kmsg.LeaveGroupResponseMember{MemberID: w.MemberID, InstanceID: w.InstanceID, ErrorCode: int16(code)})
	}
	c.answer(call, answer)
	if g != nil {
		c.settle(g)
	}
}

func (c *Core) leaves(g *group, id, instance string) wire.Code {
	if g == nil {
		return wire.UnknownMemberID
	}
	if instance == "" && g.awaits(id) {
		g.pending = slices.DeleteFunc(g.pending, func(p pendingMember) bool { return p.id == id })
		c.gather(g)
		return wire.None
	}
	if s := g.static(instance); s != nil && id == "" {
		id = s.id
	}
	m, code := g.identify(id, instance)
	if code == wire.None {
		c.lose(g, m)
	}
	return code
}

// expire does what is due in a group.
func (c *Core) expire(g *group) {
	now := c.now.Mark
	g.pending = slices.DeleteFunc(g.pending, func(p pendingMember) bool { return p.until <= now })
	for _, m := range slices.Clone(g.members) {
		silent := m.patience() <= now
		idle := m.owes && (g.state == Completing || g.state == Stable) && g.syncUntil <= now
		if (silent || idle) && g.member(m.id) == m { // else it went with another
			c.lose(g, m)
		}
	}
	if g.state != Preparing {
		return
	}
	if g.joinUntil > now {
		c.gather(g)
		return
	}
	if g.first && g.grown && g.spare > 0 {
		wait := min(c.opts.InitialDelay, g.spare)
		g.grown, g.spare, g.joinUntil = false, g.spare-wait, now.Add(wait)
		return
	}
	c.complete(g)
}
