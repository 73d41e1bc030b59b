package netmodel_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/sim/luck"
)

// lane is a world whose events come in the order of their scheduling: the least that an event queue can cost, so
// that a benchmark measures the network.
type lane struct {
	now  time.Duration
	buf  [1024]laneEvent
	head int
	tail int
	net  *netmodel.Network
}

type laneEvent struct {
	at time.Duration
	netmodel.Event
}

func (l *lane) Now() time.Duration { return l.now }

func (l *lane) Schedule(at time.Duration, e netmodel.Event) {
	l.buf[l.tail%len(l.buf)] = laneEvent{at, e}
	l.tail++
}

func (l *lane) step() {
	e := &l.buf[l.head%len(l.buf)]
	l.head++
	l.now = max(l.now, e.at)
	l.net.Handle(e.Event)
}

func (l *lane) run() {
	for l.head < l.tail {
		l.step()
	}
}

func newLane(t testing.TB, class netmodel.LinkClass) (*lane, *netmodel.Socket, *netmodel.Socket) {
	w := &lane{}
	w.net = netmodel.New(w, luck.Seed(7))
	w.net.SetLink("west", "east", class)
	w.net.SetLink("east", "west", class)
	a := w.net.AddStack("a", "west", netmodel.Limits{})
	b := w.net.AddStack("b", "east", netmodel.Limits{})
	w.net.AddStack("c", "east", netmodel.Limits{})
	l, err := b.Listen(80, 0)
	require.NoError(t, err)
	c, err := a.Connect("b", 80)
	require.NoError(t, err)
	w.run()
	s, err := l.Accept()
	require.NoError(t, err)
	c.SetKeepAlive(netmodel.KeepAlive{Off: true}) // or a flapping link would be probed for ever
	s.SetKeepAlive(netmodel.KeepAlive{Off: true})
	return w, c, s
}

// allKinds installs a rule of every kind that lets the packets between a and b pass.
func allKinds(t testing.TB, w *lane) {
	here, elsewhere := touching("a"), touching("c")
	for _, rule := range []netmodel.Rule{
		netmodel.Partition("groups", netmodel.Links{From: []string{"a", "b"}, To: []string{"c"}, Both: true}),
		netmodel.Partition("isolate", elsewhere),
		netmodel.Flap("flap", here, nodes.Exactly(1000*time.Hour), nodes.Exactly(time.Second)),
		netmodel.SlowLink("slow", here, 2000, nodes.Spread{}),
		netmodel.JamLink("jam", elsewhere),
		netmodel.LosePackets("lose", here, 1),
		netmodel.RepeatPackets("repeat", here, 1),
		netmodel.CorruptPackets("corrupt", here, 1),
		netmodel.LimitBandwidth("limit", here, 1<<40),
		netmodel.ResetConnections("reset", elsewhere),
		netmodel.Exhaust("exhaust", netmodel.Files, "c"),
	} {
		_, err := w.net.Install(rule)
		require.NoError(t, err)
	}
}

func benchMessage(b *testing.B, class netmodel.LinkClass, rules bool) {
	w, c, s := newLane(b, class)
	if rules {
		allKinds(b, w)
		w.run()
	}
	message, buf := make([]byte, 100), make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		c.Write(message)
		w.run()
		if n, err := s.Read(buf); n != 100 {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkMessage(b *testing.B) {
	metro := netmodel.LinkClass{Delay: nodes.Exactly(time.Millisecond)}
	ranged := netmodel.LinkClass{Delay: nodes.Spread{Lo: time.Millisecond, Hi: 3 * time.Millisecond}, Loss: 1}
	b.Run("plain", func(b *testing.B) { benchMessage(b, metro, false) })
	b.Run("drawn", func(b *testing.B) { benchMessage(b, ranged, false) })
	b.Run("all-rules", func(b *testing.B) { benchMessage(b, metro, true) })
	b.Run("drawn-all-rules", func(b *testing.B) { benchMessage(b, ranged, true) })
}

// BenchmarkBlockedWriter measures a writer that always finds its buffer full and a reader that reads all there is:
// what a message of that size costs, its share of waking included.
func BenchmarkBlockedWriter(b *testing.B) {
	for _, size := range []int{100, 4096, 32 << 10} {
		b.Run(nodes.Bytes(size).String(), func(b *testing.B) {
			w, c, s := newLane(b, netmodel.LinkClass{Delay: nodes.Exactly(time.Millisecond)})
			var wake waker
			c.WriteWaiter = &wake
			message, buf := make([]byte, size), make([]byte, 256<<10)
			b.ReportAllocs()
			b.SetBytes(int64(size))
			steps := w.head
			for b.Loop() {
				for rest := message; len(rest) > 0; {
					n, err := c.Write(rest)
					rest = rest[n:]
					for err != nil && !c.Writable() {
						w.step()
						s.Read(buf)
					}
				}
			}
			b.ReportMetric(float64(w.head-steps)/float64(b.N), "events/op")
		})
	}
}
