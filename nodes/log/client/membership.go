package client

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"simrun/nodes"
	"simrun/nodes/log/wire"
)

// membership is a consumer's part in its group.
type membership struct {
	*consumer
	at         *remote // the coordinator
	id         string
	generation int32
	rejoin     bool
	unknown    bool  // the coordinator does not know the ID any more
	ended      *bool // set once the heartbeats of a generation are to end
	heard      nodes.Instant
}

func (m *membership) instance() *string {
	if !m.config.Static {
		return nil
	}
	return kmsg.StringPtr(cmp.Or(m.config.Instance, m.env.Host()))
}

// find sees that the coordinator is known.
func (m *membership) find() error {
	if m.at != nil {
		return nil
	}
	at, err := m.coordinator(ofGroup, m.config.Group)
	m.at = at
	return err
}

// ask asks the coordinator.
func (m *membership) ask(p purpose, request kmsg.Request, patience nodes.Instant) (kmsg.Response, error) {
	if err := m.find(); err != nil {
		return nil, err
	}
	answer, _, err := m.at.ask(p, request, max(patience.Sub(m.env.Mark()), 1))
	if err != nil {
		m.at = nil
	}
	return answer, err
}

// heed does what follows from an error for the membership.
func (m *membership) heed(code wire.Code) error {
	switch code {
	case wire.None:
		return nil
	case wire.NotCoordinator, wire.CoordinatorNotAvailable:
		m.at = nil
	case wire.UnknownMemberID:
		m.env.Record().Reach(leftBehind)
		m.unknown, m.rejoin = true, true // the ID stays until there is another: who commits without one is believed
	case wire.IllegalGeneration:
		m.env.Record().Reach(leftBehind)
		m.rejoin = true
	case wire.RebalanceInProgress:
		m.rejoin = true
	case wire.FencedInstanceID:
		m.env.Record().Reach(displaced)
		m.fatal = fmt.Errorf("log: another has this place in the group: %w", code)
	}
	if m.rejoin {
		m.woken.Broadcast()
	}
	return fmt.Errorf("log: refused: %w", code)
}

// join becomes a member of the next generation, and has its parts.
func (m *membership) join() error {
	m.quiet()
	m.counted = nil
	if m.unknown {
		m.id, m.unknown = "", false
	}
	told, err := m.enter()
	if err != nil {
		return err
	}
	m.id, m.generation = told.MemberID, told.Generation
	var plan []kmsg.SyncGroupRequestGroupAssignment
	if told.LeaderID == told.MemberID && len(told.Members) > 0 {
		if plan, err = m.plan(told); err != nil {
			return err
		}
	}
	request := kmsg.NewPtrSyncGroupRequest()
	request.Group, request.Generation, request.MemberID, request.InstanceID, request.GroupAssignment = m.config.Group, m.generation, m.id, m.instance(), plan
	answer, err := m.ask(forGroup, request, m.env.Mark().Add(m.config.Rebalance+m.brokers.config.Timeout))
	if err != nil {
		return err
	}
	synced := answer.(*kmsg.SyncGroupResponse)
	if err := m.heed(wire.Code(synced.ErrorCode)); err != nil {
		return err
	}
	parts, err := partsOf(synced.MemberAssignment)
	if err != nil {
		return err
	}
	m.parts, m.rejoin = parts, false
	m.env.Record().Reach(reassigned)
	m.tell(m.generation)
	m.beat()
	return nil
}

// enter asks to be let in, with the ID that it has or is given.
func (m *membership) enter() (*kmsg.JoinGroupResponse, error) {
	for range 2 {
		request := kmsg.NewPtrJoinGroupRequest()
		request.Group, request.MemberID, request.InstanceID, request.ProtocolType = m.config.Group, m.id, m.instance(), "consumer"
		request.SessionTimeoutMillis, request.RebalanceTimeoutMillis = int32(m.config.Session.Milliseconds()), int32(m.config.Rebalance.Milliseconds())
		request.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: string(m.config.Assignor),
			Metadata: (&kmsg.ConsumerMemberMetadata{Topics: slices.Sorted(slices.Values(m.config.Topics))}).AppendTo(nil)}}
		answer, err := m.ask(forGroup, request, m.env.Mark().Add(m.config.Rebalance+m.config.Session+m.brokers.config.Timeout))
		if err != nil {
			return nil, err
		}
		told := answer.(*kmsg.JoinGroupResponse)
		code := wire.Code(told.ErrorCode)
		if code == wire.MemberIDRequired {
			m.id = told.MemberID
			continue
		}
		if err := m.heed(code); err != nil {
			return nil, err
		}
		return told, nil
	}
	return nil, errProtocol
}

// beat makes the member heard in its generation until that is over.
func (m *membership) beat() {
	ended := false
	m.ended, m.heard = &ended, m.env.Mark()
	m.env.Go("heartbeat", func() {
		for !ended && !m.stopping {
			if m.env.Sleep(m.config.Heartbeat) != nil || ended || m.stopping {
				return
			}
			request := kmsg.NewPtrHeartbeatRequest()
			request.Group, request.Generation, request.MemberID, request.InstanceID = m.config.Group, m.generation, m.id, m.instance()
			answer, err := m.ask(forShort, request, m.env.Mark().Add(m.brokers.config.Timeout))
			if ended {
				return
			}
			if err == nil {
				err = m.heed(wire.Code(answer.(*kmsg.HeartbeatResponse).ErrorCode))
			}
			if err == nil || m.rejoin {
				m.heard = m.env.Mark()
			}
			if m.env.Mark().Sub(m.heard) > m.config.Session { // it has been taken out by now, whether it was told or not
				m.rejoin = true
				m.woken.Broadcast()
			}
		}
	})
}

// quiet ends the heartbeats.
func (m *membership) quiet() {
	if m.ended != nil {
		*m.ended = true
		m.ended = nil
	}
}

// leave tells the coordinator that it need not wait. A static member does not: it may come back.
func (m *membership) leave() {
	m.quiet()
	if m.id == "" || m.config.Static || m.at == nil {
		return
	}
	request := kmsg.NewPtrLeaveGroupRequest()
	request.Group, request.MemberID = m.config.Group, m.id
	request.Members = []kmsg.LeaveGroupRequestMember{{MemberID: m.id}}
	_, _, _ = m.at.ask(forShort, request, m.brokers.config.Timeout) // on the line that it has; if it is not heard its session ends
}

// fetchOffsets finds out how far the group has come in the parts. While a transaction may yet change that it waits.
func (m *membership) fetchOffsets() error {
	until, pause := m.env.Mark().Add(m.patience()), m.pause()
	for {
		err := m.askOffsets()
		if err == nil || lasts(m.env, until) <= 0 || m.rejoin || m.fatal != nil {
			return err
		}
		if resting := m.rest(pause); resting != nil {
			return resting
		}
	}
}

func (m *membership) askOffsets() error {
	request := kmsg.NewPtrOffsetFetchRequest()
	request.Group, request.RequireStable = m.config.Group, m.config.Isolation == ReadCommitted
	for _, p := range m.parts {
		t := slices.IndexFunc(request.Topics, func(t kmsg.OffsetFetchRequestTopic) bool { return t.Topic == p.topic })
		if t < 0 {
			t = len(request.Topics)
			request.Topics = append(request.Topics, kmsg.OffsetFetchRequestTopic{Topic: p.topic})
		}
		request.Topics[t].Partitions = append(request.Topics[t].Partitions, p.partition)
	}
	if len(request.Topics) == 0 {
		return nil
	}
	answer, err := m.ask(forShort, request, m.env.Mark().Add(m.brokers.config.Timeout))
	if err != nil {
		return err
	}
	told := answer.(*kmsg.OffsetFetchResponse)
	if err := m.heed(wire.Code(told.ErrorCode)); err != nil {
		return err
	}
	for _, t := range told.Topics {
		for _, o := range t.Partitions {
			i := slices.IndexFunc(m.parts, func(p *part) bool { return p.topic == t.Topic && p.partition == o.Partition })
			if code := wire.Code(o.ErrorCode); code != wire.None {
				return m.heed(code)
			}
			if i >= 0 && !m.parts[i].reset {
				m.parts[i].put(spot{o.Offset, o.LeaderEpoch})
			}
		}
	}
	return nil
}

// commit says how far the consumer has come. It is tried until the group's next rebalance, or until it takes too long.
func (c *consumer) commit() error {
	m := c.member
	if m == nil {
		return nil
	}
	dawdle(c.env, slowCommit)
	until, pause := c.env.Mark().Add(c.patience()), c.pause()
	for {
		err := m.askCommit()
		if err == nil {
			return nil
		}
		if lasts(c.env, until) <= 0 || m.rejoin || c.fatal != nil || c.rest(pause) != nil {
			c.env.Record().Reach(notCommitted)
			return err
		}
	}
}

func (m *membership) askCommit() error {
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group, request.Generation, request.MemberID, request.InstanceID = m.config.Group, m.generation, m.id, m.instance()
	for _, p := range m.parts {
		t := slices.IndexFunc(request.Topics, func(t kmsg.OffsetCommitRequestTopic) bool { return t.Topic == p.topic })
		if t < 0 {
			t = len(request.Topics)
			request.Topics = append(request.Topics, kmsg.OffsetCommitRequestTopic{Topic: p.topic})
		}
		one := kmsg.NewOffsetCommitRequestTopicPartition()
		one.Partition, one.Offset, one.LeaderEpoch = p.partition, p.position.offset, p.position.epoch
		request.Topics[t].Partitions = append(request.Topics[t].Partitions, one)
	}
	answer, err := m.ask(forShort, request, m.env.Mark().Add(m.brokers.config.Timeout))
	if err != nil {
		return err
	}
	for _, t := range answer.(*kmsg.OffsetCommitResponse).Topics {
		for _, p := range t.Partitions {
			err = errors.Join(err, m.heed(wire.Code(p.ErrorCode)))
		}
	}
	return err
}
