package cluster

import "cmp"

// load is how much a broker has to do.
type load struct {
	broker   *Broker
	replicas int
	leads    int // of how many partitions it is the preferred leader
}

// loads are those of the brokers that run, by ID.
func (s *State) loads() []*load {
	var all []*load
	byID := map[int32]*load{}
	for _, b := range s.Brokers() {
		if !b.Fenced {
			l := &load{broker: b}
			all = append(all, l)
			byID[b.ID] = l
		}
	}
	for _, t := range s.topics { // sums, so in any order
		for _, p := range t.Partitions {
			for i, id := range p.Replicas {
				if l := byID[id]; l != nil {
					l.replicas++
					if i == 0 {
						l.leads++
					}
				}
			}
		}
	}
	return all
}

// place finds brokers for so many partitions of so many replicas each: those of one partition on as many sites as there are, and
// on each the broker that has least to do. There must be as many brokers as replicas.
func (s *State) place(partitions, replicas int) [][]int32 {
	loads := s.loads()
	var all [][]int32
	for range partitions {
		var chosen []int32
		racks := map[string]int{}
		for len(chosen) < replicas {
			var best *load
			for _, l := range loads {
				if !contains(chosen, l.broker.ID) && (best == nil || better(l, best, racks, len(chosen) == 0)) {
					best = l
				}
			}
			if len(chosen) == 0 {
				best.leads++
			}
			best.replicas++
			racks[best.broker.Rack]++
			chosen = append(chosen, best.broker.ID)
		}
		all = append(all, chosen)
	}
	return all
}

// better says whether a should have the next replica rather than b.
func better(a, b *load, racks map[string]int, first bool) bool {
	leads := 0
	if first {
		leads = cmp.Compare(a.leads, b.leads)
	}
	return cmp.Or(cmp.Compare(racks[a.broker.Rack], racks[b.broker.Rack]), leads, cmp.Compare(a.replicas, b.replicas),
		cmp.Compare(a.broker.ID, b.broker.ID)) < 0
}
