package sim

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"net"
	"runtime"
	"testing"
	"time"

	"simrun/netmodel"
	"simrun/nodes"
	"simrun/sim/luck"
)

// BenchmarkEvent measures an event's way in and out, its hash included, beside two bare queues of the same
// record under the same load: the radix heap that the world has, and a 4-ary heap.
func BenchmarkEvent(b *testing.B) {
	for _, pending := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("world/pending=%d", pending), func(b *testing.B) {
			w := New(Options{Seed: 1})
			s := luck.Seed(1).Stream("bench")
			stale := func() { w.schedule(w.now+time.Duration(s.Uint64()>>44), evTimer, 0, 1) }
			for range pending {
				stale()
			}
			b.ReportAllocs()
			for b.Loop() {
				w.next(1 << 62)
				stale()
			}
		})
		b.Run(fmt.Sprintf("radix/pending=%d", pending), func(b *testing.B) {
			var q queue
			bare(b, pending, q.push, func() event { e, _ := q.pop(1 << 62); return e })
		})
		b.Run(fmt.Sprintf("heap4/pending=%d", pending), func(b *testing.B) {
			var q heap4
			bare(b, pending, q.push, q.pop)
		})
	}
}

func bare(b *testing.B, pending int, push func(event), pop func() event) {
	s := luck.Seed(1).Stream("bench")
	for i := range pending {
		push(event{at: time.Duration(s.Uint64() >> 44), order: uint64(i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		e := pop()
		e.at += time.Duration(s.Uint64() >> 44)
		e.order = s.Uint64()
		push(e)
	}
}

// heap4 is the usual queue of a simulator, for comparison.
type heap4 []event

func before(a, b *event) bool { return a.at < b.at || a.at == b.at && a.order < b.order }

func (q *heap4) push(e event) {
	h := append(*q, e)
	*q = h
	i := len(h) - 1
	for i > 0 && before(&e, &h[(i-1)/4]) {
		h[i] = h[(i-1)/4]
		i = (i - 1) / 4
	}
	h[i] = e
}

func (q *heap4) pop() event {
	h := *q
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	*q = h
	i := 0
	for first := 1; first < len(h); first = 4*i + 1 {
		least := first
		for c := first + 1; c < min(first+4, len(h)); c++ {
			if before(&h[c], &h[least]) {
				least = c
			}
		}
		if !before(&h[least], &last) {
			break
		}
		h[i] = h[least]
		i = least
	}
	if len(h) > 0 {
		h[i] = last
	}
	return top
}

// BenchmarkSwitch measures what the runtime takes for both switches, to a coroutine and back, and nothing else.
func BenchmarkSwitch(b *testing.B) {
	next, stop := iter.Pull(func(yield func(struct{}) bool) {
		for yield(struct{}{}) {
		}
	})
	defer stop()
	for b.Loop() {
		next()
	}
}

// BenchmarkWake measures a timer's event and both switches of the task that waits for it.
func BenchmarkWake(b *testing.B) {
	for _, tasks := range []int{1, 1000} {
		b.Run(fmt.Sprintf("tasks=%d", tasks), func(b *testing.B) {
			w := New(Options{Seed: 1})
			defer w.Close()
			w.AddHost(HostOptions{Name: "a", Main: func(env nodes.Env) error {
				for i := range tasks {
					env.Go("sleeper", func() {
						for env.Sleep(time.Duration(1000+i)) == nil {
						}
					})
				}
				return env.AwaitStop()
			}})
			w.advance(time.Millisecond)
			b.ReportAllocs()
			steps := w.Steps()
			until := w.Now()
			n := 0
			for b.Loop() {
				// A thousand nanoseconds of the world, in which every task wakes about once.
				if n%tasks == 0 {
					until += 1000
					w.advance(until)
				}
				n++
			}
			b.ReportMetric(float64(w.Steps()-steps)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

// BenchmarkStream measures one 100-byte message over a link, through net.Conn, bufio and io.ReadFull, to a
// waiting task, with and without every rule of the network installed.
func BenchmarkStream(b *testing.B) {
	for _, rules := range []bool{false, true} {
		b.Run(fmt.Sprintf("rules=%v", rules), func(b *testing.B) {
			w := New(Options{Seed: 1})
			defer w.Close()
			delivered := 0
			pair(w, func(c net.Conn) {
				r := bufio.NewReader(c)
				var m [100]byte
				for {
					if _, err := io.ReadFull(r, m[:]); err != nil {
						return
					}
					delivered++
				}
			})
			if rules {
				installAll(b, w.Network())
			}
			w.advance(time.Second)
			b.ReportAllocs()
			until, before := w.Now(), delivered
			n := 0
			for b.Loop() {
				if n%burst == 0 {
					until += burst * 10 * time.Microsecond // the sender's pace
					w.advance(until)
				}
				n++
			}
			b.ReportMetric(float64(delivered-before)/b.Elapsed().Seconds(), "deliveries/s")
		})
	}
}

// burst is how many messages the sender writes before it sleeps: the delivery is measured, not the sleep.
const burst = 32

// pair makes hosts a and b; a sends b messages of 100 bytes, 32 every 320 µs, over a link of 1 to 2 ms.
func pair(w *World, serve func(net.Conn)) {
	link := netmodel.LinkClass{Delay: nodes.Spread{Lo: time.Millisecond, Hi: 2 * time.Millisecond}}
	w.Network().SetLink("a", "b", link)
	w.Network().SetLink("b", "a", link)
	limits := netmodel.Limits{SendBuffer: 1 << 20, ReceiveBuffer: 1 << 20}
	w.AddHost(HostOptions{Name: "b", Limits: limits, Main: func(env nodes.Env) error {
		l, err := env.Listen("tcp", ":1")
		if err != nil {
			return err
		}
		for {
			c, err := l.Accept()
			if err != nil {
				return err
			}
			env.Go("serve", func() { serve(c) })
		}
	}})
	w.AddHost(HostOptions{Name: "a", Limits: limits, Main: func(env nodes.Env) error {
		env.Sleep(time.Millisecond)
		c, err := env.Dial("tcp", "b:1", time.Second)
		if err != nil {
			return err
		}
		var m [100]byte
		for {
			for range burst {
				if _, err := c.Write(m[:]); err != nil {
					return err
				}
			}
			env.Sleep(burst * 10 * time.Microsecond)
		}
	}})
}

// installAll installs a rule of every kind that looks at the link and lets nearly everything pass.
func installAll(t testing.TB, n *netmodel.Network) {
	all := netmodel.Links{}
	for _, r := range []netmodel.Rule{
		netmodel.SlowLink("slow", all, 0, nodes.Exactly(time.Microsecond)),
		netmodel.LosePackets("lose", all, 1),
		netmodel.RepeatPackets("repeat", all, 1),
		netmodel.CorruptPackets("corrupt", all, 1),
		netmodel.LimitBandwidth("narrow", all, 1<<40),
		netmodel.Flap("flap", netmodel.Links{From: []string{"b"}, To: []string{"b"}}, nodes.Exactly(time.Hour), nodes.Exactly(1)),
		netmodel.JamLink("jam", netmodel.Links{From: []string{"b"}, To: []string{"b"}}),
	} {
		if _, err := n.Install(r); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkLargeWorld builds a world of 1,000 hosts and 100,000 connections, each of which has carried a message
// and has a task that waits for the next one at both ends, and lets it stand for an hour.
func BenchmarkLargeWorld(b *testing.B) {
	const hosts, each = 1000, 100
	for b.Loop() {
		w := New(Options{Seed: 1})
		link := netmodel.LinkClass{Delay: nodes.Spread{Lo: time.Millisecond, Hi: 2 * time.Millisecond}}
		w.Network().SetLink("site", "site", link)
		for i := range hosts {
			w.AddHost(HostOptions{Name: fmt.Sprint("h", i), Main: func(env nodes.Env) error {
				l, err := env.Listen("tcp", ":1")
				if err != nil {
					return err
				}
				read := func(c net.Conn) {
					var b [1]byte
					for {
						if _, err := c.Read(b[:]); err != nil {
							return
						}
					}
				}
				env.Go("dial", func() {
					env.Sleep(time.Second)
					for n := range each {
						c, err := env.Dial("tcp", fmt.Sprintf("h%d:1", (i+n+1)%hosts), 0)
						if err != nil {
							panic(err)
						}
						c.Write([]byte{1})
						env.Go("read", func() { read(c) })
					}
				})
				for {
					c, err := l.Accept()
					if err != nil {
						return err
					}
					env.Go("read", func() { read(c) })
				}
			}})
		}
		w.advance(time.Minute)
		if n := w.Network().Counts().Connections; n != hosts*each {
			b.Fatalf("%d connections, want %d", n, hosts*each)
		}
		before := w.Steps()
		w.advance(time.Hour)
		if w.Steps() != before {
			b.Fatalf("%d steps in an hour of nothing", w.Steps()-before)
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.Sys)/(1<<20), "MiB")
		b.ReportMetric(float64(m.Sys)/hosts/each, "bytes/connection")
		w.Close()
	}
}
