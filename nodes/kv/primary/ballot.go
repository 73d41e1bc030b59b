package primary

import (
	"cmp"
	"fmt"
	"log/slog"

	"simrun/nodes"
)

// ballot is how the leading monitor finds a new primary: it asks all servers to promise that they take nothing of earlier epochs,
// and when so many have that one of them must have whatever was acknowledged, it takes the one whose log is furthest. While it
// lasts nobody is granted a lease.
//
// An answer names the ballot that asked for it. One that came late, of an earlier ballot, may be of a server that has lost its
// disk since, and with it what it promised then.
type ballot struct {
	id       uint64
	epoch    uint64
	began    nodes.Instant
	answers  map[string]report
	proposed bool
}

// lead notes a new term. An earlier leader may have granted a lease a moment ago.
func (m *monitor) lead() {
	if term := m.replica.Term(); m.term != term {
		m.term, m.granted, m.ballot = term, m.env.Mark(), nil
		m.record.Advance(reigns, m.group, 0, 0) // its clock says how long a lease is waited for
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
	m.ballot = &ballot{id: m.env.Rand().Uint64()>>1 | 1, epoch: epoch + 1, began: m.env.Mark(), answers: map[string]report{}}
	m.record.Note("fencing", slog.Uint64("epoch", epoch+1))
	m.env.Log().Info("a ballot begins", "epoch", epoch+1)
	m.fence()
}

// fence asks those who have not promised.
func (m *monitor) fence() {
	f := fence{epoch: m.ballot.epoch, ballot: m.ballot.id}
	for _, s := range m.servers {
		if _, answered := m.ballot.answers[s]; !answered {
			m.link.Send(s, f.append(nil))
		}
	}
}

// founds says whether there never was a primary, as far as the monitors know. Then all servers have to answer, and what they have
// is all there is: one that has nothing lacks nothing. It is told so in answer to a report, and by the life that reported: another
// may have taken part since, and have lost its disk.
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
	case r.promised < b.epoch, r.ballot != b.id, m.founds() && !r.whole:
		f := fence{epoch: b.epoch, ballot: b.id}
		if m.founds() {
			f.founds = r.life
		}
		m.link.Send(from, f.append(nil))
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
				m.answer(s, &h.report, 0, false)
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
