package shards

import "simrun/nodes/probe"

// Notes are the names of the moments that a Shard tells of.
var Notes = []string{"slots-frozen", "slots-taken", "slots-gone"}

// Points are where the fault `buggify` makes a Shard take a path that is rarer, and as right.
var Points = []string{loneSlot, tinyParcels}

const (
	loneSlot    = "shards.lone-slot"    // fewer slots are handed over together than could be
	tinyParcels = "shards.tiny-parcels" // what a slot holds goes to another group a record at a time
)

// Probes are what ought to be reached in some run.
var Probes probe.Set

var (
	notBegun      = Probes.Reachable("a group was asked before it had begun")
	saidAsk       = Probes.Reachable("a client was sent to where a slot was going")
	saidMoved     = Probes.Reachable("a client was sent to the group that owns a slot")
	cameEarly     = Probes.Reachable("a command came before its slot, and waited")
	saidTryAgain  = Probes.Reachable("a command waited for its slot in vain")
	nobodyHas     = Probes.Reachable("nobody was known who owns a slot")
	leftMeanwhile = Probes.Reachable("a slot left while a command waited")
	heardOfTaking = Probes.Reachable("a group heard from others that its slots were taken")
	tookAlready   = Probes.Reachable("a leader found that the other group had taken the slots already")
	yielded       = Probes.Reachable("a group gave way to a later owner")
	afterFreeze   = Probes.Reachable("the last of a slot was sent while nobody served it")
	handedOver    = Probes.Reachable("slots were handed over")
	furtherRound  = Probes.Sometimes("what was written meanwhile was sent in a further round")
	wentOn        = Probes.Sometimes("a leader went on with a handover that had begun")
)
