// Package backoff answers how long to leave a peer alone that could not be reached.
package backoff

import (
	"math/rand/v2"
	"time"

	"simrun/nodes"
)

// Backoff says how long to leave a failing peer alone: from Least, doubling to Most, each time between half and all of
// that, so that those who failed together do not come back together.
type Backoff struct {
	Least, Most time.Duration
	Failures    int // since it last answered
}

// Next is the time to wait after one more failure. It draws one variate.
func (b *Backoff) Next(r *rand.Rand) time.Duration {
	wait := b.Least
	for range b.Failures {
		if wait > b.Most/2 {
			wait = b.Most
			break
		}
		wait *= 2
	}
	b.Failures++
	return nodes.Spread{Lo: wait / 2, Hi: wait}.Pick(r)
}

// Reset is told that the peer has answered.
func (b *Backoff) Reset() { b.Failures = 0 }
