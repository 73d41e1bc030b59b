package ringkv

import (
	"time"

	"simrun/nodes"
	"simrun/nodes/probe"
)

// notes are moments of a server, for faults to wait for.
var notes = []string{"ring-changed", "member-dead", "member-left", "whole", "hint-delivered"}

// points are where the fault `buggify` makes a server take a path that is rarer, and as right.
var points = []string{hastyStandIn, slowReply, tinyPages, compareNow}

const (
	hastyStandIn = "ring.hasty-stand-in" // a server that stands in is asked before anybody is late
	slowReply    = "ring.slow-reply"     // a moment passes before a server is answered
	tinyPages    = "ring.tiny-pages"     // one key at a time is told to another server
	compareNow   = "ring.compare-now"    // copies are compared before it is time
)

// lulls are how long something takes that need not take any time.
var lulls = nodes.Spread{Lo: 50 * time.Microsecond, Hi: 20 * time.Millisecond}

// What ought to be reached in some run.
var (
	probes probe.Set

	damageFound   = probes.Sometimes("damaged copies were put aside")
	cameBackStale = probes.Sometimes("copies older than the grace of tombstones were put aside")
	cameInDoubt   = probes.Reachable("a server's copies were older than the grace of tombstones allows, or no longer")
	vouchedFor    = probes.Reachable("a majority had not outlived copies that were older than the grace of tombstones")
	outlived      = probes.Sometimes("copies outlived a server")
	hintsOutlived = probes.Sometimes("hints outlived a server")
	compacted     = probes.Reachable("a ring server's journal was compacted")
	notKept       = probes.Reachable("the disk refused a copy")
	memoryFull    = probes.Reachable("there was no memory for more keys on a ring server")
	tooMany       = probes.Reachable("too many commands were under way on a ring server")

	badDatagram  = probes.Reachable("a datagram of gossip could not be read")
	badFrame     = probes.Reachable("what a server of a ring sent could not be read")
	wasExpelled  = probes.Reachable("a server found that it had been said to have left")
	cameBack     = probes.Sometimes("a member that was believed dead came back")
	believedDead = probes.Reachable("a member was believed dead")
	memberLeft   = probes.Reachable("a member left the ring")
	ringChanged  = probes.Sometimes("who keeps what has changed")
	tookThePlace = probes.Sometimes("a server came back under another name")
	becameWhole  = probes.Reachable("a server's copies became whole")
	leftForGood  = probes.Reachable("a server handed its copies over and left")

	noQuorum       = probes.Reachable("too few servers that keep a key could be reached")
	uncertain      = probes.Reachable("a write was taken by fewer servers than wanted")
	forwarded      = probes.Reachable("a write was done by a server that keeps the key")
	stoodInToRead  = probes.Reachable("a server stood in for another in a read")
	stoodInToWrite = probes.Reachable("a server stood in for another in a write")
	wroteBack      = probes.Sometimes("a read wrote back before it was answered")
	readRepaired   = probes.Reachable("a read told a server what it had missed")
	siblingsMet    = probes.Sometimes("values that did not know of each other met")
	siblingsShown  = probes.Reachable("a client was shown siblings")
	tooFarAhead    = probes.Reachable("a stamp from too far in the future was refused")

	hintHeld         = probes.Reachable("a hint was held")
	hintsFull        = probes.Reachable("there was no room for a hint")
	hintDelivered    = probes.Reachable("a hint was delivered")
	hintReleased     = probes.Reachable("a hint for who had left went to who keeps the key now")
	hintExpired      = probes.Reachable("a hint was too old to be delivered")
	handedOver       = probes.Reachable("a copy was handed over to those whose it is")
	differencesFound = probes.Reachable("two servers' copies were found to differ")
	bothChanged      = probes.Sometimes("both sides of a comparison had what the other had not")
	tombPurged       = probes.Reachable("a tombstone was dropped")
	outlivedTomb     = probes.Sometimes("a tombstone outlived a server that is dead")
)
