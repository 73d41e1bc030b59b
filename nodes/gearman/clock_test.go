package gearman

import (
	"net"
	"slices"
	"time"

	"simrun/nodes"
)

// rigEnv is an Env that tells where it listens, and whose timers may wait for a test that lets time pass, so that nothing
// hangs on how fast the machine is. What it does belongs to the host's tasks, as the rest of a server does.
type rigEnv struct {
	nodes.Env
	byHand    bool
	moved     time.Duration // how far the clocks are ahead
	pending   []*rigTimer
	listening chan string
	disk      nodes.FS
}

type rigTimer struct {
	env *rigEnv
	due nodes.Instant
	f   func()
}

// Stop takes the timer off the list.
func (t *rigTimer) Stop() bool {
	i := slices.Index(t.env.pending, t)
	if i >= 0 {
		t.env.pending = slices.Delete(t.env.pending, i, i+1)
	}
	return i >= 0
}

func (e *rigEnv) Now() time.Time      { return e.Env.Now().Add(e.moved) }
func (e *rigEnv) Mark() nodes.Instant { return e.Env.Mark().Add(e.moved) }

func (e *rigEnv) AfterFunc(d time.Duration, f func()) nodes.Timer {
	if !e.byHand {
		return e.Env.AfterFunc(d, f)
	}
	t := &rigTimer{e, e.Mark().Add(d), f}
	e.pending = append(e.pending, t)
	return t
}

func (e *rigEnv) Sleep(d time.Duration) error {
	if !e.byHand {
		return e.Env.Sleep(d)
	}
	over, rung := e.NewCond(), false
	t := e.AfterFunc(d, func() { rung = true; over.Broadcast() })
	defer t.Stop()
	for !rung {
		if err := over.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// pass moves the clocks, and rings what is due in its order.
func (e *rigEnv) pass(d time.Duration) {
	until := e.Mark().Add(d)
	for {
		next := -1
		for i, t := range e.pending {
			if t.due <= until && (next < 0 || t.due < e.pending[next].due) {
				next = i
			}
		}
		if next < 0 {
			break
		}
		t := e.pending[next]
		t.Stop()
		e.moved += max(t.due.Sub(e.Mark()), 0)
		_ = e.Go("timer", t.f).Join()
	}
	e.moved += max(until.Sub(e.Mark()), 0)
}

func (e *rigEnv) FS() nodes.FS { return e.disk }
func (e *rigEnv) Listen(network, address string) (net.Listener, error) {
	l, err := e.Env.Listen(network, address)
	if err == nil {
		e.listening <- l.Addr().String()
	}
	return l, err
}
