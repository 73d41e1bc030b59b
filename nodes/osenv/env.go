package osenv

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"time"

	"simrun/nodes"
)

// env is the host as its node sees it.
type env Host

var _ nodes.Env = (*env)(nil)

func (e *env) h() *Host { return (*Host)(e) }

func (e *env) Host() string { return e.options.Host }

func (e *env) Now() time.Time { return time.Now().Round(0) }

func (e *env) Mark() nodes.Instant { return nodes.Instant(time.Since(e.epoch)) }

func (e *env) Log() *slog.Logger { return e.log }

func (e *env) Rand() *rand.Rand { return e.rand }

func (e *env) Record() nodes.Recorder { return &e.recorder }

func (e *env) Point(string) bool { return false }

// Pid is the number of the process, for nodes that tell it to those who administer them. Simulated machines
// have none to tell, so it is no part of nodes.Env.
func (e *env) Pid() int { return os.Getpid() }

func (e *env) FS() nodes.FS { return (*disk)(e) }

func (e *env) NewCond() nodes.Cond { return &cond{host: e.h()} }

func (e *env) Go(name string, f func()) nodes.Task {
	return e.h().start(name, func(*task) { f() })
}

func (e *env) AfterFunc(d time.Duration, f func()) nodes.Timer { return e.h().afterFunc(d, f) }

func (e *env) Sleep(d time.Duration) error {
	t, err := e.h().running()
	if err != nil {
		return err
	}
	t.park(max(d, 0))
	if t.cancelled {
		return context.Canceled
	}
	return nil
}

// Work computes for d beside the other tasks.
func (e *env) Work(d time.Duration) error {
	t, err := e.h().running()
	if err != nil {
		return err
	}
	t.leave(nil)
	for start := time.Now(); time.Since(start) < d && !t.halt.Load(); {
	}
	if !t.enter() {
		runtime.Goexit()
	}
	if t.cancelled {
		return context.Canceled
	}
	return nil
}

func (e *env) Exit(reason error) {
	if reason == nil {
		reason = errExit
	}
	e.h().die(reason)
	runtime.Goexit()
}

func (e *env) AwaitStop() error {
	for !e.stopping {
		if err := e.stop.Wait(); err != nil {
			return err
		}
	}
	_, err := e.h().running()
	return err
}

func (e *env) Next() (nodes.Request, error) {
	for len(e.requests) == 0 && !e.stopping {
		if err := e.arrival.Wait(); err != nil {
			return nodes.Request{}, err
		}
	}
	if _, err := e.h().running(); err != nil {
		return nodes.Request{}, err
	}
	if len(e.requests) == 0 {
		return nodes.Request{}, io.EOF
	}
	request := e.requests[0]
	e.requests = e.requests[1:]
	return request, nil
}
