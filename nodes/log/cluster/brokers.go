package cluster

import "simrun/nodes/log/wire"

// check says whether the broker lives under that epoch.
func (s *State) check(who Standing) Result {
	if b := s.brokers[who.ID]; b == nil || b.Epoch != who.Epoch {
		return refuse(wire.StaleBrokerEpoch, "broker %d is not registered under epoch %d", who.ID, who.Epoch)
	}
	return Result{}
}

// register makes a broker known, or known anew. It is fenced until it says that it is ready.
func (s *State) register(r *Register) Result {
	b := s.brokers[r.ID]
	switch {
	case r.ID < 0 || r.Name == "" || r.Address == "":
		return refuse(wire.InvalidRequest, "broker %d has no name or no address", r.ID)
	case b != nil && b.Incarnation == r.Incarnation:
		return Result{Epoch: b.Epoch} // it asked twice
	case b != nil && b.Name != r.Name && !b.Fenced:
		return refuse(wire.InvalidRequest, "broker %d is %s, which is alive", r.ID, b.Name)
	}
	s.epoch++
	registered := r.Broker
	registered.Epoch, registered.Fenced = s.epoch, true
	s.brokers[r.ID] = &registered
	s.eachWith(r.ID, func(t *Topic, i int) {
		s.leave(t, i, r.ID, r.Kept && !lists(r.Lost, t, i))
	})
	return Result{Epoch: s.epoch}
}

func lists(lost []Ref, t *Topic, i int) bool {
	for _, r := range lost {
		if r.ID == t.ID && int(r.Index) == i {
			return true
		}
	}
	return false
}

// fence takes all that a broker leads away from it, and takes it out of every in-sync set.
func (s *State) fence(who Standing) Result {
	if r := s.check(who); r.Code != wire.None {
		return r
	}
	if b := s.brokers[who.ID]; !b.Fenced {
		fenced := *b
		fenced.Fenced = true
		s.brokers[who.ID] = &fenced
		s.eachWith(who.ID, func(t *Topic, i int) { s.leave(t, i, who.ID, true) })
	}
	return Result{}
}

// unfence lets a broker lead.
func (s *State) unfence(who Standing) Result {
	if r := s.check(who); r.Code != wire.None {
		return r
	}
	if b := s.brokers[who.ID]; b.Fenced {
		free := *b
		free.Fenced = false
		s.brokers[who.ID] = &free
		s.eachWith(who.ID, func(t *Topic, i int) {
			if s.elect(t, t.Partitions[i]) {
				s.touch(t, i)
			}
		})
	}
	return Result{}
}

// eachWith calls f for every partition that the broker is to have a replica of.
func (s *State) eachWith(id int32, f func(t *Topic, i int)) {
	for _, t := range s.Topics() {
		for i, p := range t.Partitions {
			if contains(p.Replicas, id) {
				f(t, i)
			}
		}
	}
}
