package ringkv

import (
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/ring"
	"simrun/nodes/ring/gossip"
)

// doubt is whether this server's copies may be older than what others have forgotten, and what it has promised others who are
// in doubt of theirs.
//
// A tombstone may be dropped without a server that is dead. So that nobody has to guess whether that has happened, a
// majority notes on its disks without whom it will happen, before it does. Who finds its copies too old asks a majority: any two have
// a server in common. As long as nobody has noted anything that its copies are too old for, they are as good as any, however old
// they are: else servers that were all dark together, or that miss a third and do not know yet that it is dead, would all
// discard what nobody else has.
//
// A server that has begun with an empty disk may have lost what it noted, so only those that are whole count to that majority.
// But servers that are all in doubt show each other nothing, and so none becomes whole: where all have answered, and nobody
// has noted anything, a majority's disks would have to be lost for a note to be.
//
// Invariant: only copies that others have outlived are ever put aside, and at most W-1 servers' at a time are outlived, while all
// others that live are whole: of what W servers took one is left.
type doubt struct {
	old      bool                      // the copies are older than the grace allows
	vouched  nodes.Instant             // until then a majority drops nothing without this server
	outlived map[ring.ID]time.Time     // without whom tombstones are dropped, and when that was last noted
	asked    map[ring.ID]nodes.Instant // who has asked, and was promised that nothing is dropped without it
}

// errStale says that what a disk holds is too old: what was deleted meanwhile is forgotten everywhere else.
var errStale = errors.New("ringkv: the others have outlived these copies")

// inDoubt says whether this server must show nobody its copies.
func (s *server) inDoubt() bool { return s.doubt.old && s.env.Mark() >= s.doubt.vouched }

// resolve asks the others for as long as this server's copies are too old.
func (s *server) resolve() {
	for !s.stopping {
		if s.doubt.old && s.env.Mark().Add(s.config.Window/4) >= s.doubt.vouched {
			s.askAround()
		}
		if s.env.Sleep(min(s.config.Gossip, s.config.Window/8)) != nil {
			return
		}
	}
}

// askAround asks everybody whether this server was outlived. If somebody says so, it ends, and comes back without its copies; if
// a majority says that it was not, or all do, they promise that it will not be, for long enough that nothing which this server
// says while it relies on that is under way when the promise ends.
func (s *server) askAround() {
	began, others := s.env.Mark(), s.others()
	body := binary.LittleEndian.AppendUint64(nil, s.members.digest)
	g := s.gather()
	defer g.end()
	for _, id := range others {
		if s.reachable(id) {
			g.ask(id, doubtVerb, body)
		}
	}
	vouching, answered, until := 1, 0, began.Add(s.config.Timeout)
	for 2*vouching <= len(others)+1 && answered < len(others) {
		r, any := g.next(until)
		if !any {
			return
		}
		d := decode(r.body)
		whole, noted := d.Byte() == 1, d.Int()
		if r.status != done || d.end("what was outlived") != nil {
			continue
		}
		stale := noted != 0 && s.rules.MustStartEmpty(s.members.repaired, time.Unix(0, noted).Add(s.config.MaxDrift))
		s.record.Sometimes(cameBackStale, stale)
		if stale {
			s.stop(errStale)
			return
		}
		answered++
		if whole {
			vouching++
		}
	}
	s.record.Reach(vouchedFor)
	s.doubt.vouched = began.Add(s.config.Window / 2)
}

// promised is how long nothing is dropped without a server that has asked: as long as it relies on that, and as long as what it
// says in that time is under way.
func (c *Config) promised() time.Duration { return 3 * c.Window / 2 }

// handleDoubt answers a server that is in doubt: whether this one's copies are whole, and when it last noted that tombstones are
// dropped without the other. One that believes in another ring is no answer.
func (s *server) handleDoubt(from ring.ID, body []byte, answer func(status, []byte)) {
	d := decode(body)
	if digest := d.Word(); d.end("a doubt") != nil || digest != s.members.digest {
		answer(refused, nil)
		return
	}
	s.doubt.asked[from] = s.env.Mark()
	whole, noted := byte(0), int64(0)
	if s.marks.whole {
		whole = 1
	}
	if at, any := s.doubt.outlived[from]; any {
		noted = at.UnixNano()
	}
	answer(done, binary.AppendVarint([]byte{whole}, noted))
}

// outlive has a majority note that tombstones are dropped without some servers, and says whether it has.
func (s *server) outlive(digest uint64, absent []ring.ID) bool {
	body := binary.AppendUvarint(binary.LittleEndian.AppendUint64(nil, digest), uint64(len(absent)))
	for _, id := range absent {
		body = binary.AppendUvarint(body, uint64(id))
	}
	g := s.gather()
	defer g.end()
	members := s.members.ring.Members()
	for _, m := range members {
		if !slices.Contains(absent, m.ID) && s.reachable(m.ID) {
			g.ask(m.ID, outliveVerb, body)
		}
	}
	noting, until := 0, s.env.Mark().Add(s.config.Timeout)
	for 2*noting <= len(members) {
		r, any := g.next(until)
		if !any {
			return false
		}
		if r.status == done {
			noting++
		}
	}
	return true
}

// handleOutlive notes without whom tombstones are dropped, and answers once that is on the disk.
func (s *server) handleOutlive(body []byte, answer func(status, []byte)) {
	d := decode(body)
	digest := d.Word()
	var absent []ring.ID
	for range d.Count(1) {
		absent = append(absent, ring.ID(d.Uint(math.MaxUint64)))
	}
	if d.end("who is outlived") != nil || digest != s.members.digest || !s.mayOutlive(absent) {
		answer(refused, nil)
		return
	}
	now := s.env.Now()
	for _, id := range absent {
		s.doubt.outlived[id] = now
	}
	s.append(appendOutlived(nil, s.doubt.outlived), func(err error) {
		if err != nil {
			answer(refused, nil)
			return
		}
		answer(done, nil)
	})
}

// mayOutlive says whether tombstones may be dropped without some servers: they have to be dead, and so few that what they took is
// elsewhere too. This server has to have run for longer than it would keep a promise that it does not remember.
func (s *server) mayOutlive(absent []ring.ID) bool {
	if !s.marks.whole || len(absent) >= s.config.Write || !s.elapsed(s.members.since, s.config.promised()) {
		return false
	}
	return !slices.ContainsFunc(absent, func(id ring.ID) bool {
		at, any := s.doubt.asked[id]
		return s.members.core.State(id) != gossip.Dead || any && !s.elapsed(at, s.config.promised())
	})
}

func appendOutlived(b []byte, outlived map[ring.ID]time.Time) []byte {
	b = binary.AppendUvarint(append(b, recordOutlived), uint64(len(outlived)))
	for _, id := range slices.Sorted(maps.Keys(outlived)) {
		b = binary.AppendVarint(binary.AppendUvarint(b, uint64(id)), outlived[id].UnixNano())
	}
	return b
}

func (r *recovered) takeOutlived(d decoder) error {
	r.outlived = map[ring.ID]time.Time{}
	for range d.Count(2) {
		id := ring.ID(d.Uint(math.MaxUint64))
		r.outlived[id] = time.Unix(0, d.Int()).UTC()
	}
	return d.end("who was outlived")
}
