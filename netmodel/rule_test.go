package netmodel_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/sim/luck"
)

// town is a world of hosts on one site of their own each, a millisecond apart, who can be asked who reaches whom.
type town struct {
	*world
	sockets map[string]*netmodel.PacketSocket
	names   []string
}

func newTown(t tb, names ...string) *town {
	w := &town{world: &world{t: t}, names: names, sockets: map[string]*netmodel.PacketSocket{}}
	w.net = netmodel.New(w.world, luck.Seed(11))
	w.net.SetLink("town", "town", lan)
	for _, name := range names {
		p, err := w.net.AddStack(name, "town", netmodel.Limits{ReceiveBuffer: 1 << 20}).OpenPacket(53)
		require.NoError(t, err)
		w.sockets[name] = p
	}
	return w
}

// reach is who reaches whom, a line for each sender.
func (w *town) reach() string {
	for _, from := range w.names {
		for _, to := range w.names {
			if from != to {
				require.NoError(w.t, w.sockets[from].SendTo([]byte(from), netmodel.Addr{Host: to, Port: 53}))
			}
		}
	}
	w.pass(time.Second)
	heard := map[string]string{}
	for _, to := range w.names {
		for {
			_, from, err := w.sockets[to].ReceiveFrom(make([]byte, 10))
			if err != nil {
				break
			}
			heard[from.Host] += to
		}
	}
	var lines []string
	for _, from := range w.names {
		lines = append(lines, from+">"+heard[from])
	}
	return strings.Join(lines, " ")
}

// touching selects all links from and to these hosts.
func touching(hosts ...string) netmodel.Links { return netmodel.Links{From: hosts, Both: true} }

// Links select by sender, by receiver, both, or all, and a rule strikes those that they select and, once it is
// removed, none.
func TestLinksSelect(t *testing.T) {
	for _, c := range []struct {
		links netmodel.Links
		want  string
	}{
		{netmodel.Links{}, "a> b> c>"},
		{netmodel.Links{From: []string{"a"}}, "a> b>ac c>ab"},
		{netmodel.Links{To: []string{"a"}}, "a>bc b>c c>b"},
		{netmodel.Links{From: []string{"a"}, To: []string{"b"}}, "a>c b>ac c>ab"},
		{netmodel.Links{From: []string{"a"}, To: []string{"b"}, Both: true}, "a>c b>c c>ab"},
		{touching("a"), "a> b>c c>b"},
	} {
		w := newTown(t, "a", "b", "c")
		all := w.reach()
		for _, rule := range []netmodel.Rule{netmodel.Partition("cut", c.links), netmodel.LosePackets("loss", c.links, nodes.PerMillion)} {
			in := install(t, w.world, rule)
			require.Equal(t, c.want, w.reach(), "%s %+v", rule.Verb, c.links)
			require.EqualValues(t, len(all)-len(c.want), in.Effects().Packets, "%s %+v", rule.Verb, c.links)
			w.net.Remove(in)
			require.Equal(t, all, w.reach(), "%s %+v", rule.Verb, c.links)
		}
	}
}

// A rule that names what is not there, or asks for what cannot be, is refused.
func TestRulesThatMakeNoSense(t *testing.T) {
	w, _, _ := two(t)
	for _, rule := range []netmodel.Rule{
		{},
		netmodel.JamLink("x", touching("nobody")),
		netmodel.JamLink("x", netmodel.Links{To: []string{"nobody"}}),
		netmodel.Exhaust("x", netmodel.Files, "nobody"),
		netmodel.Exhaust("x", 99, "a"),
		netmodel.LimitBandwidth("x", netmodel.Links{}, 0),
		netmodel.SlowLink("x", netmodel.Links{}, -1, nodes.Spread{}),
		netmodel.SlowLink("x", netmodel.Links{}, 1, nodes.Exactly(-1)),
		netmodel.SlowLink("x", netmodel.Links{}, 1, nodes.Spread{Choices: []time.Duration{1, -1}}),
		netmodel.Flap("x", netmodel.Links{}, nodes.Exactly(time.Second), nodes.Spread{}),
		netmodel.Partition("x", touching("nobody")),
	} {
		_, err := w.net.Install(rule)
		require.Error(t, err, "%+v", rule)
	}
	require.Panics(t, func() { w.net.SetLink("a", "b", netmodel.LinkClass{Delay: nodes.Exactly(-1)}) })
	in := install(t, w, netmodel.JamLink("jam", netmodel.Links{}))
	w.net.Remove(in)
	require.Panics(t, func() { w.net.Remove(in) })
}

// A slow link multiplies the delay and adds to it, and counts who felt it.
func TestSlowLink(t *testing.T) {
	w, c, s := pair(t)
	slow := install(t, w, netmodel.SlowLink("slow", netmodel.Links{From: []string{"a"}}, 10_000, nodes.Exactly(5*time.Millisecond)))
	write(t, c, "late")
	w.pass(15*time.Millisecond - 1)
	wantRead(t, s, "", syscall.EAGAIN)
	w.pass(1)
	wantRead(t, s, "late", syscall.EAGAIN)
	require.Equal(t, netmodel.Effects{Packets: 1, Connections: 1}, slow.Effects())
	write(t, s, "the way back is not slow")
	w.pass(time.Millisecond)
	wantRead(t, c, "the way back is not slow", syscall.EAGAIN)
	w.net.Remove(slow)
	write(t, c, "fast again")
	w.pass(time.Millisecond)
	wantRead(t, s, "fast again", syscall.EAGAIN)

	install(t, w, netmodel.SlowLink("one", netmodel.Links{}, 3000, nodes.Spread{}))
	install(t, w, netmodel.SlowLink("two", netmodel.Links{}, 0, nodes.Spread{Lo: time.Second, Hi: 2 * time.Second}))
	write(t, c, "both")
	w.pass(time.Second + 3*time.Millisecond - 1)
	wantRead(t, s, "", syscall.EAGAIN)
	w.pass(time.Second + 1)
	wantRead(t, s, "both", syscall.EAGAIN)
}

// However slow, no packet comes before its time or so late that time itself ends.
func TestAbsurdlySlowLinks(t *testing.T) {
	w, c, s := pair(t)
	long := nodes.Exactly(1<<63 - 1)
	w.net.SetLink("a", "b", netmodel.LinkClass{Delay: long, Bandwidth: 1})
	in := install(t, w, netmodel.SlowLink("one", netmodel.Links{}, 1<<62, long))
	install(t, w, netmodel.SlowLink("two", netmodel.Links{}, 1<<62, nodes.Spread{Mean: 1 << 60}))
	for range 10 {
		write(t, c, strings.Repeat("x", 1000))
	}
	w.pass(10 * 366 * 24 * time.Hour)
	text, _ := read(s)
	require.Len(t, text, 10_000)
	require.NotZero(t, in.Effects().Packets)
}

// A jam holds everything, and lets it all go when it is removed; nothing is lost by it.
func TestJam(t *testing.T) {
	w, c, s := pair(t)
	p, err := w.net.Lookup("a").OpenPacket(53)
	require.NoError(t, err)
	q, err := w.net.Lookup("b").OpenPacket(53)
	require.NoError(t, err)
	jam := install(t, w, netmodel.JamLink("jam", touching("a")))
	write(t, c, "one ")
	write(t, c, "two ")
	require.NoError(t, p.SendTo([]byte("datagram"), q.Addr()))
	w.pass(10 * time.Second)
	wantRead(t, s, "", syscall.EAGAIN)
	require.GreaterOrEqual(t, jam.Effects().Packets, uint64(3))
	w.net.Remove(jam)
	w.pass(time.Millisecond)
	wantRead(t, s, "one two ", syscall.EAGAIN)
	n, _, err := q.ReceiveFrom(make([]byte, 100))
	require.NoError(t, err)
	require.Equal(t, 8, n)

	jam = install(t, w, netmodel.JamLink("jam", netmodel.Links{From: []string{"b"}}))
	write(t, c, "three")
	w.pass(100 * time.Millisecond)
	wantRead(t, s, "three", syscall.EAGAIN)
	w.net.Remove(jam) // lets the acknowledgement go, before any retransmission
	retransmitted := w.net.Counts().Retransmitted
	w.pass(time.Hour)
	require.Equal(t, retransmitted, w.net.Counts().Retransmitted)
	require.NoError(t, w.net.Check())
}

// A jam that lasts longer than the kernel's patience ends connections as a partition does.
func TestJamWithoutEnd(t *testing.T) {
	w, c, _ := pair(t)
	install(t, w, netmodel.JamLink("jam", netmodel.Links{}))
	write(t, c, "hello?")
	w.pass(20 * time.Minute)
	wantRead(t, c, "", syscall.ETIMEDOUT)
}

// A flapping link passes and cuts in turns, by the times it is given, whether or not anybody sends.
func TestFlap(t *testing.T) {
	for _, idle := range []time.Duration{0, 1000 * time.Hour} {
		w := newTown(t, "a", "b")
		up, down := nodes.Exactly(3*time.Second), nodes.Exactly(2*time.Second)
		flap := install(t, w.world, netmodel.Flap("flap", netmodel.Links{}, up, down))
		w.pass(idle)
		var seen []string
		for range 10 {
			seen = append(seen, map[bool]string{true: "up", false: "-"}[w.reach() == "a>b b>a"])
		}
		require.Equal(t, "up up up - - up up up - -", strings.Join(seen, " "))
		require.EqualValues(t, 8, flap.Effects().Packets)
	}
}

// The periods of a flapping link, if drawn, are a matter of its luck alone, not of who looks.
func TestFlapIsDrawnWhetherOrNotPacketsCome(t *testing.T) {
	story := func(busy bool) (lines []string) {
		w := newTown(t, "a", "b")
		times := nodes.Spread{Mean: 5 * time.Second}
		install(t, w.world, netmodel.Flap("flap", netmodel.Links{}, times, times))
		for i := range 60 {
			if reach := ""; busy || i >= 30 {
				if reach = w.reach(); i >= 30 {
					lines = append(lines, reach)
				}
			} else {
				w.pass(time.Second)
			}
		}
		return lines
	}
	require.Equal(t, story(true), story(false))
	require.Contains(t, story(true), "a>b b>a")
	require.Contains(t, story(true), "a> b>")
}

// send sends n datagrams from a to b and returns which arrived, in the order of their coming.
func (w *town) send(n int, from, to string) (got []int) {
	buf := make([]byte, 100)
	for i := range n {
		message := []byte(fmt.Sprintf("%06d", i))
		require.NoError(w.t, w.sockets[from].SendTo(message, netmodel.Addr{Host: to, Port: 53}))
		w.pass(10 * time.Millisecond)
		for {
			k, _, err := w.sockets[to].ReceiveFrom(buf)
			if err != nil {
				break
			}
			var number int
			if _, err := fmt.Sscanf(string(buf[:k]), "%06d", &number); err != nil || string(buf[:k]) != fmt.Sprintf("%06d", number) || number >= n {
				number = -1
			}
			got = append(got, number)
		}
	}
	return got
}

// Lossy, repeating and corrupting links do so at their rate, and count exactly what they did.
func TestSharesOfPackets(t *testing.T) {
	const n = 10_000
	w := newTown(t, "a", "b")
	loss := install(t, w.world, netmodel.LosePackets("loss", netmodel.Links{}, 100_000))
	got := w.send(n, "a", "b")
	require.InDelta(t, n/10, n-len(got), 100)
	require.EqualValues(t, n-len(got), loss.Effects().Packets)
	require.EqualValues(t, n-len(got), w.net.Counts().Dropped)
	w.net.Remove(loss)

	repeat := install(t, w.world, netmodel.RepeatPackets("repeat", netmodel.Links{}, 100_000))
	got = w.send(n, "a", "b")
	require.InDelta(t, n/10, len(got)-n, 100)
	require.EqualValues(t, len(got)-n, repeat.Effects().Packets)
	w.net.Remove(repeat)

	corrupt := install(t, w.world, netmodel.CorruptPackets("corrupt", netmodel.Links{}, 100_000))
	garbled := 0
	got = w.send(n, "a", "b")
	for i, number := range got {
		if number != i {
			garbled++
		}
	}
	require.Len(t, got, n, "what is garbled arrives all the same")
	require.InDelta(t, n/10, garbled, 100)
	require.EqualValues(t, garbled, corrupt.Effects().Packets)
	w.net.Remove(corrupt)
	require.Len(t, w.send(100, "a", "b"), 100)
}

// What is wrong with packets of a stream is only ever delay.
func TestStreamsOnBadLinks(t *testing.T) {
	for _, rule := range []netmodel.Rule{
		netmodel.LosePackets("x", netmodel.Links{}, 200_000),
		netmodel.CorruptPackets("x", netmodel.Links{}, 200_000),
		netmodel.RepeatPackets("x", netmodel.Links{}, 500_000),
	} {
		w, c, s := pair(t)
		in := install(t, w, rule)
		var want, got strings.Builder
		for i := range 200 {
			line := fmt.Sprintf("line %d\n", i)
			write(t, c, line)
			want.WriteString(line)
			w.pass(time.Duration(i) * time.Millisecond)
			text, _ := read(s)
			got.WriteString(text)
		}
		w.pass(10 * time.Minute)
		text, err := read(s)
		require.Equal(t, syscall.EAGAIN, err)
		require.Equal(t, want.String(), got.String()+text, rule.Verb)
		require.NotZero(t, in.Effects().Packets)
		require.EqualValues(t, 1, in.Effects().Connections)
	}
}

// A narrow link takes its time for every byte, headers included, and what is sent at once queues up.
func TestLimitBandwidth(t *testing.T) {
	w, c, s := pair(t)
	limit := install(t, w, netmodel.LimitBandwidth("narrow", touching("a"), 1000))
	write(t, c, strings.Repeat("x", 460)) // 500 with its header
	write(t, c, strings.Repeat("y", 460))
	w.pass(501*time.Millisecond - 1)
	wantRead(t, s, "", syscall.EAGAIN)
	w.pass(2)
	wantRead(t, s, strings.Repeat("x", 460), syscall.EAGAIN)
	w.pass(500 * time.Millisecond)
	wantRead(t, s, strings.Repeat("y", 460), syscall.EAGAIN)
	require.EqualValues(t, 1, limit.Effects().Connections)
	w.net.Remove(limit)

	narrower := install(t, w, netmodel.LimitBandwidth("narrower", netmodel.Links{}, 100))
	install(t, w, netmodel.LimitBandwidth("not so narrow", netmodel.Links{}, 1000))
	before := narrower.Effects().Packets
	write(t, c, strings.Repeat("z", 60))
	w.pass(time.Second)
	wantRead(t, s, "", syscall.EAGAIN)
	w.pass(10 * time.Millisecond)
	wantRead(t, s, strings.Repeat("z", 60), syscall.EAGAIN)
	require.Greater(t, narrower.Effects().Packets, before)
}

// A slow link's queue is finite: of too many datagrams at once, most are lost.
func TestNarrowLinkDropsDatagrams(t *testing.T) {
	w := newTown(t, "a", "b")
	install(t, w.world, netmodel.LimitBandwidth("narrow", netmodel.Links{}, 1000))
	for range 100 {
		require.NoError(t, w.sockets["a"].SendTo(make([]byte, 60), netmodel.Addr{Host: "b", Port: 53}))
	}
	w.pass(time.Minute)
	got := 0
	for {
		if _, _, err := w.sockets["b"].ReceiveFrom(nil); err != nil {
			break
		}
		got++
	}
	require.Equal(t, 10, got, "a second's worth")
}

// Resetting connections ends those over the links at both ends, and no others.
func TestResetConnections(t *testing.T) {
	w, a, b := two(t)
	l := listen(t, b)
	c, s := w.dial(a, b, l)
	d := w.net.AddStack("d", "west", netmodel.Limits{})
	other, _ := w.dial(d, b, l)
	connecting, err := a.Connect("b", 80)
	require.NoError(t, err)
	reset := install(t, w, netmodel.ResetConnections("reset", touching("a")))
	wantRead(t, c, "", syscall.ECONNRESET)
	wantRead(t, s, "", syscall.ECONNRESET)
	require.Equal(t, syscall.ECONNREFUSED, connecting.Connected())
	wantRead(t, other, "", syscall.EAGAIN)
	require.Equal(t, netmodel.Effects{Packets: 2, Connections: 2}, reset.Effects())
	w.dial(a, b, l) // a new one is left alone
}

// An exhausted host refuses what needs more of the resource, keeps what it has, and recovers.
func TestExhaust(t *testing.T) {
	w, a, b := two(t)
	l := listen(t, b)
	c, s := w.dial(a, b, l)
	ports := install(t, w, netmodel.Exhaust("ports", netmodel.Ports, "a"))
	_, err := a.Connect("b", 80)
	require.Equal(t, syscall.EADDRNOTAVAIL, err)
	_, err = a.Listen(0, 0)
	require.Equal(t, syscall.EADDRINUSE, err)
	_, err = a.Listen(81, 0)
	require.NoError(t, err)
	require.EqualValues(t, 2, ports.Effects().Packets)
	w.net.Remove(ports)

	files := install(t, w, netmodel.Exhaust("files", netmodel.Files, "a"))
	_, err = a.Connect("b", 80)
	require.Equal(t, syscall.EMFILE, err)
	require.Equal(t, syscall.EMFILE, a.TakeFile())
	w.net.Remove(files)
	require.EqualValues(t, 2, files.Effects().Packets)

	backlog := install(t, w, netmodel.Exhaust("backlog", netmodel.Backlog, "b"))
	late, err := a.Connect("b", 80)
	require.NoError(t, err)
	w.pass(2500 * time.Millisecond)
	require.Equal(t, syscall.EINPROGRESS, late.Connected())
	require.EqualValues(t, 2, backlog.Effects().Packets)
	w.net.Remove(backlog)
	w.pass(time.Second)
	require.NoError(t, late.Connected())

	write(t, c, "what there was lives on")
	w.pass(time.Millisecond)
	wantRead(t, s, "what there was lives on", syscall.EAGAIN)
}

// Of two rules that would drop a packet, the first is charged with it.
func TestFirstAnswerWins(t *testing.T) {
	w := newTown(t, "a", "b")
	first := install(t, w.world, netmodel.LosePackets("first", netmodel.Links{}, nodes.PerMillion))
	second := install(t, w.world, netmodel.Partition("second", netmodel.Links{From: []string{"a"}, To: []string{"b"}, Both: true}))
	w.reach()
	require.EqualValues(t, 2, first.Effects().Packets)
	require.False(t, second.Effects().Any())
	w.net.Remove(first)
	w.reach()
	require.EqualValues(t, 2, second.Effects().Packets)
}

// Removing one rule must not change what another does to the packets that the first let pass: else no plan could
// be shrunk.
func TestLuckOfRulesIsTheirOwn(t *testing.T) {
	const n = 2000
	lost := func(rules ...netmodel.Rule) map[int]bool {
		w := newTown(t, "a", "b", "c")
		for _, rule := range rules {
			install(t, w.world, rule)
		}
		w.send(100, "c", "b") // what others send has no part in it
		gone := map[int]bool{}
		for i := range n {
			gone[i] = true
		}
		for _, i := range w.send(n, "a", "b") {
			delete(gone, i)
		}
		return gone
	}
	one := netmodel.LosePackets("one", netmodel.Links{}, 100_000)
	two := netmodel.LosePackets("two", netmodel.Links{}, 100_000)
	slow := netmodel.SlowLink("slow", netmodel.Links{}, 1, nodes.Spread{Hi: time.Millisecond})
	byOne, byTwo, byBoth := lost(one), lost(two), lost(slow, two, one)
	require.NotEqual(t, byOne, byTwo)
	for i := range n {
		require.Equal(t, byOne[i] || byTwo[i], byBoth[i], "datagram %d", i)
	}
	both := 0
	for i := range byOne {
		if byTwo[i] {
			both++
		}
	}
	require.InDelta(t, n/100, both, 15, "the two are independent")
}

// More rules than a connection has bits for still count every connection once.
func TestManyRulesCountConnectionsOnce(t *testing.T) {
	w, c, s := pair(t)
	var all []*netmodel.Installed
	for i := range 100 {
		all = append(all, install(t, w, netmodel.SlowLink(fmt.Sprint(i), netmodel.Links{From: []string{"a"}}, 1, nodes.Spread{})))
	}
	for range 3 {
		write(t, c, "x")
		w.pass(time.Millisecond)
	}
	wantRead(t, s, "xxx", syscall.EAGAIN)
	for i, in := range all {
		require.Equal(t, netmodel.Effects{Packets: 3, Connections: 1}, in.Effects(), "rule %d", i)
		w.net.Remove(in)
	}
	again := install(t, w, netmodel.SlowLink("again", netmodel.Links{From: []string{"a"}}, 1, nodes.Spread{}))
	write(t, c, "x")
	require.Equal(t, netmodel.Effects{Packets: 1, Connections: 1}, again.Effects(), "a bit that is used again is clean")
}
