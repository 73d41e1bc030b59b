package netmodel_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/netmodel"
	"simrun/sim/luck"
)

// story is a storm's every packet and every answer.
func story(t *testing.T, seed, ties uint64) (uint64, []string) {
	s := newStorm(t, seed, ties)
	s.net.Observer = s.world
	r := luck.Seed(99).Stream("program")
	for i := range s.hosts {
		s.act(0, i, 0)
	}
	for range 1000 {
		s.act(r.Below(20), r.Below(1000), r.Below(5000))
	}
	s.heal()
	return s.digest, s.trace
}

// A run is a function of its seeds: what anybody saw, packet for packet.
func TestSameSeedSameStory(t *testing.T) {
	digest, trace := story(t, 1, 2)
	again, traceAgain := story(t, 1, 2)
	require.Equal(t, trace, traceAgain)
	require.Equal(t, digest, again)
	require.Greater(t, len(trace), 100)
	other, _ := story(t, 3, 2)
	require.NotEqual(t, digest, other, "another luck, another story")
	_, otherTies := story(t, 1, 4)
	require.NotEqual(t, trace, otherTies, "other orders, another story")
}

// A message must cost no allocation, whatever the weather, or sweeps spend their time collecting.
func TestMessagesAllocateNothing(t *testing.T) {
	for _, rules := range []bool{false, true} {
		w, c, s := newLane(t, lan)
		if rules {
			allKinds(t, w)
		}
		message, buf := make([]byte, 100), make([]byte, 4096)
		exchange := func() {
			for range 10 {
				c.Write(message)
				s.Write(message)
			}
			w.run()
			s.Read(buf)
			c.Read(buf)
		}
		exchange()
		require.Zero(t, testing.AllocsPerRun(1000, exchange), "rules %v", rules)
	}
	w := newTown(t, "a", "b")
	to, buf := netmodel.Addr{Host: "b", Port: 53}, make([]byte, 100)
	exchange := func() {
		w.sockets["a"].SendTo(buf, to)
		for len(w.heap) > 0 {
			w.now = w.heap[0].at
			e := w.heap[0].Event
			w.heap = w.heap[:0]
			w.net.Handle(e)
		}
		w.sockets["b"].ReceiveFrom(buf)
	}
	w.heap = make(events, 0, 10)
	exchange()
	require.LessOrEqual(t, testing.AllocsPerRun(1000, exchange), 1.0, "one for the test's own heap")
}

// Many idle connections must fit: a large world has a hundred thousand.
func TestIdleConnectionsAreSmall(t *testing.T) {
	const n = 20_000
	w, a, b := twoWith(t, lan, netmodel.Limits{Files: 1 << 20})
	l := listen(t, b)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	all := make([]*netmodel.Socket, 0, 2*n)
	buf := make([]byte, 100)
	for range n {
		c, err := a.Connect("b", 80)
		require.NoError(t, err)
		w.pass(3 * time.Millisecond)
		s, err := l.Accept()
		require.NoError(t, err)
		c.Write(buf)
		s.Write(buf)
		w.pass(time.Millisecond)
		s.Read(buf)
		c.Read(buf)
		all = append(all, c, s)
	}
	used := (heap() - before) / n
	t.Logf("%d bytes for an idle connection that has been used", used)
	require.Less(t, used, uint64(2500))
	require.Zero(t, w.net.Counts().Buffered)
	steps := w.steps
	w.pass(365 * 24 * time.Hour)
	require.Equal(t, steps, w.steps)
	for _, s := range all {
		require.NoError(t, s.Close())
	}
	w.gone()
}
