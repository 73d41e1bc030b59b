package primary

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/kv/front"
	"simrun/nodes/link"
	"simrun/nodes/raft"
	"simrun/nodes/raft/replica"
	"simrun/nodes/resp"
)

// ballot is how the leading monitor finds a new primary: it asks all servers to promise that they take nothing of earlier epochs,
// and when so many have that one of them must have whatever was acknowledged, it takes the one whose log is furthest. While it
// lasts nobody is granted a lease.
type ballot struct {
	epoch    uint64
	began    nodes.Instant
	answers  map[string]report
	proposed bool
}

// options is the configuration as a replica has it.
func (m *monitor) options() replica.Options {
	c := m.config
	peers := addresses(c.Monitors, "16379")
	self := selfAmong(peers, m.env.Host(), c.PeerListen, "16379")
	if len(peers) == 0 {
		peers = []string{self}
	}
	return replica.Options{Self: self, Client: withPort(m.env.Host(), "26379"), Listen: c.PeerListen, Peers: peers, Cluster: c.Cluster + " monitors",
		Rejoin: c.Rejoin, SnapshotEntries: 1000, Raft: raft.Options{Election: c.Election},
		Journal: journal.Options{SegmentBytes: c.Segment, GrowBytes: min(c.Segment, 64<<10), CompactBytes: 16 << 20, Settle: time.Second},
		Link:    link.Options{Silence: max(5*c.Election, 500*time.Millisecond)}}
}

// clerk is the monitor as its replica has it: a state machine that keeps the last decree.
type clerk monitor

// Apply takes a decree, if it is later than the last.
func (k *clerk) Apply(command, dst []byte) []byte {
	in := wire{rest: command}
	d := in.decree()
	if in.end() != nil || d.epoch <= k.decree.epoch {
		return append(dst, "overtaken"...)
	}
	(*monitor)(k).decreed(d)
	return append(dst, "decreed"...)
}

// Image is the last decree.
func (k *clerk) Image() func(dst []byte) []byte {
	d := k.decree
	return d.append
}

// Restore takes the last decree from an image.
func (k *clerk) Restore(image []byte) error {
	in := wire{rest: image}
	d := in.decree()
	if err := in.end(); err != nil {
		return err
	}
	(*monitor)(k).decreed(d)
	return nil
}

func (m *monitor) decreed(d decree) {
	if d.epoch > 0 {
		m.record.Note("decreed", slog.Uint64("epoch", d.epoch), slog.String("primary", d.primary))
		m.record.Reach(epochBegan)
		m.record.Sometimes(tookOther, m.decree.epoch > 0 && d.primary != m.decree.primary)
		m.record.Sometimes(tookSame, m.decree.epoch > 0 && d.primary == m.decree.primary)
	}
	m.decree = d
	m.record.Gauge("epoch", int64(d.epoch))
}

// receive takes a server's report.
func (m *monitor) receive(from string, payload []byte) {
	in := wire{}
	if len(payload) > 0 && payload[0] == reportFrame {
		in.rest = payload[1:]
	}
	r, err := in.report()
	if err != nil || !m.watches(from) {
		m.record.Reach(strangeFrame)
		return
	}
	at := m.env.Mark()
	if old := m.heard[from]; old == nil || old.life != r.life || old.sequence < r.sequence {
		m.heard[from] = &hearing{r, at}
	}
	if !m.replica.Leads() {
		m.answer(from, &r, 0)
		return
	}
	m.replica.Read(func(err error) { // nobody else leads, and what was decided is known
		if err == nil && !m.stopping {
			m.consider(from, &r, at)
		}
	})
}

// watches says whether a server is one of the group.
func (m *monitor) watches(server string) bool {
	for _, s := range m.servers {
		if s == server {
			return true
		}
	}
	return false
}

// consider answers a report, of a monitor that led when it came.
func (m *monitor) consider(from string, r *report, at nodes.Instant) {
	m.lead()
	isPrimary := from == m.decree.primary && r.life == m.decree.life
	switch {
	case m.ballot != nil:
	case m.founds(), r.promised > m.decree.epoch, from == m.decree.primary && r.life != m.decree.life,
		isPrimary && r.epoch == m.decree.epoch && (!r.serves || r.leaves):
		m.hold()
	}
	if b := m.ballot; b != nil {
		m.vote(b, from, r)
		return
	}
	if isPrimary {
		m.granted = max(m.granted, at)
		m.record.Reach(leaseGranted)
		m.answer(from, r, m.config.Lease)
		return
	}
	m.answer(from, r, 0)
}

// answer tells a server what was decided.
func (m *monitor) answer(to string, r *report, lease time.Duration) {
	g := grant{life: r.life, sequence: r.sequence, decree: m.decree, lease: lease}
	now := m.env.Mark()
	for _, s := range m.servers {
		if h := m.heard[s]; h != nil {
			g.members = append(g.members, member{s, h.client, now.Sub(h.at) < m.config.Lease})
		}
	}
	m.link.Send(to, g.append(nil))
}

// lead notes a new term. An earlier leader may have granted a lease a moment ago.
func (m *monitor) lead() {
	if term := m.replica.Term(); m.term != term {
		m.term, m.granted, m.ballot = term, m.env.Mark(), nil
	}
}

// hold begins a ballot.
func (m *monitor) hold() {
	epoch := m.decree.epoch
	for _, s := range m.servers {
		if h := m.heard[s]; h != nil {
			epoch = max(epoch, h.promised)
		}
	}
	m.ballot = &ballot{epoch: epoch + 1, began: m.env.Mark(), answers: map[string]report{}}
	m.record.Note("fencing", slog.Uint64("epoch", epoch+1))
	m.env.Log().Info("a ballot begins", "epoch", epoch+1)
	m.fence()
}

// fence asks those who have not promised.
func (m *monitor) fence() {
	frame := putFlags(putNumbers([]byte{fenceFrame}, m.ballot.epoch), false)
	for _, s := range m.servers {
		if _, answered := m.ballot.answers[s]; !answered {
			m.link.Send(s, frame)
		}
	}
}

// founds says whether there never was a primary, as far as the monitors know. Then all servers have to answer, and what they have
// is all there is: one that has nothing lacks nothing.
func (m *monitor) founds() bool { return m.decree.epoch == 0 }

// needed is how many servers have to promise, so that one of them has whatever was acknowledged: a write is on its primary and on so
// many replicas. Where no replica needs to have it, no number of servers is enough but all of them, and any will do.
func (m *monitor) needed(r *report) int {
	switch {
	case m.founds():
		return len(m.servers)
	case r.acknowledge == 0:
		return 1
	}
	return max(1, len(m.servers)-int(min(r.acknowledge, mostMembers)))
}

// vote takes what may be a promise.
func (m *monitor) vote(b *ballot, from string, r *report) {
	switch {
	case b.proposed:
		return
	case r.promised > b.epoch:
		m.record.Reach(fencedAnew)
		m.hold()
		return
	case r.leaves:
		delete(b.answers, from)
	case r.promised < b.epoch, m.founds() && !r.whole:
		m.link.Send(from, putFlags(putNumbers([]byte{fenceFrame}, b.epoch), m.founds()))
		return
	default:
		b.answers[from] = *r
	}
	m.count()
}

// count decides, if enough have promised.
func (m *monitor) count() {
	b, now := m.ballot, m.env.Mark()
	if b.proposed {
		return
	}
	best, whole, needed := "", 0, len(m.servers)
	for _, s := range m.servers {
		r, answered := b.answers[s]
		if !answered {
			continue
		}
		needed = min(needed, m.needed(&r))
		if !r.whole {
			continue
		}
		whole++
		if other := b.answers[best]; best == "" || other.last.before(r.last) {
			best = s
		}
	}
	settle := cmp.Or(m.config.Settle, m.config.Lease/5)
	switch {
	case whole < needed || best == "":
	case len(b.answers) < len(m.servers) && now.Sub(b.began) < settle:
	case now.Sub(m.granted) < m.config.Lease && !m.hasEnded():
		m.record.Sometimes(waitedLease, true)
	default:
		r := b.answers[best]
		m.propose(decree{epoch: b.epoch, id: m.env.Rand().Uint64()>>1 | 1, primary: best, client: r.client, life: r.life})
	}
}

// hasEnded says whether the last primary has said itself that it is not the primary any more, so nobody holds a lease.
func (m *monitor) hasEnded() bool {
	if m.founds() {
		return true
	}
	r, answered := m.ballot.answers[m.decree.primary]
	return answered && !r.serves
}

// propose has the monitors agree.
func (m *monitor) propose(d decree) {
	b := m.ballot
	b.proposed = true
	m.replica.Propose(d.append(nil), func(_ []byte, err error) {
		if m.ballot != b {
			return
		}
		m.ballot = nil
		if err != nil { // it may be decided yet: nobody is granted anything before the next ballot is over
			m.hold()
			return
		}
		m.env.Log().Info("decided", "decree", d.String())
		for _, s := range m.servers {
			if h := m.heard[s]; h != nil {
				m.answer(s, &h.report, 0)
			}
		}
	})
}

// watch is the task that notices who is not heard.
func (m *monitor) watch() {
	for !m.stopping {
		if m.env.Sleep(m.config.Lease/20) != nil {
			return
		}
		if !m.replica.Leads() {
			m.ballot, m.term = nil, 0
			continue
		}
		m.lead()
		now := m.env.Mark()
		if m.ballot == nil && m.decree.epoch > 0 && now.Sub(m.granted) > m.config.Lease {
			m.hold()
		}
		if m.ballot != nil && !m.ballot.proposed {
			m.fence()
			m.count()
		}
	}
}

// String is the monitor on one line.
func (m *monitor) String() string {
	text := m.decree.String()
	if b := m.ballot; b != nil {
		text += fmt.Sprintf(", ballot for epoch %d with %d of %d", b.epoch, len(b.answers), len(m.servers))
	}
	return text
}

// Do is front.Backend's.
func (m *monitor) Do(c *front.Call) {
	if c.Name == "ROLE" {
		c.Reply(resp.AppendArray(resp.AppendBulk(resp.AppendArray(nil, 2), "sentinel"), 0))
		return
	}
	sub := string(c.Args[1])
	switch {
	case equal(sub, "get-master-addr-by-name") && len(c.Args) == 3:
		host, port := where(m.decree.client)
		if m.decree.epoch == 0 || string(c.Args[2]) != m.config.Cluster {
			c.Reply([]byte("*-1\r\n"))
			return
		}
		c.Reply(resp.AppendBulk(resp.AppendBulk(resp.AppendArray(nil, 2), host), fmt.Sprint(port)))
	case equal(sub, "myid") && len(c.Args) == 2:
		c.Reply(resp.AppendBulk(nil, fmt.Sprintf("%040x", uint64(m.replica.ID()))))
	default:
		c.Error("ERR say SENTINEL GET-MASTER-ADDR-BY-NAME name or SENTINEL MYID")
	}
}

// Info is front.Backend's.
func (m *monitor) Info() []front.Section {
	lines := []string{"epoch:" + fmt.Sprint(m.decree.epoch), "primary:" + m.decree.client, "state:" + m.String(), "raft:" + m.replica.String()}
	now := m.env.Mark()
	for _, s := range m.servers {
		if h := m.heard[s]; h != nil {
			lines = append(lines, fmt.Sprintf("server:%s client=%s log=%s whole=%v serves=%v heard_ms=%d", s, h.client, h.last, h.whole, h.serves,
				now.Sub(h.at).Milliseconds()))
		}
	}
	return []front.Section{{Name: "Sentinel", Lines: lines}}
}
