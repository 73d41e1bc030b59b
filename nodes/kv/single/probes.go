package single

import "simrun/nodes/probe"

// What ought to be reached in some run, and what must hold in all.
var (
	probes probe.Set

	outlived         = probes.Reachable("what was written outlived a server")
	sessionsOutlived = probes.Sometimes("client sessions outlived a server")
	damageRefused    = probes.Sometimes("a damaged journal of keys was refused")
	compacted        = probes.Reachable("a journal of keys was compacted")
	compactedBusy    = probes.Sometimes("a journal of keys was compacted while writes were on their way")
	notKept          = probes.Reachable("a write could not be kept")
	behind           = probes.Reachable("too much waited for the disk")
	memoryFull       = probes.Reachable("there was no memory for more keys")

	inOrder         = probes.Always("writes reach the store in the journal's order")
	toldWhenDurable = probes.Always("a write is answered when its record is durable")
)
