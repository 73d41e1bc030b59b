package sim

import (
	"fmt"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
)

// Finding is something that is wrong whatever the claims say.
type Finding struct {
	Kind  string // "node panic", "broken invariant", "livelock", "stuck task"
	Host  string
	Task  string
	At    time.Duration
	What  string
	Stack string
}

func (w *World) find(f Finding) {
	f.At, f.Stack = w.now, steady(f.Stack)
	w.findings = append(w.findings, f)
	if w.trace.recording {
		w.record(f.Host, "finding", "", f.Kind+": "+f.What, 0)
	}
}

// address is what a stack has that is another in each run: where arguments lie, and the numbers of goroutines.
var address = regexp.MustCompile(`0x[0-9a-f]+\??|\bgoroutine \d+`)

// steady is a stack without what differs between runs that are one: a finding is part of a run's result.
func steady(stack string) string {
	var b strings.Builder
	for line := range strings.Lines(stack) {
		if !strings.HasPrefix(line, "\t") { // FILE:LINE +OFFSET is the program's
			line = address.ReplaceAllStringFunc(line, func(found string) string {
				if strings.HasPrefix(found, "goroutine") {
					return "goroutine"
				}
				return "_"
			})
		}
		b.WriteString(line)
	}
	return b.String()
}

// findPanic records a panic of a node. The process dies of it, as a real one would.
func (w *World) findPanic(t *task, reason, stack string) {
	w.trace.note(uint64(t.id), uint64(len(reason)))
	w.find(Finding{Kind: "node panic", Host: t.life.host.Name, Task: t.name, What: reason, Stack: stack})
	if !t.life.dead {
		w.doomed = append(w.doomed, doom{t.life, "panic", fmt.Errorf("panic: %s", reason)})
	}
}

// findBroken records that a node's probe.Always did not hold. The node goes on.
func (w *World) findBroken(host, what string) {
	f := Finding{Kind: "broken invariant", Host: host, What: what, Stack: string(debug.Stack())}
	if w.running != nil {
		f.Task = w.running.name
	}
	w.find(f)
}

// findLivelock records that time does not pass any more, and ends the run.
func (w *World) findLivelock(t *task) {
	f := Finding{Kind: "livelock", What: fmt.Sprintf("%d steps at one instant", w.livelock)}
	if t != nil {
		f.Host, f.Task = t.life.host.Name, t.name
		if t.co != nil { // else it has ended, and tasks that end at once follow each other
			f.Stack = stackOf(t)
		}
	}
	w.find(f)
	w.over = true
}

// progress is what a watchdog can see of a world from another goroutine.
type progress struct {
	steps     atomic.Uint64
	running   atomic.Pointer[task] // the task that was resumed last
	abandoned atomic.Bool
	finding   Finding // of an abandoned world; written by whoever abandoned it
}

// tick publishes that the world goes on, now and then. It says no once the world is abandoned.
func (p *progress) tick(steps uint64) bool {
	if steps%64 != 0 {
		return true
	}
	p.steps.Store(steps)
	return !p.abandoned.Load()
}

// Run lets the world go on until the given time since its start. It returns early if the world has
// come to an end: a livelock, or a task that does not give way. Such a task cannot be unwound; its world
// is abandoned with the goroutine that it runs on, and the finding carries the task's stack.
func (w *World) Run(until time.Duration) {
	if w.Abandoned() || w.over {
		return
	}
	patience := w.options.Stuck
	if patience == 0 {
		patience = 10 * time.Second
	}
	ended := make(chan any, 1)
	go func() {
		var failure any = errGoexit
		defer func() {
			if r := recover(); r != nil {
				failure = r
			}
			ended <- failure
		}()
		w.advance(until)
		failure = nil
	}()
	watch := time.NewTimer(patience)
	defer watch.Stop()
	seen := w.progress.steps.Load()
	for {
		select {
		case failure := <-ended:
			w.passOn(failure)
			return
		case <-watch.C:
			if steps := w.progress.steps.Load(); steps != seen {
				seen = steps
				watch.Reset(patience)
				continue
			}
			w.abandon(patience)
			return
		}
	}
}

// errGoexit says that the loop was ended by runtime.Goexit from inside a task, as t.FailNow does.
var errGoexit = fmt.Errorf("sim: a task called runtime.Goexit")

// passOn lets a panic or a Goexit of the loop's goroutine go on in the caller's.
func (w *World) passOn(failure any) {
	switch failure {
	case nil:
	case errGoexit:
		runtime.Goexit()
	default:
		panic(failure)
	}
}

// abandon gives up a world whose running task spins or waits for something foreign. The task may come back
// to life at any time, so nothing of the world may be looked at any more but the finding.
func (w *World) abandon(patience time.Duration) {
	f := Finding{Kind: "stuck task", What: fmt.Sprintf("a task did not give way for %v of wall time", patience)}
	if t := w.progress.running.Load(); t != nil {
		f.Host, f.Task, f.At, f.Stack = t.life.host.Name, t.name, t.resumed, stackOf(t)
	}
	w.progress.finding = f
	w.progress.abandoned.Store(true)
}

// Abandoned says whether a task of the world never gave way. Of such a world only Findings may be asked.
func (w *World) Abandoned() bool { return w.progress.abandoned.Load() }

// Findings are what went wrong without any claim asking.
func (w *World) Findings() []Finding {
	if w.Abandoned() {
		return []Finding{w.progress.finding}
	}
	return w.findings
}

// stackOf is the stack of a task, found among all goroutines by its coroutine's number.
func stackOf(t *task) string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for _, g := range strings.Split(string(buf), "\n\n") {
		if strings.HasPrefix(g, t.co.goroutine+" ") {
			return g
		}
	}
	return ""
}
