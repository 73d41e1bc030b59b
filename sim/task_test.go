package sim

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"simrun/nodes"
	"simrun/nodes/probe"
)

// one makes a world with a single host "a" that runs main, and lets it go on for an hour.
func one(t testing.TB, main func(nodes.Env) error) *World {
	w := New(Options{Seed: 7})
	w.AddHost(HostOptions{Name: "a", Main: main, NeverRestart: true})
	w.Run(time.Hour)
	t.Cleanup(w.Close)
	return w
}

// If this failed, a node's sleep would not be what its clock says.
func TestASleepTakesItsTimeAndOthersRunMeanwhile(t *testing.T) {
	var order []string
	w := one(t, func(env nodes.Env) error {
		say := func(s string) { order = append(order, fmt.Sprintf("%v %s", time.Duration(env.Mark()), s)) }
		other := env.Go("other", func() {
			env.Sleep(time.Second)
			say("other")
		})
		env.Sleep(500 * time.Millisecond)
		say("main")
		other.Join()
		say("joined")
		return nil
	})
	require.Equal(t, []string{"500ms main", "1s other", "1s joined"}, order)
	require.Empty(t, w.Findings())
}

// If this failed, a node could not stop what it has started.
func TestCancelWakesEveryBlockingCall(t *testing.T) {
	calls := map[string]func(env nodes.Env) error{
		"sleep": func(env nodes.Env) error { return env.Sleep(time.Hour) },
		"wait":  func(env nodes.Env) error { return env.NewCond().Wait() },
		"work":  func(env nodes.Env) error { return env.Work(time.Hour) },
		"next":  func(env nodes.Env) error { _, err := env.Next(); return err },
		"stop":  func(env nodes.Env) error { return env.AwaitStop() },
		"join": func(env nodes.Env) error {
			return env.Go("long", func() { env.Sleep(time.Hour) }).Join()
		},
		"accept": func(env nodes.Env) error {
			l, err := env.Listen("tcp", ":1")
			if err != nil {
				return err
			}
			_, err = l.Accept()
			return err
		},
		"read": func(env nodes.Env) error {
			if _, err := env.Listen("tcp", ":2"); err != nil {
				return err
			}
			c, err := env.Dial("tcp", "a:2", 0)
			if err != nil {
				return err
			}
			_, err = c.Read(make([]byte, 1))
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			var got, later error
			var woke time.Duration
			one(t, func(env nodes.Env) error {
				task := env.Go(name, func() {
					got = call(env)
					later = env.Sleep(time.Second)
				})
				env.Sleep(time.Second)
				task.Cancel()
				task.Join()
				woke = time.Duration(env.Mark())
				return nil
			})
			require.ErrorIs(t, got, context.Canceled)
			require.ErrorIs(t, later, context.Canceled, "a later call of a cancelled task")
			require.Equal(t, time.Second, woke)
		})
	}
}

// If this failed, one signal would wake two tasks or a timeout would be told as a signal.
func TestACondWakesWhomItSays(t *testing.T) {
	var got []string
	one(t, func(env nodes.Env) error {
		c := env.NewCond()
		for _, name := range []string{"x", "y", "z"} {
			env.Go(name, func() {
				signalled := c.WaitFor(10 * time.Second)
				got = append(got, fmt.Sprintf("%s %v %v", name, signalled, time.Duration(env.Mark())))
			})
		}
		env.Sleep(time.Second)
		c.Signal()
		env.Sleep(time.Second)
		require.Len(t, got, 1)
		require.Contains(t, got[0], "true 1s")
		env.Sleep(time.Minute)
		require.Len(t, got, 3)
		require.Contains(t, got[1], "false 10s")
		require.Contains(t, got[2], "false 10s")
		return nil
	})
}

// If this failed, a stopped timer could still fire.
func TestAStoppedTimerNeverFires(t *testing.T) {
	fired := 0
	one(t, func(env nodes.Env) error {
		a := env.AfterFunc(time.Second, func() { fired++ })
		b := env.AfterFunc(time.Second, func() { fired += 10 })
		require.True(t, a.Stop())
		require.False(t, a.Stop())
		env.Sleep(2 * time.Second)
		require.False(t, b.Stop())
		return nil
	})
	require.Equal(t, 10, fired)
}

// If this failed, a node's bug would take the simulator down, or go unseen.
func TestAPanicIsAFindingAndTheProcessDiesOfIt(t *testing.T) {
	w := New(Options{Seed: 1})
	defer w.Close()
	lives := 0
	w.AddHost(HostOptions{Name: "a", Restart: time.Second, Main: func(env nodes.Env) error {
		if lives++; lives == 3 {
			return env.AwaitStop()
		}
		env.Go("worker", func() {
			env.Sleep(time.Second)
			var m map[string]int
			m["x"] = 1
		})
		return env.AwaitStop()
	}})
	w.Run(time.Minute)
	require.Equal(t, 3, lives)
	require.Len(t, w.Findings(), 2)
	f := w.Findings()[0]
	require.Equal(t, "node panic", f.Kind)
	require.Equal(t, "worker", f.Task)
	require.Equal(t, time.Second, f.At)
	require.Contains(t, f.What, "nil map")
	require.Contains(t, f.Stack, "task_test.go")
	require.Equal(t, f.Stack, w.Findings()[1].Stack, "no address and no number of a goroutine is in it")
	require.NotContains(t, f.Stack, "(0x")
}

// If this failed, a fail-stop would be told as a bug, or not stop.
func TestExitIsAFailStopAndNoFinding(t *testing.T) {
	w := New(Options{Seed: 1})
	defer w.Close()
	lives, after := 0, 0
	w.AddHost(HostOptions{Name: "a", Restart: 2 * time.Second, Main: func(env nodes.Env) error {
		lives++
		defer func() { after++ }()
		env.Sleep(time.Second)
		env.Exit(errors.New("the disk is lying"))
		panic("not reached")
	}})
	w.Run(8500 * time.Millisecond)
	require.Empty(t, w.Findings())
	require.Equal(t, 3, lives)
	require.Equal(t, "exit", w.Log().Downs[0].Why)
	require.Equal(t, time.Second, w.Log().Downs[0].From)
	require.Equal(t, 3*time.Second, w.Log().Downs[0].To)
}

// If this failed, a killed process would go on acting, or a stubborn one could not be killed.
func TestAKilledTaskUnwindsThroughEveryRecover(t *testing.T) {
	w := New(Options{Seed: 1})
	defer w.Close()
	var unwound []string
	var probes probe.Set
	spoke := probes.Reachable("a dead host spoke")
	h := w.AddHost(HostOptions{Name: "a", Main: func(env nodes.Env) error {
		defer func() { unwound = append(unwound, fmt.Sprint("main ", recover())) }()
		c := env.NewCond()
		env.Go("stubborn", func() {
			for {
				func() {
					defer func() {
						unwound = append(unwound, fmt.Sprint("stubborn ", recover()))
						env.Record().Reach(spoke)
						c.Broadcast()
						env.Go("ghost", func() { unwound = append(unwound, "ghost") })
						env.Sleep(time.Second)
						unwound = append(unwound, "slept on")
					}()
					env.Sleep(time.Hour)
				}()
			}
		})
		return c.Wait()
	}})
	w.Run(time.Second)
	strike := h.Crash()
	require.ElementsMatch(t, []string{"main <nil>", "stubborn <nil>"}, unwound)
	require.EqualValues(t, 1, strike.Effects())
	require.Empty(t, w.Log().History.Sometimes)
	w.Run(2 * time.Second)
	require.Len(t, unwound, 2)
}

// If this failed, a run that does not get on would hang instead of being found.
func TestALivelockIsAFinding(t *testing.T) {
	w := New(Options{Seed: 1, Livelock: 10_000})
	defer w.Close()
	w.AddHost(HostOptions{Name: "a", Main: func(env nodes.Env) error {
		c := env.NewCond()
		env.Go("ping", func() {
			for {
				c.Broadcast()
				env.Sleep(0)
			}
		})
		return env.AwaitStop()
	}})
	w.Run(time.Second)
	require.Len(t, w.Findings(), 1)
	require.Equal(t, "livelock", w.Findings()[0].Kind)
	require.Zero(t, w.Now())
}

// If this failed, a livelock of tasks that each end at once would bring the simulator down, for the last of them has no stack.
func TestALivelockOfTasksThatEnd(t *testing.T) {
	w := New(Options{Seed: 1, Livelock: 10_000})
	defer w.Close()
	w.AddHost(HostOptions{Name: "a", Main: func(env nodes.Env) error {
		var again func()
		again = func() { env.Go("again", again) }
		again()
		return env.AwaitStop()
	}})
	w.Run(time.Second)
	require.Len(t, w.Findings(), 1)
	require.Equal(t, "again", w.Findings()[0].Task)
}

// If this failed, one spinning task would hold up a whole sweep.
func TestATaskThatNeverGivesWayIsAFindingWithItsStack(t *testing.T) {
	release := make(chan struct{})
	w := New(Options{Seed: 1, Stuck: 50 * time.Millisecond})
	w.AddHost(HostOptions{Name: "a", Main: func(env nodes.Env) error {
		env.Sleep(time.Second)
		spinUntil(release)
		return nil
	}})
	w.Run(time.Minute)
	require.Len(t, w.Findings(), 1)
	f := w.Findings()[0]
	require.Equal(t, "stuck task", f.Kind)
	require.Equal(t, "main", f.Task)
	require.Contains(t, f.Stack, "spinUntil")
	w.Close()
	close(release)
}

func spinUntil(release chan struct{}) { <-release }

// If this failed, a long campaign would run out of memory.
func TestNothingIsLeftOfAThousandClosedWorlds(t *testing.T) {
	build := func(seed int) {
		w := New(Options{Seed: 1})
		for _, name := range []string{"a", "b"} {
			w.AddHost(HostOptions{Name: name, Main: func(env nodes.Env) error {
				l, err := env.Listen("tcp", ":1")
				if err != nil {
					return err
				}
				env.Go("accept", func() {
					for {
						c, err := l.Accept()
						if err != nil {
							return
						}
						env.Go("serve", func() { c.Read(make([]byte, 10)) })
					}
				})
				for _, peer := range []string{"a", "b"} {
					if c, err := env.Dial("tcp", peer+":1", time.Second); err == nil {
						c.Write(make([]byte, 1000))
					}
				}
				return env.AwaitStop()
			}})
		}
		w.Run(time.Second)
		w.Close()
	}
	build(0)
	measure := func() (int, uint64) {
		for range 3 {
			runtime.GC()
			runtime.Gosched()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), m.HeapAlloc
	}
	goroutines, heap := measure()
	for seed := range 1000 {
		build(seed)
	}
	goroutinesAfter, heapAfter := measure()
	require.LessOrEqual(t, goroutinesAfter, goroutines)
	require.Less(t, int64(heapAfter)-int64(heap), int64(1<<20), "bytes left of 1,000 worlds")
}

// If this failed, a require inside a node under test would hang the test.
func TestATasksGoexitReachesWhoRunsTheWorld(t *testing.T) {
	returned := make(chan bool)
	go func() {
		normal := false
		defer func() { returned <- normal }()
		w := New(Options{})
		w.AddHost(HostOptions{Name: "a", Main: func(nodes.Env) error { runtime.Goexit(); return nil }})
		w.Run(time.Second)
		normal = true
	}()
	require.False(t, <-returned)
}

func TestALineReadsWithoutALegend(t *testing.T) {
	l := Line{Step: 12, At: 1500 * time.Millisecond, Host: "a", Kind: "packet", Peer: "b", What: "data", Bytes: 100}
	require.Equal(t, "1.500000s #12 a -> b packet data (100 bytes)", strings.TrimSpace(l.String()))
}
