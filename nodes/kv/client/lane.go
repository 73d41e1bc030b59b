package client

import (
	"errors"
	"slices"

	"simrun/nodes/resp"
)

// lane is a session at the servers, for one request at a time: a server that is asked again for what it did last in a
// session gives the answer that it gave then, and does it only once.
type lane struct {
	session  uint64 // 0 before it is opened
	sequence uint64 // of the request that has the lane
}

// everySlot is the slot of lanes, and of requests, where one group keeps all keys.
const everySlot = -1

// takeLane gives a request a lane of its own. There are as many as there ever were requests under way, for each slot.
func (c *client) takeLane(slot int) *lane {
	if n := len(c.lanes[slot]); n > 0 {
		l := c.lanes[slot][n-1]
		c.lanes[slot] = slices.Delete(c.lanes[slot], n-1, n)
		l.sequence++
		return l
	}
	return &lane{sequence: 1}
}

func (c *client) giveLane(slot int, l *lane) { c.lanes[slot] = append(c.lanes[slot], l) }

// openSession opens the lane's session, and says whether it did. It may do so as often as it likes: one that is opened
// and not used is no harm.
func (p *pursuit) openSession(l *line) bool {
	k := &call{args: words("ONCE", "OPEN"), patience: p.config.Timeout}
	if p.slot != everySlot {
		k.args = words("ONCE", "OPEN", p.errand.key)
	}
	if p.asking {
		l.send(&call{args: words("ASKING"), patience: p.config.Timeout})
	}
	l.do(k)
	p.avoid, p.wanted = l.remote, nil
	switch {
	case k.err != nil:
		p.failed = k.err
		return false
	case k.answer.Kind == resp.Failure:
		p.failed = k.answer.Err()
		var e resp.Error
		if errors.As(p.failed, &e); e.Code() == "MOVED" || e.Code() == "ASK" {
			p.follow(e)
		}
		return false
	case k.answer.Kind != resp.Integer || k.answer.Int <= 0:
		p.failed = errProtocol
		l.Fail(errProtocol)
		return false
	}
	p.lane.session, p.lane.sequence = uint64(k.answer.Int), 1
	p.avoid = nil
	p.settle(l.remote)
	return true
}
