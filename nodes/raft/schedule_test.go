package raft

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
)

// weather draws what happens next to a cluster: messages late, lost, repeated and out of order, disks that are slow,
// crashes that lose what is not durable, clocks that run apart.
type weather struct {
	*cluster
	draw   func(n int) int
	reads  uint64
	values int
	next   ID
	lease  map[uint64]bool
	cut    map[ID]bool // from all others
}

func (w *weather) someone() *machine { return w.machines[w.draw(len(w.machines))] }

// step does one thing. Deliveries and writes are the most of it, or nothing would ever be decided.
func (w *weather) step() {
	m := w.someone()
	if w.draw(2) == 0 && w.leader() != nil {
		m = w.leader() // where it hurts
	}
	switch p := w.draw(1000); {
	case p < 480:
		w.hand(w.draw(1 + min(len(w.flight), 4)))
	case p < 700:
		w.save(w.someone())
	case p < 780:
		w.now += time.Duration(w.draw(60)) * time.Millisecond
		w.tick(w.someone())
	case p < 800:
		w.now += time.Duration(w.draw(700)) * time.Millisecond
		w.tick(w.someone())
	case p < 870:
		w.propose(m)
	case p < 910:
		w.read(m)
	case p < 920:
		w.repeat()
	case p < 930:
		w.lose()
	case p < 945:
		w.compact(w.someone())
	case p < 949:
		w.crash(m)
	case p < 969:
		if m := w.someone(); !m.up {
			w.start(m)
		}
	case p < 974:
		w.start(m) // at once, with what was durable
	case p < 976:
		w.change(m)
	case p < 981:
		w.cut[m.id] = !w.cut[m.id]
	case p < 989:
		w.cut = map[ID]bool{}
	default:
		if m.up && m.Role() == Leader {
			_ = m.Transfer(m.clock(w.now), w.someone().id)
			w.look(m)
		}
	}
	if len(w.flight) > 60 {
		w.flight = w.flight[len(w.flight)-60:]
	}
}

// hand delivers one of the first messages, unless it is between those who are cut off and the others.
func (w *weather) hand(i int) {
	if i >= len(w.flight) {
		return
	}
	if m := w.flight[i]; w.cut[m.From] != w.cut[m.To] {
		w.flight = slices.Delete(w.flight, i, i+1)
		return
	}
	w.deliver(i)
}

func (w *weather) repeat() {
	if len(w.flight) > 0 {
		w.flight = append(w.flight, w.flight[w.draw(len(w.flight))])
	}
}

func (w *weather) lose() {
	if len(w.flight) > 0 {
		i := w.draw(len(w.flight))
		w.flight = slices.Delete(w.flight, i, i+1)
	}
}

func (w *weather) propose(m *machine) {
	if !m.up {
		return
	}
	w.values++
	if _, err := m.Propose(m.clock(w.now), fmt.Appendf(nil, "v%d", w.values)); err == nil {
		w.look(m)
	}
}

func (w *weather) read(m *machine) {
	if !m.up {
		return
	}
	now := m.clock(w.now)
	if index, ok := m.LeaseRead(now); ok {
		require.GreaterOrEqual(w.t, index, w.highest, "server %d answers by a lease that does not hold", m.id)
		w.lease[m.Term()] = true
	}
	w.reads++
	w.asked[w.reads] = w.highest
	if m.Read(now, w.reads) == nil {
		w.look(m)
	}
}

// change asks for another set of voters, of those that there are and sometimes a new one.
func (w *weather) change(m *machine) {
	if !m.up || m.Role() != Leader {
		return
	}
	if w.draw(3) == 0 && len(w.machines) < 7 {
		w.next++
		w.add(w.next, State{})
	}
	var voters, learners []Member
	for _, o := range w.machines {
		switch member := (Member{ID: o.id}); w.draw(4) {
		case 0:
		case 1:
			learners = append(learners, member)
		default:
			voters = append(voters, member)
		}
	}
	if m.Change(m.clock(w.now), voters, learners) == nil {
		w.look(m)
	}
}

// drift gives every machine a clock that keeps within the bound of leases.
func (w *weather) drift(within nodes.Percent) {
	for i, m := range w.machines {
		rate := int64(w.draw(int(2*within)+1)) - int64(within)
		start := int64(i) * int64(time.Hour)
		m.clock = func(now time.Duration) nodes.Instant {
			return nodes.Instant(start + int64(now) + int64(now)/int64(nodes.PerMillion)*rate)
		}
		w.start(m)
	}
}

func storm(t require.TestingT, draw func(int) int, seed uint64, steps int) *weather {
	w := &weather{draw: draw, lease: map[uint64]bool{}, cut: map[ID]bool{}, next: 100}
	const within = 20_000 // 2 %
	options := Options{Election: 300 * time.Millisecond, Heartbeat: time.Duration(30+draw(200)) * time.Millisecond,
		Drift: within, BatchBytes: 1 + draw(200), Window: 1 + draw(4), ChunkBytes: 1 + draw(300)}
	w.cluster = newCluster(t, options, 1+2*draw(3), seed)
	w.drift(within)
	w.settle(time.Duration(draw(3)) * time.Second)
	for range steps {
		w.step()
	}
	w.cut = map[ID]bool{}
	for _, m := range w.machines {
		if !m.up {
			w.start(m)
		}
	}
	w.settle(20 * time.Second)
	leader := w.leader()
	require.NotNil(t, leader, "once the weather is over there is a leader: %v", w.machines)
	for _, m := range w.machines {
		if leader.Members().Has(m.id) {
			require.Equal(t, len(leader.applied), len(m.applied), "server %d catches up", m.id)
		}
	}
	return w
}

// If this failed, servers would tell their clients different stories.
func TestNoWeatherBreaksTheProtocol(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "draw") }
		storm(t, draw, rapid.Uint64().Draw(t, "seed"), 150)
	})
}

// The same with longer storms, whose draws rapid could not shrink anyway. What is rare has to come.
func TestLongWeather(t *testing.T) {
	elected, confirmed, leases, joint, snapshots := 0, 0, 0, 0, 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := storm(t, r.IntN, seed, 8000)
		elected += len(w.leaders)
		confirmed += w.confirmed
		leases += len(w.lease)
		for _, m := range w.machines {
			joint += len(m.settings)
			if m.FirstIndex() > 1 {
				snapshots++
			}
		}
	}
	t.Logf("%d terms with a leader, %d reads confirmed, %d terms with a lease, %d compacted", elected, confirmed, leases, snapshots)
	for _, n := range []int{elected, confirmed, leases, joint, snapshots} {
		require.Greater(t, n, 40)
	}
}
