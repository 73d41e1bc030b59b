package client

import (
	"time"

	"simrun/nodes"
	"simrun/nodes/log/wire"
	"simrun/nodes/probe"
)

// Where the fault `buggify` makes a client take a path that is rarer, and as right.
var points = []string{slowSend, slowRead, retryAtOnce, smallBatch, slowCommit}

const (
	slowSend    = "log.client.slow-send"     // time passes before a request is sent
	slowRead    = "log.client.slow-read"     // time passes before an answer is taken
	retryAtOnce = "log.client.retry-at-once" // no wait before a further attempt
	smallBatch  = "log.client.small-batch"   // a batch has one record
	slowCommit  = "log.client.slow-commit"   // time passes before offsets are committed
)

// lulls are how long something takes that need not take any time.
var lulls = nodes.Spread{Lo: 50 * time.Microsecond, Hi: 20 * time.Millisecond}

// dawdle lets a lull pass at the point.
func dawdle(env nodes.Env, point string) {
	if env.Point(point) {
		_ = env.Sleep(lulls.Pick(env.Rand())) // cancelled or not: the next call meets the same
	}
}

// Moments: `send Produce` as a request leaves, `recv Produce` as its answer comes; rebalanced as a member has its partitions.
var moments = func() (all []string) {
	for _, key := range []int16{wire.Produce, wire.Fetch, wire.ListOffsets, wire.Metadata, wire.OffsetCommit, wire.OffsetFetch, wire.FindCoordinator,
		wire.JoinGroup, wire.Heartbeat, wire.LeaveGroup, wire.SyncGroup, wire.ApiVersions, wire.InitProducerID, wire.AddPartitionsToTxn,
		wire.AddOffsetsToTxn, wire.EndTxn, wire.TxnOffsetCommit, wire.OffsetForLeaderEpoch} {
		name := wire.Find(key).Name
		all = append(all, "send "+name, "recv "+name)
	}
	return append(all, rebalanced)
}()

const rebalanced = "rebalanced"

// What ought to be reached in some run.
var (
	probes probe.Set

	gaveUp        = probes.Reachable("an attempt at a broker was given up")
	tooManyAtOnce = probes.Reachable("a producer had too many messages under way")
	resent        = probes.Sometimes("a batch was sent again after no answer")
	duplicate     = probes.Reachable("a broker had a batch already")
	renumbered    = probes.Reachable("a producer took another number, for the fate of a batch stayed unknown")
	ledElsewhere  = probes.Sometimes("a batch went to another leader")
	aborted       = probes.Reachable("a producer aborted its transaction")
	fencedOff     = probes.Reachable("a producer was fenced off")

	consumerProbes probe.Set

	reassigned   = consumerProbes.Reachable("a consumer was given other partitions than before")
	leftBehind   = consumerProbes.Reachable("a consumer was told that it is no member")
	notCommitted = consumerProbes.Reachable("a consumer could not commit its offsets")
	tookBack     = consumerProbes.Reachable("a consumer went back to where its group had come")
	outOfRange   = consumerProbes.Reachable("a consumer asked for an offset that is not there")
	cutOff       = consumerProbes.Reachable("a consumer found that what it had read was cut off")
	displaced    = consumerProbes.Reachable("a static member was fenced off, for another came under its name")
	newParts     = consumerProbes.Reachable("a consumer found partitions that were added")
)
