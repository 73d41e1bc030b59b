package journal

import (
	"time"

	"simrun/nodes"
)

// Points are where the fault `buggify` makes a journal take a path that is rarer, and as right.
var Points = []string{loneRecords, rollOver, markNow, slowSync, slowTell, writeInPieces, compactEarly, rewriteAll}

const (
	loneRecords   = "journal.lone-records"    // a batch takes no second record
	rollOver      = "journal.roll-over"       // a new segment, although this one has room
	markNow       = "journal.mark-now"        // the closing mark, in the middle of things
	slowSync      = "journal.slow-sync"       // time passes between the write and its sync
	slowTell      = "journal.slow-tell"       // time passes between the sync and those who wait for it
	writeInPieces = "journal.write-in-pieces" // a frame in two writes
	compactEarly  = "journal.compact-early"   // a compaction of next to nothing
	rewriteAll    = "journal.rewrite-all"     // a recovery writes again also what was durable
)

// lulls are how long something takes that need not take any time.
var lulls = nodes.Spread{Lo: 50 * time.Microsecond, Hi: 10 * time.Millisecond}

// dawdle lets a lull pass at the point.
func (j *Journal) dawdle(point string) {
	if j.env.Point(point) {
		_ = j.env.Sleep(lulls.Pick(j.env.Rand())) // cancelled or not: the next call meets the same
	}
}
