// Package sim answers what happens in a world: a set of simulated machines on which real node code runs,
// and in which one seed decides everything that the machines, the network, the disks, the clocks and the
// power do.
//
// A run is a pure function of (binary, what was built, seed). Nodes run as tasks: coroutines that give way
// only inside blocking calls of nodes.Env. One event happens at a time; nothing of the Go scheduler is
// left in a run, so worlds run side by side in one process.
package sim

import (
	"fmt"
	"time"

	"simrun/netmodel"
	"simrun/nodes/history"
	"simrun/nodes/probe"
	"simrun/sim/disk"
	"simrun/sim/luck"
)

// Options of a world. The zero value is a world of seed 0 that records nothing.
type Options struct {
	Seed luck.Seed
	// Record keeps every event as a Line, for a run that is looked at.
	Record bool
	// Lines, if not 0, is how many lines about packets, disks, notes, states and logs are kept at most, from the beginning.
	// Those about what struck are always kept.
	Lines int
	// Closely are steps of which, with Record, all is a line that the hash knows of: which task goes on, which
	// timer rings, what is written. It is for finding the step in which two runs part.
	Closely Steps
	// Livelock is how many steps at one instant are a finding; 0 means a million.
	Livelock int
	// Stuck is after how much wall time a task that does not give way is a finding, and its world is
	// abandoned; 0 means 10 s. It is the one place where the wall clock is read.
	Stuck time.Duration
}

// World is a set of machines and what joins them. It is not safe for concurrent use.
type World struct {
	options Options
	now     time.Duration
	queue   queue
	trace   trace
	ties    luck.Stream
	pick    luck.Stream
	net     *netmodel.Network
	log     *history.Log

	hosts     []*Host
	byName    map[string]*Host
	suppliers []*Supplier
	sites     []*Site

	ready       []*task
	running     *task
	doomed      []doom
	idle        []*coroutine
	lastTask    uint32
	timers      []timer
	spareTimers []timerID
	calls       []func()
	spareCalls  []uint32

	burst, livelock int // steps at this instant, and how many are too many
	findings        []Finding
	moment          func(host *Host, name string)
	entered         func(host *Host, f probe.Fingerprint)
	over            bool
	progress        progress
}

// New makes an empty world.
func New(options Options) *World {
	w := &World{
		options:  options,
		ties:     options.Seed.Stream("ties"),
		pick:     options.Seed.Stream("pick"),
		byName:   map[string]*Host{},
		timers:   make([]timer, 1), // slot 0 stands for no timer
		livelock: options.Livelock,
	}
	if w.livelock == 0 {
		w.livelock = 1_000_000
	}
	w.trace.recording, w.trace.most = options.Record, options.Lines
	if options.Record {
		w.trace.closely = options.Closely
	}
	w.log = history.NewLog(w.Now)
	w.log.KeepNotes = options.Record
	w.log.Moment = w.noted
	w.log.Broken = w.findBroken
	w.log.Entered = w.enteredState
	if options.Record {
		w.log.Stated = func(host, line string) {
			if w.trace.wants() {
				w.record(host, "state", "", line, 0)
			}
		}
	}
	w.net = netmodel.New((*ether)(w), options.Seed)
	if options.Record {
		w.net.Observer = (*wiretap)(w)
	}
	return w
}

// Now is the true time since the start of the world.
func (w *World) Now() time.Duration { return w.now }

// Seed is the world's seed. Who builds a world draws from streams of it, by names of its own.
func (w *World) Seed() luck.Seed { return w.options.Seed }

// Hash is the hash of everything that happened so far.
func (w *World) Hash() Hash { return w.trace.hash }

// Steps is how many events and task switches there were so far.
func (w *World) Steps() uint64 { return w.trace.steps }

// Checkpoints are the hashes after every Stretch of steps.
func (w *World) Checkpoints() []Hash { return w.trace.checkpoints }

// Lines is the event log, if the world records one.
func (w *World) Lines() []Line { return w.trace.lines }

// LeftOut is how many lines are missing from the event log, because Options.Lines let it keep no more.
func (w *World) LeftOut() uint64 { return w.trace.left }

// Network is what joins the hosts.
func (w *World) Network() *netmodel.Network { return w.net }

// Log is where the hosts record what they did.
func (w *World) Log() *history.Log { return w.log }

// Host is the host of that name, or nil.
func (w *World) Host(name string) *Host { return w.byName[name] }

// Hosts are all hosts, in the order in which they were added.
func (w *World) Hosts() []*Host { return w.hosts }

// OnMoment calls f at every moment of the protocol: the notes of nodes, and "sync-begin", "sync-end" and
// "rename" of their disks. f may schedule, and look; it must not stop a host at once.
func (w *World) OnMoment(f func(host *Host, name string)) { w.moment = f }

// OnState calls f whenever a node says in which state of its protocol it is from now on. f may look and nothing else.
func (w *World) OnState(f func(host *Host, state probe.Fingerprint)) { w.entered = f }

func (w *World) enteredState(host string, f probe.Fingerprint) {
	if w.entered != nil {
		w.entered(w.byName[host], f)
	}
}

func (w *World) noted(host, name string) {
	if w.trace.wants() {
		w.record(host, "note", "", name, 0)
	}
	if w.moment == nil {
		return
	}
	if t := w.running; t != nil && t.life.host.Name == host { // as nearly always: who runs speaks of itself
		w.moment(t.life.host, name)
		return
	}
	w.moment(w.byName[host], name)
}

// Mark folds something that was done to the world into the trace, and records it.
func (w *World) Mark(kind, what string, n uint64) {
	w.trace.note(n, uint64(len(what)))
	if w.trace.recording {
		w.record("", kind, "", what, 0)
	}
}

// reach tells of a moment of a host's disk.
func (w *World) reach(h *Host, moment string, o *disk.Op) {
	if w.trace.wants() {
		w.record(h.Name, "disk", "", moment+" "+o.Name, 0)
	}
	if w.moment != nil {
		w.moment(h, moment)
	}
}

// eventKind is what an event is about. Kinds from evNet on are the network's own.
type eventKind uint8

const (
	evTimer eventKind = iota
	evCall
	evNet
)

// stepResume is folded for a task's switch, in the place of an event's kind.
const stepResume = 1 << 40

func (w *World) schedule(at time.Duration, kind eventKind, id uint32, arg uint64) {
	tie := w.ties.Uint64()
	w.queue.push(event{at: at, order: tie, kind: kind, id: id, arg: arg})
}

// At calls f at a time that is not in the past, outside of any task. It is for faults and workloads.
func (w *World) At(at time.Duration, f func()) {
	var id uint32
	if n := len(w.spareCalls); n > 0 {
		id = w.spareCalls[n-1]
		w.spareCalls = w.spareCalls[:n-1]
		w.calls[id] = f
	} else {
		id = uint32(len(w.calls))
		w.calls = append(w.calls, f)
	}
	w.schedule(max(at, w.now), evCall, id, 0)
}

// advance lets the world go on until a time, unless it comes to an end before.
func (w *World) advance(until time.Duration) {
	w.drain()
	for !w.over {
		if !w.next(until) {
			if w.now < until {
				w.now, w.burst = until, 0
			}
			return
		}
		w.drain()
	}
}

// next makes the next event happen, unless there is none until then or the world is given up.
func (w *World) next(until time.Duration) bool {
	e, ok := w.queue.pop(until)
	if !ok || !w.progress.tick(w.trace.steps) {
		return false
	}
	if e.at != w.now {
		w.now, w.burst = e.at, 0
	}
	if w.burst++; w.burst > w.livelock {
		w.findLivelock(nil)
		return true
	}
	w.trace.step(e.at, uint64(e.kind)<<32|uint64(e.id), e.arg)
	if w.trace.close() {
		w.recordEvent(e)
	}
	w.happen(e)
	return true
}

func (w *World) happen(e event) {
	switch e.kind {
	case evTimer:
		w.fireTimer(timerID(e.id), e.arg)
	case evCall:
		f := w.calls[e.id]
		w.calls[e.id] = nil
		w.spareCalls = append(w.spareCalls, e.id)
		f()
	default:
		w.net.Handle(netmodel.Event{Kind: uint8(e.kind - evNet), ID: e.id, Arg: e.arg})
	}
}

// Close ends the world: every task is unwound, and no goroutine and no memory is left of it. The history
// stays. A world that was abandoned cannot be closed and is left to its fate.
func (w *World) Close() {
	if w.Abandoned() {
		return
	}
	w.over = true
	for _, h := range w.hosts {
		if h.life != nil {
			h.endLife(h.life)
		}
	}
	for _, c := range w.idle {
		c.stop()
	}
	w.idle, w.ready, w.doomed = nil, nil, nil
	w.queue = queue{}
	w.timers, w.calls = nil, nil
}

// ether is the world as the network sees it.
type ether World

func (e *ether) Now() time.Duration { return e.now }

func (e *ether) Schedule(at time.Duration, n netmodel.Event) {
	(*World)(e).schedule(at, evNet+eventKind(n.Kind), n.ID, n.Arg)
}

// String is the world in one line.
func (w *World) String() string {
	return fmt.Sprintf("world %016x at %v: %d hosts, %d steps, hash %s",
		uint64(w.options.Seed), w.now, len(w.hosts), w.trace.steps, w.trace.hash)
}
