package ringkv

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/link"
	"simrun/nodes/ring"
	"simrun/nodes/ring/gossip"
)

// members is who belongs to the ring, as this server believes.
type members struct {
	core     *gossip.Core
	socket   net.PacketConn
	wake     nodes.Cond // gossip waits here
	address  string     // this server's own
	seeds    []string
	ring     *ring.Ring
	digest   uint64        // of the ring's members
	since    nodes.Instant // since when it is this ring
	kept     []gossip.Member
	clients  map[ring.ID]string    // where clients reach a member
	wall     map[ring.ID]time.Time // when its copies and ours were last compared and made the same: when that began
	behind   map[ring.ID]bool      // it came, or came back, and has not been compared with since
	repaired time.Time             // as marks have it, but to the moment
	left     bool
}

// openMembers begins to listen, and believes what it believed when it was last alive.
func (s *server) openMembers() error {
	m := &s.members
	m.address, m.seeds = s.config.seeds(s.env.Host())
	m.clients, m.wall, m.behind = map[ring.ID]string{}, map[ring.ID]time.Time{}, map[ring.ID]bool{}
	m.wake, m.repaired = s.env.NewCond(), s.marks.repaired
	core, err := gossip.New(gossip.Options{
		Member:  ring.Member{ID: s.self.id, Site: s.config.Rack, Weight: s.config.Weight},
		Address: m.address, Seeds: m.seeds, Rand: s.env.Rand(), Interval: s.config.Gossip, Grace: s.config.Forget, Most: mostServers,
	}, s.env.Mark())
	if err != nil {
		return err
	}
	m.core = core
	for _, known := range m.kept {
		core.Step(s.env.Mark(), gossip.Message{Type: gossip.Ack, From: known})
	}
	if m.socket, err = s.env.ListenPacket("udp", s.config.PeerListen); err != nil {
		return err
	}
	if s.link, err = link.Open(s.env, s.config.link(m.address), s.receive); err != nil {
		_ = m.socket.Close()
		return err
	}
	s.arrange()
	return nil
}

func (s *server) closeMembers() {
	_ = s.members.socket.Close()
	s.link.Close()
	s.calls.fail()
}

// gossip does what the core wants, in time.
func (s *server) gossip() {
	m := &s.members
	for !s.stopping {
		m.core.Tick(s.env.Mark())
		s.spread()
		wait := m.core.Deadline().Sub(s.env.Mark())
		if wait > 0 {
			m.wake.WaitFor(wait)
		}
	}
}

// hear takes datagrams.
func (s *server) hear() {
	buf := make([]byte, 64<<10)
	for !s.stopping {
		n, _, err := s.members.socket.ReadFrom(buf)
		switch {
		case errors.Is(err, net.ErrClosed) || errors.Is(err, context.Canceled):
			return
		case err != nil: // a datagram that did not reach somebody comes back as one
			if s.env.Sleep(s.config.Gossip/8) != nil {
				return
			}
			continue
		}
		payload, err := openDatagram(s.config.Cluster, buf[:n])
		if err == nil {
			err = s.heard(payload)
		}
		if err != nil {
			s.record.Reach(badDatagram)
		}
	}
}

func (s *server) heard(payload []byte) error {
	message, err := gossip.DecodeMessage(payload)
	if err != nil {
		return err
	}
	for _, u := range message.Updates {
		if u.ID == s.self.id && u.State == gossip.Left && !s.members.left {
			s.expelled()
			return nil
		}
	}
	s.members.core.Step(s.env.Mark(), message)
	s.spread()
	s.members.wake.Signal()
	return nil
}

// expelled ends a server that others have been told has left: what it has may be deleted everywhere else by now.
func (s *server) expelled() {
	s.record.Reach(wasExpelled)
	s.env.Log().Error("the others were told that this server has left; it comes back as another, without its copies")
	s.members.left = true
	s.stop(errExpelled)
}

// errExpelled ends a server that is said to have left.
var errExpelled = errors.New("ringkv: the others were told that this server has left")

// spread sends what the core has to say, and takes note of what it believes anew.
func (s *server) spread() {
	for {
		out := s.members.core.Output()
		for i := range out.Send {
			s.sendGossip(&out.Send[i])
		}
		if len(out.Changes) == 0 {
			return
		}
		for i := range out.Changes {
			s.changed(&out.Changes[i])
		}
		s.arrange()
	}
}

// changed takes note of what is believed anew of a member.
func (s *server) changed(c *gossip.Change) {
	s.env.Log().Debug("ring member", "change", c.String())
	switch c.Is.State {
	case gossip.Alive:
		s.record.Sometimes(cameBack, c.Was == gossip.Dead)
		if c.Was == gossip.Unknown || c.Was == gossip.Dead {
			s.members.behind[c.Is.ID] = true
		}
	case gossip.Dead:
		s.record.Reach(believedDead)
		s.record.Note("member-dead")
	case gossip.Left:
		s.record.Reach(memberLeft)
		s.record.Note("member-left")
	}
}

func (s *server) sendGossip(message *gossip.Message) {
	b := datagram(s.config.Cluster, gossip.AppendMessage(nil, message))
	_, _ = s.members.socket.WriteTo(b, peerAddress(message.Address)) // what is lost is said again
}

// peerAddress is an address as a datagram socket takes it.
type peerAddress string

func (peerAddress) Network() string  { return "udp" }
func (a peerAddress) String() string { return string(a) }

// arrange makes the ring that of the members that are believed in, and dials them.
func (s *server) arrange() {
	m := &s.members
	s.succeed()
	next, err := ring.New(m.core.Ring(), ring.Options{Copies: s.config.Copies, Tokens: s.config.Tokens})
	if err != nil {
		s.env.Log().Error("the members make no ring", "err", err)
		return
	}
	var kept []gossip.Member
	addresses := slices.Clone(m.seeds)
	for _, member := range m.core.Members() {
		if member.ID == s.self.id || member.State == gossip.Left {
			continue
		}
		addresses = append(addresses, member.Address)
		member.State = gossip.Alive // which is what is believed of it after a restart, until it does not answer
		kept = append(kept, member)
	}
	slices.Sort(addresses)
	s.link.Reach(slices.Compact(addresses))
	m.keepOnly(kept, &s.doubt)
	if !slices.Equal(kept, m.kept) {
		m.kept = kept
		s.append(appendMembers(nil, kept), nil)
	}
	if m.ring == nil || !slices.Equal(next.Members(), m.ring.Members()) {
		s.record.Sometimes(ringChanged, m.ring != nil && len(m.ring.Members()) > 1)
		m.ring, m.since, m.digest = next, s.env.Mark(), ringDigest(next)
		s.shelf.arrange(s.self.id, next)
		s.record.Note("ring-changed")
		s.env.Log().Info("ring", "is", next.String())
	}
	s.record.State(s.String())
	s.tell()
}

// keepOnly forgets what is known of those who are members no more.
func (m *members) keepOnly(kept []gossip.Member, d *doubt) {
	gone := func(id ring.ID) bool {
		return !slices.ContainsFunc(kept, func(o gossip.Member) bool { return o.ID == id })
	}
	maps.DeleteFunc(m.clients, func(id ring.ID, _ string) bool { return gone(id) })
	maps.DeleteFunc(m.wall, func(id ring.ID, _ time.Time) bool { return gone(id) })
	maps.DeleteFunc(m.behind, func(id ring.ID, _ bool) bool { return gone(id) })
	maps.DeleteFunc(d.outlived, func(id ring.ID, _ time.Time) bool { return gone(id) })
	maps.DeleteFunc(d.asked, func(id ring.ID, _ nodes.Instant) bool { return gone(id) })
}

// ringDigest stands for who belongs to a ring.
func ringDigest(r *ring.Ring) uint64 {
	h := uint64(14695981039346656037)
	for _, m := range r.Members() {
		for _, n := range [...]uint64{uint64(m.ID), uint64(m.Weight)} {
			h = (h ^ n) * 1099511628211
			h ^= h >> 29
		}
	}
	return h
}

// succeed says in the place of whoever was before at an address that it has left: this server of its own, and everybody of one
// that is dead if another lives there.
func (s *server) succeed() {
	m := &s.members
	all := m.core.Members()
	for _, old := range all {
		mine := old.ID != s.self.id && old.Address == m.address && old.State != gossip.Left
		theirs := old.State == gossip.Dead && slices.ContainsFunc(all, func(o gossip.Member) bool {
			return o.ID != old.ID && o.Address == old.Address && o.State == gossip.Alive
		})
		if mine || theirs {
			s.record.Sometimes(tookThePlace, true)
			s.env.Log().Info("a server is another now", "was", uint64(old.ID), "at", old.Address)
			s.sayLeft(old)
		}
	}
}

// sayLeft says of a member that it has left, as if it said so itself.
func (s *server) sayLeft(member gossip.Member) {
	m := &s.members
	member.State = gossip.Left
	m.core.Step(s.env.Mark(), gossip.Message{Type: gossip.Ack, From: member})
	for _, other := range m.core.Members() {
		if other.ID != s.self.id && other.ID != member.ID && other.State != gossip.Left {
			s.sendGossip(&gossip.Message{Type: gossip.Ack, From: member, To: other.ID, Address: other.Address})
		}
	}
}

// others are the members of the ring beside this server.
func (s *server) others() (ids []ring.ID) {
	for _, m := range s.members.ring.Members() {
		if m.ID != s.self.id {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// addressOf is where a member is reached; empty if it is none.
func (s *server) addressOf(id ring.ID) string {
	for _, m := range s.members.kept {
		if m.ID == id {
			return m.Address
		}
	}
	return ""
}

// reachable says whether it is worth while to ask a member.
func (s *server) reachable(id ring.ID) bool {
	if id == s.self.id {
		return true
	}
	return s.members.core.State(id) != gossip.Dead && s.link.Connected(s.addressOf(id))
}

// gathered says whether the ring has begun: all servers that are configured have been met.
func (s *server) gathered() bool {
	m := &s.members
	for _, seed := range m.seeds {
		if seed != m.address && !slices.ContainsFunc(m.kept, func(o gossip.Member) bool { return o.Address == seed }) {
			return false
		}
	}
	return true
}
