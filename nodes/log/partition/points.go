package partition

import (
	"time"

	"simrun/nodes"
)

// Points are where the fault `buggify` makes a partition take a path that is rarer, and as right.
var Points = []string{loneBatches, rollOver, markNow, slowSync, slowTell, writeInPieces, rewriteAll, shortRead, compactEarly, saveLate}

const (
	loneBatches   = "partition.lone-batches"    // a group takes no second batch
	rollOver      = "partition.roll-over"       // a new segment, although this one has room
	markNow       = "partition.mark-now"        // the mark after a quiet time, in the middle of things
	slowSync      = "partition.slow-sync"       // time passes between the write and its sync
	slowTell      = "partition.slow-tell"       // time passes between the sync and those who wait for it
	writeInPieces = "partition.write-in-pieces" // a group in two writes
	rewriteAll    = "partition.rewrite-all"     // a recovery writes again also what was durable
	shortRead     = "partition.short-read"      // one batch is read, although more are wanted
	compactEarly  = "partition.compact-early"   // a compaction of next to nothing
	saveLate      = "partition.save-late"       // the watermark stays unwritten for longer
)

// lulls are how long something takes that need not take any time.
var lulls = nodes.Spread{Lo: 50 * time.Microsecond, Hi: 10 * time.Millisecond}

// dawdle lets a lull pass at the point.
func (p *Partition) dawdle(point string) {
	if p.env.Point(point) {
		_ = p.env.Sleep(lulls.Pick(p.env.Rand())) // cancelled or not: the next call meets the same
	}
}
