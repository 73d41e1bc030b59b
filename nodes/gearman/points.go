package gearman

import (
	"time"

	"simrun/nodes"
)

// Where the fault `buggify` makes a server, a worker or a client take a path that is rarer, and as right.
var (
	serverPoints = []string{slowRequest, slowAccept, slowAssign, slowWake, needlessWake, smallWrites, flushEach, quietStatus, closeIdle}
	workerPoints = []string{slowGrab, slowReport, askAgain, registerAgain, statusFlood, leaveUnbusy}
	clientPoints = []string{slowSubmit, slowRead, retryAtOnce, giveUpEarly, sameServer, dialAnew}
)

const (
	slowRequest  = "server.slow-request"  // time passes between a request's arrival and its handling
	slowAccept   = "server.slow-accept"   // a connection is kept waiting at the door
	slowAssign   = "server.slow-assign"   // time passes between taking a job from its queue and JOB_ASSIGN
	slowWake     = "server.slow-wake"     // the NOOP that wakes a worker is late, and comes in vain if the worker did before
	needlessWake = "server.needless-wake" // a worker that goes to sleep is woken for nothing
	smallWrites  = "server.small-writes"  // answers leave in two pieces
	flushEach    = "server.flush-each"    // answers to requests that came together leave one by one
	quietStatus  = "server.quiet-status"  // a WORK_STATUS that says nothing new is not passed on
	closeIdle    = "server.close-idle"    // a worker's connection is closed while nothing is expected of it
)

const (
	slowGrab      = "worker.slow-grab"      // time passes before the worker asks for a job
	slowReport    = "worker.slow-report"    // time passes between the work and the word that it is done
	askAgain      = "worker.ask-again"      // after a NO_JOB the worker asks once more, and sleeps then
	registerAgain = "worker.register-again" // the worker takes back what it can do and says it anew
	statusFlood   = "worker.status-flood"   // WORK_STATUS again and again, with nothing new
	leaveUnbusy   = "worker.leave"          // the worker hangs up after a NO_JOB, and comes again
)

const (
	slowSubmit  = "client.slow-submit"   // time passes before a job is submitted
	slowRead    = "client.slow-read"     // time passes before an answer is taken
	retryAtOnce = "client.retry-at-once" // no wait before a further attempt
	giveUpEarly = "client.give-up-early" // an attempt that is not the last ends after a tenth of its time
	sameServer  = "client.same-server"   // a further attempt goes to the server that did not answer, if it can be asked
	dialAnew    = "client.dial-anew"     // a connection on which nothing is under way is given up for a new one
)

// lulls are how long something takes that need not take any time.
var lulls = nodes.Spread{Lo: 50 * time.Microsecond, Hi: 20 * time.Millisecond}

// lull is such a time.
func lull(env nodes.Env) time.Duration { return lulls.Pick(env.Rand()) }

// dawdle lets a lull pass at the point.
func dawdle(env nodes.Env, point string) {
	if env.Point(point) {
		_ = env.Sleep(lull(env)) // cancelled or not: the next call meets the same
	}
}
