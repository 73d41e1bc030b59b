package replica

import (
	"slices"
	"time"

	"simrun/nodes"
	"simrun/nodes/journal"
	"simrun/nodes/link"
	"simrun/nodes/probe"
)

// Points are where the fault `buggify` makes a replica take a path that is rarer, and as right.
var Points = slices.Concat([]string{loneCommand, snapshotNow, tinyChunks, electNow, dropMessage, slowApply, slowSave},
	link.Points, journal.Points)

const (
	loneCommand = "raft.lone-command" // a turn proposes one command, although more wait
	snapshotNow = "raft.snapshot-now" // a snapshot of next to nothing
	tinyChunks  = "raft.tiny-chunks"  // a life that sends its snapshots in pieces of a few bytes
	electNow    = "raft.elect-now"    // an election before its time
	dropMessage = "raft.drop-message" // a message is not sent
	slowApply   = "raft.slow-apply"   // time passes between the commit and the machine
	slowSave    = "raft.slow-save"    // time passes before what is to be kept is written, and everything waits
)

// lulls are how long something takes that need not take any time.
var lulls = nodes.Spread{Lo: 50 * time.Microsecond, Hi: 10 * time.Millisecond}

// dawdle lets a lull pass at the point.
func (r *Replica) dawdle(point string) {
	if r.env.Point(point) {
		_ = r.env.Sleep(lulls.Pick(r.env.Rand())) // cancelled or not: the next call meets the same
	}
}

// Probes are what a replica can reach, and what must hold.
var Probes probe.Set

// Sets are the probes of everything that a replica is made of.
var Sets = []*probe.Set{&Probes, &link.Probes, &journal.Probes}

var (
	becameLeader      = Probes.Reachable("a server became leader")
	steppedDown       = Probes.Reachable("a leader stepped down")
	overwritten       = Probes.Reachable("a command lost its place to another leader's")
	gaveUp            = Probes.Reachable("the fate of a command stayed open")
	snapshotMade      = Probes.Reachable("a snapshot was made")
	snapshotInstalled = Probes.Reachable("a snapshot was installed")
	leaseRead         = Probes.Reachable("a read relied on a lease")
	forwarded         = Probes.Reachable("a request was forwarded to the leader")
	diskBehind        = Probes.Reachable("a log waited for its disk")
	rewritten         = Probes.Reachable("a log was rewritten without a new snapshot")
	notCompacted      = Probes.Reachable("a log could not be compacted")
	damageFound       = Probes.Sometimes("a damaged log was found")
	groupBegun        = Probes.Reachable("a group began")
	asksToJoin        = Probes.Reachable("a server without a log asked to be taken in")
	recalled          = Probes.Reachable("a server with a log was asked back")
	memberJoined      = Probes.Reachable("a member joined")
	memberReplaced    = Probes.Sometimes("a member that lost its disk came back under another ID")
	wouldStrand       = Probes.Reachable("a member was not taken out, because too few of the others answer")
	wouldWait         = Probes.Reachable("leadership was not handed to a server of which nothing was heard lately")
	foreignFrame      = Probes.Reachable("a message was for another group, or for a server that is no more")
	strangeFrame      = Probes.Reachable("a frame could not be read")

	appliedIsCommitted = Probes.Always("what is applied is committed, and what is committed is in the log")
	applyForward       = Probes.Always("entries are applied once, in order")
	termsHaveOneLeader = Probes.Agreed("a term has one leader")
	logsAgree          = Probes.Agreed("an entry that is committed is the same on every server")
	statesAgree        = Probes.Agreed("what snapshots of one index hold is the same on every server")
	leadersKnowAll     = Probes.Always("who is elected has all that was committed before")
	readsSeeAll        = Probes.Always("a read sees all that any server had committed when it was asked")
	leasesSeeAll       = Probes.Always("who has a lease has all that any server has committed")

	committed = &probe.Horizon{Of: "entries that were committed in their own term"}
)
