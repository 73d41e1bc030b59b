package client

import (
	"time"

	"simrun/nodes"
	"simrun/nodes/probe"
)

// Where the fault `buggify` makes a client take a path that is rarer, and as right.
var points = []string{slowSend, slowRead, retryAtOnce, giveUpEarly, dialAnew}

const (
	slowSend    = "kv.client.slow-send"     // time passes before a request is sent
	slowRead    = "kv.client.slow-read"     // time passes before an answer is taken
	retryAtOnce = "kv.client.retry-at-once" // no wait before a further attempt
	giveUpEarly = "kv.client.give-up-early" // an attempt that is not the last ends after a tenth of its time
	dialAnew    = "kv.client.dial-anew"     // a connection on which nothing is under way is given up for a new one
)

// lulls are how long something takes that need not take any time.
var lulls = nodes.Spread{Lo: 50 * time.Microsecond, Hi: 20 * time.Millisecond}

// dawdle lets a lull pass at the point.
func dawdle(env nodes.Env, point string) {
	if env.Point(point) {
		_ = env.Sleep(lulls.Pick(env.Rand())) // cancelled or not: the next call meets the same
	}
}

// What ought to be reached in some run.
var (
	probes probe.Set

	failedOver    = probes.Sometimes("a client of keys went to another server")
	repeated      = probes.Sometimes("a write was sent again after no answer")
	followed      = probes.Reachable("a client followed where it was sent")
	gaveUp        = probes.Reachable("an attempt at a key was given up")
	uncertain     = probes.Reachable("a server did not know whether it had written")
	wasBehind     = probes.Reachable("a client went on to the primary, because a replica was behind it")
	sessionLost   = probes.Reachable("a session was gone before the answer came")
	refusedOnce   = probes.Reachable("a server refused an operation")
	nobodyReached = probes.Reachable("a client of keys reached no server")
	putTogether   = probes.Sometimes("a client put siblings together")
	tooManyAtOnce = probes.Reachable("a client of keys had too many requests under way")
)
