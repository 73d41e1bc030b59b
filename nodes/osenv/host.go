// Package osenv answers how a node runs for real: its Env on goroutines, sockets and files.
//
// A task is a goroutine that holds its host's lock and gives it up inside blocking calls only. So what is
// atomic in the simulator is atomic here: between two blocking calls a node's state is its own.
package osenv

import (
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"simrun/nodes"
)

// Grace is how long a host that was asked to stop may take: 10 s, as in a simulated world.
const Grace = 10 * time.Second

// What Run returns when the node did not end by itself.
var (
	ErrKilled = errors.New("osenv: killed")
	ErrGrace  = errors.New("osenv: still running after its grace")
	errGoexit = errors.New("osenv: main ended by runtime.Goexit")
	errExit   = errors.New("osenv: exit without a reason")
)

// Options says what machine a node runs on. The zero Options is a host without a name and without a disk.
type Options struct {
	// Host is the machine's name.
	Host string
	// DataDir is the root of the node's disk; nothing outside it can be reached. It is created where it is
	// missing. Without one every file call fails.
	DataDir string
	// Peers says where names are: "gearman-b" to "10.0.0.7:4731", or to "10.0.0.7" where the port is to stay as
	// dialled. A key may carry a port too ("gearman-b:4730"), which then goes first. Dial, Listen and
	// datagrams look here; other names are left to the resolver.
	Peers map[string]string
	// Log is the node's log; slog.Default() if nil.
	Log *slog.Logger
	// Seed makes Env.Rand a chosen stream; zero takes one from the system's entropy.
	Seed uint64
	// History, if not nil, is written the history of operations, in the form of package nodes/history/jepsen.
	History io.Writer
	// Epoch is when the run began, from which history counts its times; the time of New if zero.
	Epoch time.Time
	// Epsilon is how far the wall clocks of the machines of a run, which share its Epoch, may be off each other. The
	// history says so, and whoever reads it makes allowance.
	Epsilon time.Duration
}

// Host is one life of a node on this machine.
//
// Invariants: current is the task that holds mu, and changes with it. Once dead is true, no task leaves
// a blocking call any more: each is unwound by runtime.Goexit, its deferred functions still
// under the lock. Everything in open has been closed by then.
type Host struct {
	options  Options
	epoch    time.Time
	grace    time.Duration
	log      *slog.Logger
	rand     *rand.Rand
	recorder recorder
	root     *os.Root
	rootErr  error

	mu       sync.Mutex
	current  *task
	tasks    map[*task]struct{}
	open     map[io.Closer]struct{} // listeners, connections, files, timers: what dies with the process
	stopping bool
	stop     cond // of AwaitStop
	requests []nodes.Request
	arrival  cond // of Next
	dead     bool
	reason   error // what Run returns, once dead

	ended chan struct{} // closed with dead
	gone  chan struct{} // closed once the last task of a dead host is unwound
}

// New makes a host; Run starts it.
func New(options Options) *Host {
	h := &Host{options: options, epoch: options.Epoch, grace: Grace, log: options.Log,
		tasks: map[*task]struct{}{}, open: map[io.Closer]struct{}{},
		ended: make(chan struct{}), gone: make(chan struct{})}
	if h.epoch.IsZero() {
		h.epoch = time.Now()
	}
	if h.log == nil {
		h.log = slog.Default()
	}
	h.rand = newRand(options.Seed)
	h.recorder.host = h
	h.stop.host, h.arrival.host = h, h
	h.rootErr = ErrNoDataDir
	if options.DataDir != "" {
		if h.rootErr = os.MkdirAll(options.DataDir, 0o755); h.rootErr == nil {
			h.root, h.rootErr = os.OpenRoot(options.DataDir)
		}
	}
	return h
}

func newRand(seed uint64) *rand.Rand {
	var key [32]byte
	if seed == 0 {
		crand.Read(key[:]) // never fails
	} else {
		binary.LittleEndian.PutUint64(key[:], seed)
	}
	return rand.New(rand.NewChaCha8(key))
}

// Env is what the node may touch. Only the host's own tasks may use it.
func (h *Host) Env() nodes.Env { return (*env)(h) }

// Run runs a node until its main returns, and returns what it returned; or the reason that it gave to
// Env.Exit, or ErrKilled, or ErrGrace. When Run returns, the node's sockets and files are closed and its tasks
// are unwound. A panic of a task is left to crash the process, as Go does. A host runs once.
func (h *Host) Run(main func(nodes.Env) error) error {
	if h.options.DataDir != "" && h.rootErr != nil {
		h.Kill()
		return h.rootErr
	}
	h.mu.Lock()
	if !h.dead {
		h.start("main", func(t *task) {
			result := errGoexit
			defer func() { h.die(result) }()
			result = main(h.Env())
		})
	}
	h.mu.Unlock()
	<-h.ended
	select {
	case <-h.gone:
	case <-time.After(h.grace): // a disk that hangs must not hold up the end of the process
	}
	return h.reason
}

// Stop asks the node to stop, as SIGTERM does: AwaitStop returns. A node that still runs ten seconds
// later is killed.
func (h *Host) Stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stopping || h.dead {
		return
	}
	h.stopping = true
	h.stop.Broadcast()
	h.arrival.Broadcast()
	grace := time.AfterFunc(h.grace, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.die(ErrGrace)
	})
	h.open[&timer{host: h, real: grace}] = struct{}{}
}

// Kill ends the node as kill -9 does: its sockets and files are closed by no doing of its own, and none of its tasks
// runs on. It waits until a system call that is under way has ended. It is not for the host's own tasks: they have Exit.
func (h *Host) Kill() {
	h.mu.Lock()
	h.die(ErrKilled)
	h.mu.Unlock()
	<-h.gone
}

// Feed gives the node a request, which Env.Next returns. After Stop, Next ends once all are taken.
func (h *Host) Feed(request nodes.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = append(h.requests, request)
	h.arrival.Signal()
}

// State is the last line that the node said of itself.
func (h *Host) State() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.recorder.state
}

// die is the end of the process. The lock is held.
func (h *Host) die(reason error) {
	if h.dead {
		return
	}
	h.dead, h.reason = true, reason
	for c := range h.open {
		c.Close()
	}
	clear(h.open)
	for t := range h.tasks {
		t.interrupt()
	}
	if h.root != nil {
		h.root.Close()
	}
	close(h.ended)
	if len(h.tasks) == 0 {
		close(h.gone)
	}
}

// adopt makes c die with the host. The lock is held.
func (h *Host) adopt(c io.Closer) {
	if h.dead {
		c.Close()
		return
	}
	h.open[c] = struct{}{}
}
