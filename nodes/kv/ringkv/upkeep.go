package ringkv

import (
	"errors"
	"slices"
	"time"

	"simrun/nodes/ring"
	"simrun/nodes/ring/gossip"
	"simrun/nodes/ring/repair"
)

// upkeep delivers hints, hands over what is others', buries tombstones, and writes again what the disk refused.
func (s *server) upkeep() {
	for !s.stopping {
		s.saveAgain()
		for _, r := range s.hints.Expire(s.rules, s.env.Now()) {
			s.record.Reach(hintExpired)
			s.append(appendHint(nil, r), nil)
		}
		if !s.inDoubt() {
			s.deliver()
			s.handOver()
			s.bury()
		}
		s.introduce()
		s.tell()
		if s.env.Sleep(s.config.Gossip) != nil {
			return
		}
	}
}

// deliver hands hints over to those who missed them, and those for who has left to who keeps their keys now.
func (s *server) deliver() {
	for _, away := range s.hints.Nodes() {
		switch state := s.members.core.State(away); {
		case state == gossip.Left || state == gossip.Unknown && s.addressOf(away) == "":
			s.release(away)
		case s.reachable(away):
			s.deliverTo(away)
		}
		if s.stopping {
			return
		}
	}
}

func (s *server) deliverTo(away ring.ID) {
	for {
		hints := s.hints.Next(away, int(s.config.PageBytes))
		if len(hints) == 0 {
			return
		}
		entries, numbers := unpack(hints)
		if _, ok := s.call(away, putVerb, appendEntries(nil, entries)); !ok || s.stopping {
			return
		}
		s.record.Reach(hintDelivered)
		s.record.Note("hint-delivered")
		s.append(appendHint(nil, s.hints.Drop(away, numbers)), nil)
	}
}

func unpack(hints []repair.Hint) (entries []entry, numbers []uint64) {
	for _, h := range hints {
		entries, numbers = append(entries, entry{h.Key, h.Known}), append(numbers, h.Number)
	}
	return entries, numbers
}

// release hands hints for a server that will not come back to those who keep the keys in its place.
func (s *server) release(away ring.ID) {
	for {
		hints := s.hints.Next(away, int(s.config.PageBytes))
		if len(hints) == 0 {
			return
		}
		entries, numbers := unpack(hints)
		for _, e := range entries {
			if !s.handTo(s.members.ring.Owners(ring.Position(e.key)), e) {
				return
			}
		}
		s.record.Reach(hintReleased)
		s.append(appendHint(nil, s.hints.Drop(away, numbers)), nil)
	}
}

// handTo tells all these servers what is known of a key, and says whether all have it.
func (s *server) handTo(owners []ring.ID, e entry) bool {
	if len(owners) == 0 {
		return false
	}
	g := s.gather()
	defer g.end()
	body := appendEntries(nil, []entry{e})
	for _, id := range owners {
		if !s.reachable(id) {
			return false
		}
		g.ask(id, putVerb, body)
	}
	until := s.env.Mark().Add(s.config.Timeout)
	for range owners {
		if r, any := g.next(until); !any || r.status != done {
			return false
		}
	}
	return true
}

// handOver gives copies that are not this server's by the ring to those whose they are, and drops each that all of them have.
func (s *server) handOver() {
	for _, it := range inOrder(s.shelf.strays) {
		if s.stopping || s.shelf.find([]byte(it.key)) != it {
			continue
		}
		owners, known := s.members.ring.Owners(it.position), it.known
		if slices.Contains(owners, s.self.id) || it.unsynced > 0 || it.unsaved {
			continue
		}
		same := func() bool { // it is still what was handed over, and still not this server's
			return s.shelf.find([]byte(it.key)) == it && &it.known[0] == &known[0] && s.shelf.strays[it.key] == it
		}
		if s.handTo(owners, entry{[]byte(it.key), known}) && same() {
			s.record.Reach(handedOver)
			s.forget(it)
		}
	}
}

// introduce finds out where clients reach the others.
func (s *server) introduce() {
	for _, id := range s.others() {
		if s.members.clients[id] == "" && s.reachable(id) {
			if body, ok := s.call(id, whoVerb, nil); ok && len(body) <= gossip.MaxAddress {
				s.members.clients[id] = string(body)
			}
		}
	}
}

// errStays says that a server could not leave.
var errStays = errors.New("ringkv: somebody who would keep its keys cannot be reached")

// leave hands all copies to those who keep them without this server, and then says that it goes for good. From the first on
// it takes nothing any more; so what it hands over is all that it has.
func (s *server) leave() error {
	if s.inDoubt() {
		return errStays
	}
	s.leaving = true
	until := s.env.Mark().Add(leaveWithin)
	for s.waiting > 0 && s.env.Mark() < until {
		if err := s.env.Sleep(s.config.Timeout / 8); err != nil {
			return err
		}
	}
	if err := s.handAll(); err != nil {
		s.leaving = false
		return err
	}
	s.record.Reach(leftForGood)
	s.members.left = true
	s.members.core.Leave(s.env.Mark())
	s.spread()
	return s.env.Sleep(s.config.Gossip / 2) // so that it is heard before the socket is gone
}

// leaveWithin is how long what is under way may take; a server that is asked to stop has ten seconds for all.
const leaveWithin = 2 * time.Second

// handAll hands over all copies and hints.
func (s *server) handAll() error {
	var rest []ring.Member
	for _, m := range s.members.ring.Members() {
		if m.ID != s.self.id {
			rest = append(rest, m)
		}
	}
	without, err := ring.New(rest, ring.Options{Copies: s.config.Copies, Tokens: s.config.Tokens})
	if err != nil || len(rest) == 0 {
		return errors.Join(errStays, err)
	}
	owed := map[ring.ID][]entry{}
	add := func(key, known []byte) {
		for _, id := range without.Owners(ring.Position(key)) {
			owed[id] = append(owed[id], entry{key, known})
		}
	}
	for _, it := range s.shelf.all() {
		add([]byte(it.key), it.known)
	}
	for _, r := range s.hints.Records() {
		add(r.Hint.Key, r.Hint.Known)
	}
	for _, m := range rest {
		if len(owed[m.ID]) > 0 && (!s.reachable(m.ID) || !s.pay(m.ID, owed[m.ID])) {
			return errStays
		}
	}
	return nil
}
