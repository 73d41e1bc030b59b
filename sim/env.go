package sim

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"simrun/nodes"
)

// env is what one life of a process may touch: nodes.Env in the simulated world.
type env struct {
	life     *life
	rand     *rand.Rand
	log      *slog.Logger
	recorder nodes.Recorder
	fs       nodes.FS
}

var _ nodes.Env = (*env)(nil)

func newEnv(l *life) *env {
	h := l.host
	w := h.world
	stream := w.options.Seed.Stream("rand", h.Name)
	stream = stream.Numbered(h.lives)
	return &env{life: l, rand: stream.Rand(), log: slog.New(&logHandler{life: l}), recorder: w.log.For(h.Name, &l.dead)}
}

func (e *env) Host() string { return e.life.host.Name }

func (e *env) Now() time.Time {
	h := e.life.host
	h.readings++
	return h.clock.Wall(h.world.now)
}

func (e *env) Mark() nodes.Instant {
	h := e.life.host
	h.readings++
	return h.clock.Mono(h.world.now)
}

func (e *env) Sleep(d time.Duration) error {
	t := e.life.current()
	if err := t.interrupted(); err != nil {
		return err
	}
	e.life.host.readings++
	t.await(e.life.arm(d, t))
	return t.interrupted()
}

func (e *env) AfterFunc(d time.Duration, f func()) nodes.Timer {
	a := &afterFunc{life: e.life, f: f}
	if !e.life.dead {
		a.id = e.life.arm(d, a)
	}
	return a
}

func (e *env) Go(name string, f func()) nodes.Task {
	if e.life.dead {
		return &task{life: e.life, done: true}
	}
	return e.life.start(name, f)
}

func (e *env) NewCond() nodes.Cond { return &cond{life: e.life} }

func (e *env) Rand() *rand.Rand { return e.rand }

func (e *env) Log() *slog.Logger { return e.log }

// Work takes the core that is free first. A slower CPU takes longer, and it is by true time: a
// computation does not look at the clock.
func (e *env) Work(d time.Duration) error {
	t := e.life.current()
	h := e.life.host
	if err := t.interrupted(); err != nil {
		return err
	}
	h.worked++
	took := d
	for _, drag := range h.drags {
		took = drag.slowed(took)
	}
	core := 0
	for i := range h.cores {
		if h.cores[i] < h.cores[core] {
			core = i
		}
	}
	h.cores[core] = max(h.cores[core], h.world.now) + took
	t.until(h.cores[core])
	return t.interrupted()
}

func (e *env) Exit(reason error) {
	t := e.life.current()
	w := e.life.host.world
	w.doomed = append(w.doomed, doom{e.life, "exit", reason})
	for {
		t.park()
	}
}

func (e *env) AwaitStop() error {
	t := e.life.current()
	for !e.life.stopping {
		if err := e.life.stopped.Wait(); err != nil {
			return err
		}
	}
	return t.interrupted()
}

func (e *env) Record() nodes.Recorder { return e.recorder }

// Point says whether a fault makes the node take the rarer path at the point.
func (e *env) Point(name string) bool {
	h := e.life.host
	return len(h.quirks) > 0 && !e.life.dead && h.quirky(name)
}
