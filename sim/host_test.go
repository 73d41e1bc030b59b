package sim

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"simrun/netmodel"
	"simrun/nodes"
	"simrun/nodes/probe"
	"simrun/sim/luck"
)

// meeting is a world of a server and a client that talks to it and says what it sees.
type meeting struct {
	*World
	server, client *Host
	seen           []string
}

// meet makes the server echo, and the client write a byte every 100 ms and tell what comes back.
func meet(t *testing.T) *meeting {
	w := New(Options{Seed: 3})
	t.Cleanup(w.Close)
	m := &meeting{World: w}
	power := w.AddSupplier("east power")
	m.server = w.AddHost(HostOptions{Name: "server", Site: w.AddSite("east", power, 0), Main: echo})
	m.client = w.AddHost(HostOptions{Name: "client", Site: w.AddSite("west", w.AddSupplier("west power"), 0), Main: m.ask})
	return m
}

func echo(env nodes.Env) error {
	l, err := env.Listen("tcp", ":7")
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		env.Go("echo", func() { io.Copy(c, c) })
	}
}

func (m *meeting) ask(env nodes.Env) error {
	env.Sleep(time.Millisecond)
	c, err := env.Dial("tcp", "server:7", 0)
	if err != nil {
		m.say("dial: %v", errors.Unwrap(errors.Unwrap(err)))
		return nil
	}
	b := make([]byte, 1)
	for {
		c.SetDeadline(env.Now().Add(2 * time.Second))
		_, err := c.Write(b)
		if err == nil {
			_, err = c.Read(b)
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			m.say("silence")
		case errors.Is(err, syscall.ECONNRESET):
			m.say("reset")
			return nil
		case err == io.EOF:
			m.say("end")
			return nil
		default:
			m.say("%v", err)
			return nil
		}
		env.Sleep(100 * time.Millisecond)
	}
}

func (m *meeting) say(format string, args ...any) {
	m.seen = append(m.seen, fmt.Sprintf("%v ", m.Now().Round(time.Second))+fmt.Sprintf(format, args...))
}

// If this failed, a kill and a power cut would look the same to peers, and the bugs of one would be missed.
func TestEachWayToStopLooksToPeersAsItDoesInTheWorld(t *testing.T) {
	t.Run("crash: the kernel says goodbye", func(t *testing.T) {
		m := meet(t)
		m.Run(5 * time.Second)
		m.server.Crash()
		m.Run(20 * time.Second)
		require.Equal(t, []string{"5s end"}, m.seen)
	})
	t.Run("crash-machine: silence, then a reset by a kernel that knows nothing", func(t *testing.T) {
		m := meet(t)
		m.Run(5 * time.Second)
		strike := m.server.CrashMachine()
		m.Run(9 * time.Second)
		strike.End()
		m.Run(30 * time.Second)
		require.Equal(t, []string{"7s silence", "9s silence"}, m.seen[:2])
		require.Contains(t, m.seen[len(m.seen)-1], "reset")
	})
	t.Run("cut-power: silence", func(t *testing.T) {
		m := meet(t)
		m.Run(5 * time.Second)
		m.Suppliers()[0].Cut()
		m.Run(10 * time.Second)
		require.Equal(t, []string{"7s silence", "9s silence"}, m.seen)
	})
	t.Run("pause: silence, and all goes on afterwards", func(t *testing.T) {
		m := meet(t)
		m.Run(5 * time.Second)
		strike := m.server.Pause()
		m.Run(8 * time.Second)
		strike.End()
		m.Run(30 * time.Second)
		require.Equal(t, []string{"7s silence"}, m.seen)
		require.Positive(t, strike.Effects())
	})
	t.Run("pause-machine: silence, and all goes on afterwards", func(t *testing.T) {
		m := meet(t)
		m.Run(5 * time.Second)
		strike := m.server.PauseMachine()
		m.Run(8 * time.Second)
		strike.End()
		m.Run(30 * time.Second)
		require.Equal(t, []string{"7s silence"}, m.seen)
	})
	t.Run("stop: the process ends by itself", func(t *testing.T) {
		m := meet(t)
		m.Run(5 * time.Second)
		m.server.Stop()
		m.Run(14900 * time.Millisecond)
		require.Empty(t, m.seen, "the process has ten seconds")
		m.Run(16 * time.Second)
		require.Equal(t, []string{"15s end"}, m.seen)
	})
}

// If this failed, a machine's clocks and cache would survive what they cannot survive.
func TestWhatAPowerCutTakesAndWhatAKillLeaves(t *testing.T) {
	for _, c := range []struct {
		name  string
		stop  func(w *World, h *Host) *Strike
		cache bool
	}{
		{"crash", func(_ *World, h *Host) *Strike { return h.Crash() }, true},
		{"crash-machine", func(_ *World, h *Host) *Strike { return h.CrashMachine() }, false},
		{"cut-power", func(w *World, _ *Host) *Strike { return w.Suppliers()[0].Cut() }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			kept, uptimes := 0, []time.Duration{}
			for seed := range 40 {
				w := New(Options{Seed: luck.Seed(seed)})
				lives := 0
				h := w.AddHost(HostOptions{Name: "a", Main: func(env nodes.Env) error {
					f, err := env.FS().OpenFile("x", os.O_RDWR|os.O_CREATE, 0o644)
					if err != nil {
						return err
					}
					if lives++; lives == 1 {
						f.Sync()
						env.FS().SyncDir(".")
						f.WriteAt([]byte("unsynced"), 0)
					} else {
						uptimes = append(uptimes, time.Duration(env.Mark()))
						b := make([]byte, 8)
						if f.ReadAt(b, 0); string(b) == "unsynced" {
							kept++
						}
					}
					return env.AwaitStop()
				}})
				w.Run(time.Minute)
				strike := c.stop(w, h)
				require.EqualValues(t, 1, strike.Effects())
				w.Run(2 * time.Minute)
				strike.End()
				w.Run(3 * time.Minute)
				require.Equal(t, 2, lives)
				w.Close()
			}
			if c.cache {
				require.Equal(t, 40, kept)
				require.Greater(t, uptimes[0], 2*time.Minute, "the monotonic clock runs on")
			} else {
				require.Greater(t, kept, 2, "sometimes it had landed")
				require.Less(t, kept, 38, "sometimes it had not")
				require.Less(t, uptimes[0], time.Second, "the monotonic clock starts anew")
			}
		})
	}
}

// If this failed, two overlapping faults would end when the first of them does.
func TestAHostIsUpOnlyWhenNothingHoldsItDown(t *testing.T) {
	w := New(Options{Seed: 1})
	defer w.Close()
	h := w.AddHost(HostOptions{Name: "a", Main: func(env nodes.Env) error { return env.AwaitStop() }})
	w.Run(time.Second)
	crash, reset, cut := h.Crash(), h.CrashMachine(), w.Suppliers()[0].Cut()
	require.Zero(t, cut.Effects(), "the machine was down already")
	crash.End()
	require.False(t, h.Running())
	cut.End()
	require.False(t, h.Running())
	reset.End()
	require.True(t, h.Running())
	again := w.Suppliers()[0].Cut()
	require.False(t, h.Running())
	h.Feed()
	require.True(t, h.Running(), "a generator stands in for the supplier")
	again.End()
	require.True(t, h.Running())
}

// If this failed, a UPS would be a word.
func TestAUPSOutlastsAShortCutOnly(t *testing.T) {
	for cut, up := range map[time.Duration]bool{20 * time.Second: true, 40 * time.Second: false} {
		w := New(Options{Seed: 1})
		s := w.AddSupplier("power")
		h := w.AddHost(HostOptions{Name: "a", Site: w.AddSite("x", s, 30*time.Second), Main: func(env nodes.Env) error { return env.AwaitStop() }})
		w.Run(time.Second)
		strike := s.Cut()
		w.Run(time.Second + cut)
		require.Equal(t, up, h.Running(), "after %v", cut)
		strike.End()
		require.True(t, h.Running())
		w.Run(time.Hour)
		require.True(t, h.Running(), "the UPS of a cut that has ended does nothing")
		w.Close()
	}
}

// If this failed, a frozen or drifting clock would not be felt by those who sleep by it.
func TestClocksBendWhatSleepsByThem(t *testing.T) {
	woke := map[string]time.Duration{}
	w := New(Options{Seed: 1})
	defer w.Close()
	for _, name := range []string{"right", "fast", "frozen", "stepped"} {
		w.AddHost(HostOptions{Name: name, Main: func(env nodes.Env) error {
			env.Sleep(100 * time.Second)
			woke[name] = w.Now()
			return nil
		}})
	}
	w.Run(10 * time.Second)
	stepped := w.Host("stepped").StepClock(time.Hour)
	w.Host("fast").DriftClock(100_000)
	frozen := w.Host("frozen").FreezeClock()
	alive, together := false, &probe.Horizon{Of: "what all came to"}
	for _, name := range []string{"right", "stepped", "fast", "frozen"} {
		r := w.log.For(name, &alive)
		r.Advance(together, 1, 0, 0)
		steady := map[string]nodes.Percent{"fast": 100_000, "frozen": nodes.PerMillion}[name] // a step is nothing to who measures time
		require.True(t, r.Steady(together, 1, steady), name)
		require.Equal(t, steady == 0, steady == 0 || r.Steady(together, 1, steady-1), name)
	}
	w.Run(30 * time.Second)
	frozen.End()
	w.Run(1000 * time.Second)
	require.Equal(t, 100*time.Second, woke["right"])
	require.Equal(t, 10*time.Second+90*time.Second*10/11+1, woke["fast"], "rounded up")
	require.Equal(t, 120*time.Second, woke["frozen"])
	require.Equal(t, 100*time.Second, woke["stepped"], "the monotonic clock never steps")
	require.Zero(t, stepped.Effects(), "nobody read the clock since")
}

// If this failed, a slow machine would be as fast as any.
func TestWorkOccupiesCoresAndASlowCPUTakesLonger(t *testing.T) {
	var done []time.Duration
	w := New(Options{Seed: 1})
	defer w.Close()
	h := w.AddHost(HostOptions{Name: "a", Cores: 2, Main: func(env nodes.Env) error {
		for range 4 {
			env.Go("job", func() {
				env.Work(time.Second)
				done = append(done, w.Now())
			})
		}
		return env.AwaitStop()
	}})
	w.Run(10 * time.Second)
	require.Equal(t, []time.Duration{time.Second, time.Second, 2 * time.Second, 2 * time.Second}, done)
	strike := h.SlowCPU(func(d time.Duration) time.Duration { return 3 * d })
	w.At(w.Now(), func() { h.Stop() })
	w.Run(11 * time.Second)
	require.Zero(t, strike.Effects())
}

// story is a world in which much happens: messages with every rule installed, crashes, files, timers.
func story(seed luck.Seed, record bool) *World {
	w := New(Options{Seed: seed, Record: record})
	m := &meeting{World: w}
	link := netmodel.LinkClass{Delay: nodes.Spread{Lo: time.Millisecond, Hi: 9 * time.Millisecond}, Loss: 20_000}
	w.Network().SetLink("site", "site", link)
	for _, name := range []string{"server", "b", "c"} {
		w.AddHost(HostOptions{Name: name, Main: func(env nodes.Env) error {
			f, err := env.FS().OpenFile("log", os.O_RDWR|os.O_CREATE, 0o644)
			if err != nil {
				return err
			}
			env.Go("log", func() {
				for i := int64(0); ; i++ {
					f.WriteAt([]byte{byte(env.Rand().Uint32())}, i)
					f.Sync()
					env.Sleep(time.Duration(env.Rand().IntN(1e8)))
				}
			})
			return echo(env)
		}})
	}
	for i := range 5 {
		w.AddHost(HostOptions{Name: fmt.Sprint("client", i), Restart: time.Second, Main: func(env nodes.Env) error {
			m.ask(env)
			return errors.New("once more")
		}})
	}
	w.Run(time.Second)
	for i, h := range w.Hosts() {
		w.At(time.Duration(i)*time.Second, func() {
			s := h.CrashMachine()
			w.At(w.Now()+500*time.Millisecond, s.End)
		})
	}
	w.Run(20 * time.Second)
	return w
}

// If this failed, nothing else in this project would be worth anything.
func TestOneSeedIsOneRunWhoeverElseRuns(t *testing.T) {
	want := map[luck.Seed]Hash{}
	for seed := range luck.Seed(4) {
		w := story(seed, seed%2 == 0)
		want[seed] = w.Hash()
		for other, hash := range want {
			require.Equal(t, other == seed, hash == w.Hash(), "seeds %d and %d", seed, other)
		}
		w.Close()
	}
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) * 2 {
		all.Go(func() {
			for seed := range luck.Seed(4) {
				w := story(seed, seed%2 == 1)
				if w.Hash() != want[seed] {
					t.Errorf("seed %d: hash %s among other worlds, %s alone", seed, w.Hash(), want[seed])
				}
				w.Close()
			}
		})
	}
	all.Wait()
}

// If this failed, an idle connection would not be worth a file descriptor, or a node would outlive its host.
func TestDialAndListenSpeakAsPackageNetDoes(t *testing.T) {
	one(t, func(env nodes.Env) error {
		_, err := env.Dial("tcp", "nowhere:1", 0)
		var dns *net.DNSError
		require.ErrorAs(t, err, &dns)
		_, err = env.Dial("tcp", "a:1", 0)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		_, err = env.Dial("unix", "a:1", 0)
		require.Error(t, err)
		l, err := env.Listen("tcp", ":1")
		require.NoError(t, err)
		_, err = env.Listen("tcp", ":1")
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.NoError(t, l.Close())
		_, err = l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		return nil
	})
}
