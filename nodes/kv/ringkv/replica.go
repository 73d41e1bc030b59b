package ringkv

import (
	"encoding/binary"
	"math"
	"slices"

	"simrun/nodes/kv"
	"simrun/nodes/ring"
	"simrun/nodes/ring/merkle"
	"simrun/nodes/ring/repair"
	"simrun/nodes/ring/version"
	"simrun/nodes/ring/wire"
)

// limits bound what one key can grow to.
var limits = version.Limits{Siblings: 32, Entries: 128}

// handle does what a server asks, this one too. It answers once, at once or later, and does not give way.
func (s *server) handle(v verb, from ring.ID, body []byte, answer func(status, []byte)) {
	if s.inDoubt() && v != doubtVerb && v != whoVerb {
		answer(refused, []byte("the copies may be too old"))
		return
	}
	if err := s.obey(v, from, body, answer); err != nil {
		s.record.Reach(badFrame)
		s.env.Log().Warn("a request cannot be read", "from", uint64(from), "err", err)
		answer(refused, []byte(err.Error()))
	}
}

// obey does what is asked, unless it cannot be read: then there is no answer yet.
func (s *server) obey(v verb, from ring.ID, body []byte, answer func(status, []byte)) error {
	switch v {
	case getVerb:
		s.handleGet(body, answer)
	case putVerb:
		d := decode(body)
		entries, known := d.entries(s.config.Versions)
		if err := d.end("entries"); err != nil {
			return err
		}
		s.handlePut(entries, known, answer)
	case holdVerb:
		return s.handleHold(body, answer)
	case forwardVerb:
		s.handleForward(body, answer)
	case compareVerb:
		return s.handleCompare(from, body, answer)
	case pageVerb:
		d := decode(body)
		within := ring.Range{After: d.Word(), Through: d.Word()}
		after := string(d.Bytes())
		if err := d.end("a page"); err != nil {
			return err
		}
		answer(done, s.page(from, within, after))
	case confirmVerb, purgeVerb:
		return s.handleMarks(v, body, answer)
	case outliveVerb:
		s.handleOutlive(body, answer)
	case doubtVerb:
		s.handleDoubt(from, body, answer)
	case whoVerb:
		answer(done, []byte(s.config.client(s.env.Host())))
	default:
		answer(refused, nil)
	}
	return nil
}

// handleHold takes hints for another server, or what others held for this one.
func (s *server) handleHold(body []byte, answer func(status, []byte)) error {
	d := decode(body)
	away := ring.ID(d.Uint(math.MaxUint64))
	entries, known := d.entries(s.config.Versions)
	if err := d.end("hints"); err != nil {
		return err
	}
	if away == s.self.id {
		s.handlePut(entries, known, answer)
		return nil
	}
	s.hold(away, entries, known, answer)
	return nil
}

// handleCompare tells of the tree of what is shared with a server.
func (s *server) handleCompare(from ring.ID, body []byte, answer func(status, []byte)) error {
	q, err := merkle.DecodeQuestion(body)
	tree := s.shelf.trees[from]
	if err != nil || tree == nil {
		answer(refused, nil)
		return nil
	}
	a, err := tree.Answer(q)
	if err != nil {
		return err
	}
	answer(done, merkle.AppendAnswer(nil, a))
	return nil
}

// handleMarks says what this server knows of tombstones, or lets go of them.
func (s *server) handleMarks(v verb, body []byte, answer func(status, []byte)) error {
	d := decode(body)
	digest, marks := d.marks()
	if err := d.end("marks"); err != nil {
		return err
	}
	if v == confirmVerb {
		answer(done, s.opinions(digest, marks))
		return nil
	}
	s.purge(marks)
	answer(done, nil)
	return nil
}

// handleGet tells what is known of a key, once it is on the disk: what was shown to anybody must not be taken back by a
// crash.
func (s *server) handleGet(key []byte, answer func(status, []byte)) {
	it := s.shelf.find(key)
	it.whenSaved(func() {
		it := s.shelf.find(key)
		if it != nil && it.unsaved {
			answer(refused, []byte("the disk takes no writes"))
			return
		}
		whole := byte(0)
		if s.marks.whole {
			whole = 1
		}
		known := []byte(nil)
		if it != nil {
			known = it.known
		}
		if s.config.Sloppy {
			known = s.withHints(key, known)
		}
		answer(done, append([]byte{whole}, known...))
	})
}

// withHints is what is known of a key, with what is held for others.
func (s *server) withHints(key, known []byte) []byte {
	v := s.config.Versions
	for _, away := range s.hints.Nodes() {
		hint, held := s.hints.Held(away, key)
		if !held {
			continue
		}
		mine, err := v.decode(known)
		theirs, err2 := v.decode(hint.Known)
		if err == nil && err2 == nil {
			known = v.encode(v.merge(mine, theirs))
		}
	}
	return known
}

// handlePut takes over what others know, and answers when it is on the disk.
func (s *server) handlePut(entries []entry, known []lore, answer func(status, []byte)) {
	if why := s.refusal(entries, known); why != "" {
		answer(refused, []byte(why))
		return
	}
	left, failed := 1, false
	landed := func(ok bool) {
		failed = failed || !ok
		if left--; left > 0 {
			return
		}
		if failed {
			answer(refused, []byte("the disk takes no writes"))
			return
		}
		answer(done, nil)
	}
	for i, e := range entries {
		it, news := s.learn(e.key, known[i])
		left++
		if news {
			s.save(it, func(err error) { landed(err == nil) })
			continue
		}
		it.whenSaved(func() { landed(it == nil || !it.unsaved) })
	}
	landed(true)
	s.tell()
}

// refusal is why entries are not taken; empty if they are.
func (s *server) refusal(entries []entry, known []lore) string {
	switch {
	case s.leaving:
		return "the server is leaving"
	case s.full() && len(entries) > 0:
		s.record.Reach(memoryFull)
		return "no memory"
	}
	for i := range entries {
		if len(entries[i].key) > kv.MaxKey {
			return "a key is too long"
		}
		if err := s.observe(known[i]); err != nil {
			s.record.Reach(tooFarAhead)
			return err.Error()
		}
	}
	return ""
}

func (s *server) full() bool {
	return s.config.MaxMemory > 0 && s.shelf.bytes >= int(s.config.MaxMemory)
}

// observe takes note of the stamps of what came from elsewhere.
func (s *server) observe(l lore) error {
	if s.config.Versions == LastWriteWins {
		return nil
	}
	if _, at, _ := s.config.Versions.newest(l); at != (version.Stamp{}) {
		return s.clock.Observe(s.env.Now(), at)
	}
	return nil
}

// learn takes over what another copy knows of a key, and says whether it was anything new.
func (s *server) learn(key []byte, l lore) (it *item, news bool) {
	v := s.config.Versions
	it = s.shelf.find(key)
	if it == nil {
		if v.isNothing(l) {
			return nil, false
		}
		return s.shelf.put(key, l, 0), true
	}
	had := s.shelf.read(it)
	if v.covers(had, l) {
		return it, false
	}
	s.record.Sometimes(siblingsMet, v.concurrent(had, l))
	if v != Vector {
		return s.shelf.put(key, v.merge(had, l), 0), true
	}
	c := version.Copy{Set: had.set, Epoch: it.epoch}
	c.Receive(s.self.id, l.set, limits)
	return s.shelf.put(key, lore{set: c.Set}, c.Epoch), true
}

// hold keeps hints for a server that is away, and answers when they are on the disk.
func (s *server) hold(away ring.ID, entries []entry, known []lore, answer func(status, []byte)) {
	left, failed := 1, s.leaving
	landed := func(err error) {
		failed = failed || err != nil
		if left--; left > 0 {
			return
		}
		if failed {
			answer(refused, nil)
			return
		}
		answer(done, nil)
	}
	for i, e := range entries {
		if failed || s.observe(known[i]) != nil || len(e.key) > kv.MaxKey {
			failed = true
			break
		}
		l := known[i]
		if hint, held := s.hints.Held(away, e.key); held {
			if had, err := s.config.Versions.decode(hint.Known); err == nil {
				l = s.config.Versions.merge(had, l)
			}
		}
		r, err := s.hints.Hold(repair.Hint{For: away, Since: s.env.Now(), Key: e.key, Known: s.config.Versions.encode(l)})
		if err != nil {
			s.record.Reach(hintsFull)
			failed = true
			break
		}
		s.record.Reach(hintHeld)
		left++
		s.append(appendHint(nil, r), landed)
	}
	landed(nil)
	s.tell()
}

// page is what another server and this one both keep within a range, from a key on, as much as one message holds.
func (s *server) page(with ring.ID, within ring.Range, after string) []byte {
	var entries []entry
	size, more, most := 0, byte(0), int(s.config.PageBytes)
	if s.env.Point(tinyPages) {
		most = 1
	}
	for _, it := range s.shelf.within(within, after) {
		if it.unsynced > 0 || it.unsaved || !s.bothKeep(it, with) {
			continue // it is told when it is on the disk
		}
		e := entry{[]byte(it.key), it.known}
		if size += e.size(); len(entries) > 0 && size > most {
			more = 1
			break
		}
		entries = append(entries, e)
	}
	return appendEntries([]byte{more}, entries)
}

// bothKeep says whether both this server and another keep an item by the ring.
func (s *server) bothKeep(it *item, with ring.ID) bool {
	owners := s.members.ring.Owners(it.position)
	return slices.Contains(owners, s.self.id) && slices.Contains(owners, with)
}

func appendPage(b []byte, within ring.Range, after string) []byte {
	b = binary.LittleEndian.AppendUint64(b, within.After)
	b = binary.LittleEndian.AppendUint64(b, within.Through)
	return wire.AppendBytes(b, after)
}
