package gossip

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/ring"
)

const second = nodes.Instant(time.Second)

// machine is a member with what is true of it.
type machine struct {
	*Core
	id     ring.ID
	up     bool
	gone   bool          // it has left
	frozen nodes.Instant // until then it does nothing
	lives  uint64
	upFrom nodes.Instant
	known  map[ring.ID]Member // what it believed last
}

type packet struct {
	at    nodes.Instant
	from  string
	to    string
	bytes []byte
}

// world is members and the messages between them, with what has to be true of them at any time.
type world struct {
	t        require.TestingT
	options  Options
	rand     *rand.Rand
	now      nodes.Instant
	machines []*machine
	flight   []packet
	loss     int                // of a hundred messages, how many are lost
	delay    [2]time.Duration   // the least and the most
	side     map[string]int     // of a cut
	blocked  map[[2]string]bool // ways from one to another
	messages int
	suspects []string // suspicions of members that ran
	deaths   []string // and beliefs that they were dead
	tell     func(format string, args ...any)
	verbose  bool
}

func newWorld(t require.TestingT, seed uint64, o Options) *world {
	return &world{t: t, options: o, rand: rand.New(rand.NewPCG(seed, 0)), side: map[string]int{}, blocked: map[[2]string]bool{},
		delay: [2]time.Duration{time.Millisecond, 100 * time.Millisecond}, tell: func(string, ...any) {}}
}

func address(id ring.ID) string { return fmt.Sprintf("node%d:7000", id) }

func (w *world) machine(id ring.ID) *machine {
	for _, m := range w.machines {
		if m.id == id {
			return m
		}
	}
	return nil
}

// start starts a member, anew or again. Its seeds are all that have been started before, or some.
func (w *world) start(id ring.ID, seeds ...ring.ID) *machine {
	m := w.machine(id)
	if m == nil {
		m = &machine{id: id}
		w.machines = append(w.machines, m)
	}
	o := w.options
	o.Member, o.Address = ring.Member{ID: id, Site: "a site", Weight: 1}, address(id)
	for _, s := range seeds {
		o.Seeds = append(o.Seeds, address(s))
	}
	m.lives++
	o.Rand = rand.New(rand.NewPCG(uint64(id), m.lives))
	core, err := New(o, w.now)
	require.NoError(w.t, err)
	m.Core, m.up, m.gone, m.known, m.upFrom = core, true, false, map[ring.ID]Member{}, w.now
	return m
}

func (w *world) crash(m *machine) { m.up = false }

// run lets so much time pass.
func (w *world) run(d time.Duration) {
	for end := w.now.Add(d); ; {
		next, who, arrives := end, (*machine)(nil), -1
		for _, m := range w.machines {
			if m.up {
				if at := max(m.Deadline(), m.frozen, w.now); at < next {
					next, who = at, m
				}
			}
		}
		for i := range w.flight {
			if w.flight[i].at < next {
				next, who, arrives = w.flight[i].at, nil, i
			}
		}
		w.now = max(w.now, next)
		switch {
		case who != nil:
			who.Tick(w.now)
			w.look(who)
		case arrives >= 0:
			p := w.flight[arrives]
			w.flight = slices.Delete(w.flight, arrives, arrives+1)
			w.deliver(p)
		default:
			return
		}
	}
}

func (w *world) deliver(p packet) {
	to := w.at(p.to)
	if to == nil || !to.up || w.side[p.from] != w.side[p.to] || w.blocked[[2]string{p.from, p.to}] {
		return
	}
	if to.frozen > w.now {
		p.at = to.frozen // the kernel keeps it
		w.flight = append(w.flight, p)
		return
	}
	m, err := DecodeMessage(p.bytes)
	if err != nil {
		require.NoError(w.t, err)
	}
	if w.verbose {
		w.tell("%s", m)
	}
	to.Step(w.now, m)
	w.look(to)
}

func (w *world) at(address string) *machine {
	i := slices.IndexFunc(w.machines, func(m *machine) bool { return m.Core.self.Address == address })
	if i < 0 {
		return nil
	}
	return w.machines[i]
}

// look takes what a member wants done, and sees to it that its beliefs are in order.
func (w *world) look(m *machine) {
	out := m.Output()
	for _, change := range out.Changes {
		w.tell("%d believes %s", m.id, change)
		about := w.machine(change.Is.ID)
		if about.up && !about.gone && w.now.Sub(about.upFrom) > time.Second {
			switch change.Is.State {
			case Suspect:
				w.suspects = append(w.suspects, fmt.Sprintf("%v: %d believes %s", time.Duration(w.now), m.id, change))
			case Dead:
				w.deaths = append(w.deaths, fmt.Sprintf("%v: %d believes %s", time.Duration(w.now), m.id, change))
			}
		}
	}
	for _, s := range out.Send {
		b := AppendMessage(nil, &s)
		w.messages++
		if len(b) > m.opts.MessageBytes {
			require.Fail(w.t, "a message is too large", "%d bytes: %s", len(b), s)
		}
		if w.rand.IntN(100) < w.loss {
			continue
		}
		late := w.delay[0] + time.Duration(w.rand.Int64N(int64(w.delay[1]-w.delay[0])+1))
		w.flight = append(w.flight, packet{w.now.Add(late), m.self.Address, s.Address, b})
	}
	w.check(m)
}

// check holds a member to the invariants of Core. It runs after every event, so it is plain Go.
func (w *world) check(m *machine) {
	sorted := slices.IsSortedFunc(m.peers, func(a, b *peer) int { return cmp.Compare(a.ID, b.ID) })
	bounded := len(m.peers) <= m.opts.Most && len(m.pending) <= len(m.peers)+1 && len(m.relays) <= mostRelays
	if !sorted || !bounded || len(m.order) != len(m.peers) || m.health < 0 || m.health > mostHealth {
		require.Fail(w.t, "an invariant is broken", "%s", m)
	}
	for _, p := range m.peers {
		if last, known := m.known[p.ID]; known && last.overrides(&p.Member) {
			require.Fail(w.t, "a belief fell", "%d from %s to %s", m.id, last, p.Member)
		}
		if !slices.Contains(m.order, p.ID) {
			require.Fail(w.t, "somebody is never pinged", "%d by %d", p.ID, m.id)
		}
	}
	clear(m.known)
	for _, p := range m.peers {
		m.known[p.ID] = p.Member
	}
}

// running are the members that run and have not left.
func (w *world) running() (all []*machine) {
	for _, m := range w.machines {
		if m.up && !m.gone {
			all = append(all, m)
		}
	}
	return all
}

// agree says what is wrong, if anything is, with what members believe of each other.
func (w *world) agree() string {
	for _, m := range w.running() {
		for _, o := range w.machines {
			is, should := m.State(o.id), o.up && !o.gone
			if (is == Alive) != should || is == Suspect {
				return fmt.Sprintf("%v: %d believes that %d is %s: %s", time.Duration(w.now), m.id, o.id, is, m)
			}
		}
	}
	return ""
}

// settle lets time pass until all agree, and says how long that took.
func (w *world) settle(most time.Duration) time.Duration {
	begin := w.now
	for wrong := w.agree(); wrong != ""; wrong = w.agree() {
		require.Less(w.t, w.now.Sub(begin), most, "%s", wrong)
		w.run(w.options.withDefaults().Interval / 2)
	}
	return w.now.Sub(begin)
}

// join starts so many members that know the first of them.
func (w *world) join(n int) {
	for id := range ring.ID(n) {
		w.start(id+1, 1)
	}
	w.settle(time.Minute)
}
