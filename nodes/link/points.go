package link

import (
	"errors"
	"time"

	"simrun/nodes"
	"simrun/nodes/probe"
)

// Points are where the fault `buggify` makes a link take a path that is rarer, and as right.
var Points = []string{slowSend, hangUp, refuse}

const (
	slowSend = "link.slow-send" // what is to be sent waits a moment, and leaves with what comes after it
	hangUp   = "link.hang-up"   // a connection that works is given up, and what was queued with it
	refuse   = "link.refuse"    // a frame is refused as if there were no room for it
)

// lulls are how long something takes that need not take any time.
var lulls = nodes.Spread{Lo: 50 * time.Microsecond, Hi: 20 * time.Millisecond}

// errHungUp ends a connection for no reason but to see what comes of it.
var errHungUp = errors.New("link: hung up")

// Probes are what a link's code can reach.
var Probes probe.Set

var (
	fellSilent  = Probes.Reachable("a connection between servers was given up for its silence")
	malformed   = Probes.Reachable("a connection between servers was closed for what came over it")
	calledAgain = Probes.Reachable("a server called again before its last connection had ended")
	wokenByCall = Probes.Reachable("a server was dialled early because it had called")
	tooMany     = Probes.Reachable("a server's connection was refused")
)
