package gossip

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
	"simrun/nodes/ring"
)

// each runs a test for so many seeds.
func each(t *testing.T, seeds uint64, f func(t *testing.T, seed uint64, r *rand.Rand)) {
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { f(t, seed, rand.New(rand.NewPCG(seed, 1))) })
	}
}

// If this failed, members would be suspected on a calm day, and their data copied for nothing.
func TestNobodyIsSuspectedWhileMessagesTakeLessThanHalfTheTimeout(t *testing.T) {
	each(t, 15, func(t *testing.T, seed uint64, r *rand.Rand) {
		w := newWorld(t, seed, Options{})
		w.delay = [2]time.Duration{0, 124 * time.Millisecond}
		w.join(2 + r.IntN(10))
		w.run(time.Minute)
		require.Empty(t, w.suspects)
		require.Empty(t, w.agree())
		perSecond := float64(w.messages) / float64(len(w.machines)) / w.now.Sub(0).Seconds()
		require.Less(t, perSecond, 4.0, "messages of a member in a second")
	})
}

// If this failed, a crashed member would be waited for without end, or longer the more there are.
func TestACrashIsKnownToAllInTime(t *testing.T) {
	each(t, 15, func(t *testing.T, seed uint64, r *rand.Rand) {
		w := newWorld(t, seed, Options{})
		n := 3 + r.IntN(12)
		w.join(n)
		w.run(time.Duration(r.IntN(3000)) * time.Millisecond)
		victim := w.machines[r.IntN(n)]
		w.crash(victim)
		// Somebody pings it within two rounds, it is suspected for as long as that takes at most, and the word spreads.
		bound := time.Duration(2*n+slowest*2*digits(n)+3*digits(n)) * time.Second
		took := w.settle(bound)
		require.Greater(t, took, time.Second)
		require.Empty(t, w.deaths)
		again := w.start(victim.id, w.machines[(slices.Index(w.machines, victim)+1)%n].id)
		w.settle(10 * time.Second)
		require.Positive(t, again.self.Incarnation, "it has to contradict its own death")
	})
}

// If this failed, a way that is broken between two members alone would make them believe each other dead.
func TestOneBrokenWayIsGoneAround(t *testing.T) {
	each(t, 10, func(t *testing.T, seed uint64, r *rand.Rand) {
		w := newWorld(t, seed, Options{})
		n := 4 + r.IntN(5)
		w.join(n)
		w.blocked[[2]string{address(1), address(2)}] = true
		w.blocked[[2]string{address(2), address(1)}] = r.IntN(2) == 0
		w.run(2 * time.Minute)
		require.Empty(t, w.suspects)
	})
}

// If this failed, lost messages would cost members their lives. Measured over 2,000 seeds of two minutes with three to
// ten members: with a tenth of all messages lost none was believed dead that ran.
func TestATenthOfTheMessagesLostCostsNobodysLife(t *testing.T) {
	suspected := 0
	each(t, 20, func(t *testing.T, seed uint64, r *rand.Rand) { suspected += lossy(t, seed, r) })
	require.Positive(t, suspected, "nobody was even suspected, so nothing had to be contradicted")
}

func lossy(t *testing.T, seed uint64, r *rand.Rand) (suspected int) {
	w := newWorld(t, seed, Options{})
	w.join(3 + r.IntN(8))
	w.loss = 10
	w.run(2 * time.Minute)
	require.Empty(t, w.deaths)
	w.loss = 0
	w.settle(30 * time.Second)
	return len(w.suspects)
}

// If this failed, members would differ for ever after some weather, or halves that were parted would not find back.
func TestAllAgreeAfterAnyWeather(t *testing.T) {
	longest := time.Duration(0)
	each(t, 40, func(t *testing.T, seed uint64, r *rand.Rand) { longest = max(longest, stormy(t, seed, r)) })
	t.Logf("the longest until all agreed: %v", longest)
}

// stormy says how long it took until all agreed after the weather.
func stormy(t *testing.T, seed uint64, r *rand.Rand) time.Duration {
	w := newWorld(t, seed, Options{Interval: 200 * time.Millisecond, Grace: time.Hour, MessageBytes: 1000})
	w.delay[1] = 40 * time.Millisecond
	n := 2 + r.IntN(9)
	for id := range ring.ID(n) {
		w.start(id+1, 1, ring.ID(n), id/2+1)
	}
	for range 60 {
		w.weather(r, n)
		w.run(time.Duration(r.IntN(2000)) * time.Millisecond)
	}
	clear(w.side)
	clear(w.blocked)
	w.loss = 0
	for _, id := range []ring.ID{1, ring.ID(n)} { // a member that knows only seeds that are gone stays alone
		if m := w.machine(id); !m.up || m.gone {
			w.start(id, 1, ring.ID(n))
		}
	}
	return w.settle(time.Minute)
}

// weather does one thing to the members.
func (w *world) weather(r *rand.Rand, n int) {
	m := w.machines[r.IntN(len(w.machines))]
	switch r.IntN(9) {
	case 0, 1:
		w.crash(m)
	case 2, 3, 4:
		if !m.up || m.gone {
			w.start(m.id, 1, ring.ID(n), m.id/2+1)
		}
	case 5:
		w.loss = []int{0, 5, 30}[r.IntN(3)]
	case 6:
		if clear(w.side); r.IntN(2) == 0 {
			for _, o := range w.machines {
				w.side[o.self.Address] = r.IntN(2)
			}
		}
	case 7:
		if m.frozen = w.now.Add(time.Duration(r.IntN(5000)) * time.Millisecond); r.IntN(2) == 0 {
			w.blocked[[2]string{m.self.Address, w.machines[r.IntN(n)].self.Address}] = true
		} else {
			clear(w.blocked)
		}
	default:
		if m.up && !m.gone && r.IntN(3) == 0 {
			m.Leave(w.now)
			m.gone = true
			w.look(m)
		}
	}
}

// If this failed, halves that were parted for longer than anybody is remembered would stay two rings.
func TestHalvesFindEachOtherAfterAllIsForgotten(t *testing.T) {
	w := newWorld(t, 1, Options{Grace: 10 * time.Second})
	w.join(6)
	for id := ring.ID(4); id <= 6; id++ {
		w.side[address(id)] = 1
	}
	w.run(5 * time.Minute)
	for _, m := range w.machines {
		require.Len(t, m.Members(), 3, "%s", m)
	}
	clear(w.side)
	w.settle(time.Minute) // by the seed, which one half has lost
	require.Len(t, w.machine(1).Ring(), 6)
}

// If this failed, the halves of a partition that meet again would for a moment have nobody left alive.
func TestHalvesThatMeetBuryNobody(t *testing.T) {
	each(t, 10, func(t *testing.T, seed uint64, r *rand.Rand) {
		w := newWorld(t, seed, Options{})
		n := 4 + r.IntN(5)
		w.join(n)
		for id := range ring.ID(2 + r.IntN(n-3)) {
			w.side[address(id+1)] = 1
		}
		w.run(2 * time.Minute)
		require.NotEmpty(t, w.deaths)
		w.deaths = nil
		clear(w.side)
		w.settle(2 * time.Minute)
		require.Empty(t, w.deaths)
	})
}

// If this failed, who was asked to leave would be taken for dead and waited for, or come back as a rumour.
func TestWhoLeavesIsGone(t *testing.T) {
	w := newWorld(t, 1, Options{Grace: 30 * time.Second})
	w.join(5)
	leaver := w.machine(3)
	leaver.Leave(w.now)
	leaver.gone = true
	w.look(leaver)
	require.Equal(t, nodes.Instant(math.MaxInt64), leaver.Deadline())
	w.run(3 * time.Second)
	for _, m := range w.running() {
		require.Equal(t, Left, m.State(3), "%s", m)
		require.Len(t, m.Ring(), 4)
		require.Len(t, m.Members(), 5)
	}
	w.run(40 * time.Second)
	for _, m := range w.running() {
		require.Equal(t, Unknown, m.State(3), "%s", m)
	}
	w.run(time.Minute)
	require.Empty(t, w.agree())
	require.Empty(t, w.deaths)
}

// If this failed, a machine that stood still would blame all others for it when it wakes.
func TestWhoWasFrozenBlamesNobody(t *testing.T) {
	each(t, 10, func(t *testing.T, seed uint64, r *rand.Rand) {
		w := newWorld(t, seed, Options{})
		w.join(5)
		sleeper := w.machines[r.IntN(5)]
		sleeper.frozen = w.now.Add(time.Duration(2+r.IntN(60)) * time.Second)
		w.run(sleeper.frozen.Sub(w.now) + 2*time.Second)
		for _, s := range w.suspects {
			require.NotContains(t, s, fmt.Sprintf(": %d believes", sleeper.id))
		}
		w.settle(time.Minute)
	})
}

// If this failed, the members of a large ring would not fit into messages, and some would never be heard of.
func TestALargeRingIsLearnedInPages(t *testing.T) {
	w := newWorld(t, 1, Options{})
	one := w.start(1)
	for id := ring.ID(2); id <= 500; id++ {
		one.believe(Update{Member: Member{Member: ring.Member{ID: id, Site: "a site", Weight: 1}, Address: address(id), State: Alive}})
	}
	one.Output()
	two := w.start(1000, 1)
	two.Tick(w.now)
	for range 100 { // messages, and no other time than theirs
		for _, m := range []*machine{two, one} {
			for _, s := range m.Output().Send {
				require.LessOrEqual(t, len(AppendMessage(nil, &s)), 1200)
				if to := w.at(s.Address); to != nil {
					to.Step(w.now, s)
				}
			}
		}
	}
	require.Len(t, two.Members(), 501)
	require.Len(t, one.Members(), 501)
}

// If this failed, a peer could make a member remember without bound, or speak to whom it likes.
func TestWhatAPeerCanMakeAMemberDoIsBounded(t *testing.T) {
	w := newWorld(t, 1, Options{Most: 10})
	m := w.start(1)
	from := Member{Member: ring.Member{ID: 2}, Address: address(2), State: Alive}
	for id := ring.ID(2); id < 100; id++ {
		u := Update{Member: from}
		u.ID = id
		m.Step(0, Message{Type: Ask, From: from, Target: 3, Seq: uint64(id), Updates: []Update{u}})
		m.Step(0, Message{Type: Ask, From: from, Target: 999})
	}
	w.check(m)
	require.Len(t, m.peers, 10)
	require.Len(t, m.relays, mostRelays)
	require.LessOrEqual(t, len(m.Output().Send), mostRelays)
	for _, wrong := range []Message{
		{Type: Ping}, {Type: Ping, From: m.Self()}, {Type: Ping, From: from, To: 7},
		{Type: Ping, From: Member{Member: ring.Member{ID: 3}, Address: "x", State: Dead}},
	} {
		m.Step(0, wrong)
		require.Empty(t, m.Output().Send, "%s", wrong)
	}
	m.Step(0, Message{Type: Nack, From: from, Updates: []Update{{Member: Member{Member: ring.Member{ID: 1}, Address: "x", State: Dead, Incarnation: mostIncarnation}}}})
	require.Zero(t, m.self.Incarnation, "there would be nothing left to count to")
	for _, o := range []Options{{}, {Member: ring.Member{ID: 1}, Address: "x"}, {Member: ring.Member{ID: 1, Weight: 1000}, Address: "x", Rand: w.rand}} {
		_, err := New(o, 0)
		require.ErrorIs(t, err, ErrOptions)
	}
}

// If this failed, a suspicion that nobody shares would end as soon as one that many do.
func TestSharedSuspicionsEndSooner(t *testing.T) {
	d := doubts{from: second, enough: 3, least: 10 * time.Second}
	var until []time.Duration
	for by := range ring.ID(4) {
		until = append(until, d.until().Sub(second))
		d.by = append(d.by, by)
	}
	require.Equal(t, []time.Duration{60 * time.Second, 35 * time.Second, 20400 * time.Millisecond, 10 * time.Second}, until)
}

// If this failed, a peer could bring a member down.
func FuzzDecodeMessage(f *testing.F) {
	var seen [][]byte
	w := newWorld(f, 1, Options{})
	w.join(4)
	w.crash(w.machine(2))
	for range 40 {
		w.run(time.Second)
		for _, p := range w.flight {
			seen = append(seen, p.bytes)
		}
	}
	for _, b := range seen[:min(len(seen), 30)] {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeMessage(b)
		if err != nil {
			return
		}
		sent := AppendMessage(nil, &m)
		again, err := DecodeMessage(sent)
		require.NoError(t, err)
		require.Equal(t, m, again)
		require.Equal(t, m.String(), again.String())
		w := newWorld(t, 1, Options{Most: 5})
		one := w.start(1)
		for now := range nodes.Instant(20) {
			one.Tick(now * second)
			one.Step(now*second, m)
			for _, s := range one.Output().Send {
				require.LessOrEqual(t, len(AppendMessage(nil, &s)), 1200)
			}
			w.check(one)
		}
	})
}

func BenchmarkInterval(b *testing.B) {
	for _, n := range []int{5, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := newWorld(b, 1, Options{})
			one := w.start(1)
			for id := ring.ID(2); id <= ring.ID(n); id++ {
				one.believe(Update{Member: Member{Member: ring.Member{ID: id}, Address: address(id), State: Alive}})
			}
			now := nodes.Instant(0)
			for b.Loop() { // one interval of a member: its tick, the answer, and somebody else's ping
				now = max(now, one.Deadline())
				one.Tick(now)
				for _, s := range one.Output().Send {
					if s.Type == Ping {
						from := one.peer(s.To).Member
						one.Step(now, Message{Type: Ack, From: from, Seq: s.Seq})
						one.Step(now, Message{Type: Ping, From: from, Seq: s.Seq})
					}
				}
				one.Output()
			}
		})
	}
}
