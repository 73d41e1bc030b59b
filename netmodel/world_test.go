package netmodel_test

import (
	"container/heap"
	"fmt"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/sim/luck"
)

// world is the least owner of a network: a heap of events, ties of one instant broken by luck, and a log of packets.
type world struct {
	t     tb
	now   time.Duration
	heap  events
	order uint64
	ties  uint64 // the seed of their order
	steps int
	trace []string
	net   *netmodel.Network
}

type event struct {
	at    time.Duration
	order uint64
	netmodel.Event
}

type events []event

func (h events) Len() int { return len(h) }
func (h events) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].order < h[j].order
}
func (h events) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *events) Push(x any)   { *h = append(*h, x.(event)) }
func (h *events) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func (w *world) Now() time.Duration { return w.now }

func (w *world) Schedule(at time.Duration, e netmodel.Event) {
	if at < w.now {
		panic(fmt.Sprintf("event %d in the past: %v at %v", e.Kind, at, w.now))
	}
	w.order++
	heap.Push(&w.heap, event{at, luck.Mix(w.ties, w.order), e})
}

func (w *world) Packet(p netmodel.Packet) {
	w.trace = append(w.trace, fmt.Sprint(w.now, " ", p))
}

// step lets the next event happen, if it is due by then.
func (w *world) step(until time.Duration) bool {
	if len(w.heap) == 0 || w.heap[0].at > until {
		return false
	}
	e := heap.Pop(&w.heap).(event)
	w.now = e.at
	w.steps++
	w.net.Handle(e.Event)
	return true
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	until := w.now + d
	for w.step(until) {
	}
	w.now = until
}

// settle lets everything happen that is to come.
func (w *world) settle() {
	for n := 0; w.step(1 << 62); n++ {
		require.Less(w.t, n, 10_000_000, "the network never comes to rest")
	}
}

// tb is what tests and properties have in common.
type tb interface {
	require.TestingT
	Helper()
}

// lan is a link of a millisecond.
var lan = netmodel.LinkClass{Delay: nodes.Exactly(time.Millisecond)}

// two makes a world of hosts a and b on two sites, a millisecond apart.
func two(t tb) (*world, *netmodel.Stack, *netmodel.Stack) {
	return twoWith(t, lan, netmodel.Limits{})
}

func twoWith(t tb, class netmodel.LinkClass, limits netmodel.Limits) (*world, *netmodel.Stack, *netmodel.Stack) {
	w := &world{t: t}
	w.net = netmodel.New(w, luck.Seed(7))
	w.net.SetLink("west", "east", class)
	w.net.SetLink("east", "west", class)
	a := w.net.AddStack("a", "west", limits)
	b := w.net.AddStack("b", "east", limits)
	return w, a, b
}

// dial makes a connection from one host to a port of the other, where it listens.
func (w *world) dial(a, b *netmodel.Stack, l *netmodel.Listener) (*netmodel.Socket, *netmodel.Socket) {
	w.t.Helper()
	c, err := a.Connect(b.Name(), l.Addr().Port)
	require.NoError(w.t, err)
	require.ErrorIs(w.t, c.Connected(), syscall.EINPROGRESS)
	w.pass(10 * time.Millisecond)
	require.NoError(w.t, c.Connected())
	s, err := l.Accept()
	require.NoError(w.t, err)
	return c, s
}

// pair is two hosts with a connection between them.
func pair(t tb) (*world, *netmodel.Socket, *netmodel.Socket) {
	w, a, b := two(t)
	l, err := b.Listen(80, 0)
	require.NoError(t, err)
	c, s := w.dial(a, b, l)
	return w, c, s
}

func install(t tb, w *world, rule netmodel.Rule) *netmodel.Installed {
	t.Helper()
	in, err := w.net.Install(rule)
	require.NoError(t, err)
	return in
}

func listen(t tb, s *netmodel.Stack) *netmodel.Listener {
	t.Helper()
	l, err := s.Listen(80, 0)
	require.NoError(t, err)
	return l
}

func write(t tb, s *netmodel.Socket, text string) {
	t.Helper()
	n, err := s.Write([]byte(text))
	require.NoError(t, err)
	require.Equal(t, len(text), n)
}

// read is what can be read now, and why no more can.
func read(s *netmodel.Socket) (string, error) {
	var all []byte
	buf := make([]byte, 1000)
	for {
		n, err := s.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			return string(all), err
		}
	}
}

func wantRead(t tb, s *netmodel.Socket, text string, end error) {
	t.Helper()
	got, err := read(s)
	require.Equal(t, text, got)
	require.Equal(t, end, err, "%v", err)
}

type waker struct{ woken int }

func (w *waker) Wake() { w.woken++ }
