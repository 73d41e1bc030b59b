package ringkv

import (
	"slices"

	"simrun/nodes/ring"
	"simrun/nodes/ring/gossip"
	"simrun/nodes/ring/repair"
)

// opinion is what a server says of a tombstone.
type opinion byte

const (
	against   opinion = iota // it has something else, or may be given it
	has                      // it has this, or what covers it
	unrelated                // it has nothing of the key, and does not keep it
)

// bury drops tombstones that nothing older can come after: those that everybody has who could have anything of the key, and those
// that are older than the grace, if whoever has not heard of them is dead, and so has to come back empty.
//
// Everybody is asked, whether it keeps the key or not: it may have kept it before, or have stood in. And all have to believe in the
// same ring, for as long as anything can be under way: so nobody hands anything to one who has just said that it has nothing.
func (s *server) bury() {
	if len(s.shelf.tombs) == 0 || len(s.shelf.strays) > 0 && s.leaving || !s.elapsed(s.members.since, s.config.Window) || !s.gathered() {
		return
	}
	now := s.env.Now()
	var old []*item
	for _, it := range inOrder(s.shelf.tombs) {
		if s.rules.Judge(repair.Tombstone{Deleted: it.at, Holders: []ring.ID{0}}, now) != repair.Young && it.unsynced == 0 && !it.unsaved {
			old = append(old, it)
		}
		if len(old) == tombsAtOnce {
			break
		}
	}
	if len(old) == 0 {
		return
	}
	s.decide(old)
}

// tombsAtOnce is how many tombstones are asked about at once.
const tombsAtOnce = 256

// decide asks all members about tombstones, and drops those that may go.
func (s *server) decide(old []*item) {
	var asked []mark
	for _, it := range old {
		asked = append(asked, mark{[]byte(it.key), it.digest})
	}
	digest, body := s.members.digest, appendMarks(nil, s.members.digest, asked)
	g := s.gather()
	others := s.others()
	for _, id := range others {
		g.ask(id, confirmVerb, body)
	}
	opinions := map[ring.ID][]byte{s.self.id: s.opinions(digest, asked)}
	until := s.env.Mark().Add(s.config.Timeout)
	for {
		r, any := g.next(until)
		if !any {
			break
		}
		if r.status == done && len(r.body) == len(asked) {
			opinions[r.from] = r.body
		}
	}
	g.end()
	if s.members.digest != digest || s.stopping {
		return
	}
	var gone, outlived []mark // who has all, and who has all but those that are dead
	var absent []ring.ID
	for i, it := range old {
		if s.shelf.find([]byte(it.key)) != it || it.digest != asked[i].digest {
			continue
		}
		switch verdict, dead := s.judge(it, i, opinions, others); verdict {
		case repair.Everywhere:
			gone = append(gone, asked[i])
		case repair.Outlived:
			outlived, absent = append(outlived, asked[i]), append(absent, dead...)
		}
	}
	slices.Sort(absent)
	if absent = slices.Compact(absent); len(outlived) > 0 && s.mayOutlive(absent) {
		noted := s.outlive(digest, absent)
		if s.members.digest != digest || s.stopping {
			return
		}
		s.record.Sometimes(outlivedTomb, noted)
		if noted {
			gone = append(gone, outlived...)
		}
	}
	if len(gone) == 0 {
		return
	}
	body = appendMarks(nil, digest, gone)
	for _, id := range others {
		if s.reachable(id) {
			_, _ = s.call(id, purgeVerb, body) // who does not hear it asks by itself
		}
	}
	s.purge(gone)
}

// judge says what others have to say of a tombstone, and without whom it would be outlived: who has not confirmed it has to be dead,
// and a majority to have it, or it is still awaited.
func (s *server) judge(it *item, number int, opinions map[ring.ID][]byte, others []ring.ID) (verdict repair.Verdict, absent []ring.ID) {
	t := repair.Tombstone{Deleted: it.at}
	dead := true
	for _, id := range append([]ring.ID{s.self.id}, others...) {
		said := against
		if all := opinions[id]; all != nil {
			said = opinion(all[number])
		}
		if said == unrelated {
			continue
		}
		t.Holders = append(t.Holders, id)
		if said == has {
			t.Confirmed = append(t.Confirmed, id)
		} else {
			absent = append(absent, id)
			dead = dead && s.members.core.State(id) == gossip.Dead
		}
	}
	verdict = s.rules.Judge(t, s.env.Now())
	if verdict == repair.Outlived && (!dead || 2*len(t.Confirmed) <= len(others)+1) {
		return repair.Awaited, nil
	}
	return verdict, absent
}

// opinions are what this server has to say of tombstones.
func (s *server) opinions(digest uint64, marks []mark) []byte {
	all := make([]byte, len(marks))
	if digest != s.members.digest || !s.marks.whole || !s.elapsed(s.members.since, s.config.Window) {
		return all
	}
	for i, m := range marks {
		it := s.shelf.find(m.key)
		switch {
		case it != nil && it.digest == m.digest && it.unsynced == 0 && !it.unsaved:
			all[i] = byte(has)
		case it == nil && !s.members.ring.Owns(s.self.id, ring.Position(m.key)):
			all[i] = byte(unrelated)
		}
	}
	return all
}

// purge drops tombstones that everybody has, if they are what was meant.
func (s *server) purge(marks []mark) {
	for _, m := range marks {
		it := s.shelf.find(m.key)
		if it == nil || it.digest != m.digest || !it.deleted {
			continue
		}
		s.record.Reach(tombPurged)
		s.forget(it)
	}
	s.tell()
}
