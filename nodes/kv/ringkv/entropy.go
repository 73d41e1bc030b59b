package ringkv

import (
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/ring"
	"simrun/nodes/ring/gossip"
	"simrun/nodes/ring/merkle"
)

// compareAll compares this server's copies with others', one after the other: at once with whom it has not been compared since
// it came, and from time to time with everybody.
//
// A turn is counted when it is taken, and each of both rounds has its own: a round that moved on whenever somebody looks whether
// it is time would pass over the same servers each time, if that comes out even.
func (s *server) compareAll() {
	turn, extra, at := 0, 0, s.env.Mark()
	for !s.stopping {
		others := s.others()
		every := max(s.config.AntiEntropy/time.Duration(max(len(others), 1)), 1)
		due := slices.DeleteFunc(slices.Clone(others), func(id ring.ID) bool { return !s.reachable(id) || !s.isBehind(id) })
		if len(due) > 0 && !s.inDoubt() {
			s.compareWith(due[extra%len(due)])
			extra++
		}
		if len(others) > 0 && !s.inDoubt() && (s.env.Mark() >= at || s.env.Point(compareNow)) {
			at = s.env.Mark().Add(every)
			if id := others[turn%len(others)]; s.reachable(id) {
				s.compareWith(id)
			}
			turn++
		}
		s.judgeSelf(others)
		wait := min(every, s.config.Gossip)
		if left := at.Sub(s.env.Mark()); left > 0 {
			wait = min(wait, left)
		}
		if s.env.Sleep(wait) != nil {
			return
		}
	}
}

// isBehind says whether a member is to be compared with at once: it came, or came back, or this server did.
func (s *server) isBehind(id ring.ID) bool {
	_, met := s.members.wall[id]
	return !met || s.members.behind[id]
}

// compareWith makes the copies of another server and this one the same, and notes when that began. What was changed meanwhile
// may be found different, or not, and is for the next time.
func (s *server) compareWith(id ring.ID) {
	began := s.env.Now()
	tree := s.shelf.trees[id]
	if tree == nil {
		return
	}
	c := tree.Compare(0)
	for {
		q, more := c.Next()
		if !more {
			break
		}
		body, ok := s.call(id, compareVerb, merkle.AppendQuestion(nil, q))
		if !ok || s.shelf.trees[id] != tree {
			return // the ring has changed, or it is for later
		}
		a, err := merkle.DecodeAnswer(body)
		if err != nil || c.Take(a) != nil {
			return
		}
	}
	for _, r := range c.Differences() {
		s.record.Reach(differencesFound)
		if !s.settle(id, r) {
			return
		}
	}
	if s.members.core.State(id) == gossip.Alive || s.members.core.State(id) == gossip.Suspect {
		s.members.wall[id] = began
		delete(s.members.behind, id)
	}
}

// settle makes the copies of a range the same on both sides: it reads theirs page by page, and tells what they do not know.
func (s *server) settle(id ring.ID, r ring.Range) bool {
	v := s.config.Versions
	after := ""
	for {
		body, ok := s.call(id, pageVerb, appendPage(nil, r, after))
		d := decode(body)
		more := d.Byte() == 1
		entries, known := d.entries(v)
		if !ok || d.end("a page") != nil || more && len(entries) == 0 {
			return false
		}
		last := ""
		if more {
			last = string(entries[len(entries)-1].key)
		}
		owed := s.owed(id, r, after, last, entries, known)
		landed := false
		wake := s.env.NewCond()
		s.handlePut(entries, known, func(st status, _ []byte) {
			landed, ok = true, st == done
			wake.Signal()
		})
		for !landed {
			if wake.Wait() != nil {
				return false
			}
		}
		if !ok || !s.pay(id, owed) {
			return false
		}
		if after = last; !more {
			return true
		}
	}
}

// owed is what another server does not know of what both keep, between two keys of its pages.
func (s *server) owed(id ring.ID, r ring.Range, after, last string, entries []entry, known []lore) (owed []entry) {
	theirs := map[string]lore{}
	for i, e := range entries {
		theirs[string(e.key)] = known[i]
	}
	for _, it := range s.shelf.within(r, after) {
		if last != "" && it.follows(last) {
			break
		}
		if it.unsynced > 0 || it.unsaved || !s.bothKeep(it, id) {
			continue
		}
		mine := s.shelf.read(it)
		their := theirs[it.key]
		if !s.config.Versions.covers(their, mine) {
			s.record.Sometimes(bothChanged, !s.config.Versions.covers(mine, their))
			owed = append(owed, entry{[]byte(it.key), it.known})
		}
	}
	return owed
}

// pay tells a server what it does not know, in messages of one page's size.
func (s *server) pay(id ring.ID, owed []entry) bool {
	for len(owed) > 0 {
		n, size := 0, 0
		for n < len(owed) && (n == 0 || size+owed[n].size() <= int(s.config.PageBytes)) {
			size += owed[n].size()
			n++
		}
		if _, ok := s.call(id, putVerb, appendEntries(nil, owed[:n])); !ok {
			return false
		}
		owed = owed[n:]
	}
	return true
}

// judgeSelf takes note of how complete this server's copies are: whole, once it has compared them with those of everybody, and
// repaired, as of when it had last done so with all but those that are dead. While it believes most to be dead it may be itself
// that is cut off, and nothing counts.
func (s *server) judgeSelf(others []ring.ID) {
	m, now := &s.members, s.env.Now()
	alive, since, all := 1, now, s.gathered()
	for _, id := range others {
		wall, met := m.wall[id]
		all = all && met
		if m.core.State(id) == gossip.Dead {
			continue
		}
		if alive++; !met {
			wall = s.marks.repaired
		}
		if wall.Before(since) {
			since = wall
		}
	}
	if all && !s.marks.whole {
		s.marks.whole = true
		s.record.Reach(becameWhole)
		s.record.Note("whole")
		s.note()
		s.tell()
	}
	if since.After(m.repaired) && 2*alive > len(others)+1 {
		m.repaired = since
	}
	if m.repaired.Sub(s.marks.repaired) > s.config.Grace/16 {
		s.marks.repaired = m.repaired
		s.note()
	}
	if old := s.rules.MustStartEmpty(m.repaired, now); old != s.doubt.old {
		s.doubt.old = old
		s.record.Reach(cameInDoubt)
		s.tell()
	}
}

// elapsed says whether so much time has passed since.
func (s *server) elapsed(since nodes.Instant, d time.Duration) bool {
	return s.env.Mark().Sub(since) >= d
}
