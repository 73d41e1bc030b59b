// Package clock answers what time it is on one host: what its wall clock and its monotonic clock show at
// a moment of true time, and when, in true time, a span of its monotonic clock will have passed.
//
// Both clocks count one oscillator, as on Linux: drift and slew bend both, a step moves the wall alone, a
// boot starts the monotonic clock anew and leaves the wall to the battery-backed clock of the board.
//
//	what stops         wall                          monotonic
//	crash, stop        runs on                       runs on
//	crash-machine      runs on, with an error        starts anew at boot (Reboot)
//	cut-power          runs on, with an error        starts anew at boot (Reboot)
//	pause              runs on; timers fire late     runs on
//	pause-machine      jumps                         jumps
//
// A paused machine needs no verb: its clocks run on in true time while nobody on it can look, so that for
// whoever wakes up there both have jumped.
//
// All arithmetic is in integers of 128 bits, so that readings are the same on every machine, never run
// backwards by rounding, and do not depend on how often they are taken.
package clock

import (
	"math"
	"time"

	"simrun/nodes"
	"simrun/sim/luck"
)

// Never is a moment of true time that does not come.
const Never time.Duration = math.MaxInt64

// RTCError bounds how far the wall is off after a boot: the board's clock counts whole seconds.
const RTCError = 500 * time.Millisecond

// SlewRate is the usual rate of a gradual correction, in parts per million: that of adjtime(3) on Linux.
const SlewRate = 500

// Clock is the time on one host. Moments named now are true time since the start of the world, and must
// not go backwards from one change to the next.
//
// Invariant: the oscillator's reading never decreases, and only a step, a boot or a correction
// moves the wall against it.
type Clock struct {
	epoch time.Time
	luck  luck.Stream

	run     run           // the oscillator
	slewed  time.Duration // when the slew under way ends, in true time; Never if none is
	wall    time.Duration // wall - epoch - reading
	booted  time.Duration // the oscillator's reading at the last boot
	drift   int64         // ppm
	slew    int64         // ppm, on top of drift
	frozen  int           // how many freezes hold
	changes uint64
}

// New makes a clock that is right: at true time zero the wall shows epoch and the monotonic clock zero.
// The stream says what errors boots leave in the wall.
func New(epoch time.Time, stream luck.Stream) *Clock {
	return &Clock{epoch: epoch.Round(0), luck: stream, run: run{ppm: million}, slewed: Never}
}

// Wall is what the wall clock shows. It carries no monotonic reading.
func (c *Clock) Wall(now time.Duration) time.Time {
	return c.epoch.Add(saturatingAdd(c.wall, c.reading(now)))
}

// Mono is what the monotonic clock shows: nanoseconds since boot.
func (c *Clock) Mono(now time.Duration) nodes.Instant {
	return nodes.Instant(c.reading(now) - c.booted)
}

// Offset is how far the wall is ahead of true time.
func (c *Clock) Offset(now time.Duration) time.Duration {
	return saturatingAdd(c.wall, c.reading(now)) - now
}

// After is the least true time, not before now, at which the monotonic clock will have gone on by d. It
// is false if that time does not come as things stand: the clock is frozen. Whoever waits for it must
// ask again when Changes has changed.
func (c *Clock) After(now, d time.Duration) (at time.Duration, ok bool) {
	reading := c.reading(now)
	return c.when(now, reading, saturatingAdd(reading, max(d, 0)))
}

// Deadline is After of the span until a time by the wall clock, which is how package net takes a deadline.
func (c *Clock) Deadline(now time.Duration, wall time.Time) (at time.Duration, ok bool) {
	reading := c.reading(now)
	d := wall.Sub(c.epoch.Add(saturatingAdd(c.wall, reading)))
	return c.when(now, reading, saturatingAdd(reading, max(d, 0)))
}

// TrueAt is the least true time, not before now, at which the monotonic clock shows m or more.
func (c *Clock) TrueAt(now time.Duration, m nodes.Instant) (at time.Duration, ok bool) {
	return c.when(now, c.reading(now), saturatingAdd(c.booted, time.Duration(m)))
}

// Astray is by how much the clocks run fast or slow at the moment, in millionths; a clock that stands still is wrong by all of them.
func (c *Clock) Astray() nodes.Percent {
	if c.run.ppm < million {
		return nodes.Percent(million - c.run.ppm)
	}
	return nodes.Percent(min(c.run.ppm-million, math.MaxUint32))
}

// Changes counts the changes after which answers of After and TrueAt given before are stale. The
// planned end of a slew is none: they reckon with it.
func (c *Clock) Changes() uint64 { return c.changes }

// Step moves the wall by that much, at once; a negative step turns it back.
func (c *Clock) Step(now, by time.Duration) { c.wall = saturatingAdd(c.wall, by) }

// Correct steps the wall to true time, as a time daemon does at its start.
func (c *Clock) Correct(now time.Duration) { c.wall = now - c.reading(now) }

// Drift makes the oscillator fast by ppm parts per million, or slow if ppm is negative, until the next
// call; 0 makes it right. Readings that are off already stay off. It is bounded to (-1e6, 1e9]. A slew
// under way goes on.
func (c *Clock) Drift(now time.Duration, ppm int64) {
	c.settle(now)
	left, rate := c.slewLeft(now)
	c.drift = min(max(ppm, 1-million), 1000*million)
	c.Slew(now, left, rate)
}

// Slew corrects both clocks by that much gradually: by rate parts per million more, or fewer if by is
// negative. It takes the place of a slew under way; a by of zero ends it. The rate is bounded to [1,
// 900,000], and to what keeps the clock from standing still; zero means SlewRate. The whole comes to by
// within a nanosecond.
func (c *Clock) Slew(now, by time.Duration, rate int64) {
	c.settle(now)
	c.slew, c.slewed = 0, Never
	if by != 0 {
		if rate == 0 {
			rate = SlewRate
		}
		rate = min(max(rate, 1), 900_000)
		c.slew = rate
		amount := uint64(by)
		if by < 0 {
			c.slew = -min(rate, million+c.drift-1)
			amount = -uint64(by)
		}
		if c.slew != 0 {
			c.slewed = saturatingAdd(now, divideUp(amount, million, uint64(max(c.slew, -c.slew))))
		}
	}
	c.apply()
}

// slewLeft is what the slew under way has still to do, and its rate.
func (c *Clock) slewLeft(now time.Duration) (by time.Duration, rate int64) {
	if c.slew == 0 {
		return 0, 0
	}
	rate = max(c.slew, -c.slew)
	by = run{ppm: uint64(rate)}.at(c.slewed - now)
	if c.slew < 0 {
		by = -by
	}
	return by, rate
}

// Freeze makes both clocks stand still until Thaw has been called as often as Freeze. A slew under way
// ends.
func (c *Clock) Freeze(now time.Duration) {
	c.settle(now)
	c.frozen++
	c.slew, c.slewed = 0, Never
	c.apply()
}

// Thaw lets the clocks run on from where they stand; see Correct. It panics if they are not frozen.
func (c *Clock) Thaw(now time.Duration) {
	if c.frozen == 0 {
		panic("clock: thawed a clock that is not frozen")
	}
	c.settle(now)
	c.frozen--
	c.apply()
}

// Frozen says whether the clocks stand still.
func (c *Clock) Frozen() bool { return c.frozen > 0 }

// Reboot starts the monotonic clock anew. The wall has run on, with an error of up to RTCError either
// way. A slew under way ends, since the kernel that did it is gone; drift and freeze are the
// hardware's and stay.
func (c *Clock) Reboot(now time.Duration) {
	c.settle(now)
	c.slew, c.slewed = 0, Never
	c.booted = c.run.at(now)
	c.wall = saturatingAdd(c.wall, time.Duration(c.luck.Below(int(2*RTCError)+1))-RTCError)
	c.apply()
}

// reading is what the oscillator has counted.
func (c *Clock) reading(now time.Duration) time.Duration {
	if r := &c.run; r.ppm == million && r.from <= now && now <= c.slewed { // as nearly always; the rest says the same
		return saturatingAdd(r.reading, now-r.from)
	}
	if now <= c.slewed {
		return c.run.at(now)
	}
	return c.afterSlew().at(now)
}

// when is the least true time, not before now, at which the oscillator, which has counted so far, has counted to reading.
func (c *Clock) when(now, sofar, reading time.Duration) (time.Duration, bool) {
	if sofar >= reading {
		return now, true
	}
	at := c.run.when(reading)
	if at > c.slewed {
		at = c.afterSlew().when(reading)
	}
	return max(at, now), at != Never
}

// afterSlew is how the oscillator runs once the slew under way has ended.
func (c *Clock) afterSlew() run {
	r := c.run.moved(c.slewed)
	r.ppm = uint64(million + c.drift)
	return r
}

// settle moves the run's origin to now, ending the slew if its time has come.
func (c *Clock) settle(now time.Duration) {
	if now < c.run.from {
		panic("clock: changed in the past")
	}
	if now >= c.slewed {
		c.run = c.afterSlew()
		c.slew, c.slewed = 0, Never
	}
	c.run = c.run.moved(now)
}

// apply sets the rate that follows from drift, slew and freeze, and tells that it may have changed.
func (c *Clock) apply() {
	c.run.ppm = uint64(million + c.drift + c.slew)
	if c.frozen > 0 {
		c.run.ppm = 0
	}
	c.changes++
}
