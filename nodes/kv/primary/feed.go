package primary

import (
	"hash/crc32"
	"slices"
	"strings"

	"simrun/nodes"
)

// feed is what a primary sends one replica: perhaps a snapshot, then entries as they come. One that could not be sent ends it;
// the replica sees that something is missing, or hears nothing, and joins again.
//
// Invariants: acked <= number; durable <= the log's end; next is in memory, or the feed is dead.
type feed struct {
	reign   *reign
	address string
	session uint64
	number  uint64 // of the next turn
	acked   uint64 // turns that came
	next    uint64 // the offset to send next
	durable uint64 // what the replica has on disk
	heard   nodes.Instant
	stamp   uint64   // the replica's, of its last word
	image   snapshot // that is being sent; no bytes if none is
	sent    uint64   // of its bytes
	goal    uint64
	fork    uint64
	dead    bool
}

// snapshot is the store as of an offset.
type snapshot struct {
	offset uint64
	bytes  []byte
	sum    uint64
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// joined lets a replica have the stream.
func (s *server) joined(from string, in *wire) error {
	j, err := in.join()
	if err != nil {
		return err
	}
	r := s.reign
	if r == nil || j.epoch != r.epoch || len(r.feeds) >= mostMembers && r.feed(from) == nil {
		return nil
	}
	f := &feed{reign: r, address: from, session: j.session, heard: s.env.Mark(), goal: s.log.end()}
	r.begin(f)
	at, known := fork(s.log.lineage, s.log.end(), j.lineage, j.end)
	if f.fork = at; !known {
		f.fork = j.end
	}
	// A snapshot that has less than the replica would take from it what it has acknowledged, until it is sent that again.
	if known && at >= j.applied && at >= s.log.base && (at > s.log.applied || !s.env.Point(sendAll)) {
		s.record.Reach(partialResync)
		f.next = at + 1
		m := resume{f.turn(), at, f.goal, s.log.lineage}
		f.send(m.append(nil))
	} else {
		s.record.Reach(fullResync)
		f.image = r.snapshot()
		f.next = f.image.offset + 1
	}
	r.poke()
	return nil
}

// snapshot is the store as it is now.
func (r *reign) snapshot() snapshot {
	s := r.server
	if r.image.bytes == nil || r.image.offset != s.log.applied {
		b := s.store.Image()(nil)
		r.image = snapshot{s.log.applied, b, uint64(crc32.Checksum(b, castagnoli))}
	}
	return r.image
}

// needed is the last offset that no replica in reach has yet to be sent. What is older is for those that come back.
//
// Without this a replica that takes entries more slowly than another acknowledges them would be cut off as soon as the backlog
// is shorter than what is under way, be sent everything, and be cut off again behind that.
func (r *reign) needed() uint64 {
	upTo := r.server.log.applied
	for _, f := range r.feeds {
		if f.isAlive() {
			upTo = min(upTo, f.next-1)
		}
	}
	return upTo
}

// isAlive says whether the replica was heard of late.
func (f *feed) isAlive() bool {
	s := f.reign.server
	return !f.dead && s.env.Mark().Sub(f.heard) <= s.config.timeout()
}

// isGood says whether the replica takes entries as they come.
func (f *feed) isGood() bool { return f.isAlive() && f.image.bytes == nil && f.acked > 0 }

// good is how many replicas do.
func (r *reign) good() (n int) {
	for _, f := range r.feeds {
		if f.isGood() {
			n++
		}
	}
	return n
}

// find is where the replica of an address is among the feeds, or would be.
func (r *reign) find(address string) (int, bool) {
	return slices.BinarySearchFunc(r.feeds, address, func(f *feed, address string) int { return strings.Compare(f.address, address) })
}

// feed is what a replica is sent; nil if it has not joined.
func (r *reign) feed(address string) *feed {
	if i, there := r.find(address); there {
		return r.feeds[i]
	}
	return nil
}

// begin makes a feed its replica's.
func (r *reign) begin(f *feed) {
	i, there := r.find(f.address)
	if there {
		r.feeds[i] = f
		return
	}
	r.feeds = slices.Insert(r.feeds, i, f)
}

// poke lets the streams go on.
func (r *reign) poke() {
	if !r.due {
		r.due = true
		r.wake.Signal()
	}
}

// run is the task that sends: whatever comes while it sends goes into the next messages, so these are as large as the server is
// busy.
func (r *reign) run() {
	for r.server.reign == r {
		if !r.due {
			if r.wake.Wait() != nil {
				return
			}
			continue
		}
		r.due = false
		dawdle(r.server.env, slowStream)
		if r.server.reign == r {
			for _, f := range r.feeds {
				f.pump()
			}
		}
	}
}

// beat lets replicas hear of the primary, and a replica look whether it still does.
func (s *server) beat() {
	now := s.env.Mark()
	if r := s.reign; r != nil {
		for _, f := range r.feeds {
			if f.image.bytes == nil && f.hasRoom() && f.number > 0 {
				f.stream(nil)
			}
		}
		r.expire(now)
		s.advance()
	}
	if f := s.session; f != nil && !s.installing && (!f.asked || now.Sub(f.heard) > s.config.timeout()) {
		s.record.Sometimes(lostStream, f.asked && f.resumed)
		s.seek()
	}
	s.tell()
}

func (f *feed) turn() turn { return turn{f.reign.epoch, f.session, f.number} }

// send sends a turn.
func (f *feed) send(frame []byte) {
	s := f.reign.server
	if f.number++; f.dead || s.env.Point(loseTurn) || !s.link.Send(f.address, frame) {
		f.dead = true
	}
}

// hasRoom says whether the replica can be sent another turn.
func (f *feed) hasRoom() bool {
	return !f.dead && f.number-f.acked < uint64(f.reign.server.config.Window)
}

// pump sends what there is to send.
func (f *feed) pump() {
	s := f.reign.server
	for f.hasRoom() {
		switch {
		case f.image.bytes != nil:
			f.piece()
		case f.next > s.log.end():
			return
		case f.next <= s.log.base:
			s.record.Reach(tooSlow)
			f.dead = true
		default:
			f.stream(s.log.entries[f.next-s.log.base-1:])
		}
	}
}

// piece sends a piece of a snapshot.
func (f *feed) piece() {
	c := f.reign.server.config
	size := uint64(len(f.image.bytes))
	n := min(size-f.sent, uint64(c.ChunkBytes))
	m := image{turn: f.turn(), at: f.sent, size: size, offset: f.image.offset, fork: f.fork, goal: f.goal, sum: f.image.sum,
		data: f.image.bytes[f.sent : f.sent+n]}
	if f.sent == 0 {
		m.lineage = f.reign.server.log.lineage
	}
	f.send(m.append(nil))
	if f.sent += n; f.sent == size {
		f.image = snapshot{}
	}
}

// stream sends as many of the entries as fit a message.
func (f *feed) stream(entries [][]byte) {
	s := f.reign.server
	n, bytes := 0, 0
	for n < len(entries) && (n == 0 || bytes+len(entries[n]) <= int(s.config.BatchBytes)) {
		bytes += len(entries[n]) + entrySize
		if n++; s.env.Point(loneEntry) {
			break
		}
	}
	m := stream{turn: f.turn(), before: f.next - 1, committed: s.log.committed, entries: entries[:n]}
	if f.reign.isReady() {
		m.stamp = f.stamp
	}
	f.next += uint64(n)
	f.send(m.append(nil))
}

// acknowledged hears what a replica has.
func (s *server) acknowledged(from string, in *wire) error {
	a, err := in.ack()
	if err != nil {
		return err
	}
	r := s.reign
	if r == nil || a.epoch != r.epoch {
		return nil
	}
	f := r.feed(from)
	if f == nil || a.session != f.session || a.next > f.number || a.durable > s.log.end() {
		return nil
	}
	f.acked, f.durable, f.stamp, f.heard = max(f.acked, a.next), max(f.durable, a.durable), max(f.stamp, a.stamp), s.env.Mark()
	s.advance()
	if s.reign == r {
		r.answerWaiters()
		r.poke()
	}
	return nil
}
