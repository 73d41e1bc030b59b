package journal

import "simrun/nodes/probe"

// Probes are what ought to be reached in some run, and what must hold in all.
var Probes probe.Set

var (
	tornTail     = Probes.Reachable("a journal's torn tail was cut off")
	rewritten    = Probes.Sometimes("what nothing proved to be durable was written again")
	staleRemoved = Probes.Sometimes("a recovery removed files that no longer count")
	snapshotRead = Probes.Reachable("a journal was recovered from a snapshot")
	sharedFrame  = Probes.Sometimes("records shared a frame")
	gathered     = Probes.Sometimes("records gathered while the disk was busy")
	segmentFull  = Probes.Sometimes("a segment of the journal was full")
	cutBusy      = Probes.Sometimes("a compaction began while records waited for the disk")
	diskFull     = Probes.Reachable("a full disk refused records")
	wroteShort   = Probes.Reachable("a failed write was cut off again")
	broke        = Probes.Reachable("a journal broke")
	markWritten  = Probes.Reachable("a journal's end was marked as durable")

	inOrder      = Probes.Always("records are written in their order")
	positionsFit = Probes.Always("nothing is durable that was not written")
	endsInFile   = Probes.Always("a journal ends within its file")
)
