package primary

import (
	"time"

	"simrun/nodes"
	"simrun/nodes/probe"
)

// Where the fault `buggify` makes a server take a path that is rarer, and as right.
var points = []string{slowStream, loneEntry, loseTurn, loseAck, sendAll}

const (
	slowStream = "primary.slow-stream" // time passes before entries leave for the replicas
	loneEntry  = "primary.lone-entry"  // a message takes one entry, although more wait
	loseTurn   = "primary.lose-turn"   // a message to a replica is not sent
	loseAck    = "primary.lose-ack"    // an acknowledgement is not sent
	sendAll    = "primary.send-all"    // a replica is sent everything, although the backlog would do
)

// lulls are how long something takes that need not take any time.
var lulls = nodes.Spread{Lo: 50 * time.Microsecond, Hi: 20 * time.Millisecond}

// dawdle lets a lull pass at the point.
func dawdle(env nodes.Env, point string) {
	if env.Point(point) {
		_ = env.Sleep(lulls.Pick(env.Rand())) // cancelled or not: the next call meets the same
	}
}

// What ought to be reached in some run, and what must hold in all.
var (
	probes probe.Set

	movedOn           = probes.Reachable("a client was told where the primary is")
	nobodyKnown       = probes.Reachable("a request was refused because no primary is known")
	readOnly          = probes.Reachable("a replica refused what is for the primary")
	nobodyKnows       = probes.Reachable("a client was told that nobody knows whether the primary wrote it")
	tooFew            = probes.Reachable("a write was refused because there were too few replicas")
	tooMuchWaits      = probes.Reachable("a write was refused because too much waits for replicas")
	notReady          = probes.Reachable("a primary did not answer a read, because it may not be the primary any more")
	replicaRead       = probes.Reachable("a replica answered a read")
	tooStale          = probes.Reachable("a replica did not answer a read, because it may be behind by too much")
	behindClient      = probes.Reachable("a replica was behind its client")
	memoryFull        = probes.Reachable("there was no memory for more keys at a primary")
	strangeFrame      = probes.Reachable("a frame between primary and replica could not be read")
	damageFound       = probes.Sometimes("a damaged journal of a primary or a replica was found")
	damageRepaired    = probes.Reachable("a server that had put its damaged journal aside had all of it again")
	tookNoPart        = probes.Reachable("a server that may have forgotten what it promised took no part")
	outlived          = probes.Sometimes("a log outlived its server")
	compacted         = probes.Reachable("a journal of a log was compacted")
	compactedBusy     = probes.Sometimes("a journal of a log was compacted while entries waited to be committed")
	becamePrimary     = probes.Reachable("a server became primary")
	steppedDown       = probes.Reachable("a primary stepped down")
	declined          = probes.Reachable("a server was made primary that could not be it")
	partialResync     = probes.Reachable("a replica went on from the backlog")
	fullResync        = probes.Reachable("a replica was sent everything")
	tooSlow           = probes.Reachable("a replica was too slow for the backlog")
	lostStream        = probes.Sometimes("a replica heard nothing of its primary any more")
	turnMissing       = probes.Reachable("a message of the primary was missing")
	tailDiscarded     = probes.Reachable("a server discarded what the new primary never had")
	snapshotInstalled = probes.Reachable("a replica took over the primary's snapshot")
	caughtUp          = probes.Reachable("a server had again all that it ever said it has")

	epochBegan   = probes.Reachable("the monitors decided on a primary")
	tookOther    = probes.Sometimes("the monitors made another server the primary")
	tookSame     = probes.Sometimes("the monitors made the same server the primary again")
	fencedAnew   = probes.Reachable("a server had promised a later epoch than was asked for")
	waitedLease  = probes.Sometimes("the monitors waited for a lease to run out")
	leaseGranted = probes.Reachable("a primary was granted a lease")

	inOrder       = probes.Always("entries are done once, in order, when they are durable")
	durableExists = probes.Always("nothing is durable that is not in the log")
	oneReigns     = probes.Always("a primary has no lease any more when one of a later epoch has")

	reigns = &probe.Horizon{Of: "epochs whose primary was ready"}
)
