package partition

import "simrun/nodes/probe"

// Probes are what ought to be reached in some run, and what must hold in all.
var Probes probe.Set

var (
	tornTail      = Probes.Reachable("a partition's torn tail was cut off")
	rotSinceSync  = Probes.Reachable("what had rotted beyond the last mark was told from a torn tail")
	rewritten     = Probes.Sometimes("batches that nothing proved to be durable were written again")
	cleanStart    = Probes.Reachable("a partition that ended cleanly was opened without a scan")
	indexWrong    = Probes.Reachable("an index was made anew")
	snapshotWrong = Probes.Reachable("a snapshot of producers was wrong and did without")
	staleRemoved  = Probes.Sometimes("a recovery removed segments that no longer count")
	repeated      = Probes.Reachable("a producer's batch was there already")
	markedTwice   = Probes.Reachable("a transaction's marker came twice, and is there once")
	withinHole    = Probes.Reachable("a follower ended within what its leader had compacted away")
	stayed        = Probes.Reachable("the removal of a key stayed, for some replica had not had it")
	sharedGroup   = Probes.Sometimes("batches shared a write")
	gathered      = Probes.Sometimes("batches gathered while the disk was busy")
	segmentFull   = Probes.Reachable("a segment of a partition was full")
	truncated     = Probes.Reachable("a partition was truncated")
	wasReset      = Probes.Reachable("a partition began anew at another offset")
	retained      = Probes.Reachable("old segments were removed")
	wasCompacted  = Probes.Reachable("segments were compacted")
	hurried       = Probes.Reachable("a compaction gave up for something more urgent")
	diskFull      = Probes.Reachable("a full disk refused batches")
	tookBack      = Probes.Sometimes("what a refused batch had changed of producers was undone")
	broke         = Probes.Reachable("a partition broke")
	markWritten   = Probes.Reachable("a partition's end was marked as durable")
	rotten        = Probes.Reachable("a read met corruption")

	inOrder    = Probes.Always("batches are written in the order of their offsets")
	endsFit    = Probes.Always("nothing of a partition is durable that was not written")
	endsInFile = Probes.Always("a partition's segment ends within its file")
	inLog      = Probes.Always("a partition's watermark is within its log")
)
