package gearman

import "simrun/nodes/probe"

// What ought to be reached in some run, and what must hold in all, by kind of node.
var (
	serverProbes probe.Set

	coalesced      = serverProbes.Reachable("submissions coalesced")
	promoted       = serverProbes.Reachable("a foreground job became a background job")
	workerLost     = serverProbes.Reachable("a worker was lost with a job")
	sentToTheEnd   = serverProbes.Reachable("a job that lost two workers went to the end of its queue")
	lostUnheard    = serverProbes.Reachable("a job that nobody waited for was lost with its worker")
	timeRanOut     = serverProbes.Reachable("a job's time ran out")
	retriesRanOut  = serverProbes.Reachable("a job's retries ran out")
	exhaustedOnce  = serverProbes.Reachable("a job's retries had run out in an earlier life")
	epochCame      = serverProbes.Reachable("a job's epoch came")
	droppedWithout = serverProbes.Reachable("a job was dropped with its last client")
	lateReport     = serverProbes.Reachable("a worker reported of a job that was no longer its own")
	lateAssignment = serverProbes.Reachable("a worker was gone before its job was handed over")
	wokenInVain    = serverProbes.Reachable("a woken worker did not come")
	wokenAtOnce    = serverProbes.Reachable("a job came between NO_JOB and PRE_SLEEP")
	abilitiesReset = serverProbes.Reachable("a worker withdrew what it can do while it was awaited")
	queueFull      = serverProbes.Reachable("a queue was full")
	storeFull      = serverProbes.Reachable("the store was full")
	notKept        = serverProbes.Reachable("a job could not be kept")
	endNotKept     = serverProbes.Reachable("the end of a job could not be kept at once")
	waitedInTurn   = serverProbes.Reachable("a request waited for the answers before it")
	waitedForDisk  = serverProbes.Reachable("a submission waited for the disk")
	compacted      = serverProbes.Reachable("the journal was compacted")
	outlived       = serverProbes.Reachable("jobs outlived a server")
	damageRefused  = serverProbes.Sometimes("a damaged journal was refused")
	cancelled      = serverProbes.Reachable("a job was cancelled")
	drainedEmpty   = serverProbes.Reachable("a server ended gracefully")
	notWelcome     = serverProbes.Reachable("a connection was refused")
	idleClosed     = serverProbes.Reachable("a silent connection was closed")
	peerDeaf       = serverProbes.Reachable("closed a peer that does not read")

	handlesAreNew   = serverProbes.Always("no handle is given twice")
	ranByOne        = serverProbes.Always("a job that is handed out was with no worker")
	nobodyLies      = serverProbes.Always("no job lies beside a worker that sleeps")
	totalsAgree     = serverProbes.Always("no more jobs run than there are")
	toldWhenDurable = serverProbes.Always("a background job is acknowledged when its record is durable")
	leftWithNothing = serverProbes.Always("a session that is over has no jobs")
)

var (
	workerProbes probe.Set

	lateResult     = workerProbes.Reachable("a worker's result came too late")
	withdrawn      = workerProbes.Reachable("a woken worker was busy elsewhere")
	missedCall     = workerProbes.Sometimes("a job was found without a wake-up")
	grewImpatient  = workerProbes.Reachable("a worker turned from a server that was slow to answer")
	lostWhileBusy  = workerProbes.Reachable("a worker lost its server in the middle of a job")
	withinItsTurns = workerProbes.Always("a worker is at no more jobs than it may")
)

var (
	clientProbes probe.Set

	lateAnswer    = clientProbes.Sometimes("a result came after its client had given up")
	failedOver    = clientProbes.Sometimes("a client went to another server")
	repeated      = clientProbes.Sometimes("a job was submitted again after no answer")
	gaveUp        = clientProbes.Reachable("a call was given up")
	fellSilent    = clientProbes.Sometimes("a line was given up for its silence")
	heardAgain    = clientProbes.Sometimes("a line in doubt was heard of again")
	refusedJob    = clientProbes.Reachable("a server refused a job")
	nobodyReached = clientProbes.Reachable("a client reached no server")
	tooManyAtOnce = clientProbes.Reachable("a client had too many requests under way")
)
