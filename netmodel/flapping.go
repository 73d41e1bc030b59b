package netmodel

import (
	"time"

	"simrun/nodes"
	"simrun/sim/luck"
)

// flapping is where a flapping link is in its periods. They are drawn one after the other whether or not
// packets come, so what is down when is a function of the rule's luck and the time.
type flapping struct {
	up, dark nodes.Spread
	period   time.Duration // if it is always the same; else 0
	luck     luck.Stream
	isDown   bool
	changes  time.Duration // when it is no longer as it is
}

// start begins the first period.
func (f *flapping) start(r *Rule, s luck.Stream, now time.Duration) {
	*f = flapping{up: r.Up, dark: r.Down, luck: s, isDown: true, changes: now}
	if uniform(r.Up) == 1 && uniform(r.Down) == 1 {
		f.period = r.Up.Lo + r.Down.Lo
	}
}

// down says whether the link is cut at that time, which never goes back.
func (f *flapping) down(now time.Duration) bool {
	if now >= f.changes {
		f.advance(now)
	}
	return f.isDown
}

// advance draws periods up to that time. Whole periods that are all the same are skipped.
func (f *flapping) advance(now time.Duration) {
	if f.period > 0 {
		f.changes += (now - f.changes) / f.period * f.period
	}
	for now >= f.changes {
		f.isDown = !f.isDown
		spread := &f.up
		if f.isDown {
			spread = &f.dark
		}
		f.changes += max(spread.At(f.luck.Uint64()), 1)
	}
}
