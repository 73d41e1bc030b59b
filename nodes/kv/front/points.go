package front

import (
	"time"

	"simrun/nodes"
)

// Points are where the fault `buggify` makes a front take a path that is rarer, and as right.
var Points = []string{slowRequest, slowAccept, smallWrites, flushEach, closeIdle}

const (
	slowRequest = "front.slow-request" // time passes between a request's arrival and its handling
	slowAccept  = "front.slow-accept"  // a connection is kept waiting at the door
	smallWrites = "front.small-writes" // answers leave in two pieces
	flushEach   = "front.flush-each"   // answers to requests that came together leave one by one
	closeIdle   = "front.close-idle"   // a connection is closed between two requests
)

// lulls are how long something takes that need not take any time.
var lulls = nodes.Spread{Lo: 50 * time.Microsecond, Hi: 20 * time.Millisecond}

// dawdle lets a lull pass at the point.
func dawdle(env nodes.Env, point string) {
	if env.Point(point) {
		_ = env.Sleep(lulls.Pick(env.Rand())) // cancelled or not: the next call meets the same
	}
}
