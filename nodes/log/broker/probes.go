package broker

import (
	"time"

	"simrun/nodes"
	"simrun/nodes/probe"
)

// What ought to be reached in some run.
var (
	probes probe.Set

	becameLeader        = probes.Reachable("a broker began to lead a partition")
	steppedDown         = probes.Reachable("a broker leads a partition no more")
	ledUnclean          = probes.Sometimes("a partition was led whose topic allows unclean leaders, by the only replica in sync")
	registered          = probes.Reachable("a broker registered")
	cameBackWithoutTail = probes.Sometimes("a broker came back that cannot say it kept what it had")
	brokerFenced        = probes.Reachable("a silent broker was fenced")
	preferredLead       = probes.Reachable("partitions went back to their preferred leaders")
	tooFewInSync        = probes.Reachable("a produce was refused, for too few were in sync")
	producedLate        = probes.Reachable("a produce was not committed in time")
	repeatedBatch       = probes.Sometimes("a batch came twice, and is there once")
	longPoll            = probes.Reachable("a fetch waited for records")
	watermarkBehind     = probes.Reachable("a new leader did not know yet what is committed")
	strangeFollower     = probes.Reachable("somebody fetched as a follower who is none")
	partedWays          = probes.Reachable("a leader told a follower where their logs part")
	truncated           = probes.Reachable("a follower cut off what its leader does not have")
	begunAnew           = probes.Reachable("a follower began anew where its leader's log begins")
	outOfSync           = probes.Reachable("a follower lagged, and is out of the in-sync set")
	cameIntoSync        = probes.Sometimes("a follower caught up, and was proposed for the in-sync set")
	alterRefused        = probes.Reachable("another in-sync set was refused")
	coordinates         = probes.Reachable("a coordinator has read what stands in its partition")
	notCoordinator      = probes.Reachable("a broker was asked for a group that it does not coordinate")
	abortMarked         = probes.Sometimes("a transaction was marked as aborted")
	damageFound         = probes.Reachable("a log was found damaged, and put aside")
	logErased           = probes.Reachable("a log was erased, for its topic is no more")
	outlived            = probes.Reachable("a broker asked another for what only an earlier life of it had heard")
	reconfigured        = probes.Reachable("a topic was configured otherwise while its partitions were in use")
	compacted           = probes.Reachable("a log was compacted by key")
	tooNew              = probes.Reachable("a client was told which versions are spoken, for its own was too new")
	notWelcome          = probes.Reachable("a connection came when there were enough")
	notTheProtocol      = probes.Sometimes("a peer did not speak the protocol")
	idleClosed          = probes.Sometimes("an idle connection was closed")
	noMemoryToFetch     = probes.Reachable("a consumer got no records for want of memory")
	peerDeaf            = probes.Reachable("a peer was closed that does not read")

	leadersHaveAll = probes.Always("who leads a partition has all that was committed in it")
	answersFit     = probes.Always("what a leader answers a follower goes on where that one's log ends")

	committed = &probe.Horizon{Of: "offsets below which a partition is committed"}
)

// points are where the fault `buggify` makes a broker take a path that is rarer, and as right.
var points = []string{slowRequest, slowAlter, smallWrites}

const (
	slowRequest = "broker.slow-request" // time passes between a request's arrival and its handling
	slowAlter   = "broker.slow-alter"   // time passes before another in-sync set is asked for
	smallWrites = "broker.small-writes" // answers leave in two pieces
)

// lulls are how long something takes that need not take any time.
var lulls = nodes.Spread{Lo: 50 * time.Microsecond, Hi: 20 * time.Millisecond}

// dawdle lets a lull pass at the point.
func (b *broker) dawdle(point string) {
	if b.env.Point(point) {
		_ = b.env.Sleep(lulls.Pick(b.env.Rand())) // cancelled or not: the next call meets the same
	}
}
