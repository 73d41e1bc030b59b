package cluster

import (
	"slices"

	"simrun/nodes/log/wire"
)

func contains(list []int32, id int32) bool { return slices.Contains(list, id) }

// without is the list less one. Lists are replaced and never changed, so whoever has one keeps what it has.
func without(list []int32, id int32) []int32 {
	if !contains(list, id) {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(other int32) bool { return other == id })
}

func with(list []int32, id int32) []int32 {
	if contains(list, id) {
		return list
	}
	return append(slices.Clone(list), id)
}

// least is how many have to be in sync for the high watermark to move.
func (t *Topic) least(p *Partition) int { return min(t.Config.MinInSync(), len(p.Replicas)) }

// leave takes a broker out of the in-sync set. If it is trusted, it still has what it had, and may be eligible.
func (s *State) leave(t *Topic, i int, id int32, trusted bool) {
	p := t.Partitions[i]
	alone := len(p.Replicas) == 1
	could := len(p.InSync)+len(p.Eligible) > 0
	before := *p
	if contains(p.InSync, id) {
		p.InSync = without(p.InSync, id)
		if len(p.InSync) < t.least(p) {
			p.Eligible = with(p.Eligible, id)
		}
	}
	if !trusted && !alone {
		p.Eligible = without(p.Eligible, id)
	}
	if could && len(p.InSync)+len(p.Eligible) == 0 {
		p.Last = id
	}
	led := p.Leader == id
	if led {
		p.Leader = None
	}
	elected := s.elect(t, p)
	if led && !elected {
		p.LeaderEpoch++
	}
	if led || elected || len(before.InSync) != len(p.InSync) || len(before.Eligible) != len(p.Eligible) {
		s.touch(t, i)
	}
}

// elect gives a partition without a leader one, if anybody may lead, and says whether it did. Replicas are asked in their
// order: those in sync, those eligible, and, where the topic says so, the last that could have led and whoever runs.
func (s *State) elect(t *Topic, p *Partition) bool {
	if p.Leader != None {
		return false
	}
	var leader = None
	if len(p.InSync) > 0 {
		leader = s.firstLive(p.Replicas, p.InSync)
	} else if leader = s.firstLive(p.Replicas, p.Eligible); leader != None {
		p.InSync, p.Eligible = []int32{leader}, without(p.Eligible, leader)
	} else if t.Config.Unclean() {
		if leader = p.Last; leader == None || !s.live(leader) {
			leader = s.firstLive(p.Replicas, p.Replicas)
		}
		if leader == None || !s.live(leader) {
			return false
		}
		p.InSync, p.Eligible, p.Unclean = []int32{leader}, nil, true // whoever was eligible has what the new leader never had
	}
	if leader == None {
		return false
	}
	if len(p.InSync) >= t.least(p) {
		p.Eligible = nil
	}
	p.Leader, p.Last = leader, None
	p.LeaderEpoch++
	return true
}

// firstLive is the first replica that runs and is one of those, or None.
func (s *State) firstLive(replicas, those []int32) int32 {
	for _, id := range replicas {
		if contains(those, id) && s.live(id) {
			return id
		}
	}
	return None
}

// prefer lets preferred leaders lead.
func (s *State) prefer() Result {
	for _, t := range s.Topics() {
		for i, p := range t.Partitions {
			if s.outOfPlace(p) {
				p.Leader = p.Replicas[0]
				p.LeaderEpoch++
				s.touch(t, i)
			}
		}
	}
	return Result{}
}

// outOfPlace says whether somebody else leads where the preferred leader could.
func (s *State) outOfPlace(p *Partition) bool {
	first := p.Replicas[0]
	return p.Leader != None && p.Leader != first && contains(p.InSync, first)
}

// OutOfPlace says whether a Prefer would change anything.
func (s *State) OutOfPlace() bool {
	for _, t := range s.topics {
		for _, p := range t.Partitions {
			if s.outOfPlace(p) {
				return true
			}
		}
	}
	return false
}

// alter gives a leader the in-sync sets that it asks for, where it knows who it is and what it changes.
func (s *State) alter(a *Alter) Result {
	r := s.check(a.Standing)
	if r.Code != wire.None {
		return r
	}
	for i := range a.Partitions {
		r.Codes = append(r.Codes, s.alterOne(a.ID, &a.Partitions[i]))
	}
	return r
}

func (s *State) alterOne(leader int32, a *AlterPartition) wire.Code {
	t, p := s.Find(a.Ref)
	switch {
	case p == nil:
		return wire.UnknownTopicOrPartition
	case p.Leader != leader || p.LeaderEpoch != a.LeaderEpoch:
		return wire.FencedLeaderEpoch
	case p.Epoch != a.Epoch:
		return wire.InvalidUpdateVersion
	}
	var now []int32
	for _, member := range a.InSync {
		b := s.brokers[member.ID]
		if b == nil || b.Epoch != member.Epoch || b.Fenced {
			return wire.IneligibleReplica
		}
		if !contains(p.Replicas, member.ID) || contains(now, member.ID) {
			return wire.InvalidRequest
		}
		now = append(now, member.ID)
	}
	if !contains(now, leader) {
		return wire.InvalidRequest
	}
	var left []int32 // who could have led, and is not in sync any more
	for _, id := range append(slices.Clone(p.InSync), p.Eligible...) {
		if !contains(now, id) {
			left = append(left, id)
		}
	}
	p.InSync, p.Eligible = now, nil
	if len(now) < t.least(p) {
		p.Eligible = left
	}
	s.touch(t, int(a.Index))
	return wire.None
}
