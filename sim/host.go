package sim

import (
	"fmt"
	"time"

	"simrun/clock"
	"simrun/netmodel"
	"simrun/nodes"
	"simrun/nodes/history"
	"simrun/sim/disk"
	"simrun/sim/luck"
)

// HostOptions describe a machine and the process that runs on it.
type HostOptions struct {
	Name string
	Site *Site
	// Node, Kind and Role are what the history calls the host.
	Node, Kind, Role string
	// Main is the process. An error is a fail-stop.
	Main func(env nodes.Env) error
	// Restart is how long after the process has ended by itself, failed or crashed it is started again.
	Restart time.Duration
	// NeverRestart leaves it ended until a fault's end or Start starts it.
	NeverRestart bool
	// Cores is how many computations run at once; 0 means 1.
	Cores int
	// Limits are the network stack's; their zero is Linux's.
	Limits netmodel.Limits
	// Disk is how many bytes the disk holds; 0 means 1 GiB.
	Disk nodes.Bytes
}

// Host is a machine: a network stack, a clock, a disk, and at most one process.
//
// What stops it is counted: the process runs while nothing holds it or the machine down, and the site is
// not dark. Two overlapping faults therefore end when the later one does.
type Host struct {
	HostOptions
	world *World
	id    uint32
	clock *clock.Clock
	disk  *disk.Disk
	stack *netmodel.Stack
	life  *life  // nil while no process runs
	lives uint64 // counts starts of the process

	machineUp         bool
	fed               bool // has power although its site is dark
	processHolds      int
	machineHolds      int
	pauseHolds        int
	machinePauseHolds int
	resting           bool // ended by itself; waits for its restart
	darkness          int  // the line of history.Downs about the site's darkness

	frozen    []*task // ready tasks of a paused process
	delayed   int64   // wakes that a pause delayed, for the ledger
	readings  int64   // readings of the clocks, for the ledger
	worked    int64   // computations, for the ledger
	cores     []time.Duration
	drags     []*drag
	inbox     inbox
	diskWaits []diskWait
	crashes   luck.Stream // what each loss of the page cache leaves
	lost      uint64      // counts those losses
	quirks    []*quirk
}

// life is one life of a process, from its start to its death.
type life struct {
	host     *Host
	env      *env
	process  *disk.Process
	dead     bool
	tasks    []*task
	stopping bool
	stopped  cond
}

// doom is the end of a life that could not come at once, because a task of it was running.
type doom struct {
	life   *life
	why    string
	reason error
}

// AddHost adds a machine. Its process starts when the world goes on.
func (w *World) AddHost(o HostOptions) *Host {
	switch {
	case o.Name == "" || o.Main == nil:
		panic("sim: a host needs a name and a Main")
	case w.byName[o.Name] != nil:
		panic("sim: two hosts are named " + o.Name)
	}
	if o.Site == nil {
		o.Site = w.plainSite()
	}
	if o.Node == "" {
		o.Node = o.Name
	}
	h := &Host{HostOptions: o, world: w, id: uint32(len(w.hosts)), machineUp: true}
	h.cores = make([]time.Duration, max(o.Cores, 1))
	h.clock = clock.New(epoch, w.options.Seed.Stream("clock", o.Name))
	h.disk = disk.New(w.options.Seed.Stream("disk", o.Name), disk.Options{Capacity: o.Disk, Wall: h.clock.Wall})
	h.disk.Changed = h.diskChanged
	h.crashes = w.options.Seed.Stream("crash", o.Name)
	h.stack = w.net.AddStack(o.Name, o.Site.Name, o.Limits)
	w.hosts = append(w.hosts, h)
	w.byName[o.Name] = h
	o.Site.hosts = append(o.Site.hosts, h)
	w.log.Hosts = append(w.log.Hosts, history.Host{Name: o.Name, Node: h.Node, Kind: o.Kind, Role: o.Role,
		Site: o.Site.Name, Supplier: o.Site.Supplier.Name})
	w.At(w.now, func() { h.settle("start") })
	return h
}

// epoch is what a right wall clock shows when a world begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// plainSite is where hosts stand that name no site.
func (w *World) plainSite() *Site {
	if len(w.sites) == 0 {
		w.AddSite("site", w.AddSupplier("supplier"), 0)
	}
	return w.sites[0]
}

// Disk is the host's disk.
func (h *Host) Disk() *disk.Disk { return h.disk }

// Running says whether the host's process runs and is not paused.
func (h *Host) Running() bool { return h.life != nil && !h.paused() }

func (h *Host) paused() bool { return h.pauseHolds+h.machinePauseHolds > 0 }

// settle makes the host what its holds say: the machine first, then its process.
func (h *Host) settle(why string) {
	if h.world.over {
		return
	}
	machine := h.machineHolds == 0 && (!h.Site.dark || h.fed)
	if h.machineUp && !machine {
		h.powerOff(why)
	}
	if !h.machineUp && machine {
		h.boot()
	}
	process := h.machineUp && h.processHolds == 0 && !h.resting
	if h.life == nil && process {
		h.startProcess()
	}
}

func (h *Host) powerOff(why string) {
	if h.life != nil {
		h.endLife(h.life)
	}
	h.machineUp = false
	h.lost++
	lost := h.disk.LoseCache(h.crashes.Numbered(h.lost))
	h.noteLoss(why, lost)
	h.stack.PowerOff()
	if h.world.trace.recording {
		h.world.record(h.Name, "power", "", "dark: "+why, 0)
	}
}

func (h *Host) boot() {
	h.machineUp, h.resting = true, false
	h.clock.Reboot(h.world.now)
	h.stack.Boot()
	if h.world.trace.recording {
		h.world.record(h.Name, "power", "", "boots", 0)
	}
}

func (h *Host) startProcess() {
	w := h.world
	h.lives++
	l := &life{host: h}
	l.stopped.life = l
	l.env = newEnv(l)
	l.openDisk()
	h.life = l
	w.trace.note(uint64(h.id), h.lives)
	if w.trace.recording {
		w.record(h.Name, "process", "", fmt.Sprintf("starts (life %d)", h.lives), 0)
	}
	l.start("main", func() {
		err := h.Main(l.env)
		w.doomed = append(w.doomed, doom{l, "exit", err})
	})
}

// bury ends the lives whose end could not come at once.
func (w *World) bury() {
	doomed := w.doomed
	w.doomed = nil
	for _, d := range doomed {
		h := d.life.host
		if d.life.dead {
			continue
		}
		if w.trace.recording {
			w.record(h.Name, "process", "", fmt.Sprintf("ends: %s %v", d.why, d.reason), 0)
		}
		stopping := d.life.stopping
		h.endProcess()
		if !stopping {
			h.rest(d)
		}
	}
}

// endProcess ends the process as the kernel does: its sockets are closed, its descriptors and locks freed.
func (h *Host) endProcess() {
	process := h.life.process
	h.endLife(h.life)
	process.Exit()
	h.stack.KillProcess()
}

// endLife unwinds every task of a life.
func (h *Host) endLife(l *life) {
	w := h.world
	l.dead = true
	h.life = nil
	for i := 0; i < len(l.tasks); i++ {
		w.unwind(l.tasks[i])
	}
	l.tasks = nil
	w.dropTimers(l)
	keep := w.ready[:0]
	for _, t := range w.ready {
		if t.life != l {
			keep = append(keep, t)
		}
	}
	w.ready = keep
	h.frozen, h.diskWaits = nil, nil
	h.inbox.requests, h.inbox.waiting = nil, nil
	clear(h.cores)
}

// rest leaves a process that ended by itself ended: for as long as its restart policy says if it failed,
// for good if it was done.
func (h *Host) rest(d doom) {
	w := h.world
	h.resting = true
	down := h.goDown(d.why)
	if h.NeverRestart || d.reason == nil {
		return
	}
	lives := h.lives
	w.At(w.now+h.Restart, func() {
		if h.lives == lives && h.resting {
			h.resting = false
			h.comeUp(down)
			h.settle("restart")
		}
	})
}

// Start starts a process that ended by itself without waiting for its restart policy.
func (h *Host) Start() {
	if !h.resting {
		return
	}
	h.resting = false
	for i := range h.world.log.Downs {
		if d := &h.world.log.Downs[i]; d.Host == h.Name && d.To == history.Never && (d.Why == "exit" || d.Why == "panic") {
			d.To = h.world.now
		}
	}
	h.settle("start")
}

// goDown opens a line about why the host does not run, and comeUp closes it.
func (h *Host) goDown(why string) int {
	l := h.world.log
	l.Downs = append(l.Downs, history.Down{Host: h.Name, Why: why, From: h.world.now, To: history.Never})
	return len(l.Downs) - 1
}

func (h *Host) comeUp(down int) { h.world.log.Downs[down].To = h.world.now }

// noteLoss adds what a loss of the page cache cost to the newest line about it.
func (h *Host) noteLoss(why string, lost disk.Loss) {
	downs := h.world.log.Downs
	for i := len(downs) - 1; i >= 0; i-- {
		if downs[i].Host == h.Name && downs[i].From == h.world.now && downs[i].Why == why {
			downs[i].Unsynced += lost.Bytes
			break
		}
	}
	if lost.Bytes > 0 {
		h.world.log.Occurred("died with write unsynced")
		if h.world.trace.recording {
			h.world.record(h.Name, "disk", "", "lost what was not synced", int(lost.Bytes))
		}
	}
}

// String is the host in one line.
func (h *Host) String() string {
	state := "runs"
	switch {
	case !h.machineUp:
		state = "dark"
	case h.life == nil:
		state = "no process"
	case h.paused():
		state = "paused"
	}
	return fmt.Sprintf("%s: %s (life %d, %s on %s)", h.Name, state, h.lives, h.Site.Name, h.Site.Supplier.Name)
}
