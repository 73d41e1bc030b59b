package osenv

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"simrun/nodes"
)

// onHost runs main on a host of its own, and afterwards finds no goroutine left of it.
func onHost(t *testing.T, options Options, main func(t *testing.T, env nodes.Env)) {
	t.Helper()
	before := runtime.NumGoroutine()
	require.NoError(t, New(options).Run(func(env nodes.Env) error { main(t, env); return nil }))
	noMoreThan(t, before)
}

func noMoreThan(t *testing.T, goroutines int) {
	t.Helper()
	for range 2000 {
		if runtime.NumGoroutine() <= goroutines {
			return
		}
		time.Sleep(time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	t.Fatalf("%d goroutines before, %d after:\n%s", goroutines, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
}

// If this failed, a node would need mutexes on a real machine that it does not need in the simulator.
func TestTasksAreAtomicBetweenBlockingCalls(t *testing.T) {
	onHost(t, Options{}, func(t *testing.T, env nodes.Env) {
		const tasks, rounds = 8, 500
		counter, inside := 0, false
		var all []nodes.Task
		for range tasks {
			all = append(all, env.Go("counter", func() {
				for range rounds {
					require.False(t, inside)
					inside = true
					seen := counter
					for range 50 {
						runtime.Gosched() // the Go scheduler may switch; another task of the host may not run
					}
					counter = seen + 1
					inside = false
					require.NoError(t, env.Sleep(0))
				}
			}))
		}
		for _, task := range all {
			require.NoError(t, task.Join())
		}
		require.Equal(t, tasks*rounds, counter)
	})
}

// If this failed, a timer that a node had stopped could still act on what the node freed.
func TestAStoppedTimerNeverStarts(t *testing.T) {
	onHost(t, Options{}, func(t *testing.T, env nodes.Env) {
		stopped, fired := 0, 0
		for i := range 2000 {
			over := false
			timer := env.AfterFunc(time.Duration(i%50)*time.Microsecond, func() {
				require.False(t, over, "the timer fired after Stop had returned true")
				fired++
			})
			for start := time.Now(); time.Since(start) < 25*time.Microsecond; {
			}
			if timer.Stop() {
				over = true
				stopped++
				require.False(t, timer.Stop(), "it was stopped already")
			}
			if i%100 == 0 {
				require.NoError(t, env.Sleep(time.Millisecond))
			}
		}
		for stopped+fired < 2000 {
			require.NoError(t, env.Sleep(time.Millisecond))
		}
		require.NotZero(t, stopped)
	})
}

// If this failed, a node could not end a task that waits, or ending it would leave its connection useless.
func TestCancelWakesEveryBlockingCall(t *testing.T) {
	calls := map[string]func(env nodes.Env, pair [2]net.Conn) error{
		"Sleep":     func(env nodes.Env, _ [2]net.Conn) error { return env.Sleep(time.Hour) },
		"Work":      func(env nodes.Env, _ [2]net.Conn) error { return env.Work(time.Hour) },
		"Wait":      func(env nodes.Env, _ [2]net.Conn) error { return env.NewCond().Wait() },
		"AwaitStop": func(env nodes.Env, _ [2]net.Conn) error { return env.AwaitStop() },
		"Next":      func(env nodes.Env, _ [2]net.Conn) error { _, err := env.Next(); return err },
		"WaitFor": func(env nodes.Env, _ [2]net.Conn) error {
			if env.NewCond().WaitFor(time.Hour) {
				return errors.New("it says that it was signalled")
			}
			return context.Canceled
		},
		"Join": func(env nodes.Env, _ [2]net.Conn) error {
			sleeper := env.Go("sleeper", func() { env.Sleep(time.Hour) })
			defer sleeper.Cancel()
			return sleeper.Join()
		},
		"Read": func(_ nodes.Env, pair [2]net.Conn) error { _, err := pair[0].Read(make([]byte, 1)); return err },
		"Write": func(_ nodes.Env, pair [2]net.Conn) error {
			n, err := pair[0].Write(make([]byte, 64<<20))
			if n == 64<<20 {
				return errors.New("the kernel took it all")
			}
			return err
		},
		"Accept": func(env nodes.Env, _ [2]net.Conn) error {
			l, err := env.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			_, err = l.Accept()
			return err
		},
		"Dial": func(env nodes.Env, _ [2]net.Conn) error {
			address, stop := neverAccepts(env)
			defer stop()
			_, err := env.Dial("tcp", address, 0)
			return err
		},
		"ReadFrom": func(env nodes.Env, _ [2]net.Conn) error {
			p, err := env.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			_, _, err = p.ReadFrom(make([]byte, 1))
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			onHost(t, Options{DataDir: t.TempDir()}, func(t *testing.T, env nodes.Env) {
				pair := connect(t, env)
				var result, later error
				task := env.Go("blocked", func() {
					result = call(env, pair)
					later = env.Sleep(0)
				})
				require.NoError(t, env.Sleep(20*time.Millisecond))
				task.Cancel()
				require.NoError(t, task.Join())
				require.Equal(t, context.Canceled, result)
				require.Equal(t, context.Canceled, later)
				task.Cancel() // of an ended task: nothing
				if name == "Read" {
					// The connection itself is unharmed.
					_, err := pair[1].Write([]byte("x"))
					require.NoError(t, err)
					_, err = pair[0].Read(make([]byte, 1))
					require.NoError(t, err)
				}
			})
		})
	}
}

// If this failed, a cancelled task could go on to act.
func TestEveryCallOfACancelledTaskIsRefused(t *testing.T) {
	onHost(t, Options{DataDir: t.TempDir()}, func(t *testing.T, env nodes.Env) {
		pair := connect(t, env)
		file, err := env.FS().OpenFile("f", os.O_CREATE|os.O_RDWR, 0o644)
		require.NoError(t, err)
		listener, err := env.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		var errs []error
		note := func(err error) { errs = append(errs, err) }
		task := env.Go("cancelled", func() {
			note(env.Sleep(time.Hour))
			note(env.Work(time.Hour))
			note(env.NewCond().Wait())
			note(env.AwaitStop())
			_, err := env.Next()
			note(err)
			_, err = pair[0].Read(make([]byte, 1))
			note(err)
			_, err = pair[0].Write(make([]byte, 1))
			note(err)
			_, err = env.Dial("tcp", listener.Addr().String(), 0)
			note(err)
			_, err = listener.Accept()
			note(err)
			_, err = file.WriteAt([]byte("x"), 0)
			note(err)
			_, err = file.ReadAt(make([]byte, 1), 0)
			note(err)
			note(file.Sync())
			note(file.Truncate(0))
			_, err = file.Size()
			note(err)
			_, err = env.FS().OpenFile("g", os.O_CREATE|os.O_RDWR, 0o644)
			note(err)
			note(env.FS().SyncDir("."))
			note(env.FS().Remove("f"))
		})
		task.Cancel()
		require.NoError(t, task.Join())
		require.Len(t, errs, 17)
		for i, err := range errs {
			require.Equal(t, context.Canceled, err, "call %d", i)
		}
	})
}

// If this failed, one task's Cancel would tear another's Read on the same connection, or wait for it.
func TestCancelOfOneOfTwoReaders(t *testing.T) {
	onHost(t, Options{}, func(t *testing.T, env nodes.Env) {
		pair := connect(t, env)
		results := map[string]error{}
		read := func(name string) nodes.Task {
			return env.Go(name, func() { _, results[name] = pair[0].Read(make([]byte, 1)) })
		}
		a, b, c := read("a"), read("b"), read("c")
		require.NoError(t, env.Sleep(10*time.Millisecond))
		b.Cancel() // one that queues
		require.NoError(t, b.Join())
		a.Cancel() // the one in the kernel
		require.NoError(t, a.Join())
		_, err := pair[1].Write([]byte("x"))
		require.NoError(t, err)
		require.NoError(t, c.Join())
		require.Equal(t, map[string]error{"a": context.Canceled, "b": context.Canceled, "c": nil}, results)
	})
}

// If this failed, a deadline that a node had set would be forgotten by a Cancel, or outlive it.
func TestCancelKeepsTheDeadline(t *testing.T) {
	onHost(t, Options{}, func(t *testing.T, env nodes.Env) {
		pair := connect(t, env)
		require.NoError(t, pair[0].SetReadDeadline(env.Now().Add(50*time.Millisecond)))
		task := env.Go("reader", func() { pair[0].Read(make([]byte, 1)) })
		require.NoError(t, env.Sleep(time.Millisecond))
		task.Cancel()
		require.NoError(t, task.Join())
		_, err := pair[0].Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	})
}

func TestCondIsMesa(t *testing.T) {
	onHost(t, Options{}, func(t *testing.T, env nodes.Env) {
		c := env.NewCond()
		var woken []string
		wait := func(name string) nodes.Task {
			return env.Go(name, func() {
				if c.Wait() == nil {
					woken = append(woken, name)
				}
			})
		}
		start := func() []nodes.Task {
			var all []nodes.Task
			for _, name := range []string{"a", "b", "c"} {
				all = append(all, wait(name))
				require.NoError(t, env.Sleep(5*time.Millisecond))
			}
			return all
		}
		all := start()
		c.Signal()
		require.NoError(t, all[0].Join())
		require.Equal(t, []string{"a"}, woken)
		c.Broadcast()
		require.NoError(t, all[1].Join())
		require.NoError(t, all[2].Join())
		require.ElementsMatch(t, []string{"a", "b", "c"}, woken)

		woken = nil
		all = start()
		c.Signal()
		all[0].Cancel() // it was signalled already: the signal goes on to b
		require.NoError(t, all[1].Join())
		require.Equal(t, []string{"b"}, woken)

		require.False(t, env.NewCond().WaitFor(time.Millisecond))
		d := env.NewCond()
		env.AfterFunc(time.Millisecond, d.Signal)
		require.True(t, d.WaitFor(time.Minute))
	})
}

// If this failed, a fail-stop would let the node go on.
func TestExitEndsTheProcess(t *testing.T) {
	before := runtime.NumGoroutine()
	reason := errors.New("the disk lied")
	h := New(Options{DataDir: t.TempDir()})
	cleaned, returned := false, false
	err := h.Run(func(env nodes.Env) error {
		env.Go("other", func() { env.Sleep(time.Hour); returned = true })
		env.Go("failing", func() {
			defer func() {
				cleaned = true
				env.Sleep(0) // does not return: the process is gone
				returned = true
			}()
			env.Sleep(time.Millisecond)
			env.Exit(reason)
			returned = true
		})
		return env.AwaitStop()
	})
	require.Equal(t, reason, err)
	require.True(t, cleaned)
	require.False(t, returned)
	noMoreThan(t, before)
	require.Error(t, New(Options{}).Run(func(env nodes.Env) error { env.Exit(nil); return nil }))
}

// If this failed, tests of crashes on a real machine would test something gentler.
func TestKillUnwindsEveryTask(t *testing.T) {
	before := runtime.NumGoroutine()
	h := New(Options{DataDir: t.TempDir()})
	ready, result := make(chan string, 1), make(chan error, 1)
	unwound, continued := 0, 0
	go func() {
		result <- h.Run(func(env nodes.Env) error {
			l, err := env.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			block := func(name string, f func()) {
				env.Go(name, func() {
					defer func() { recover(); unwound++ }()
					f()
					continued++
				})
			}
			block("sleep", func() { env.Sleep(time.Hour) })
			block("work", func() { env.Work(time.Hour) })
			block("wait", func() { env.NewCond().Wait() })
			block("next", func() { env.Next() })
			block("accept", func() {
				c, err := l.Accept()
				require.NoError(t, err)
				c.Read(make([]byte, 1))
			})
			block("stubborn", func() {
				for {
					func() {
						defer func() { recover() }()
						env.Sleep(time.Millisecond)
					}()
				}
			})
			env.AfterFunc(time.Hour, func() { continued++ })
			_, err = env.FS().Lock("lock")
			require.NoError(t, err)
			ready <- l.Addr().String()
			return env.AwaitStop()
		})
	}()
	address := <-ready
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer c.Close()
	time.Sleep(10 * time.Millisecond)
	h.Kill()
	require.Equal(t, ErrKilled, <-result)
	require.Equal(t, 6, unwound)
	require.Zero(t, continued)
	_, err = c.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "the kernel closed the connection")
	_, err = net.Dial("tcp", address)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	c.Close()
	noMoreThan(t, before)

	// The next life gets the lock that the last one held.
	onHost(t, Options{DataDir: h.options.DataDir}, func(t *testing.T, env nodes.Env) {
		_, err := env.FS().Lock("lock")
		require.NoError(t, err)
	})
	h.Kill() // of a dead host: nothing
	require.Equal(t, ErrKilled, h.Run(nil))
}

// If this failed, SIGTERM would not end a node cleanly.
func TestStop(t *testing.T) {
	h := New(Options{})
	h.Feed(nodes.Request{ID: 1})
	h.Feed(nodes.Request{ID: 2})
	var served []uint64
	require.NoError(t, h.Run(func(env nodes.Env) error {
		client := env.Go("client", func() {
			for {
				request, err := env.Next()
				if err != nil {
					require.ErrorIs(t, err, io.EOF)
					return
				}
				served = append(served, request.ID)
			}
		})
		go h.Stop()
		require.NoError(t, env.AwaitStop())
		require.NoError(t, env.AwaitStop())
		return client.Join()
	}))
	require.Equal(t, []uint64{1, 2}, served)
	h.Stop() // of a dead host: nothing
}

// If this failed, a node that does not heed SIGTERM could never be stopped.
func TestGraceEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	h := New(Options{})
	h.grace = 10 * time.Millisecond
	err := h.Run(func(env nodes.Env) error {
		go h.Stop()
		return env.Sleep(time.Hour)
	})
	require.Equal(t, ErrGrace, err)
	noMoreThan(t, before)
}

// If this failed, a disk that hangs for ever would keep the process from ending.
func TestRunDoesNotWaitForATaskThatCannotBeUnwound(t *testing.T) {
	h := New(Options{})
	h.grace = 10 * time.Millisecond
	hangs := make(chan struct{})
	require.NoError(t, h.Run(func(env nodes.Env) error {
		env.Go("in the kernel", func() { h.do(func() error { <-hangs; return nil }) })
		return env.Sleep(time.Millisecond)
	}))
	close(hangs)
	<-h.gone
}

// If this failed, a node's panic would be swallowed or its place lost.
func TestPanicCrashesTheProcess(t *testing.T) {
	if os.Getenv("OSENV_PANIC") != "" {
		New(Options{}).Run(func(env nodes.Env) error {
			env.Go("careless", func() { env.Sleep(0); carelessFunction() })
			return env.AwaitStop()
		})
		os.Exit(0)
	}
	child := exec.Command(os.Args[0], "-test.run", "^TestPanicCrashesTheProcess$")
	child.Env = append(os.Environ(), "OSENV_PANIC=1")
	out, err := child.CombinedOutput()
	require.Error(t, err, "%s", out)
	require.Contains(t, string(out), "panic: nobody catches this")
	require.Contains(t, string(out), "carelessFunction")
}

//go:noinline
func carelessFunction() { panic("nobody catches this") }

// If this failed, simrun serve would not stop on SIGTERM, or not at all.
func TestServeStopsOnSignals(t *testing.T) {
	if mode := os.Getenv("OSENV_SERVE"); mode != "" {
		err := Serve(context.Background(), New(Options{}), func(env nodes.Env) error {
			os.Stdout.WriteString("ready\n")
			env.AwaitStop()
			os.Stdout.WriteString("stopping\n")
			if mode == "stubborn" {
				env.Sleep(time.Hour)
			}
			return nil
		})
		if err != nil {
			os.Stdout.WriteString(err.Error() + "\n")
		}
		os.Exit(0)
	}
	for mode, want := range map[string]string{"clean": "ready\nstopping\n", "stubborn": "ready\nstopping\nosenv: killed\n"} {
		signals := map[string]int{"clean": 1, "stubborn": 2}[mode]
		child := exec.Command(os.Args[0], "-test.run", "^TestServeStopsOnSignals$")
		child.Env = append(os.Environ(), "OSENV_SERVE="+mode)
		out, err := child.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, child.Start())
		var text strings.Builder
		chunk := make([]byte, 100)
		for {
			n, err := out.Read(chunk)
			text.Write(chunk[:n])
			if err != nil {
				break
			}
			if signals > 0 { // one after each line
				signals--
				require.NoError(t, child.Process.Signal(syscall.SIGTERM))
			}
		}
		require.NoError(t, child.Wait())
		require.Equal(t, want, text.String())
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.NoError(t, Serve(ctx, New(Options{}), func(env nodes.Env) error { return env.AwaitStop() }))
}
