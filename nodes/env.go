// Package nodes answers what a node may touch: the Env, and nothing else.
//
// A node that keeps to Env runs the same in a simulated world and on a real machine. It is ordinary
// blocking Go: Accept in a loop, a task for each connection, bufio over net.Conn, Sleep, Sync. It says
// env.Go(name, f) where other code says go f().
//
// Tasks are cooperative. One task of a host runs at a time; it gives way only inside a blocking call of
// Env (Read, Write, Accept, Dial, Sleep, Work, Join, every file call, every Wait). Between two such calls a
// node's state is its own: it needs no mutex and no channel, and it may hold no lock across one. Signal,
// Broadcast, Close, Go, AfterFunc, Stop, Cancel and everything of Recorder never give way.
package nodes

import (
	"log/slog"
	"math/rand/v2"
	"net"
	"time"
)

// Env is all that a node may touch.
//
// Errors are those of the real world, so that errors.Is works: *net.OpError holding ECONNREFUSED,
// ECONNRESET, EPIPE, ETIMEDOUT, EHOSTUNREACH, EADDRINUSE, EADDRNOTAVAIL or EMFILE; os.ErrDeadlineExceeded;
// net.ErrClosed; io.EOF; *fs.PathError with ENOENT, ENOSPC, EIO and their like. A blocking call of a
// cancelled task returns context.Canceled.
type Env interface {
	// Host is the name of this machine, as a scenario or --name gives it.
	Host() string
	// Now is this host's wall clock: skewed, drifting, stepped. It carries no monotonic reading.
	Now() time.Time
	// Mark is this host's monotonic clock: it drifts, never steps, and starts anew at boot.
	Mark() Instant
	// Sleep gives way for d by the monotonic clock. It returns context.Canceled if the task is cancelled.
	Sleep(d time.Duration) error
	// AfterFunc runs f in a task of its own after d. After Timer.Stop has returned true, f never starts.
	AfterFunc(d time.Duration, f func()) Timer
	// Go starts a task. The name is for people: it stands in traces and stacks.
	Go(name string, f func()) Task
	// NewCond makes a condition for tasks of this host to wait on.
	NewCond() Cond
	// Listen accepts network "tcp" and an address such as ":4730". Port 0 picks a free one.
	Listen(network, address string) (net.Listener, error)
	// Dial connects to "host:port", where host is a name of the scenario (or of --peers). A timeout of
	// zero leaves it to the kernel, which gives up a silent peer after about two minutes. Connections
	// have CloseWrite() error besides the methods of net.Conn.
	Dial(network, address string, timeout time.Duration) (net.Conn, error)
	// ListenPacket accepts network "udp".
	ListenPacket(network, address string) (net.PacketConn, error)
	// FS is this host's disk.
	FS() FS
	// Rand is this host's own stream of randomness.
	Rand() *rand.Rand
	// Log is the node's log; records carry this host's own time.
	Log() *slog.Logger
	// Work occupies one core of this host for d, as a computation of that length would.
	Work(d time.Duration) error
	// Exit stops the whole process as a failed one; it does not return. It is no finding: the restart
	// policy of the host applies.
	Exit(reason error)
	// AwaitStop blocks until the process is asked to stop (SIGTERM), then returns nil. The process ends
	// when Main returns, or after its grace (10 s) as by kill -9.
	AwaitStop() error
	// Next gives a client its next request of the workload. It returns io.EOF once no more will come.
	Next() (Request, error)
	// Record is where a node says what it did, for checkers and reports.
	Record() Recorder
	// Point is a named place where the fault `buggify` may make the node take a path that is rarer, and as right: a smaller
	// batch, an earlier retry, a moment's delay. It is false on real machines, and costs nothing there.
	Point(name string) bool
}

// Instant is a reading of a host's monotonic clock: nanoseconds since boot.
type Instant int64

// Sub is the time that passed from j to i.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i - j) }

// Add is the instant d after i.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// Timer is a call that is to come.
type Timer interface {
	// Stop prevents the call and says whether it did.
	Stop() bool
}

// Task is a running piece of a node.
type Task interface {
	// Join waits for the task's end. It returns context.Canceled if the waiting task is cancelled.
	Join() error
	// Cancel makes the task's blocking call, and every later one, return context.Canceled.
	Cancel()
}

// Cond is a condition to wait for. Its rules are Mesa's: a woken task looks again, in a loop.
type Cond interface {
	// Wait gives way until Signal or Broadcast. It returns context.Canceled if the task is cancelled.
	Wait() error
	// WaitFor is Wait for at most d; it says whether it was signalled. A cancelled task gets false.
	WaitFor(d time.Duration) bool
	// Signal wakes one waiting task, if any.
	Signal()
	// Broadcast wakes all waiting tasks.
	Broadcast()
}

// HalfCloser is what a stream can do besides net.Conn: end its own direction and go on reading.
type HalfCloser interface {
	CloseWrite() error
}
